//! The YAML files beside the models, in dbt's property shape.
//!
//! In: their trees. Out: entries about models and seeds (by name, not yet matched to files), sources, exposures. Never:
//! which files there are.

mod column;
mod exposure;
mod fixture;
mod freshness;
mod source;
mod test;
mod unit;

pub use column::Column;
pub(crate) use column::{merge_columns, read as columns};
pub use exposure::{Exposure, WrittenName};
pub use fixture::Fixture;
pub(crate) use fixture::FixtureFile;
pub use freshness::Freshness;
pub use source::SourceTable;
pub use test::{Argument, TestEntry};
pub(crate) use test::{config_of, tests};
pub use unit::UnitEntry;
pub(crate) use unit::{is_unit_file, read_file as unit_file};

use super::{
    config::{Config, NodeKind},
    field::{Fields, Given, Reader},
    key,
    yaml::{Entry, Node},
};
use crate::source::FileId;

/// What a YAML file says about a model or seed of some name.
#[derive(Debug, Clone)]
pub(crate) struct Description {
    pub(crate) kind: NodeKind,
    pub(crate) name: Given<String>,
    /// The folder of the YAML file, relative to the project.
    pub(crate) folder: String,
    pub(crate) config: Config,
    pub(crate) columns: Vec<Column>,
    pub(crate) tests: Vec<TestEntry>,
}

/// What all YAML files say.
#[derive(Debug, Default)]
pub(crate) struct Properties {
    pub(crate) descriptions: Vec<Description>,
    pub(crate) sources: Vec<SourceTable>,
    pub(crate) exposures: Vec<Exposure>,
    pub(crate) unit_tests: Vec<UnitEntry>,
    /// The files of rows that unit tests may name.
    pub(crate) fixtures: Vec<FixtureFile>,
}

impl Properties {
    /// Adds what one file says. `path` is the file's, relative to the project.
    pub(crate) fn read(&mut self, reader: &mut Reader<'_>, file: FileId, path: &str, node: &Node) {
        let folder = path.rsplit_once('/').map_or("", |(folder, _)| folder);
        let fields = reader.fields(node, &key::PROPERTIES, "the file");
        for kind in [NodeKind::Model, NodeKind::Seed, NodeKind::Test] {
            reader.keeps_instances = kind == NodeKind::Model;
            for item in fields.items(kind.section()) {
                self.descriptions.extend(description(reader, kind, folder, item));
            }
            reader.keeps_instances = false;
        }
        for item in fields.items("sources") {
            source::read(reader, file, item, &mut self.sources);
        }
        for item in fields.items("unit_tests") {
            let entry = unit::read(reader, item, &self.fixtures);
            self.unit_tests.extend(entry);
        }
        for item in fields.items("exposures") {
            self.exposures.extend(exposure::read(reader, file, item));
        }
    }
}

fn description(reader: &mut Reader<'_>, kind: NodeKind, folder: &str, node: &Node) -> Option<Description> {
    let what = called(node, kind.word());
    let table = if kind == NodeKind::Test { &key::DATA_TEST } else { &key::ENTRY };
    let fields = flat_fields(reader, node, table, &what);
    let name = named(reader, node, &fields, &what)?;
    let config = Config::of_fields(reader, &fields, kind, false);
    let columns = column::read(reader, fields.items("columns"), &what);
    let tests = tests(reader, &fields);
    Some(Description { kind, name, folder: folder.to_owned(), config, columns, tests })
}

/// The kind and the name in it, if it has one.
fn called(node: &Node, kind: &str) -> String {
    let name = node.entries().into_iter().flatten().find(|entry| entry.key == "name");
    match name.and_then(|entry| super::value::text(&entry.value)) {
        Some(name) => format!("the {kind} `{name}`"),
        None => format!("the {kind}"),
    }
}

/// The name, without which an entry says nothing about anything.
fn named(reader: &mut Reader<'_>, node: &Node, fields: &Fields<'_>, what: &str) -> Option<Given<String>> {
    if !fields.has("name") && node.entries().is_some() {
        reader.missing("name", what, node.span, "write `- name: …`");
    } else if node.is_null() {
        reader.missing("name", what, node.span, "remove the empty item, or write `- name: …`");
    }
    fields.text("name")
}

/// The fields of a mapping and of the `config:` in it as one.
fn flat_fields<'n>(reader: &mut Reader<'_>, node: &'n Node, table: &key::Table, what: &str) -> Fields<'n> {
    let Some(entries) = node.entries() else { return reader.fields(node, table, what) };
    let fields = reader.entries(flat(entries), table, what);
    if let Some(inner) = fields.get("config")
        && inner.node.entries().is_some()
    {
        let message = format!("{what} has a `config` inside its `config`");
        reader.found.push(
            crate::diagnostic::Diagnostic::error(crate::diagnostic::code::UNKNOWN_KEY, message)
                .at(inner.key_span, "not known here")
                .help("move its keys one level up"),
        );
    }
    fields
}

/// The entries, those of `config:` in its place.
pub(crate) fn flat(entries: &[Entry]) -> Vec<&Entry> {
    let mut all = Vec::with_capacity(entries.len());
    for entry in entries {
        match entry.value.entries() {
            Some(inner) if entry.key == "config" => all.extend(inner),
            _ => all.push(entry),
        }
    }
    all
}
