//! Values of the engine from and to JSON values.

use minijinja::{Value, value::ValueKind};
use serde_json::{Map, Number};

/// The engine's value for a JSON value; maps keep their order.
pub(super) fn from_json(value: &serde_json::Value) -> Value {
    match value {
        serde_json::Value::Null => Value::from(()),
        serde_json::Value::Bool(value) => Value::from(*value),
        serde_json::Value::Number(number) => {
            if let Some(whole) = number.as_i64() {
                Value::from(whole)
            } else if let Some(whole) = number.as_u64() {
                Value::from(whole)
            } else {
                Value::from(number.as_f64().unwrap_or(f64::NAN))
            }
        }
        serde_json::Value::String(text) => Value::from(text.as_str()),
        serde_json::Value::Array(items) => items.iter().map(from_json).collect(),
        serde_json::Value::Object(map) => {
            Value::from_pairs(map.iter().map(|(key, value)| (key.as_str(), from_json(value))))
        }
    }
}

/// The most items of a value that is turned into JSON: a few lines of a template can make a value that holds itself
/// twice, forty times over.
const MOST_ITEMS: usize = 1_000_000;

/// The JSON value for a value of the engine; an error names what JSON has no word for.
pub(super) fn to_json(value: &Value) -> Result<serde_json::Value, String> {
    convert(value, &mut 0)
}

fn convert(value: &Value, seen: &mut usize) -> Result<serde_json::Value, String> {
    *seen += 1;
    if *seen > MOST_ITEMS {
        return Err(format!("a value of more than {MOST_ITEMS} items"));
    }
    Ok(match value.kind() {
        ValueKind::None => serde_json::Value::Null,
        ValueKind::Bool => serde_json::Value::Bool(value.is_true()),
        ValueKind::Number => number(value).ok_or_else(|| format!("the number {value}"))?,
        ValueKind::String => serde_json::Value::String(value.as_str().unwrap_or_default().to_owned()),
        ValueKind::Seq | ValueKind::Iterable => {
            let items = value.try_iter().map_err(|_| "a sequence".to_owned())?;
            serde_json::Value::Array(items.map(|item| convert(&item, seen)).collect::<Result<_, _>>()?)
        }
        ValueKind::Map => {
            let mut map = Map::new();
            for key in value.try_iter().map_err(|_| "a map".to_owned())? {
                let item = value.get_item(&key).map_err(|_| "a map".to_owned())?;
                map.insert(key.as_str().map_or_else(|| key.to_string(), str::to_owned), convert(&item, seen)?);
            }
            serde_json::Value::Object(map)
        }
        ValueKind::Undefined => return Err("an undefined value".to_owned()),
        kind => return Err(format!("a value of type {kind}")),
    })
}

fn number(value: &Value) -> Option<serde_json::Value> {
    if value.is_integer() {
        let whole = value.as_i64().map(Number::from);
        return whole.or_else(|| u64::try_from(value.clone()).ok().map(Number::from)).map(serde_json::Value::Number);
    }
    Number::from_f64(f64::try_from(value.clone()).ok()?).map(serde_json::Value::Number)
}

#[cfg(test)]
mod tests {
    use super::{from_json, to_json};
    use serde_json::json;

    #[test]
    fn values_come_back_as_they_were() {
        let value = json!({"b": [1, -1, 2.5, null, true, "漢 \"x\""], "a": {"z": {}, "y": []}, "big": u64::MAX});
        let back = to_json(&from_json(&value)).unwrap();
        assert_eq!(back.to_string(), value.to_string());
    }
}
