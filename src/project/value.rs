//! A written value to the value that its key takes.
//!
//! In: a node whose templates are rendered, and a [`Kind`]. Out: plain JSON of one shape per kind, so that whoever uses
//! it need not look again. Never: a place (the caller knows it).

use super::{
    key::Kind,
    yaml::{Content, Node, Scalar, boolean},
};
use serde_json::Value;

/// Why a value does not fit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Misfit {
    /// What the key takes: `a whole number from 1 to 65535`.
    pub(crate) wanted: String,
    /// What is there, in words: the text “x”.
    pub(crate) got: String,
    /// A way out.
    pub(crate) help: String,
    /// The part of the value that is to blame, if not all of it.
    pub(crate) at: crate::source::Span,
}

/// The value as its kind wants it: texts as strings, `TextList` as a list of strings, `TextMap` as an object of
/// strings, durations as a number of milliseconds, everything else as it is.
pub(crate) fn fit(kind: Kind, node: &Node) -> Result<Value, Misfit> {
    match (kind, &node.content) {
        (Kind::Any, _) | (Kind::Mapping, Content::Map(_)) | (Kind::List, Content::List(_)) => Ok(node.to_json()),
        (Kind::Either(one, other), _) => {
            fit(*one, node).or_else(|_| fit(*other, node)).map_err(|misfit| Misfit { wanted: wanted(kind), ..misfit })
        }
        (Kind::TextList, Content::List(items)) => {
            items.iter().map(|item| text(item).map(Value::String).ok_or_else(|| misfit(kind, item))).collect()
        }
        (Kind::TextList, Content::Scalar(scalar)) if !scalar.is_null() => {
            Ok(Value::Array(vec![Value::String(scalar.text.clone())]))
        }
        (Kind::TextMap, Content::Map(entries)) => entries
            .iter()
            .map(|entry| {
                let value = text(&entry.value).ok_or_else(|| misfit(kind, &entry.value))?;
                Ok((entry.key.clone(), Value::String(value)))
            })
            .collect::<Result<serde_json::Map<_, _>, _>>()
            .map(Value::Object),
        (_, Content::Scalar(scalar)) => one(kind, scalar).ok_or_else(|| misfit(kind, node)),
        _ => Err(misfit(kind, node)),
    }
}

/// A single value as its kind wants it.
fn one(kind: Kind, scalar: &Scalar) -> Option<Value> {
    let trimmed = scalar.text.trim();
    match kind {
        Kind::Text => (!scalar.is_null()).then(|| Value::String(scalar.text.clone())),
        Kind::Boolean => boolean(trimmed).map(Value::Bool),
        Kind::Integer(from, to) => {
            trimmed.parse::<i64>().ok().filter(|number| (from..=to).contains(number)).map(Value::from)
        }
        Kind::Choice(words) => words.contains(&trimmed).then(|| Value::String(trimmed.to_owned())),
        Kind::Duration => milliseconds(trimmed).map(Value::from),
        Kind::Seconds => {
            let bare = trimmed.parse::<u32>().ok().map(|seconds| u64::from(seconds) * 1000);
            bare.or_else(|| milliseconds(trimmed)).map(Value::from)
        }
        Kind::TextList | Kind::TextMap | Kind::Mapping | Kind::List | Kind::Either(..) | Kind::Any => None,
    }
}

/// The text of a single value, as it was written.
pub(crate) fn text(node: &Node) -> Option<String> {
    match &node.content {
        Content::Scalar(scalar) if !scalar.is_null() => Some(scalar.text.clone()),
        _ => None,
    }
}

/// A number with a unit, as milliseconds.
fn milliseconds(text: &str) -> Option<u64> {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let number: u64 = text[..digits].parse().ok()?;
    let factor = match text[digits..].trim_start() {
        "ms" => 1,
        "s" | "sec" | "second" | "seconds" => 1000,
        "m" | "min" | "minute" | "minutes" => 60_000,
        "h" | "hour" | "hours" => 3_600_000,
        "d" | "day" | "days" => 86_400_000,
        _ if text == "0" => 0,
        _ => return None,
    };
    // PostgreSQL keeps its timeouts in 31 bits of milliseconds.
    number.checked_mul(factor).filter(|all| *all <= u64::from(i32::MAX.unsigned_abs()))
}

fn misfit(kind: Kind, node: &Node) -> Misfit {
    Misfit { wanted: wanted(kind), got: node.describe(), help: help(kind, node), at: node.span }
}

/// What a kind takes, in words that follow "takes".
pub(crate) fn wanted(kind: Kind) -> String {
    match kind {
        Kind::Text => "a text".to_owned(),
        Kind::Boolean => "`true` or `false`".to_owned(),
        Kind::Integer(from, to) => format!("a whole number from {from} to {to}"),
        Kind::Choice(words) => match words.split_last() {
            Some((last, [])) => format!("`{last}`"),
            Some((last, rest)) => {
                let rest: Vec<String> = rest.iter().map(|word| format!("`{word}`")).collect();
                format!("{} or `{last}`", rest.join(", "))
            }
            None => "nothing".to_owned(),
        },
        Kind::TextList => "a text or a list of texts".to_owned(),
        Kind::TextMap => "a mapping of names to single values".to_owned(),
        Kind::Duration => "a time such as `30s` or `5m`".to_owned(),
        Kind::Seconds => "a number of seconds, or a time such as `30s` or `5m`".to_owned(),
        Kind::Mapping => "a mapping".to_owned(),
        Kind::List => "a list".to_owned(),
        Kind::Either(one, other) => format!("{} or {}", wanted(*one), wanted(*other)),
        Kind::Any => "anything".to_owned(),
    }
}

