//! What the template of a test sees: the tested relation as `model`, its column, and what the test is told.
//!
//! In: plain values. Out: what the engine makes of them, and which names a template asks for. Never: SQL.

use super::{
    failure::Failure,
    names,
    relation::Relation,
    scan::{Kind, Piece},
    value::from_json,
};
use crate::{diagnostic::code::TEMPLATE_FAILED, dialect::Dialect, name::NamePart};
use minijinja::{Environment, Error, ErrorKind, Value};
use std::collections::{BTreeMap, BTreeSet};

/// The tested relation, in templates of tests.
pub(super) const MODEL: &str = "model";
/// The tested column as SQL, in templates of tests.
pub(super) const COLUMN: &str = "column_name";

/// What the template of a test sees besides what models see.
#[derive(Debug, Clone, Copy)]
pub struct Tested<'a> {
    /// The column or expression, as SQL.
    pub column: Option<&'a str>,
    /// What the test is told. A text that calls `ref()` or `source()` and nothing else is the relation.
    pub arguments: &'a BTreeMap<String, serde_json::Value>,
    /// All that it can be told; what it is not told is undefined, even where a function has the same name.
    pub asks: &'a BTreeSet<String>,
}

impl Tested<'_> {
    /// The names and their values.
    pub(super) fn values(&self) -> BTreeMap<String, Value> {
        let argument = |value: &serde_json::Value| {
            let relation = value.as_str().and_then(called_relation);
            relation.map_or_else(|| from_json(value), Value::from_object)
        };
        let mut values: BTreeMap<String, Value> =
            self.asks.iter().map(|name| (name.clone(), Value::UNDEFINED)).collect();
        values.extend(self.arguments.iter().map(|(name, value)| (name.clone(), argument(value))));
        if let Some(column) = self.column {
            values.insert(COLUMN.to_owned(), Value::from(column));
        }
        values
    }
}

/// `ref('orders')` and `{{ source('icu', 'stays') }}` as relations.
fn called_relation(written: &str) -> Option<Relation> {
    let text = written.trim();
    let text = text.strip_prefix("{{").and_then(|text| text.strip_suffix("}}")).unwrap_or(text).trim();
    let (function, rest) = text.split_once('(')?;
    let arguments: Option<Vec<&str>> = rest.trim_end().strip_suffix(')')?.split(',').map(unquoted).collect();
    match (function.trim(), arguments?.as_slice()) {
        ("ref", [name] | [_, name]) => Some(Relation::model(name)),
        ("source", [source, table]) => Some(Relation::source(source, table)),
        _ => None,
    }
}

/// The parts of the name that a text like `ref('orders')` prints; none if it is no such call.
#[must_use]
pub fn called_name(written: &str) -> Option<[NamePart; 2]> {
    called_relation(written).map(|relation| relation.parts())
}

fn unquoted(text: &str) -> Option<&str> {
    let text = text.trim();
    let inner = ['\'', '"'].iter().find_map(|quote| text.strip_prefix(*quote)?.strip_suffix(*quote))?;
    (!inner.is_empty() && !inner.contains(['\'', '"'])).then_some(inner)
}

/// Whether a template uses a name, in one of its tags, otherwise than by calling or looking into it: then the name is
/// an argument even where a function has the same.
pub(super) fn is_plainly_used(text: &str, pieces: &[Piece], name: &str) -> bool {
    let is_word = |character: char| character.is_alphanumeric() || character == '_';
    let pieces = pieces.iter().filter(|piece| matches!(piece.kind, Kind::Tag | Kind::Print));
    let mut words = pieces.flat_map(|piece| piece.words(text)).filter(|(word, _)| *word == name);
    words.any(|(_, range)| {
        let before = text.get(..range.start).unwrap_or_default();
        let after = text.get(range.end..).unwrap_or_default().trim_start();
        !before.ends_with(|last: char| last == '.' || is_word(last)) && !after.starts_with(['(', '.'])
    })
}

/// Gives the filter for relations to an engine.
pub(super) fn add_to(environment: &mut Environment<'_>) {
    environment.add_filter("relation", |value: Value| relation(&value));
}

/// A relation, or the name of one as people write it, as it stands in SQL.
fn relation(value: &Value) -> Result<Value, Error> {
    if value.downcast_object_ref::<Relation>().is_some() {
        return Ok(value.clone());
    }
    if value.is_undefined() {
        return Err(Error::from(ErrorKind::UndefinedError));
    }
    let refused = || {
        let message = format!("`relation` takes a relation or its name, not a value of type {}", value.kind());
        Failure::new(TEMPLATE_FAILED, message).into_error()
    };
    let text = value.as_str().filter(|text| !text.trim().is_empty()).ok_or_else(refused)?;
    if text.starts_with('"') {
        return Ok(value.clone());
    }
    let parts: Vec<String> = text.trim().split('.').map(|part| Dialect::Postgres.quote(part)).collect();
    Ok(Value::from(parts.join(".")))
}

/// Whether people, not templates of tests, give a name its meaning.
pub(super) fn is_argument(name: &str) -> bool {
    name != MODEL && !names::VARIABLES.contains(&name) && !name.starts_with(names::RESERVED)
}

#[cfg(test)]
mod tests {
    use super::{Value, called_relation};

    #[test]
    fn calls_are_relations_and_other_texts_are_not() {
        let printed = |text: &str| called_relation(text).map(|relation| Value::from_object(relation).to_string());
        assert_eq!(printed("ref('a')").as_deref(), Some("\"__suiro_ref\".\"a\""));
        assert_eq!(printed("{{ ref(\"pkg\", 'a') }}").as_deref(), Some("\"__suiro_ref\".\"a\""));
        assert_eq!(printed("source('icu', '滞在')").as_deref(), Some("\"__suiro_source:icu\".\"滞在\""));
        for text in ["a", "", "ref(a)", "ref()", "ref('a') + 1", "refs('a')", "source('a')", "ref('a', 'b', 'c')"] {
            assert_eq!(printed(text), None, "{text}");
        }
    }
}
