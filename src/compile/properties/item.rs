//! Reading mappings of configuration whose keys are few and known.

use crate::{
    diagnostic::{
        Diagnostic,
        code::{UNKNOWN_KEY, WRONG_VALUE},
    },
    source::Span,
};
use serde_json::Value;

/// A mapping on its way, and where to complain.
pub struct Item<'a> {
    /// What it is, for people: `an index`.
    pub what: &'static str,
    /// Its value.
    pub value: &'a Value,
    /// Where it stands.
    pub span: Span,
}

impl<'a> Item<'a> {
    /// The items of a list, or the only one where it is not a list.
    pub fn all(what: &'static str, value: &'a Value, span: Span) -> Vec<Self> {
        let items = match value {
            Value::Array(items) => items.iter().collect(),
            other => vec![other],
        };
        items.into_iter().map(|value| Self { what, value, span }).collect()
    }

    /// Complains about keys that are not among these, and about something that is no mapping; whether it is one.
    pub fn check(&self, known: &[&str], found: &mut Vec<Diagnostic>) -> bool {
        let Some(map) = self.value.as_object() else {
            found.push(self.wrong(format!("{} is a mapping of {}", self.what, known.join(", "))));
            return false;
        };
        for key in map.keys().filter(|key| !known.contains(&key.as_str())) {
            let problem = Diagnostic::error(UNKNOWN_KEY, format!("{} has no key `{key}`", self.what));
            let problem = problem.at(self.span, "not known").suggest(key, known.iter().copied());
            found.push(problem.note(format!("there are: {}", known.join(", "))));
        }
        true
    }

    /// The text of a key.
    pub fn text(&self, key: &str) -> Option<String> {
        match self.value.get(key)? {
            Value::String(text) => Some(text.clone()),
            Value::Number(number) => Some(number.to_string()),
            _ => None,
        }
    }

    /// The texts of a key that takes one or several.
    pub fn texts(&self, key: &str) -> Vec<String> {
        match self.value.get(key) {
            Some(Value::String(text)) => vec![text.clone()],
            Some(Value::Array(items)) => items.iter().filter_map(|item| item.as_str().map(str::to_owned)).collect(),
            _ => Vec::new(),
        }
    }

    /// Whether a key is true.
    pub fn is(&self, key: &str) -> bool {
        self.value.get(key).and_then(Value::as_bool).unwrap_or(false)
    }

    /// A complaint about its value.
    pub fn wrong(&self, message: String) -> Diagnostic {
        Diagnostic::error(WRONG_VALUE, message).at(self.span, "")
    }
}
