//! The properties of every node, hooks included: the last thing that is learnt about a project before it is ordered.

use super::{
    Compilation, Origin, add_virtual, first_error,
    properties::{HookSource, Subject, compiled_hook, compiled_predicate, hooks, properties, sorted},
};
use crate::{
    diagnostic::{Diagnostic, code::DUPLICATE_NAME},
    graph::Graph,
    manifest::{CompiledSql, Form, NodeId, Read, RunHooks},
    project::{Column, Config, Setting},
    template::{Input, This},
};
use serde_json::Value;
use std::collections::BTreeMap;

/// The keys that say anything about a relation besides its rows.
const KEYS: [&str; 11] = [
    "persist_docs",
    "indexes",
    "constraints",
    "grants",
    "unlogged",
    "tablespace",
    "storage",
    "partition_by",
    "pre_hook",
    "post_hook",
    "incremental_predicates",
];

impl Compilation {
    /// Reads the properties of all nodes, and the hooks of the run.
    pub(super) fn add_properties(&mut self) {
        let mut refers = false;
        for index in 0..self.origins.len() {
            let id = NodeId::of(index);
            self.complete_file(id);
            let Some((config, columns)) = self.configured(id) else { continue };
            let mut found = Vec::new();
            let (before, after) = (config.get("pre_hook").cloned(), config.get("post_hook").cloned());
            let (mut made, problems) = properties(Subject {
                node: self.manifest.node(id),
                id,
                config: &config,
                columns: &columns,
                dialect: self.manifest.dialect,
                names: &self.names,
            });
            found.extend(problems);
            if before.is_some() || after.is_some() {
                let before = self.hooks_of(Some(id), before.as_ref(), &mut found);
                let after = self.hooks_of(Some(id), after.as_ref(), &mut found);
                made.hooks = sorted(before, after);
            }
            if self.manifest.node(id).form() == Form::Incremental
                && let Some(setting) = config.get("incremental_predicates")
            {
                made.predicates = self.predicates_of(id, setting, &mut found);
            }
            let node = &mut self.manifest.nodes[index];
            for parent in made.constraints.iter().filter_map(|constraint| constraint.to) {
                refers = true;
                if parent != id && node.reads.iter().all(|read| read.node != parent) {
                    node.reads.push(Read { node: parent, sites: Vec::new(), incremental_only: false });
                    node.reads.sort_by_key(|read| read.node);
                }
            }
            node.properties = made;
            node.error = node.error.take().or_else(|| first_error(&found));
            let name = node.name.clone();
            self.diagnostics.extend(found.into_iter().map(|diagnostic| diagnostic.of_node(name.clone())));
        }
        self.check_written_files();
        if refers {
            self.graph = Graph::new(&self.manifest);
        }
        let mut found = Vec::new();
        let (start, end) = (self.project.settings.on_run_start.clone(), self.project.settings.on_run_end.clone());
        let sql = |all: Vec<(CompiledSql, bool)>| all.into_iter().map(|(sql, _)| sql).collect();
        let start = sql(self.hooks_of(None, start.as_ref(), &mut found));
        let end = sql(self.hooks_of(None, end.as_ref(), &mut found));
        self.manifest.run_hooks = RunHooks { start, end };
        self.diagnostics.extend(found);
    }

    /// What is configured about a model or seed that has anything of that kind.
    fn configured(&self, id: NodeId) -> Option<(Config, Vec<Column>)> {
        let (config, columns) = match self.origins.get(id.index())? {
            Origin::Model(index) => {
                let model = &self.readings.get(*index)?.model;
                (&model.config, &model.columns)
            }
            Origin::Seed(index) => {
                let seed = self.project.seeds.get(*index)?;
                (&seed.config, &seed.columns)
            }
            _ => return None,
        };
        // Most nodes have nothing of this kind.
        let has_any = KEYS.iter().any(|key| config.get(key).is_some())
            || columns.iter().any(|column| column.constraints.is_some());
        has_any.then(|| (config.clone(), columns.clone()))
    }

