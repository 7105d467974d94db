//! A mapping and the table of its keys to values that can be asked for by name.
//!
//! In: YAML nodes. Out: [`Fields`]; unknown keys, keys without effect and wrong values become diagnostics. Never: what
//! the values are for.

use super::{
    instance,
    key::{Effect, Key, Kind, Table},
    render::{Renderer, is_template},
    value::{self, Misfit},
    yaml::{Content, Entry, Node, Scalar},
};
use crate::{
    diagnostic::{Diagnostic, code},
    source::{FileId, Span},
};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// A value and where it was given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Given<T> {
    /// The value.
    pub value: T,
    /// Where it was given.
    pub span: Span,
}

impl<T> Given<T> {
    /// A value given at that place.
    pub const fn new(value: T, span: Span) -> Self {
        Self { value, span }
    }
}

/// One key of a mapping and what it was given.
#[derive(Debug, Clone)]
pub(crate) struct Field<'n> {
    /// The entry of the table.
    pub(crate) key: &'static Key,
    /// Where the key stands.
    pub(crate) key_span: Span,
    /// What was written.
    pub(crate) node: &'n Node,
    /// The value, as its kind wants it; null where nothing was written.
    pub(crate) value: Value,
}

/// The keys of one mapping that were given, by their names in the table.
#[derive(Debug, Clone, Default)]
pub(crate) struct Fields<'n> {
    given: BTreeMap<&'static str, Field<'n>>,
    failed: BTreeSet<&'static str>,
}

impl<'n> Fields<'n> {
    /// The field, unless it was left empty.
    pub(crate) fn get(&self, name: &str) -> Option<&Field<'n>> {
        self.given.get(name).filter(|field| !field.value.is_null())
    }

    /// Every field that could be read, those that were left empty too.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &Field<'n>> {
        self.given.values()
    }

    /// Whether it was given, rightly or wrongly.
    pub(crate) fn has(&self, name: &str) -> bool {
        self.failed.contains(name) || self.get(name).is_some()
    }

    /// The text of a field.
    pub(crate) fn text(&self, name: &str) -> Option<Given<String>> {
        let field = self.get(name)?;
        field.value.as_str().map(|text| Given::new(text.to_owned(), field.node.span))
    }

    /// The text of a field, without its place.
    pub(crate) fn string(&self, name: &str) -> Option<String> {
        self.text(name).map(|given| given.value)
    }

    /// The number of a field.
    pub(crate) fn number(&self, name: &str) -> Option<u64> {
        self.get(name).and_then(|field| field.value.as_u64())
    }

    /// The boolean of a field.
    pub(crate) fn boolean(&self, name: &str) -> Option<bool> {
        self.get(name).and_then(|field| field.value.as_bool())
    }

    /// The texts of a field that takes a list, each with its place.
    pub(crate) fn texts(&self, name: &str) -> Vec<Given<String>> {
        let Some(field) = self.get(name) else { return Vec::new() };
        let texts = field.value.as_array().into_iter().flatten().filter_map(Value::as_str);
        let spans = field.node.items().map_or_else(Vec::new, |items| items.iter().map(|item| item.span).collect());
        texts
            .enumerate()
            .map(|(index, text)| Given::new(text.to_owned(), spans.get(index).copied().unwrap_or(field.node.span)))
            .collect()
    }

    /// The texts of a field that takes a mapping.
    pub(crate) fn text_map(&self, name: &str) -> BTreeMap<String, String> {
        let entries = self.get(name).and_then(|field| field.value.as_object());
        let texts =
            entries.into_iter().flatten().filter_map(|(key, value)| Some((key.clone(), value.as_str()?.to_owned())));
        texts.collect()
    }

    /// The items of a field that takes a list.
    pub(crate) fn items(&self, name: &str) -> &'n [Node] {
        self.get(name).and_then(|field| field.node.items()).unwrap_or_default()
    }

    /// The entries of a field that takes a mapping.
    pub(crate) fn entries(&self, name: &str) -> &'n [Entry] {
        self.get(name).and_then(|field| field.node.entries()).unwrap_or_default()
    }
}

