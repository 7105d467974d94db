//! `suiro.yml` and what is laid over it.

use super::Loading;
use crate::{
    diagnostic::{Diagnostic, code},
    project::{
        disk::{self, LOCAL_FILE, PROJECT_FILE},
        field::{Given, Reader},
        key,
        render::{RenderScope, Renderer},
        settings::{self, Top},
        target::{self, Target, Wishes},
        yaml::{self, Content, Node},
    },
    source::{SourceFile, Span},
};
use serde_json::Value;
use std::collections::BTreeMap;

/// What `suiro.yml` says, and the nodes that are read once the folders are known.
pub(super) struct ProjectFile {
    pub(super) top: Top,
    pub(super) target: Option<Target>,
    pub(super) target_names: Vec<String>,
    pub(super) models: Option<Node>,
    pub(super) seeds: Option<Node>,
    pub(super) tests: Option<Node>,
    pub(super) vars: BTreeMap<String, Value>,
}

impl Loading<'_> {
    /// `--vars`, as one mapping.
    pub(super) fn command_line_vars(&mut self) -> BTreeMap<String, Value> {
        let mut vars = BTreeMap::new();
        for text in self.options.vars {
            let file = self.sources.add(SourceFile::new("--vars", text.as_str()));
            let (node, found) = yaml::read(file, text, 0..text.len(), code::BAD_USAGE);
            self.found.extend(found);
            match node.map(|node| (node.span, node.content)) {
                Some((_, Content::Map(entries))) => {
                    vars.extend(entries.into_iter().map(|entry| (entry.key, entry.value.to_json())));
                }
                Some((span, _)) => self.found.push(
                    Diagnostic::error(code::BAD_USAGE, "`--vars` takes a YAML mapping")
                        .at(span, "no mapping")
                        .help("write `--vars 'name: value'` or `--vars '{one: 1, two: 2}'`"),
                ),
                None => {}
            }
        }
        vars
    }

    /// `suiro.yml` with `suiro.local.yml` laid over it; nothing where neither could be read.
    fn project_tree(&mut self) -> (Span, Option<Node>) {
        let mut merged: Option<Node> = None;
        let mut top = None;
        let mut broken = false;
        for name in [PROJECT_FILE, LOCAL_FILE] {
            let path = self.root.join(name);
            if name == LOCAL_FILE && fs_err::symlink_metadata(&path).is_err() {
                continue;
            }
            let (file, wrong) = disk::add(self.sources, name, disk::read(&path));
            top.get_or_insert(Span::new(file, 0..0));
            if let Some(wrong) = wrong {
                self.found.push(wrong);
                broken = true;
                continue;
            }
            let text = self.sources.get(file).shared_text();
            let (node, found) = yaml::read(file, &text, 0..text.len(), code::BROKEN_YAML);
            if node.is_none() && !found.is_empty() {
                broken = true;
                self.secrets.extend(target::secrets_in_broken(&text));
            }
            self.found.extend(found);
            match (&mut merged, node) {
                (_, None) => {}
                (Some(below), Some(node)) if node.entries().is_some() => below.overlay(node),
                (Some(_), Some(node)) => {
                    let message = format!("{name} is a mapping of keys to values, not {}", node.describe());
                    self.found.push(
                        Diagnostic::error(code::WRONG_VALUE, message)
                            .at(node.span, "no mapping")
                            .help("write `key: value`"),
                    );
                }
                (None, node) => merged = node,
            }
        }
        let top = top.unwrap_or_else(|| Span::new(self.sources.add(SourceFile::new(PROJECT_FILE, "")), 0..0));
        let empty = Node { span: top, content: Content::Map(Vec::new()) };
        (top, if broken { None } else { Some(merged.unwrap_or(empty)) })
    }

    pub(super) fn project_file(&mut self, command_line: BTreeMap<String, Value>) -> ProjectFile {
        let (top_span, tree) = self.project_tree();
        let Some(tree) = tree else {
            // What follows reads the rest of the project with the defaults, to find what is wrong there.
            return ProjectFile {
                top: Top::default(),
                target: None,
                target_names: Vec::new(),
                models: None,
                seeds: None,
                tests: None,
                vars: command_line,
            };
        };
        let scope = RenderScope { vars: &command_line, target: None, instance: None };
        let mut reader = Reader::new(Some(Renderer { render: self.options.render, scope }));
        let fields = reader.fields(&tree, &key::PROJECT, PROJECT_FILE);
        let is_mapping = tree.entries().is_some();
        let top = if is_mapping { settings::read(&mut reader, &fields, top_span) } else { Top::default() };
        let vars: BTreeMap<String, Value> = top.vars.clone().into_iter().chain(command_line.clone()).collect();
        reader.renderer = Some(Renderer {
            render: self.options.render,
            scope: RenderScope { vars: &vars, target: None, instance: None },
        });
        let wishes = Wishes {
            option: self.options.target,
            variable: self.options.env.get("SUIRO_TARGET").map(String::as_str).filter(|name| !name.is_empty()),
            key: top.target.clone(),
        };
        let targets = fields.entries("targets");
        let poisoned = !is_mapping || (fields.has("targets") && fields.get("targets").is_none());
        let chosen = if poisoned { None } else { target::choose(&mut reader, targets, &wishes, top_span) };
        let context = target::Context { root: &self.root, project: &top.name };
        let chosen_name = chosen.as_ref().map(|(name, _)| name.value.clone());
        for other in targets.iter().filter(|entry| chosen_name.as_ref().is_some_and(|name| *name != entry.key)) {
            let name = Given::new(other.key.clone(), other.key_span);
            reader.found.extend(target::glance(&name, &other.value, &context));
        }
        let (target, secrets) = match chosen {
            Some((name, node)) => target::read(&mut reader, &name, node, &context),
            None => (None, Vec::new()),
        };
        self.secrets
            .extend(secrets.into_iter().chain(target::written_secrets(targets)).chain(top.secrets.iter().cloned()));
        let node = |name: &str| fields.get(name).map(|field| field.node.clone());
        let (models, seeds, tests) = (node("models"), node("seeds"), node("tests"));
        let mut target_names: Vec<String> = targets.iter().map(|entry| entry.key.clone()).collect();
        target_names.sort();
        self.found.append(&mut reader.found);
        drop(reader);
        ProjectFile { top, target, target_names, models, seeds, tests, vars }
    }
}
