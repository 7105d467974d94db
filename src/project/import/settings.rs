//! `dbt_project.yml` to `suiro.yml`.

use super::{Note, field, line, text_of, tree};
use crate::project::yaml::{Content, Entry, Node};
use serde_json::{Map, Value};
use std::collections::BTreeSet;

/// What a dbt project says about itself.
#[derive(Debug, Default)]
pub(super) struct Settings {
    pub(super) name: String,
    pub(super) models: Vec<String>,
    pub(super) seeds: Vec<String>,
    pub(super) tests: Vec<String>,
    pub(super) macros: Vec<String>,
    /// Folders of what suiro has no use for: snapshots and analyses.
    pub(super) unused: Vec<String>,
    pub(super) package_names: BTreeSet<String>,
    pub(super) notes: Vec<Note>,
    model_config: Map<String, Value>,
    seed_config: Map<String, Value>,
    vars: Map<String, Value>,
    hooks: Map<String, Value>,
}

/// Keys that say nothing about what is built.
const SILENT: &[&str] = &[
    "name",
    "version",
    "config-version",
    "profile",
    "model-paths",
    "source-paths",
    "seed-paths",
    "data-paths",
    "test-paths",
    "macro-paths",
    "snapshot-paths",
    "analysis-paths",
    "docs-paths",
    "asset-paths",
    "target-path",
    "log-path",
    "packages-install-path",
    "clean-targets",
    "require-dbt-version",
    "flags",
    "models",
    "seeds",
    "vars",
];

/// Reads the file.
pub(super) fn read(node: &Node, text: &str) -> Settings {
    let paths = |keys: [&str; 2], default: &str| -> Vec<String> {
        let found = keys.iter().find_map(|key| field(node, key)).and_then(Node::items);
        let paths = found.map(|items| items.iter().filter_map(text_of).map(str::to_owned).collect());
        paths.unwrap_or_else(|| vec![default.to_owned()])
    };
    let name = field(node, "name").and_then(text_of).unwrap_or("dbt_project").to_owned();
    let mut settings = Settings {
        models: paths(["model-paths", "source-paths"], "models"),
        seeds: paths(["seed-paths", "data-paths"], "seeds"),
        tests: paths(["test-paths", "tests"], "tests"),
        macros: paths(["macro-paths", "macros"], "macros"),
        unused: [paths(["snapshot-paths", ""], "snapshots"), paths(["analysis-paths", ""], "analyses")].concat(),
        name,
        ..Settings::default()
    };
    for entry in node.entries().unwrap_or_default() {
        let at = line(text, entry.key_span.start);
        match entry.key.as_str() {
            "models" => settings.model_config = settings.folders_of(entry),
            "seeds" => settings.seed_config = settings.folders_of(entry),
            "vars" => settings.vars = settings.variables(entry),
            "on-run-start" | "on-run-end" => {
                settings.hooks.insert(entry.key.replace('-', "_"), entry.value.to_json());
            }
            "snapshots" => settings.note(at, "snapshots", "snapshots were left out"),
            "dispatch" | "query-comment" | "quoting" => settings.note(at, &entry.key, "it has no counterpart"),
            key if SILENT.contains(&key) => {}
            key => settings.note(at, key, "look whether it matters"),
        }
    }
    settings
}

impl Settings {
    fn note(&mut self, line: usize, key: &str, help: &str) {
        let found = format!("`{key}` was left out");
        self.notes.push(Note { path: "dbt_project.yml".to_owned(), line, found, help: help.to_owned() });
    }

    /// Every folder that is read.
    pub(super) fn folders(&self) -> impl Iterator<Item = &str> {
        [&self.models, &self.seeds, &self.tests, &self.macros, &self.unused].into_iter().flatten().map(String::as_str)
    }

