//! Tests of rows as they are written below `tests:`.
//!
//! dbt's shapes: a name (`unique`), a name with a mapping (`accepted_values: {values: […]}`, its arguments beside its
//! configuration or below `arguments:`), or a mapping that names the test (`{name: …, test_name: unique}`).

use super::{Reader, flat, key};
use crate::{
    diagnostic::{Diagnostic, code},
    project::{
        config::{Config, NodeKind},
        field::{Fields, Given},
        value,
        yaml::{Entry, Node},
    },
    source::Span,
};
use serde_json::Value;
use std::collections::BTreeMap;

/// A test as it is written.
#[derive(Debug, Clone, PartialEq)]
pub struct TestEntry {
    /// Which test: the name of a template.
    pub test: Given<String>,
    /// Its own name, where it is given one.
    pub name: Option<Given<String>>,
    /// What it is told, by name; texts may be templates.
    pub arguments: BTreeMap<String, Argument>,
    /// What it is told without a name: `expression: "a > 0"`.
    pub short: Option<Given<Value>>,
    /// Its configuration, merged.
    pub config: Config,
}

/// One argument of a test.
#[derive(Debug, Clone, PartialEq)]
pub struct Argument {
    /// The value, as it is written.
    pub value: Value,
    /// Where its name stands.
    pub key_span: Span,
    /// Where the value stands.
    pub span: Span,
}

/// The items of `tests:`.
pub(crate) fn tests(reader: &mut Reader<'_>, fields: &Fields<'_>) -> Vec<TestEntry> {
    fields.items("tests").iter().filter_map(|item| read(reader, item)).collect()
}

fn read(reader: &mut Reader<'_>, item: &Node) -> Option<TestEntry> {
    if let Some(name) = value::text(item) {
        return Some(entry(Given::new(name, item.span)));
    }
    let entries = item.entries().unwrap_or_default();
    if let Some(named) = entries.iter().find(|entry| entry.key == "test_name") {
        let test = value::text(&named.value).map(|name| Given::new(name, named.value.span));
        let Some(test) = test else {
            reader.found.push(not_a_test(item));
            return None;
        };
        let others: Vec<&Entry> = entries.iter().filter(|entry| entry.key != "test_name").collect();
        return Some(told(reader, entry(test), others));
    }
    match entries {
        [only] => {
            let test = entry(Given::new(only.key.clone(), only.key_span));
            Some(match only.value.entries() {
                Some(entries) => told(reader, test, entries.iter().collect()),
                None if only.value.is_null() => test,
                None => TestEntry { short: Some(Given::new(only.value.to_json(), only.value.span)), ..test },
            })
        }
        _ => {
            reader.found.push(not_a_test(item));
            None
        }
    }
}

fn entry(test: Given<String>) -> TestEntry {
    TestEntry { test, name: None, arguments: BTreeMap::new(), short: None, config: Config::default() }
}

fn not_a_test(item: &Node) -> Diagnostic {
    Diagnostic::error(code::WRONG_VALUE, format!("this is not a test but {}", item.describe()))
        .at(item.span, "which test?")
        .help("write `- unique`, or `- accepted_values: {values: [a, b]}` with what belongs to it inside")
}

/// A test with what is said about it: its name and configuration, and everything else as its arguments.
fn told<'n>(reader: &mut Reader<'_>, mut test: TestEntry, entries: Vec<&'n Entry>) -> TestEntry {
    let is_config = |entry: &Entry| {
        let known = key::TEST.find(&entry.key);
        known.is_some_and(|key| key::CONFIG.find(key.name).is_none() || key.on.contains(&NodeKind::Test.word()))
    };
    let mut config: Vec<&'n Entry> = Vec::new();
    for entry in entries {
        match entry.value.entries() {
            Some(inner) if entry.key == "config" => config.extend(inner),
            Some(inner) if entry.key == "arguments" => {
                for entry in inner {
                    argue(reader, &mut test, entry);
                }
            }
            _ if is_config(entry) => config.push(entry),
            _ => argue(reader, &mut test, entry),
        }
    }
    let what = format!("the test `{}`", test.test.value);
    let fields = reader.entries(config, &key::TEST, &what);
    test.name = fields.text("name");
    test.config = Config::of_fields(reader, &fields, NodeKind::Test, false);
    test
}

fn argue(reader: &mut Reader<'_>, test: &mut TestEntry, entry: &Entry) {
    let argument = Argument { value: entry.value.to_json(), key_span: entry.key_span, span: entry.value.span };
    if let Some(first) = test.arguments.insert(entry.key.clone(), argument) {
        let message = format!("the test `{}` is given `{}` twice", test.test.value, entry.key);
        let twice = Diagnostic::error(code::WRONG_VALUE, message).at(entry.key_span, "again");
        reader.found.push(twice.also(first.key_span, "first").help("keep one of the two"));
    }
}

/// The entries of the front matter of a test that is a SQL file, or of an entry of `data_tests:`.
pub(crate) fn config_of(reader: &mut Reader<'_>, entries: &[Entry], what: &str, in_file: bool) -> Config {
    let fields = reader.entries(flat(entries), &key::CONFIG, what);
    Config::of_fields(reader, &fields, NodeKind::Test, in_file)
}