    /// Gives a model that becomes a file the path and format that were not given.
    fn complete_file(&mut self, id: NodeId) {
        let node = &mut self.manifest.nodes[id.index()];
        if node.form() != Form::File {
            return;
        }
        let ending = |path: &str| path.rsplit_once('.').map(|(_, ending)| ending.to_ascii_lowercase());
        let given = node.text("location").map(str::to_owned);
        let format = node.text("format").map(str::to_owned).or_else(|| {
            let ending = given.as_deref().and_then(ending)?;
            ["parquet", "csv"].contains(&ending.as_str()).then_some(ending)
        });
        let format = format.unwrap_or_else(|| "parquet".to_owned());
        let name = node.relation.as_ref().map_or("", |relation| &relation.name);
        let location = given.unwrap_or_else(|| format!("files/{name}.{format}"));
        node.config.insert("location".to_owned(), Value::from(location));
        node.config.insert("format".to_owned(), Value::from(format));
    }

    /// Two models must not write the same file.
    fn check_written_files(&mut self) {
        let mut seen: BTreeMap<String, String> = BTreeMap::new();
        for node in self.manifest.nodes.iter_mut().filter(|node| node.form() == Form::File) {
            let Some(location) = node.text("location").map(str::to_owned) else { continue };
            match seen.get(&location) {
                None => {
                    seen.insert(location, node.name.clone());
                }
                Some(first) => {
                    let message = format!("`{first}` and `{}` are both written to `{location}`", node.name);
                    node.error = node.error.take().or_else(|| Some(DUPLICATE_NAME.id.to_owned()));
                    let problem = Diagnostic::error(DUPLICATE_NAME, message).of_node(node.name.clone());
                    self.diagnostics.push(problem.help("give one of them another `location`"));
                }
            }
        }
    }

    fn hooks_of(
        &mut self,
        node: Option<NodeId>,
        setting: Option<&Setting>,
        found: &mut Vec<Diagnostic>,
    ) -> Vec<(CompiledSql, bool)> {
        let mut compiled = Vec::new();
        for source in setting.map(|setting| hooks(setting, found)).unwrap_or_default() {
            match self.hook(node, &source) {
                Ok(all) => compiled.extend(all.into_iter().map(|sql| (sql, source.in_transaction))),
                Err(problems) => found.extend(problems),
            }
        }
        compiled
    }

    fn predicates_of(&mut self, id: NodeId, setting: &Setting, found: &mut Vec<Diagnostic>) -> Vec<CompiledSql> {
        let mut compiled = Vec::new();
        for source in hooks(setting, found) {
            match self.rendered(Some(id), &source, "predicate") {
                Ok((text, schema)) => {
                    let language = (self.manifest.dialect, &self.names);
                    match compiled_predicate(&text, language, (&schema, id), source.span) {
                        Ok(predicate) => compiled.push(predicate),
                        Err(problem) => found.push(*problem),
                    }
                }
                Err(problems) => found.extend(problems),
            }
        }
        compiled
    }

    fn hook(&mut self, node: Option<NodeId>, source: &HookSource) -> Result<Vec<CompiledSql>, Vec<Diagnostic>> {
        let (text, schema) = self.rendered(node, source, "hook")?;
        let language = (self.manifest.dialect, &self.names);
        compiled_hook(&text, language, (&schema, node), source.span).map_err(|problem| vec![problem])
    }

    /// The text of a template beside the SQL of a node, and the schema in which its names are meant.
    fn rendered(
        &mut self,
        node: Option<NodeId>,
        source: &HookSource,
        what: &str,
    ) -> Result<(String, String), Vec<Diagnostic>> {
        let relation = node.and_then(|id| self.manifest.node(id).relation.clone());
        let this = This {
            database: None,
            schema: relation.as_ref().map(|relation| relation.schema.to_string()).unwrap_or_default(),
            name: relation.as_ref().map(|relation| relation.name.to_string()).unwrap_or_default(),
        };
        let config: BTreeMap<String, Value> = node.map(|id| self.manifest.node(id).config.clone()).unwrap_or_default();
        let written_in = self.sources.get(source.span.file).path().to_owned();
        let file = add_virtual(&mut self.sources, format!("{written_in} ({what})"), &source.text);
        let instance = node.and_then(|id| self.manifest.node(id).instance.clone());
        let rendered = self.renderer.render(&Input {
            file,
            text: &source.text,
            start: 0,
            this: &this,
            instance: instance.as_ref(),
            tested: None,
            incremental: false,
            config: &config,
            scope: &self.scope,
        })?;
        let schema = relation.as_ref().map_or(self.manifest.schema.as_str(), |relation| &relation.schema);
        Ok((rendered.text, schema.to_owned()))
    }
}
