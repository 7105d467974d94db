//! Defaults by folder: the mappings `models:`, `seeds:` and `tests:` of `suiro.yml`.
//!
//! In: the mapping, and which folders and files there are. Out: a [`Config`] per folder or file. Never: a node's own
//! configuration.

use super::{
    config::{Config, NodeKind},
    field::Reader,
    key::CONFIG,
    yaml::{Entry, Node},
};
use crate::diagnostic::{Diagnostic, code};
use std::collections::{BTreeMap, BTreeSet};

/// What can be named below a model path.
#[derive(Debug, Default)]
pub(crate) struct Layout {
    /// Folders, relative to their model path, with `/`.
    pub(crate) folders: BTreeSet<String>,
    /// Files that are models or seeds, the same way, without extension.
    pub(crate) files: BTreeSet<String>,
}

/// Configuration by folder or file, relative to a model path; the empty path is that of everything.
#[derive(Debug, Default)]
pub(crate) struct Defaults {
    configs: BTreeMap<String, Config>,
}

impl Layout {
    /// This layout and another one.
    pub(crate) fn with(mut self, other: Self) -> Self {
        self.folders.extend(other.folders);
        self.files.extend(other.files);
        self
    }
}

impl Defaults {
    /// Reads the mapping, if there is one.
    pub(crate) fn of_node(
        reader: &mut Reader<'_>,
        node: Option<&Node>,
        kind: NodeKind,
        layout: &Layout,
        project: &str,
    ) -> Self {
        let mut read = Reading { reader, kind, layout, project, configs: BTreeMap::new() };
        if let Some(node) = node {
            read.level(node, "");
        }
        Self { configs: read.configs }
    }

    /// Whether nothing is said for any folder.
    pub(crate) fn is_empty(&self) -> bool {
        self.configs.is_empty()
    }

    /// What holds for the file at that path (relative to its model path, without extension), the closest folder last.
    pub(crate) fn of(&self, path: &str) -> Config {
        let ends = path.match_indices('/').map(|(at, _)| at).chain([path.len()]);
        let levels = std::iter::once("").chain(ends.map(|end| &path[..end]));
        levels
            .filter_map(|level| self.configs.get(level))
            .fold(Config::default(), |farther, closer| closer.clone().over(&farther))
    }
}

struct Reading<'r, 'a, 'l> {
    reader: &'r mut Reader<'a>,
    kind: NodeKind,
    layout: &'l Layout,
    project: &'l str,
    configs: BTreeMap<String, Config>,
}

impl Reading<'_, '_, '_> {
    fn level(&mut self, node: &Node, path: &str) {
        let what = self.what(path);
        let Some(entries) = node.entries() else {
            // Says that it is no mapping, unless it is empty.
            self.reader.fields(node, &CONFIG, &what);
            return;
        };
        let mut own = Vec::new();
        for entry in entries {
            match self.meaning(entry, path) {
                Meaning::Key(key) => own.push(Entry { key, ..entry.clone() }),
                Meaning::Below(below) => self.level(&entry.value, &below),
                Meaning::Nothing => self.nothing(entry, path),
            }
        }
        let fields = self.reader.entries(&own, &CONFIG, &what);
        let config = Config::of_fields(self.reader, &fields, self.kind, false);
        self.configs.insert(path.to_owned(), config);
    }

    /// A key, or a folder or file? A `+` in front makes it a key; else an existing folder goes first where the value
    /// could be its mapping.
    fn meaning(&self, entry: &Entry, path: &str) -> Meaning {
        if let Some(key) = entry.key.strip_prefix('+') {
            return Meaning::Key(key.to_owned());
        }
        let name = entry.key.trim_matches('/');
        let below = if path.is_empty() { name.to_owned() } else { format!("{path}/{name}") };
        let is_key = CONFIG.find(&entry.key).is_some();
        let mapping = entry.value.entries().is_some();
        if self.layout.folders.contains(&below) && (mapping || !is_key) {
            return Meaning::Below(below);
        }
        if is_key {
            return Meaning::Key(entry.key.clone());
        }
        if self.layout.files.contains(&below) {
            return Meaning::Below(below);
        }
        if mapping { Meaning::Nothing } else { Meaning::Key(entry.key.clone()) }
    }

    fn nothing(&mut self, entry: &Entry, path: &str) {
        let place = if path.is_empty() { "below `models/`".to_owned() } else { format!("in `{path}`") };
        let message = format!("there is no folder `{}` {place}", entry.key);
        let found = Diagnostic::warning(code::DESCRIBES_NOTHING, message).at(entry.key_span, "applies to nothing");
        let prefix = if path.is_empty() { String::new() } else { format!("{path}/") };
        let known = self.layout.folders.iter().chain(&self.layout.files);
        let here = known.filter_map(|known| known.strip_prefix(&prefix)).filter(|known| !known.contains('/'));
        let mut here: Vec<&str> = here.collect();
        CONFIG.names().for_each(|name| here.push(name));
        self.reader.found.push(if entry.key == self.project && path.is_empty() {
            found.help("leave out the project's name: the folders start below `models/`")
        } else {
            let found = found.suggest(&entry.key, here);
            if found.help.is_empty() { found.help("create the folder, or remove the entry") } else { found }
        });
    }

    fn what(&self, path: &str) -> String {
        if path.is_empty() { format!("`{}s`", self.kind.word()) } else { format!("the folder `{path}`") }
    }
}

enum Meaning {
    /// A key of configuration.
    Key(String),
    /// The folder or file at this path.
    Below(String),
    /// Neither.
    Nothing,
}