    /// Notes the packages of a file; their macros are not copied.
    pub(super) fn packages(&mut self, file: &str, text: &str) {
        let Some(node) = tree(file, text).0 else { return };
        for package in field(&node, "packages").and_then(Node::items).unwrap_or_default() {
            let entries = package.entries().unwrap_or_default();
            let Some(entry) = entries.iter().find(|entry| ["package", "git", "local"].contains(&entry.key.as_str()))
            else {
                continue;
            };
            let Some(written) = text_of(&entry.value) else { continue };
            let name = written.rsplit('/').next().unwrap_or(written).trim_end_matches(".git");
            self.package_names.insert(name.replace('-', "_"));
            self.notes.push(Note {
                path: file.to_owned(),
                line: line(text, entry.key_span.start),
                found: format!("the package `{written}` was not copied"),
                help:
                    "suiro downloads nothing: copy the macros you need, or name a vendored folder in `template_paths`"
                        .to_owned(),
            });
        }
    }

    /// Configuration by folder, without the project's name and the `+` of keys.
    fn folders_of(&self, entry: &Entry) -> Map<String, Value> {
        let mut folders = Map::new();
        for entry in entry.value.entries().unwrap_or_default() {
            if entry.key == self.name {
                folders.extend(without_plus(&entry.value));
            } else if entry.key.starts_with('+') || entry.value.entries().is_none() {
                folders.insert(entry.key.trim_start_matches('+').to_owned(), value(&entry.value));
            }
            // What remains is configuration of packages.
        }
        folders
    }

    fn variables(&self, entry: &Entry) -> Map<String, Value> {
        let mut variables = Map::new();
        for entry in entry.value.entries().unwrap_or_default() {
            match (&entry.value.content, entry.key == self.name) {
                (Content::Map(entries), true) => {
                    variables.extend(entries.iter().map(|entry| (entry.key.clone(), entry.value.to_json())));
                }
                _ if self.package_names.contains(&entry.key) => {}
                _ => {
                    variables.insert(entry.key.clone(), entry.value.to_json());
                }
            }
        }
        variables
    }

    /// The text of `suiro.yml`.
    pub(super) fn text(&self) -> String {
        let mut text = format!(
            "name: {}\n\n# Written by `suiro import dbt`: put your own database here; see docs/reference/configuration.md.\n\
             target: dev\ntargets:\n  dev: {{type: duckdb, path: {}}}\n",
            scalar(&self.name),
            scalar(&format!("{}.duckdb", self.name)),
        );
        let seeds = Map::from_iter([("seeds".to_owned(), Value::Object(self.seed_config.clone()))]);
        let seeds = if self.seed_config.is_empty() { Map::new() } else { seeds };
        for (key, map) in [("models", &self.model_config), ("seeds", &seeds), ("vars", &self.vars)] {
            if !map.is_empty() {
                text.push_str(&format!("\n{key}:\n"));
                write(&mut text, map, 1);
            }
        }
        if !self.hooks.is_empty() {
            text.push('\n');
            write(&mut text, &self.hooks, 0);
        }
        text
    }
}

fn without_plus(node: &Node) -> Map<String, Value> {
    let entries = node.entries().unwrap_or_default();
    entries.iter().map(|entry| (entry.key.trim_start_matches('+').to_owned(), value(&entry.value))).collect()
}

/// A value; mappings of folders lose the `+` of their keys at every depth.
fn value(node: &Node) -> Value {
    match &node.content {
        Content::Map(_) => Value::Object(without_plus(node)),
        _ => node.to_json(),
    }
}

/// A mapping as YAML.
fn write(text: &mut String, map: &Map<String, Value>, depth: usize) {
    let indent = "  ".repeat(depth);
    for (key, value) in map {
        match value {
            Value::Object(inner) if !inner.is_empty() => {
                text.push_str(&format!("{indent}{}:\n", scalar(key)));
                write(text, inner, depth + 1);
            }
            Value::String(word) => text.push_str(&format!("{indent}{}: {}\n", scalar(key), scalar(word))),
            // JSON is YAML.
            other => text.push_str(&format!("{indent}{}: {other}\n", scalar(key))),
        }
    }
}

/// A text, bare where YAML reads it back as this text.
fn scalar(text: &str) -> String {
    let bare = text.starts_with(|first: char| first.is_ascii_alphabetic() || first == '_')
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.' | b'-'))
        && !["true", "false", "null", "yes", "no", "on", "off", "y", "n"].contains(&text.to_ascii_lowercase().as_str());
    if bare { text.to_owned() } else { Value::from(text).to_string() }
}
