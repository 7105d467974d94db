//! Rows of a query as values that programs and people read, the same from every engine.
//!
//! In: text and the engine's names of types. Out: JSON, or text for tables. Never: a number that its reader would get
//! changed; such a number is a JSON string.

use std::collections::BTreeSet;

/// Integers up to here are the same in every reader of JSON; beyond, a reader with 64-bit floats would round.
const LARGEST: u128 = (1 << 53) - 1;
/// A decimal with no more digits comes back unchanged from a 64-bit float.
const DIGITS: usize = 15;

/// What the values of a column are in JSON.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Shape {
    Boolean,
    Exact,
    Float,
    Json,
    Text,
}

/// Whether values of that type have values inside, so that the engine is asked for them as JSON.
#[must_use]
pub fn is_nested(data_type: &str) -> bool {
    let word = data_type.to_ascii_uppercase();
    word.ends_with(']') || ["STRUCT(", "MAP(", "UNION("].iter().any(|start| word.starts_with(start))
}

fn shape(data_type: &str) -> Shape {
    let word = data_type.to_ascii_lowercase();
    let word = word.split('(').next().unwrap_or_default().trim();
    match word {
        "boolean" => Shape::Boolean,
        "smallint" | "integer" | "bigint" | "tinyint" | "hugeint" | "utinyint" | "usmallint" | "uinteger"
        | "ubigint" | "uhugeint" | "bignum" | "oid" | "numeric" | "decimal" => Shape::Exact,
        "real" | "float" | "double" | "double precision" => Shape::Float,
        "json" | "jsonb" => Shape::Json,
        _ => Shape::Text,
    }
}

/// Whether a table aligns values of that type to the right.
#[must_use]
pub fn is_number(data_type: &str) -> bool {
    !is_nested(data_type) && matches!(shape(data_type), Shape::Exact | Shape::Float)
}

/// A value for a table: the same word on every engine.
#[must_use]
pub fn shown(data_type: &str, value: String) -> String {
    match (shape(data_type), value.as_str()) {
        (Shape::Boolean, "t") => "true".to_owned(),
        (Shape::Boolean, "f") => "false".to_owned(),
        _ => value,
    }
}

/// The keys of a row's object: the columns' names; a name that is there already gets a number.
#[must_use]
pub fn keys(columns: &[String]) -> Vec<String> {
    let mut taken: BTreeSet<String> = columns.iter().cloned().collect();
    let mut seen = BTreeSet::new();
    let mut keys = Vec::with_capacity(columns.len());
    for column in columns {
        let mut key = column.clone();
        let mut number = 2_u32;
        if !seen.insert(column) {
            while !taken.insert(key.clone()) {
                key = format!("{column}_{number}");
                number += 1;
            }
        }
        keys.push(key);
    }
    keys
}

/// A row as one line of JSON. Types are the engine's; of nested ones the value is JSON already.
#[must_use]
pub fn object(keys: &[String], types: &[String], values: &[Option<String>]) -> String {
    let mut text = String::from("{");
    for (index, (key, value)) in keys.iter().zip(values).enumerate() {
        if index > 0 {
            text.push(',');
        }
        text.push_str(&string(key));
        text.push(':');
        let data_type = types.get(index).map_or("", String::as_str);
        text.push_str(&value.as_deref().map_or_else(|| "null".to_owned(), |value| json(data_type, value)));
    }
    text.push('}');
    text
}

fn json(data_type: &str, value: &str) -> String {
    let shape = if is_nested(data_type) { Shape::Json } else { shape(data_type) };
    let written = match shape {
        Shape::Boolean => match value {
            "t" | "true" => Some("true".to_owned()),
            "f" | "false" => Some("false".to_owned()),
            _ => None,
        },
        Shape::Exact => exact(value),
        Shape::Float => return float(value),
        Shape::Json => compact(value),
        Shape::Text => None,
    };
    written.unwrap_or_else(|| string(value))
}