/// Reads mappings and collects what is wrong with them.
pub(crate) struct Reader<'a> {
    /// What renders templates in values; without it values are final as they stand.
    pub(crate) renderer: Option<Renderer<'a>>,
    /// What was found so far.
    pub(crate) found: Vec<Diagnostic>,
    /// Whether values that are templates count as not given.
    blind: bool,
    /// Whether templates that ask for the instance of a model are kept until there is one.
    pub(crate) keeps_instances: bool,
    /// Keys without effect that were already mentioned, by file.
    mentioned: BTreeSet<(FileId, &'static str)>,
}

impl<'a> Reader<'a> {
    /// A reader that renders with `renderer`.
    pub(crate) fn new(renderer: Option<Renderer<'a>>) -> Self {
        Self { renderer, found: Vec::new(), blind: false, keeps_instances: false, mentioned: BTreeSet::new() }
    }

    /// A reader for which values that are templates count as not given.
    pub(crate) fn blind() -> Self {
        Self { blind: true, ..Self::new(None) }
    }

    /// The keys of a mapping, checked against a table; `what` names the mapping for people.
    pub(crate) fn fields<'n>(&mut self, node: &'n Node, table: &Table, what: &str) -> Fields<'n> {
        match &node.content {
            Content::Map(entries) => self.entries(entries, table, what),
            _ if node.is_null() => Fields::default(),
            _ => {
                let message = format!("{what} is a mapping of keys to values, not {}", node.describe());
                self.found.push(
                    Diagnostic::error(code::WRONG_VALUE, message)
                        .at(node.span, "no mapping")
                        .help("write `key: value`"),
                );
                Fields::default()
            }
        }
    }

    /// The same for entries that stand among others.
    pub(crate) fn entries<'n>(
        &mut self,
        entries: impl IntoIterator<Item = &'n Entry>,
        table: &Table,
        what: &str,
    ) -> Fields<'n> {
        let mut fields = Fields::default();
        for entry in entries {
            let Some(key) = table.find(&entry.key) else {
                self.unknown(entry, table, what);
                continue;
            };
            if let Some(first) = fields.given.get(key.name) {
                let message = format!("`{}` and `{}` are the same key", first.key.name, entry.key);
                let message = if entry.key == key.name { format!("`{}` is given twice", key.name) } else { message };
                let twice = Diagnostic::error(code::WRONG_VALUE, message).at(entry.key_span, "again");
                self.found.push(twice.also(first.key_span, "first").help("keep one of the two"));
                continue;
            }
            if !entry.value.is_null() {
                self.mention(key, entry.key_span);
            }
            match self.value(key, &entry.value) {
                Some(value) => {
                    let field = Field { key, key_span: entry.key_span, node: &entry.value, value };
                    fields.given.insert(key.name, field);
                }
                None => {
                    fields.failed.insert(key.name);
                }
            }
        }
        fields
    }

    /// The value of a key as its kind wants it; nothing if it does not fit, which is then reported.
    fn value(&mut self, key: &'static Key, node: &Node) -> Option<Value> {
        if node.is_null() {
            return Some(Value::Null);
        }
        let kind = if key.effect == Effect::Works { key.kind } else { Kind::Any };
        if self.keeps_instances && matches!(&node.content, Content::Scalar(scalar) if instance::is_wanted(&scalar.text))
        {
            return Some(node.to_json());
        }
        // Structures are read, and rendered, by whoever knows them.
        if matches!(kind, Kind::Mapping | Kind::List | Kind::Any) || key.late {
            return self.fit(key, kind, node);
        }
        let rendered = self.render(node)?;
        if rendered.is_null() {
            return Some(Value::Null);
        }
        // `port: "{{ env_var('PGPORT', '') }}"` is a port that was not given.
        if rendered != *node && kind != Kind::Text && value::text(&rendered).is_some_and(|text| text.trim().is_empty())
        {
            return Some(Value::Null);
        }
        self.fit(key, kind, &rendered)
    }

    fn fit(&mut self, key: &'static Key, kind: Kind, node: &Node) -> Option<Value> {
        match value::fit(kind, node) {
            Ok(value) => Some(value),
            Err(Misfit { wanted, got, help, at }) => {
                let message = format!("`{}` takes {wanted}, and this is {got}", key.name);
                self.found.push(Diagnostic::error(code::WRONG_VALUE, message).at(at, "").help(help));
                None
            }
        }
    }

    /// The node with every template in it rendered; nothing if one of them fails, which is then reported.
    pub(crate) fn render(&mut self, node: &Node) -> Option<Node> {
        let content = match &node.content {
            Content::Scalar(scalar) => Content::Scalar(self.render_scalar(scalar, node.span)?),
            Content::List(items) => {
                let rendered: Vec<Option<Node>> = items.iter().map(|item| self.render(item)).collect();
                Content::List(rendered.into_iter().collect::<Option<_>>()?)
            }
            Content::Map(entries) => {
                let rendered: Vec<Option<Entry>> = entries
                    .iter()
                    .map(|entry| Some(Entry { value: self.render(&entry.value)?, ..entry.clone() }))
                    .collect();
                Content::Map(rendered.into_iter().collect::<Option<_>>()?)
            }
        };
        Some(Node { span: node.span, content })
    }

    fn render_scalar(&mut self, scalar: &Scalar, span: Span) -> Option<Scalar> {
        if self.keeps_instances && instance::is_wanted(&scalar.text) {
            return Some(scalar.clone());
        }
        if self.blind && is_template(&scalar.text) {
            return Some(Scalar { text: String::new(), plain: true });
        }
        let Some(renderer) = self.renderer.filter(|_| is_template(&scalar.text)) else { return Some(scalar.clone()) };
        match renderer.render(&scalar.text, span) {
            Ok(text) => Some(Scalar { text, plain: false }),
            Err(diagnostics) => {
                self.found.extend(diagnostics);
                None
            }
        }
    }

    fn unknown(&mut self, entry: &Entry, table: &Table, what: &str) {
        let bare = entry.key.trim_start_matches('+').replace('-', "_");
        let known = table.names().find(|name| *name == bare);
        let found = Diagnostic::error(code::UNKNOWN_KEY, format!("{what} has no key `{}`", entry.key));
        let found = found.at(entry.key_span, "not known");
        let found = match known {
            Some(name) => found.help(format!("did you mean `{name}`?")),
            None => found.suggest(&entry.key, table.names()),
        };
        let names: Vec<&str> = table.names().collect();
        self.found.push(match names.len() {
            _ if !found.help.is_empty() => found,
            ..=12 => found.help(format!("{} takes {}", table.place, names.join(", "))),
            _ => found.help(format!("the keys of {} are listed in docs/reference/configuration.md", table.place)),
        });
    }

    /// Says once per file that a key does nothing.
    fn mention(&mut self, key: &'static Key, at: Span) {
        if key.effect == Effect::Works || !self.mentioned.insert((at.file, key.name)) {
            return;
        }
        let name = key.name;
        let found = match key.effect {
            Effect::Works => return,
            Effect::Missing(feature) => {
                let message = format!("`{name}` needs {feature}, which this version of suiro does not have yet");
                Diagnostic::error(code::KEY_WITHOUT_EFFECT, message).at(at, "has no effect yet").help("remove the key")
            }
            Effect::Later(feature) => {
                let message = format!("`{name}` belongs to {feature}, which this version of suiro does not have yet");
                Diagnostic::warning(code::KEY_WITHOUT_EFFECT, message).at(at, "has no effect yet")
            }
            Effect::Refused(instead) => {
                let message = format!("`{name}` has no effect in suiro");
                Diagnostic::error(code::KEY_WITHOUT_EFFECT, message).at(at, "has no effect").help(instead)
            }
            Effect::Ignored(why) => {
                let message = format!("`{name}` has no effect in suiro");
                Diagnostic::warning(code::KEY_WITHOUT_EFFECT, message).at(at, "has no effect").help(why)
            }
        };
        self.found.push(found);
    }

    /// A key that must be given is not.
    pub(crate) fn missing(&mut self, key: &str, what: &str, at: Span, help: impl Into<String>) {
        let message = format!("{what} has no `{key}`");
        self.found.push(Diagnostic::error(code::WRONG_VALUE, message).at(at, format!("`{key}` is missing")).help(help));
    }
}
