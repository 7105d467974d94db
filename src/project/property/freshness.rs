//! How old the rows of a source may be.

use super::{Reader, key};
use crate::{
    diagnostic::{Diagnostic, code},
    project::{
        field::{Field, Fields, Given},
        yaml::Node,
    },
};
use serde_json::Value;
use std::time::Duration;

/// How old the rows of a source may be; what is not given is not looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Freshness {
    /// From this age on it is a warning.
    pub warn_after: Option<Duration>,
    /// From this age on it is an error.
    pub error_after: Option<Duration>,
    /// The rows that count, as a condition in SQL.
    pub filter: Option<String>,
}

/// The mapping of a table, else that of its source; `freshness: null` takes it away.
pub(super) fn read(reader: &mut Reader<'_>, inner: &Fields<'_>, outer: &Fields<'_>) -> Option<Given<Freshness>> {
    let own = inner.iter().find(|field| field.key.name == "freshness");
    let field = own.or_else(|| outer.get("freshness")).filter(|field| !field.value.is_null())?;
    let span = field.node.span;
    let fields = reader.fields(field.node, &key::FRESHNESS, "`freshness`");
    let mut age = |name: &str| fields.get(name).and_then(|field| age(reader, field));
    let freshness =
        Freshness { warn_after: age("warn_after"), error_after: age("error_after"), filter: fields.string("filter") };
    (freshness.warn_after.is_some() || freshness.error_after.is_some()).then(|| Given::new(freshness, span))
}

/// `12h`, or dbt's `{count: 12, period: hour}`.
fn age(reader: &mut Reader<'_>, field: &Field<'_>) -> Option<Duration> {
    if let Value::String(text) = &field.value {
        return written(text).or_else(|| misfit(reader, field.node, &format!("`{text}`")));
    }
    let fields = reader.fields(field.node, &key::AGE, &format!("`{}`", field.key.name));
    if fields.iter().all(|field| field.value.is_null()) {
        return None;
    }
    match (fields.number("count"), fields.string("period")) {
        (Some(count), Some(period)) => seconds(count, &period),
        _ => misfit(reader, field.node, "incomplete"),
    }
}

fn misfit(reader: &mut Reader<'_>, node: &Node, got: &str) -> Option<Duration> {
    let found = Diagnostic::error(code::WRONG_VALUE, format!("an age is a number and a unit, and this is {got}"));
    reader.found.push(found.at(node.span, "").help("write `12h`, or `{count: 12, period: hour}`"));
    None
}

fn written(text: &str) -> Option<Duration> {
    let text = text.trim();
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let unit = match text.get(digits..)?.trim() {
        "s" => "second",
        "m" | "min" => "minute",
        "h" => "hour",
        "d" => "day",
        "w" => "week",
        word => word.strip_suffix('s').unwrap_or(word),
    };
    seconds(text.get(..digits)?.parse().ok()?, unit)
}

fn seconds(count: u64, unit: &str) -> Option<Duration> {
    let each = match unit {
        "second" => 1,
        "minute" => 60,
        "hour" => 3_600,
        "day" => 86_400,
        "week" => 604_800,
        _ => return None,
    };
    count.checked_mul(each).map(Duration::from_secs)
}

#[cfg(test)]
mod tests {
    use super::written;

    #[test]
    fn ages_are_read() {
        for (text, expected) in [
            ("90s", Some(90)),
            ("12 hours", Some(43_200)),
            ("30d", Some(2_592_000)),
            ("1 week", Some(604_800)),
            ("5min", Some(300)),
            ("5", None),
            ("h", None),
            ("5 moons", None),
            ("99999999999999999999d", None),
            ("9999999999999999999d", None),
        ] {
            assert_eq!(written(text).map(|age| age.as_secs()), expected, "{text}");
        }
    }
}
