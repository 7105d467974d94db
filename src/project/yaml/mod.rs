//! YAML as a tree whose every node knows where it was written.
//!
//! In: text. Out: [`Node`]s with spans, and a diagnostic with a place for everything that cannot be read. Never: what the
//! keys mean.
//!
//! Values follow YAML 1.2: `yes`, `no`, `on` and `off` are text, and so is a number with a leading zero.

mod explain;
mod read;
mod scalar;

pub(crate) use read::read;
pub(crate) use scalar::boolean;

use crate::source::Span;

/// A value and where it was written.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Node {
    /// Its bytes; for a mapping or list from its first to its last entry.
    pub(crate) span: Span,
    /// What it is.
    pub(crate) content: Content,
}

/// What a value is.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Content {
    /// One value.
    Scalar(Scalar),
    /// `[a, b]`
    List(Vec<Node>),
    /// `{a: b}`, in the written order, each key once.
    Map(Vec<Entry>),
}

/// One value as it was written, quotes removed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Scalar {
    /// The text; `1.10` keeps its zero.
    pub(crate) text: String,
    /// Whether it stood there without quotes, so that it may be a number, a boolean or null.
    pub(crate) plain: bool,
}

/// A key and its value.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Entry {
    /// The key.
    pub(crate) key: String,
    /// Where the key was written.
    pub(crate) key_span: Span,
    /// The value.
    pub(crate) value: Node,
}

impl Node {
    /// The node that a value from elsewhere (a call in a template) would have been, had it been written at `span`.
    pub(crate) fn from_json(value: &serde_json::Value, span: Span) -> Self {
        let plain = |text: String| Content::Scalar(Scalar { text, plain: true });
        let content = match value {
            serde_json::Value::Null => plain(String::new()),
            serde_json::Value::Bool(value) => plain(value.to_string()),
            serde_json::Value::Number(value) => plain(value.to_string()),
            serde_json::Value::String(text) => Content::Scalar(Scalar { text: text.clone(), plain: false }),
            serde_json::Value::Array(items) => {
                Content::List(items.iter().map(|item| Self::from_json(item, span)).collect())
            }
            serde_json::Value::Object(map) => Content::Map(
                map.iter()
                    .map(|(key, value)| Entry { key: key.clone(), key_span: span, value: Self::from_json(value, span) })
                    .collect(),
            ),
        };
        Self { span, content }
    }

    /// Whether it is null, or nothing was written.
    pub(crate) fn is_null(&self) -> bool {
        matches!(&self.content, Content::Scalar(scalar) if scalar.is_null())
    }

    /// The entries, if it is a mapping.
    pub(crate) fn entries(&self) -> Option<&[Entry]> {
        match &self.content {
            Content::Map(entries) => Some(entries),
            _ => None,
        }
    }

    /// The items, if it is a list.
    pub(crate) fn items(&self) -> Option<&[Node]> {
        match &self.content {
            Content::List(items) => Some(items),
            _ => None,
        }
    }

    /// What it is, in words: a list, the text “x”.
    pub(crate) fn describe(&self) -> String {
        match &self.content {
            Content::List(_) => "a list".to_owned(),
            Content::Map(_) => "a mapping".to_owned(),
            Content::Scalar(scalar) if scalar.is_null() => "empty".to_owned(),
            Content::Scalar(scalar) => match scalar.to_json() {
                serde_json::Value::Bool(value) => format!("the boolean `{value}`"),
                serde_json::Value::Number(_) => format!("the number `{}`", scalar.text),
                _ => format!("the text `{}`", scalar.shortened()),
            },
        }
    }

    /// The value alone.
    pub(crate) fn to_json(&self) -> serde_json::Value {
        match &self.content {
            Content::Scalar(scalar) => scalar.to_json(),
            Content::List(items) => items.iter().map(Self::to_json).collect(),
            Content::Map(entries) => entries
                .iter()
                .map(|entry| (entry.key.clone(), entry.value.to_json()))
                .collect::<serde_json::Map<_, _>>()
                .into(),
        }
    }

    /// Lays `over` on top: mappings are merged key by key, anything else is replaced.
    pub(crate) fn overlay(&mut self, over: Self) {
        let Content::Map(entries) = &mut self.content else {
            *self = over;
            return;
        };
        let Content::Map(overs) = over.content else {
            *self = over;
            return;
        };
        for entry in overs {
            match entries.iter_mut().find(|known| known.key == entry.key) {
                Some(known) => {
                    known.key_span = entry.key_span;
                    known.value.overlay(entry.value);
                }
                None => entries.push(entry),
            }
        }
    }
}