fn help(kind: Kind, node: &Node) -> String {
    let text = match &node.content {
        Content::Scalar(scalar) => scalar.text.as_str(),
        Content::List(_) | Content::Map(_) => "",
    };
    match kind {
        Kind::Boolean => match text.to_ascii_lowercase().as_str() {
            "yes" | "y" | "on" | "t" | "1" => "write `true`".to_owned(),
            "no" | "n" | "off" | "f" | "0" => "write `false`".to_owned(),
            _ => "write `true` or `false`".to_owned(),
        },
        Kind::Choice(words) => match crate::diagnostic::closest(text, words.iter().copied()) {
            Some(found) => format!("did you mean `{found}`?"),
            None => "write one of these words".to_owned(),
        },
        Kind::Duration if text.parse::<u64>().is_ok() => format!("write the unit: `{text}s`, or `{text}ms`"),
        Kind::Duration | Kind::Seconds => "write a whole number and `ms`, `s`, `m`, `h` or `d`".to_owned(),
        Kind::Text if node.entries().is_some() => "if the value is a template, put it in quotes".to_owned(),
        Kind::Text if node.is_null() => "write a value, or `\"\"` for an empty one".to_owned(),
        Kind::Text => "write one value".to_owned(),
        Kind::Integer(..) => "write such a number".to_owned(),
        Kind::TextList => "write `[one, two]`".to_owned(),
        Kind::TextMap | Kind::Mapping => "write `name: value` below the key".to_owned(),
        Kind::List => "write the items below the key, each with a `- ` in front".to_owned(),
        Kind::Either(one, _) => help(*one, node),
        Kind::Any => "write a value".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::{SourceFile, Sources, Span};

    fn scalar(text: &str, plain: bool) -> Node {
        let file = Sources::default().add(SourceFile::new("x.yml", text));
        Node { span: Span::new(file, 0..text.len()), content: Content::Scalar(Scalar { text: text.to_owned(), plain }) }
    }

    #[test]
    fn quoted_and_rendered_values_count_as_what_they_say() {
        assert_eq!(fit(Kind::Integer(1, 65535), &scalar("5432", false)), Ok(Value::from(5432)));
        assert_eq!(fit(Kind::Integer(1, 65535), &scalar(" 5432\n", false)), Ok(Value::from(5432)));
        assert_eq!(fit(Kind::Boolean, &scalar("True", false)), Ok(Value::Bool(true)));
        assert_eq!(fit(Kind::Text, &scalar("0123", true)), Ok(Value::from("0123")));
        assert_eq!(fit(Kind::Text, &scalar("1.10", true)), Ok(Value::from("1.10")));
        assert_eq!(fit(Kind::Text, &scalar("null", false)), Ok(Value::from("null")));
        assert_eq!(fit(Kind::TextList, &scalar("one", true)), Ok(serde_json::json!(["one"])));
    }

    #[test]
    fn what_does_not_fit_is_refused_with_the_reason() {
        for (kind, text) in [
            (Kind::Integer(1, 65535), "0"),
            (Kind::Integer(1, 65535), "65536"),
            (Kind::Integer(1, 65535), "5432.0"),
            (Kind::Integer(1, 65535), ""),
            (Kind::Integer(1, 65535), "99999999999999999999999"),
            (Kind::Boolean, "yes"),
            (Kind::Boolean, "1"),
            (Kind::Text, "null"),
            (Kind::Mapping, "x"),
            (Kind::List, "x"),
            (Kind::Duration, "30"),
            (Kind::Duration, "s"),
            (Kind::Duration, "-1s"),
            (Kind::Duration, "99999999999999999999d"),
            (Kind::Duration, "18446744073709551615h"),
            (Kind::Choice(&["error", "warn"]), "Error"),
        ] {
            assert!(fit(kind, &scalar(text, true)).is_err(), "{kind:?} {text}");
        }
        let misfit = fit(Kind::Boolean, &scalar("yes", true)).unwrap_err();
        assert_eq!(misfit.help, "write `true`");
        assert_eq!(misfit.got, "the text `yes`");
    }

    #[test]
    fn times_have_units() {
        for (text, milliseconds) in
            [("500ms", 500), ("30s", 30_000), ("5m", 300_000), ("5 min", 300_000), ("1h", 3_600_000), ("0", 0)]
        {
            assert_eq!(fit(Kind::Duration, &scalar(text, true)), Ok(Value::from(milliseconds)), "{text}");
        }
        assert_eq!(fit(Kind::Seconds, &scalar("10", true)), Ok(Value::from(10_000)));
    }
}
