//! Which files there are, and their texts.

use super::Loading;
use crate::{
    diagnostic::{Diagnostic, code},
    project::{
        TextFile,
        disk::{self, Found, Text, Walk},
        docs,
        field::{Given, Reader},
        folder::Layout,
        settings::Top,
        values::{self, ValueList},
        yaml,
    },
    source::{FileId, Span},
};
use rayon::prelude::*;
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

/// Every file below the project's paths.
pub(super) struct Files {
    pub(super) models: Walk,
    pub(super) tests: Walk,
    pub(super) templates: Vec<Walk>,
}

/// A YAML or SQL file that was read.
pub(super) struct Opening {
    pub(super) found: Found,
    pub(super) file: FileId,
    pub(super) usable: bool,
}

impl Loading<'_> {
    /// The project's folders.
    pub(super) fn walk(&mut self, top: &Top) -> Files {
        for given in &top.given_paths {
            if !self.root.join(&given.value).is_dir() {
                let message = format!("the folder `{}` does not exist", given.value);
                let missing = Diagnostic::error(code::UNREADABLE_FILE, message).at(given.span, "no such folder");
                self.found.push(missing.help("create it, or remove it from the list"));
            }
        }
        let settings = &top.settings;
        let (models, tests, templates) = (&settings.model_paths, &settings.test_paths, &settings.template_paths);
        let all: BTreeSet<String> = models.iter().chain(tests).chain(templates).cloned().collect();
        let mut files =
            Files { models: self.walk_all(models, &all), tests: self.walk_all(tests, &all), templates: Vec::new() };
        for path in templates {
            let walk = self.walk_all(std::slice::from_ref(path), &all);
            files.templates.push(walk);
        }
        files
    }

    /// Everything below some paths; a path below another one belongs to itself alone.
    fn walk_all(&mut self, paths: &[String], all: &BTreeSet<String>) -> Walk {
        let mut walk = Walk::default();
        for path in paths.iter().filter(|path| self.root.join(path).is_dir()) {
            let found = disk::walk(&self.root, path, all, &mut walk, self.sources);
            self.found.extend(found);
        }
        walk
    }

    /// Reads files in parallel and adds them in order.
    pub(super) fn read<'f>(&mut self, files: impl Iterator<Item = &'f Found>) -> Vec<Opening> {
        let files: Vec<&Found> = files.collect();
        let texts: Vec<Text> = files.par_iter().map(|file| disk::read(&file.absolute)).collect();
        let mut opened = Vec::with_capacity(files.len());
        for (found, text) in files.into_iter().zip(texts) {
            let (file, wrong) = disk::add(self.sources, &found.path, text);
            opened.push(Opening { found: found.clone(), file, usable: wrong.is_none() });
            self.found.extend(wrong);
        }
        opened
    }

    pub(super) fn templates(&mut self, walks: &[Walk]) -> (Vec<TextFile>, BTreeMap<String, TextFile>) {
        let (mut macros, mut overrides) = (Vec::new(), BTreeMap::new());
        for (index, walk) in walks.iter().enumerate() {
            let templates =
                walk.files.iter().filter(|file| matches!(file.extension().as_str(), "sql" | "jinja" | "j2"));
            for mut file in self.text_files(templates) {
                file.layer = walks.len() - index;
                if file.below.starts_with("macros/") {
                    macros.push(file);
                } else {
                    overrides.entry(file.below.clone()).or_insert(file);
                }
            }
        }
        (macros, overrides)
    }

    /// Says that a template path which is named has nothing in it: a submodule that was not fetched is such a folder.
    pub(super) fn empty_paths(&mut self, top: &Top, walks: &[Walk]) {
        for (path, walk) in top.settings.template_paths.iter().zip(walks) {
            let given = top.given_paths.iter().find(|given| given.value == *path);
            let Some(given) = given.filter(|_| walk.files.is_empty() && self.root.join(path).is_dir()) else {
                continue;
            };
            let message = format!("the folder `{path}` has no templates in it");
            let empty = Diagnostic::warning(code::DESCRIBES_NOTHING, message).at(given.span, "nothing is found here");
            self.found.push(empty.help("if it is a git submodule, fetch it: `git submodule update --init`"));
        }
    }

    /// The docs blocks of the Markdown files among these.
    pub(super) fn docs(&mut self, walk: &Walk) -> BTreeMap<String, String> {
        let is_markdown = |file: &&Found| matches!(file.extension().as_str(), "md" | "markdown");
        let files: Vec<&Found> = walk.files.iter().filter(is_markdown).collect();
        let texts: Vec<Text> = files.par_iter().map(|file| disk::read(&file.absolute)).collect();
        let mut blocks: BTreeMap<String, (Given<String>, String)> = BTreeMap::new();
        for (found, text) in files.into_iter().zip(texts) {
            // What has no blocks is no file of the project, and may be anything.
            let concerns = match &text {
                Text::Good(text) | Text::NotUtf8 { replaced: text, .. } => docs::has_blocks(text),
                Text::Unreadable(_) => false,
            };
            if !concerns {
                continue;
            }
            let (file, wrong) = disk::add(self.sources, &found.path, text);
            if let Some(wrong) = wrong {
                self.found.push(wrong);
                continue;
            }
            let (found, problems) = docs::blocks(file, self.sources.get(file).text());
            self.found.extend(problems);
            for (name, text) in found {
                if let Some((first, _)) = blocks.get(&name.value) {
                    let message = format!("two docs blocks are called `{}`", name.value);
                    let twice = Diagnostic::error(code::DUPLICATE_NAME, message).at(name.span, "again");
                    self.found.push(twice.also(first.span, "first").help("rename one of the two"));
                    continue;
                }
                blocks.insert(name.value.clone(), (name, text));
            }
        }
        blocks.into_iter().map(|(name, (_, text))| (name, text)).collect()
    }

    /// The lists of values.
    pub(super) fn value_lists(&mut self) -> Vec<ValueList> {
        if !self.root.join(values::FOLDER).is_dir() {
            return Vec::new();
        }
        let walk = self.walk_all(&[values::FOLDER.to_owned()], &BTreeSet::new());
        let opened = self.read(walk.files.iter().filter(|file| matches!(file.extension().as_str(), "yml" | "yaml")));
        let mut reader = Reader::new(None);
        let mut lists: Vec<ValueList> = Vec::new();
        for opening in opened.iter().filter(|opening| opening.usable) {
            let text = self.sources.get(opening.file).text();
            let (node, found) = yaml::read(opening.file, text, 0..text.len(), code::BROKEN_YAML);
            self.found.extend(found);
            let Some(node) = node else { continue };
            let name = opening.found.below_without_extension();
            let list = values::read(&mut reader, name, &opening.found.path, opening.file, &node);
            match lists.iter().find(|other| other.name == list.name) {
                Some(other) => {
                    let message = format!("`{}` and `{}` are the same list of values", other.path, list.path);
                    let twice = Diagnostic::error(code::DUPLICATE_NAME, message);
                    reader.found.push(twice.at(Span::new(list.file, 0..0), "").help("remove one of the two files"));
                }
                None => lists.push(list),
            }
        }
        self.found.append(&mut reader.found);
        lists
    }

    pub(super) fn text_files<'f>(&mut self, files: impl Iterator<Item = &'f Found>) -> Vec<TextFile> {
        let opened = self.read(files);
        let usable = opened.into_iter().filter(|file| file.usable);
        usable
            .map(|opened| TextFile {
                text: Arc::clone(&self.sources.get(opened.file).shared_text()),
                file: opened.file,
                path: opened.found.path,
                below: opened.found.below,
                layer: 0,
            })
            .collect()
    }
}

/// The files that are read as text; seeds are streams.
pub(super) fn is_text(file: &Found) -> bool {
    matches!(file.extension().as_str(), "sql" | "yml" | "yaml")
}

pub(super) fn layout(walk: &Walk) -> Layout {
    let nodes = walk.files.iter().filter(|file| matches!(file.extension().as_str(), "sql" | "csv"));
    Layout {
        folders: walk.folders.clone(),
        files: nodes.map(|file| file.below_without_extension().to_owned()).collect(),
    }
}
