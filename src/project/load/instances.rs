//! A model for each instance of a file.

use super::Loading;
use crate::{
    diagnostic::{Diagnostic, code},
    project::{
        disk,
        instance::{self, Entry},
        model::Model,
        render::RenderScope,
        yaml::Node,
    },
    source::Span,
};
use serde_json::Value;
use std::collections::BTreeMap;

/// The entries of files that were read already, by path; none for one that could not be read.
type Files = BTreeMap<String, Option<Vec<Entry>>>;

impl Loading<'_> {
    /// The models, each file with `instances` once for each of them.
    pub(super) fn instances(&mut self, models: Vec<Model>, scope: RenderScope<'_>) -> Vec<Model> {
        let mut files = Files::new();
        let mut all = Vec::with_capacity(models.len());
        for mut model in models {
            let Some((value, span)) = instance::take(&mut model.config) else {
                self.fill(&mut model, scope);
                all.push(model);
                continue;
            };
            match self.entries(&mut files, &value, span) {
                Some(entries) => self.each(&model, entries, span, scope, &mut all),
                None => all.push(Model { usable: false, ..model }),
            }
        }
        all
    }

    fn each(&mut self, model: &Model, entries: Vec<Entry>, span: Span, scope: RenderScope<'_>, all: &mut Vec<Model>) {
        if entries.is_empty() {
            let message = format!("`{}` has no instances, so nothing is built from it", model.path);
            let none = Diagnostic::warning(code::DESCRIBES_NOTHING, message).at(span, "an empty list");
            self.found.push(none.help("write `- name: …` for each of them, or remove the file"));
        }
        for (index, entry) in entries.into_iter().enumerate() {
            let instance = instance::instance(&model.stem, index + 1, entry);
            let mut model = model.clone();
            let before = self.found.len();
            self.fill(&mut model, RenderScope { instance: Some(&instance.value), ..scope });
            let mut wrong = false;
            for problem in self.found.iter_mut().skip(before) {
                problem.instance = Some(instance.label.clone());
                wrong |= problem.is_error();
            }
            model.usable &= !wrong;
            model.instance = Some(instance);
            all.push(model);
        }
    }

    /// Renders what asks for the instance.
    fn fill(&mut self, model: &mut Model, scope: RenderScope<'_>) {
        let render = self.options.render;
        let mut failed = Vec::new();
        let found = instance::fill(model, &mut |text, span| {
            let rendered = render(text, span, scope);
            rendered.map_err(|problems| failed.extend(problems)).ok()
        });
        self.found.extend(failed.into_iter().chain(found));
    }

    /// The entries of `instances`: a list, or the path of a file.
    fn entries(&mut self, files: &mut Files, value: &Value, span: Span) -> Option<Vec<Entry>> {
        let Value::String(path) = value else {
            let (entries, found) = instance::entries(&Node::from_json(value, span));
            let broken = !found.is_empty();
            self.found.extend(found);
            return (!broken).then_some(entries);
        };
        if let Some(entries) = files.get(path) {
            return entries.clone();
        }
        let entries = self.entries_of_file(path, span);
        files.insert(path.clone(), entries.clone());
        entries
    }

    fn entries_of_file(&mut self, path: &str, span: Span) -> Option<Vec<Entry>> {
        let help = "write a list, or the path of a .yml, .yaml or .csv file, relative to the project";
        let lower = path.to_ascii_lowercase();
        let known = [".yml", ".yaml", ".csv"].iter().any(|ending| lower.ends_with(ending));
        let Some(inside) = disk::inside(path).filter(|_| known) else {
            let message = format!("`{path}` is no YAML or CSV file of the project");
            self.found.push(instance::broken(message, span, help));
            return None;
        };
        let absolute = self.root.join(&inside);
        if fs_err::symlink_metadata(&absolute).is_err() {
            self.found.push(instance::broken(format!("the file `{inside}` does not exist"), span, help));
            return None;
        }
        let (file, wrong) = disk::add(self.sources, &inside, disk::read(&absolute));
        if let Some(wrong) = wrong {
            self.found.push(wrong.also(span, "named here"));
            return None;
        }
        let (entries, found) = instance::entries_of_file(file, &inside, self.sources.get(file).text());
        let broken = !found.is_empty();
        self.found.extend(found);
        (!broken).then_some(entries)
    }
}
