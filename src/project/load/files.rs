//! Which files there are, and their texts.

use super::Loading;
use crate::{
    diagnostic::{Diagnostic, code},
    project::{
        TextFile,
        disk::{self, Found, Text, Walk},
        folder::Layout,
        settings::Top,
    },
    source::FileId,
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
        for walk in walks {
            let templates =
                walk.files.iter().filter(|file| matches!(file.extension().as_str(), "sql" | "jinja" | "j2"));
            for file in self.text_files(templates) {
                if file.below.starts_with("macros/") {
                    macros.push(file);
                } else {
                    overrides.entry(file.below.clone()).or_insert(file);
                }
            }
        }
        (macros, overrides)
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
