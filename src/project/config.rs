//! The configuration of a model or seed: what was given where, merged so that the closest place wins.
//!
//! In: fields of front matter, YAML entries and folder defaults, and what `config(…)` recorded. Out: [`Config`], whose
//! values have the one shape that their key takes. Never: what a key does.

use super::{
    field::{Fields, Given, Reader},
    instance,
    key::{CONFIG, Effect, Kind, Merge},
    value,
    yaml::{Entry, Node},
};
use crate::{
    diagnostic::{Diagnostic, code},
    source::Span,
};
use serde_json::Value;
use std::collections::BTreeMap;

/// What carries a configuration.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NodeKind {
    /// A file of SQL.
    Model,
    /// A file of comma-separated values.
    Seed,
    /// A test: a file of SQL, or an item of `tests:`.
    Test,
}

impl NodeKind {
    /// `model`, `seed`, `test`.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Model => "model",
            Self::Seed => "seed",
            Self::Test => "test",
        }
    }

    /// The key of YAML files below which it is described.
    #[must_use]
    pub const fn section(self) -> &'static str {
        match self {
            Self::Model => "models",
            Self::Seed => "seeds",
            Self::Test => "data_tests",
        }
    }
}

/// The value of one key.
#[derive(Debug, Clone, PartialEq)]
pub struct Setting {
    /// The value in the shape of its key: texts as strings, lists of texts as arrays of strings. Null takes back what
    /// a farther place gave.
    pub value: Value,
    /// Where it was given; where several places add up, the closest one.
    pub span: Span,
    /// Whether it was given in the model's own file.
    pub in_file: bool,
}

/// The configuration of one model, seed or test, by key.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Config {
    settings: BTreeMap<&'static str, Setting>,
}

