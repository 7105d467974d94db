//! Tests of a model on given rows, as they are written below `unit_tests:`.

use super::{Reader, called, flat_fields, key, named};
use crate::{
    diagnostic::{Diagnostic, code},
    project::{
        config::{Config, NodeKind},
        field::{Fields, Given},
        seed::read_table,
        yaml::Node,
    },
    source::Span,
};
use serde_json::{Map, Value};
use std::collections::BTreeMap;

/// A unit test as it is written.
#[derive(Debug, Clone, PartialEq)]
pub struct UnitEntry {
    /// Its name, and where it stands.
    pub name: Given<String>,
    /// The model that it is about.
    pub model: Given<String>,
    /// What the model reads instead, by name as it is written.
    pub given: Vec<(Given<String>, Fixture)>,
    /// What comes out.
    pub expect: Fixture,
    /// Values of `var()` that go before all others.
    pub vars: BTreeMap<String, Value>,
    /// Values of `env_var()` that go before the environment.
    pub environment: BTreeMap<String, String>,
    /// Whether the model is rendered as for an increment.
    pub incremental: bool,
    /// Its configuration: `enabled`, `tags`, `description`, `meta`, `owner`.
    pub config: Config,
}

/// Rows that are given or expected.
#[derive(Debug, Clone, PartialEq)]
pub enum Fixture {
    /// Rows by column; of a CSV text, every value is a text.
    Rows(Vec<Map<String, Value>>, Span),
    /// A query that returns them.
    Sql(Given<String>),
}

impl Fixture {
    /// Where it stands.
    #[must_use]
    pub const fn span(&self) -> Span {
        match self {
            Self::Rows(_, span) => *span,
            Self::Sql(given) => given.span,
        }
    }
}

pub(crate) fn read(reader: &mut Reader<'_>, node: &Node) -> Option<UnitEntry> {
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
        if let (Some(input), Some(rows)) = (inner.text("input"), fixture(reader, &inner, item.span)) {
            given.push((input, rows));
        }
    }
    let expected = fields.get("expect").map(|field| field.node);
    let expect = expected.and_then(|node| {
        let inner = reader.fields(node, &key::UNIT_ROWS, "`expect`");
        fixture(reader, &inner, node.span)
    });
    let (vars, environment, asked) = overrides(reader, &fields);
    let incremental = fields.boolean("incremental").unwrap_or(asked);
    let config = Config::of_fields(reader, &fields, NodeKind::Test, false);
    let sound = reader.found.len() == before;
    let (model, expect) = fields.text("model").zip(expect).filter(|_| sound)?;
    Some(UnitEntry { name, model, given, expect, vars, environment, incremental, config })
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
            _ => reader.found.push(
                Diagnostic::error(code::BAD_UNIT_TEST, format!("a unit test cannot replace the macro `{}`", entry.key))
                    .at(entry.key_span, "")
                    .help("give the macro a variable to ask for, `var('…')`, and set that below `vars:`"),
            ),
        }
    }
    (vars, inner.text_map("env_vars"), incremental)
}

fn fixture(reader: &mut Reader<'_>, fields: &Fields<'_>, span: Span) -> Option<Fixture> {
    let rows = fields.get("rows").map(|field| field.node);
    let span = rows.map_or(span, |node| node.span);
    let text = |reader: &mut Reader<'_>| {
        let text = rows.and_then(crate::project::value::text);
        if text.is_none() {
            reader.missing("rows", "the fixture", span, "write `rows: |` and the text below it");
        }
        text
    };
    match fields.string("format").as_deref() {
        Some("sql") => Some(Fixture::Sql(Given::new(text(reader)?, span))),
        Some("csv") => match read_table(&text(reader)?) {
            Ok((header, rows)) => {
                let row = |(_, values): (u64, Vec<Option<String>>)| {
                    header.iter().cloned().zip(values.into_iter().map(Value::from)).collect()
                };
                Some(Fixture::Rows(rows.into_iter().map(row).collect(), span))
            }
            Err((line, message)) => {
                let message = format!("line {line} of the rows: {message}");
                let wrong = Diagnostic::error(code::BAD_UNIT_TEST, message).at(span, "");
                reader.found.push(wrong.help("write a header, and as many values in each line as it has"));
                None
            }
        },
        _ => {
            let mut all = Vec::new();
            for item in rows.and_then(Node::items).unwrap_or_default() {
                match item.to_json() {
                    Value::Object(row) => all.push(row),
                    _ => {
                        let message =
                            format!("a row is a mapping of columns to values, and this is {}", item.describe());
                        let wrong = Diagnostic::error(code::BAD_UNIT_TEST, message).at(item.span, "");
                        reader.found.push(wrong.help("write `- {id: 1, name: x}`"));
                    }
                }
            }
            let is_list = rows.is_none_or(|node| node.items().is_some() || node.is_null());
            if !is_list {
                let wrong = Diagnostic::error(code::BAD_UNIT_TEST, "`rows` are a list").at(span, "");
                reader.found.push(wrong.help("a text needs `format: csv` or `format: sql` beside it"));
            }
            Some(Fixture::Rows(all, span))
        }
    }
}