fn string(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

/// An integer or a decimal as it is written, if a reader gets exactly that.
fn exact(value: &str) -> Option<String> {
    let digits = value.strip_prefix('-').unwrap_or(value);
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    let all_digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    if whole.is_empty() || !all_digits(whole) || !all_digits(fraction) || (fraction.is_empty() && digits.contains('.'))
    {
        return None;
    }
    let fits = if fraction.is_empty() {
        whole.parse::<u128>().is_ok_and(|number| number <= LARGEST)
    } else {
        whole.trim_start_matches('0').len() + fraction.len() <= DIGITS
    };
    // JSON has no leading zeros, and no engine writes them.
    let plain = whole == "0" || !whole.starts_with('0');
    (fits && plain).then(|| value.to_owned())
}

/// A float with as many digits as it needs; JSON has no word for those that are no number.
fn float(value: &str) -> String {
    match value.parse::<f64>() {
        Ok(number) if number.is_nan() => string("NaN"),
        Ok(number) if number.is_infinite() => string(if number > 0.0 { "Infinity" } else { "-Infinity" }),
        Ok(number) => serde_json::Value::from(number).to_string(),
        Err(_) => string(value),
    }
}

/// JSON without the white space between its parts, numbers as they are written; nothing if it is no JSON.
fn compact(text: &str) -> Option<String> {
    serde_json::from_str::<serde::de::IgnoredAny>(text).ok()?;
    let mut compacted = String::with_capacity(text.len());
    let (mut quoted, mut escaped) = (false, false);
    for character in text.chars() {
        if quoted {
            quoted = escaped || character != '"';
            escaped = !escaped && character == '\\';
        } else if character == '"' {
            quoted = true;
        } else if character.is_ascii_whitespace() {
            continue;
        }
        compacted.push(character);
    }
    Some(compacted)
}

#[cfg(test)]
mod tests {
    use super::{is_number, json, keys, object, shown};

    #[test]
    fn values_become_what_readers_get_back() {
        for (data_type, value, expected) in [
            ("boolean", "t", "true"),
            ("BOOLEAN", "false", "false"),
            ("text", "t", "\"t\""),
            ("integer", "-7", "-7"),
            ("bigint", "9007199254740991", "9007199254740991"),
            ("bigint", "-9007199254740992", "\"-9007199254740992\""),
            ("HUGEINT", "170141183460469231731687303715884105727", "\"170141183460469231731687303715884105727\""),
            ("numeric(10,2)", "12.50", "12.50"),
            ("DECIMAL(38,2)", "0.00", "0.00"),
            ("numeric", "1234567890123.45", "1234567890123.45"),
            ("numeric", "12345678901234.56", "\"12345678901234.56\""),
            ("numeric", "0.000000000000001", "0.000000000000001"),
            ("numeric", "NaN", "\"NaN\""),
            ("numeric", "Infinity", "\"Infinity\""),
            ("double precision", "1", "1.0"),
            ("DOUBLE", "1.0", "1.0"),
            ("double precision", "1e+20", "1e+20"),
            ("DOUBLE", "nan", "\"NaN\""),
            ("double precision", "-Infinity", "\"-Infinity\""),
            ("DOUBLE", "-inf", "\"-Infinity\""),
            ("jsonb", "{\"a\": [1,  2.50], \"b c\": \"x \\\" y\"}", "{\"a\":[1,2.50],\"b c\":\"x \\\" y\"}"),
            ("json", "{\n \"a\\\\\": 1}", "{\"a\\\\\":1}"),
            ("JSON", "broken", "\"broken\""),
            ("integer[]", "[1, null]", "[1,null]"),
            ("INTEGER[3]", "[1,2,3]", "[1,2,3]"),
            ("STRUCT(a INTEGER)", "{\"a\": 1}", "{\"a\":1}"),
            ("integer[]", "{1,NULL}", "\"{1,NULL}\""),
            ("date", "2026-01-01", "\"2026-01-01\""),
            ("ENUM('a', 'b')", "a\"b", "\"a\\\"b\""),
            ("interval", "1 day", "\"1 day\""),
            ("point", "(1,2)", "\"(1,2)\""),
        ] {
            assert_eq!(json(data_type, value), expected, "{data_type} {value}");
        }
    }

    #[test]
    fn no_column_is_lost_to_a_name_that_is_there_twice() {
        let words = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>();
        assert_eq!(keys(&words(&["id", "id", "id_2", "id", "n"])), ["id", "id_3", "id_2", "id_4", "n"]);
        let row = object(&keys(&words(&["a\"", "a\""])), &words(&["integer"]), &[Some("1".to_owned()), None]);
        assert_eq!(row, "{\"a\\\"\":1,\"a\\\"_2\":null}");
    }

    #[test]
    fn tables_show_the_same_words_on_every_engine() {
        assert_eq!(shown("boolean", "t".to_owned()), "true");
        assert_eq!(shown("text", "t".to_owned()), "t");
        for (data_type, right) in [
            ("DECIMAL(10,2)", true),
            ("double precision", true),
            ("interval", false),
            ("INTEGER[]", false),
            ("point", false),
        ] {
            assert_eq!(is_number(data_type), right, "{data_type}");
        }
    }
}