impl Config {
    /// What was given for a key, unless it was taken back.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&Setting> {
        self.settings.get(key).filter(|setting| !setting.value.is_null())
    }

    /// Every key that was given, in order of name.
    pub fn iter(&self) -> impl Iterator<Item = (&'static str, &Setting)> {
        self.settings.iter().filter(|(_, setting)| !setting.value.is_null()).map(|(key, setting)| (*key, setting))
    }

    /// Keys and values alone, for templates and for hashing.
    #[must_use]
    pub fn to_json(&self) -> Value {
        self.iter()
            .map(|(key, setting)| (key.to_owned(), setting.value.clone()))
            .collect::<serde_json::Map<_, _>>()
            .into()
    }

    /// The text of a key, with its place.
    #[must_use]
    pub fn text(&self, key: &str) -> Option<Given<&str>> {
        let setting = self.get(key)?;
        setting.value.as_str().map(|text| Given::new(text, setting.span))
    }

    /// The texts of a key that takes a list.
    #[must_use]
    pub fn texts(&self, key: &str) -> Vec<&str> {
        let items = self.get(key).and_then(|setting| setting.value.as_array());
        items.into_iter().flatten().filter_map(Value::as_str).collect()
    }

    /// `materialized`, where it was given.
    #[must_use]
    pub fn materialized(&self) -> Option<Given<&str>> {
        self.text("materialized")
    }

    /// `enabled`; true where nothing was given.
    #[must_use]
    pub fn enabled(&self) -> bool {
        self.get("enabled").and_then(|setting| setting.value.as_bool()).unwrap_or(true)
    }

    /// `tags` of all places, each once, in order of name.
    #[must_use]
    pub fn tags(&self) -> Vec<&str> {
        let mut tags = self.texts("tags");
        tags.sort_unstable();
        tags.dedup();
        tags
    }

    /// `owner` as one text: the name, else the address.
    #[must_use]
    pub fn owner(&self) -> Option<&str> {
        owner_name(&self.get("owner")?.value)
    }

    /// The description, as a template.
    #[must_use]
    pub fn description(&self) -> Option<&str> {
        self.text("description").map(|given| given.value)
    }

    /// Takes a key out.
    pub(crate) fn take(&mut self, key: &str) -> Option<Setting> {
        self.settings.remove(key)
    }

    /// Renders every value that asks for the instance; the diagnostics are values that do not fit their keys then.
    ///
    /// Values that are rendered later anyway are left alone.
    pub(crate) fn fill(&mut self, render: &mut instance::Fill<'_>) -> Vec<Diagnostic> {
        let mut found = Vec::new();
        for (name, setting) in &mut self.settings {
            let Some(key) = CONFIG.find(name).filter(|key| !key.late) else { continue };
            let Some(filled) = instance::filled(&setting.value, setting.span, render) else {
                setting.value = Value::Null;
                continue;
            };
            if filled == setting.value {
                continue;
            }
            match value::fit(key.kind, &Node::from_json(&filled, setting.span)) {
                Ok(value) => setting.value = value,
                Err(misfit) => {
                    let message = format!("`{name}` takes {}, and this is {}", misfit.wanted, misfit.got);
                    found.push(Diagnostic::error(code::WRONG_VALUE, message).at(setting.span, "").help(misfit.help));
                    setting.value = Value::Null;
                }
            }
        }
        found
    }

    /// Replaces the description by what `render` makes of it and its place.
    pub fn describe(&mut self, render: &mut impl FnMut(&str, Span) -> String) {
        if let Some(setting) = self.settings.get_mut("description")
            && let Some(text) = setting.value.as_str()
        {
            setting.value = Value::String(render(text, setting.span));
        }
    }

    /// Takes what calls of `config(…)` in the model's template recorded; they stand in the model's own file, so they
    /// win over everything but front matter, with which they may not disagree.
    ///
    /// The diagnostics are unknown keys, keys without effect and values that do not fit.
    pub fn merge_recorded(&mut self, on: NodeKind, recorded: &BTreeMap<String, (Value, Span)>) -> Vec<Diagnostic> {
        let mut reader = Reader::new(None);
        let entries: Vec<Entry> = recorded
            .iter()
            .map(|(key, (value, span))| {
                let value = Node::from_json(value, *span);
                Entry { key: key.clone(), key_span: *span, value }
            })
            .collect();
        let fields = reader.entries(&entries, &CONFIG, "`config()`");
        let mut closer = Self::of_fields(&mut reader, &fields, on, true);
        if let Some(setting) = closer.take("instances") {
            let message = "`instances` cannot be set in a template, which is rendered once for each of them";
            reader.found.push(
                Diagnostic::error(code::KEY_WITHOUT_EFFECT, message)
                    .at(setting.span, "too late")
                    .help("write it in the front matter, or in a YAML file beside the model"),
            );
        }
        for (key, setting) in &closer.settings {
            let replaced = self.settings.get(key).filter(|first| first.in_file && first.value != setting.value);
            if let Some(first) = replaced
                && merge_of(key) == Merge::Replace
            {
                let message = format!("the front matter and `config()` give `{key}` different values");
                let twice = Diagnostic::error(code::WRONG_VALUE, message).at(setting.span, "one value");
                reader.found.push(twice.also(first.span, "another value").help("keep one of the two"));
            }
        }
        *self = closer.over(self);
        reader.found
    }

    /// The keys of configuration among some fields.
    pub(crate) fn of_fields(reader: &mut Reader<'_>, fields: &Fields<'_>, on: NodeKind, in_file: bool) -> Self {
        let mut settings = BTreeMap::new();
        for field in fields.iter() {
            let key = field.key;
            if CONFIG.find(key.name).is_none() || matches!(key.effect, Effect::Refused(_) | Effect::Ignored(_)) {
                continue;
            }
            if !key.on.contains(&on.word()) {
                if key.effect != Effect::Works {
                    // That has been said already.
                    continue;
                }
                let message = format!("`{}` has no effect on a {}", key.name, on.word());
                let kinds = key.on.iter().map(|kind| format!("{kind}s")).collect::<Vec<_>>().join(" and ");
                reader.found.push(
                    Diagnostic::error(code::KEY_WITHOUT_EFFECT, message)
                        .at(field.key_span, "has no effect")
                        .help(format!("it is a key of {kinds}")),
                );
                continue;
            }
            let structure = matches!(key.kind, Kind::Mapping | Kind::List | Kind::Any | Kind::Either(..));
            let value = if structure && !key.late && !field.value.is_null() {
                match reader.render(field.node) {
                    Some(node) => node.to_json(),
                    None => continue,
                }
            } else {
                field.value.clone()
            };
            settings.insert(key.name, Setting { value, span: field.node.span, in_file });
        }
        Self { settings }
    }

    /// This configuration laid over one that stands farther away.
    #[must_use]
    pub(crate) fn over(mut self, farther: &Self) -> Self {
        for (key, far) in &farther.settings {
            match self.settings.get_mut(key) {
                None => {
                    self.settings.insert(key, far.clone());
                }
                Some(near) if near.value.is_null() => {}
                Some(near) => near.value = merged(merge_of(key), &far.value, near.value.take()),
            }
        }
        self
    }
}

