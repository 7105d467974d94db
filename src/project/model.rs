//! A file of SQL: a model, or a test.
//!
//! In: its text, its configuration from all places. Out: [`Model`]. Never: rendering or reading the SQL.

use super::{
    config::{Config, NodeKind},
    field::{Fields, Reader},
    front_matter,
    instance::Instance,
    key::FRONT_MATTER,
    property::{Column, TestEntry, columns, config_of, flat, tests},
    target::Target,
    yaml::{self, Node},
};
use crate::{
    diagnostic::{Diagnostic, code},
    name::RelationName,
    source::{FileId, Span},
};
use serde_json::Value;
use std::collections::BTreeMap;

/// A model, or a test that is a file of SQL.
#[derive(Debug, Clone)]
pub struct Model {
    /// Which of the two.
    pub kind: NodeKind,
    /// Its file.
    pub file: FileId,
    /// The file's path relative to the project, with `/`.
    pub path: String,
    /// The path below the model path, without extension.
    pub below: String,
    /// The file's name without extension.
    pub stem: String,
    /// The byte at which its SQL starts: after the front matter.
    pub sql_start: usize,
    /// Its configuration, merged; what `config(…)` in the template gives is added by [`Model::merge_recorded`].
    pub config: Config,
    /// What is said about its columns.
    pub columns: Vec<Column>,
    /// Tests of its rows.
    pub tests: Vec<TestEntry>,
    /// What it is built for, where its file is built for several.
    pub instance: Option<Instance>,
    /// Whether its text can be used: false after an error in the file itself, which has been reported.
    pub usable: bool,
}

impl Model {
    /// The relation's name: `alias`, else the file's, with the instance's name where there are several.
    #[must_use]
    pub fn name(&self) -> &str {
        let own = self.instance.as_ref().map_or(&self.stem, |instance| &instance.relation);
        self.config.text("alias").map_or(own, |alias| alias.value)
    }

    /// The relation in the database.
    #[must_use]
    pub fn relation(&self, target: &Target) -> RelationName {
        let schema = self.config.text("schema").map_or(target.schema.as_str(), |schema| schema.value);
        RelationName::new(schema, self.name())
    }

    /// `materialized`; `view` where nothing was given.
    #[must_use]
    pub fn materialized(&self) -> &str {
        self.config.materialized().map_or("view", |given| given.value)
    }

    /// What the model is, as a template.
    #[must_use]
    pub fn description(&self) -> Option<&str> {
        self.config.description()
    }

    /// The place of the model as a whole: the first byte of its SQL.
    #[must_use]
    pub const fn span(&self) -> Span {
        Span { file: self.file, start: self.sql_start, end: self.sql_start }
    }

    /// Adds what calls of `config(…)` recorded while the template was rendered; see [`Config::merge_recorded`].
    pub fn merge_recorded(&mut self, recorded: &BTreeMap<String, (Value, Span)>) -> Vec<Diagnostic> {
        self.config.merge_recorded(self.kind, recorded)
    }
}

/// The front matter of a file, read but not yet understood.
pub(crate) struct Opened {
    pub(crate) sql_start: usize,
    pub(crate) yaml: Option<Node>,
    pub(crate) found: Vec<Diagnostic>,
    pub(crate) usable: bool,
}

/// Splits a model's text and reads the tree of its front matter.
pub(crate) fn open(file: FileId, text: &str) -> Opened {
    match front_matter::find(file, text) {
        Ok(front_matter::Parts { yaml: None, sql_start }) => {
            Opened { sql_start, yaml: None, found: Vec::new(), usable: true }
        }
        Ok(front_matter::Parts { yaml: Some(range), sql_start }) => {
            let (yaml, found) = yaml::read(file, text, range, code::BROKEN_FRONT_MATTER);
            let usable = found.is_empty();
            Opened { sql_start, yaml, found, usable }
        }
        Err(found) => Opened { sql_start: 0, yaml: None, found: vec![*found], usable: false },
    }
}

/// What front matter says.
#[derive(Default)]
pub(crate) struct InFile {
    pub(crate) config: Config,
    pub(crate) columns: Vec<Column>,
    pub(crate) tests: Vec<TestEntry>,
}

/// Understands the front matter.
pub(crate) fn in_file(reader: &mut Reader<'_>, node: &Node, kind: NodeKind) -> InFile {
    let Some(entries) = node.entries() else {
        let message = format!("front matter is a mapping of keys to values, and this is {}", node.describe());
        reader.found.push(
            Diagnostic::error(code::BROKEN_FRONT_MATTER, message)
                .at(node.span, "")
                .help("write `key: value`, or start the comment with `/* ---` if it is only a comment"),
        );
        return InFile::default();
    };
    if kind == NodeKind::Test {
        return InFile { config: config_of(reader, entries, "the front matter", true), ..InFile::default() };
    }
    reader.keeps_instances = true;
    let fields: Fields<'_> = reader.entries(flat(entries), &FRONT_MATTER, "the front matter");
    let config = Config::of_fields(reader, &fields, kind, true);
    let columns = columns(reader, fields.items("columns"), "the front matter");
    let tests = tests(reader, &fields);
    reader.keeps_instances = false;
    InFile { config, columns, tests }
}
