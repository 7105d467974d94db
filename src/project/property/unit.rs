//! Tests of a model on given rows, as they are written below `unit_tests:` or as a file of SQL.

use super::{
    Fixture, Reader, called,
    fixture::{self, FixtureFile},
    flat, flat_fields, key, named,
};
use crate::{
    diagnostic::{Diagnostic, code},
    interval::{Interval, Moment},
    project::{
        config::{Config, NodeKind},
        field::{Fields, Given},
        model::Model,
        seed::is_moment,
        yaml::Node,
    },
    source::Span,
};
use serde_json::Value;
use std::collections::BTreeMap;

/// A unit test as it is written.
#[derive(Debug, Clone)]
pub struct UnitEntry {
    /// Its name, and where it stands.
    pub name: Given<String>,
    /// The model that it is about.
    pub model: Given<String>,
    /// What the model reads instead, by name as it is written.
    pub given: Vec<(Given<String>, Fixture)>,
    /// The file of SQL that says what is given and expected; `given` and `expect` are empty then.
    pub file: Option<Box<Model>>,
    /// What comes out.
    pub expect: Fixture,
    /// What the time is.
    pub now: Option<Given<String>>,
    /// The window of the run.
    pub window: Option<Interval>,
    /// Values of `var()` that go before all others.
    pub vars: BTreeMap<String, Value>,
    /// Values of `env_var()` that go before the environment.
    pub environment: BTreeMap<String, String>,
    /// Whether the model is rendered as for an increment.
    pub incremental: bool,
    /// Its configuration: `enabled`, `tags`, `description`, `meta`, `owner`.
    pub config: Config,
}

pub(crate) fn read(reader: &mut Reader<'_>, node: &Node, files: &[FixtureFile]) -> Option<UnitEntry> {
    let what = called(node, "unit test");
    let fields = flat_fields(reader, node, &key::UNIT_TEST, &what);
    let name = named(reader, node, &fields, &what)?;
    let before = reader.found.len();
    for key in ["model", "expect"].into_iter().filter(|key| !fields.has(key)) {
        reader.missing(key, &what, name.span, format!("write `{key}: …`"));
    }
    let mut given = Vec::new();
    for item in fields.items("given") {
        let what = format!("an input of {what}");
        let inner = reader.fields(item, &key::UNIT_INPUT, &what);
        if !inner.has("input") {
            reader.missing("input", &what, item.span, "write `- input: …`");
        }
        if let (Some(input), Some(rows)) = (inner.text("input"), fixture::read(reader, &inner, item.span, files)) {
            given.push((input, rows));
        }
    }
    let expected = fields.get("expect").map(|field| field.node);
    let expect = expected.and_then(|node| {
        let inner = reader.fields(node, &key::UNIT_ROWS, "`expect`");
        fixture::read(reader, &inner, node.span, files)
    });
    let entry = entry(reader, &fields, name, fields.text("model"));
    let sound = reader.found.len() == before;
    let (entry, expect) = entry.zip(expect).filter(|_| sound)?;
    Some(UnitEntry { given, expect, ..entry })
}

/// The front matter of a file of SQL that is a unit test: it says `unit_test:`. What is given and expected stands in the
/// SQL, which is read later.
pub(crate) fn read_file(reader: &mut Reader<'_>, node: &Node, name: Given<String>) -> Option<UnitEntry> {
    let fields = reader.entries(flat(node.entries()?), &key::UNIT_FILE, "the front matter");
    let model = fields.text("unit_test");
    if !fields.has("unit_test") {
        reader.missing("unit_test", "the front matter", node.span, "write the model's name: `unit_test: customers`");
    }
    entry(reader, &fields, name, model)
}

/// Whether front matter is that of a unit test.
pub(crate) fn is_unit_file(node: &Node) -> bool {
    node.entries().is_some_and(|entries| entries.iter().any(|entry| entry.key == "unit_test"))
}

/// Everything but the rows.
fn entry(
    reader: &mut Reader<'_>,
    fields: &Fields<'_>,
    name: Given<String>,
    model: Option<Given<String>>,
) -> Option<UnitEntry> {
    let (vars, environment, asked) = overrides(reader, fields);
    let incremental = fields.boolean("incremental").unwrap_or(asked);
    let config = Config::of_fields(reader, fields, NodeKind::Test, false);
    if let Some(now) = fields.text("now").filter(|now| !is_moment(&now.value)) {
        let message = format!("`now` takes a time, and this is `{}`", now.value);
        let wrong = Diagnostic::error(code::BAD_UNIT_TEST, message).at(now.span, "");
        reader.found.push(wrong.help("write `2026-01-31`, `2026-01-31 12:00` or `2026-01-31 12:00:00+09:00`"));
    }
    let expect = Fixture::Rows(Vec::new(), Span::new(name.span.file, 0..0));
    Some(UnitEntry {
        name,
        model: model?,
        given: Vec::new(),
        file: None,
        expect,
        now: fields.text("now"),
        window: window(reader, fields),
        vars,
        environment,
        incremental,
        config,
    })
}

/// The window that the run of the model is about.
fn window(reader: &mut Reader<'_>, fields: &Fields<'_>) -> Option<Interval> {
    let node = fields.get("window").map(|field| field.node)?;
    let moment = |key: &str| {
        let entries = node.entries().unwrap_or_default();
        let found = entries.iter().find(|entry| entry.key == key)?;
        found.value.to_json().as_str()?.parse::<Moment>().ok()
    };
    let known = node
        .entries()
        .is_some_and(|entries| entries.iter().all(|entry| ["start", "end"].contains(&entry.key.as_str())));
    let window = moment("start").zip(moment("end")).map(|(start, end)| Interval { start, end });
    let window = window.filter(|window| known && !window.is_empty());
    if window.is_none() {
        let wrong =
            Diagnostic::error(code::BAD_UNIT_TEST, "`window` has a `start` and a later `end`").at(node.span, "");
        reader.found.push(wrong.help("write `window: {start: 2026-01-31, end: 2026-02-01}`"));
    }
    window
}

type Overrides = (BTreeMap<String, Value>, BTreeMap<String, String>, bool);

/// What `overrides` says: variables, the environment, and whether the model is rendered as for an increment.
fn overrides(reader: &mut Reader<'_>, fields: &Fields<'_>) -> Overrides {
    let Some(node) = fields.get("overrides").map(|field| field.node) else { return Overrides::default() };
    let inner = reader.fields(node, &key::UNIT_OVERRIDES, "`overrides`");
    let vars = inner.entries("vars").iter().map(|entry| (entry.key.clone(), entry.value.to_json())).collect();
    let mut incremental = inner.boolean("is_incremental").unwrap_or(false);
    for entry in inner.entries("macros") {
        match (entry.key.as_str(), entry.value.to_json()) {
            ("is_incremental", Value::Bool(value)) => incremental = value,
            (name, _) => {
                let message = format!("a unit test cannot replace the macro `{name}`");
                let wrong = Diagnostic::error(code::BAD_UNIT_TEST, message).at(entry.key_span, "");
                reader.found.push(if name == "now" || name == "current_timestamp" {
                    wrong.help("the time is `now: 2026-01-31 12:00`, beside `model:`")
                } else {
                    wrong.help("give the macro a variable to ask for, `var('…')`, and set that below `vars:`")
                });
            }
        }
    }
    (vars, inner.text_map("env_vars"), incremental)
}