fn merge_of(key: &str) -> Merge {
    CONFIG.find(key).map_or(Merge::Replace, |key| key.merge)
}

/// Two values of one key as one.
fn merged(merge: Merge, far: &Value, near: Value) -> Value {
    match (merge, far, near) {
        (Merge::Append, Value::Null, near) => near,
        (Merge::Append, far, near) => {
            let mut all = into_list(far.clone());
            for item in into_list(near) {
                if !all.contains(&item) {
                    all.push(item);
                }
            }
            Value::Array(all)
        }
        (Merge::Keys, Value::Object(far), Value::Object(near)) => {
            let mut all = far.clone();
            all.extend(near);
            Value::Object(all)
        }
        (_, _, near) => near,
    }
}

fn into_list(value: Value) -> Vec<Value> {
    match value {
        Value::Array(items) => items,
        other => vec![other],
    }
}

/// An owner as one text: a text, or `name`, else `email`, of a mapping.
pub(crate) fn owner_name(owner: &Value) -> Option<&str> {
    owner.as_str().or_else(|| owner.get("name").or_else(|| owner.get("email")).and_then(Value::as_str))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::{SourceFile, Sources};
    use serde_json::json;

    fn at(byte: usize) -> Span {
        Span::new(Sources::default().add(SourceFile::new("m.sql", "x".repeat(100))), byte..byte + 1)
    }

    fn config(in_file: bool, settings: &[(&'static str, Value)]) -> Config {
        let setting = |value: &Value| Setting { value: value.clone(), span: at(0), in_file };
        Config { settings: settings.iter().map(|(key, value)| (*key, setting(value))).collect() }
    }

    fn recorded(settings: &[(&str, Value)]) -> BTreeMap<String, (Value, Span)> {
        settings.iter().map(|(key, value)| ((*key).to_owned(), (value.clone(), at(7)))).collect()
    }

    fn codes(found: &[Diagnostic]) -> Vec<(&str, usize)> {
        found.iter().map(|found| (found.code.id, found.primary.as_ref().unwrap().span.start)).collect()
    }

    #[test]
    fn what_a_template_records_is_closer_than_what_yaml_says() {
        let mut config =
            config(false, &[("materialized", json!("view")), ("schema", json!("a")), ("tags", json!(["x"]))]);
        let found = config.merge_recorded(
            NodeKind::Model,
            &recorded(&[
                ("materialized", json!("table")),
                ("tags", json!("y")),
                ("enabled", json!("true")),
                ("meta", json!({"a": [1]})),
                ("schema", Value::Null),
            ]),
        );
        assert_eq!(found, []);
        let expected = json!({"enabled": true, "materialized": "table", "meta": {"a": [1]}, "tags": ["x", "y"]});
        assert_eq!(config.to_json(), expected);
    }

    #[test]
    fn what_a_template_records_is_checked_like_everything_else() {
        let mut config = Config::default();
        let found = config.merge_recorded(
            NodeKind::Model,
            &recorded(&[
                ("materialised", json!("table")),
                ("enabled", json!("maybe")),
                ("delimiter", json!(";")),
                ("database", json!("x")),
                ("alias", json!(["x"])),
            ]),
        );
        assert_eq!(codes(&found), [("E0106", 7), ("E0114", 7), ("E0106", 7), ("E0105", 7), ("E0114", 7)]);
        assert!(found.iter().all(|found| !found.help.is_empty()));
        assert_eq!(config.to_json(), json!({}));
    }

    #[test]
    fn front_matter_and_template_may_not_disagree() {
        let mut both = config(true, &[("materialized", json!("view")), ("schema", json!("a")), ("tags", json!(["x"]))]);
        let settings = [("materialized", json!("table")), ("schema", json!("a")), ("tags", json!(["y"]))];
        assert_eq!(codes(&both.merge_recorded(NodeKind::Model, &recorded(&settings))), [("E0106", 7)]);
        assert_eq!(both.texts("tags"), ["x", "y"]);
    }

    /// A template that is rendered twice, full and incremental, records the same twice.
    #[test]
    fn recording_twice_is_recording_once() {
        let mut config = config(true, &[("materialized", json!("view"))]);
        let settings = recorded(&[("tags", json!(["x", "y"])), ("schema", json!("a"))]);
        assert_eq!(config.merge_recorded(NodeKind::Model, &settings), []);
        let once = config.clone();
        assert_eq!(config.merge_recorded(NodeKind::Model, &settings), []);
        assert_eq!(config, once);
    }
}
