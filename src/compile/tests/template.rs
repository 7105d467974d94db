//! The templates of generic tests: those that come with suiro, and the project's, which go first.

use super::super::add_virtual;
use crate::{
    dialect::Dialect,
    project::Project,
    source::{FileId, Sources},
    template::Renderer,
};
use include_dir::{Dir, include_dir};
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

static BUILT_IN: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/templates/tests");
/// What stands in the place of a relation's name where only some of its rows are tested.
const FILTER: &str = include_str!("../../../templates/testing/filter.sql.jinja");

/// A template of tests.
#[derive(Debug, Clone)]
pub struct TestTemplate {
    /// Its file.
    pub file: FileId,
    /// Its text.
    pub text: Arc<str>,
    /// The names that it can be told.
    pub asks: BTreeSet<String>,
}

/// All templates of tests, by name.
pub struct TestTemplates {
    by_name: BTreeMap<String, TestTemplate>,
    /// The template of a relation of which only some rows are tested.
    pub filter: TestTemplate,
}

impl TestTemplates {
    /// The templates for a dialect. The project's go before those that come with suiro, those of the dialect before
    /// those for all.
    pub fn new(project: &Project, sources: &mut Sources, renderer: &Renderer) -> Self {
        let dialect = project.target.dialect();
        let mut by_name: BTreeMap<String, (usize, FileId)> = BTreeMap::new();
        let mut offer = |below: &str, own: bool, file: &mut dyn FnMut() -> FileId| {
            let Some((rank, name)) = rank(below, dialect) else { return };
            let rank = rank + if own { 10 } else { 0 };
            if by_name.get(name).is_none_or(|(known, _)| *known < rank) {
                by_name.insert(name.to_owned(), (rank, file()));
            }
        };
        let built_in = BUILT_IN.dirs().flat_map(Dir::files);
        for (path, text) in built_in.filter_map(|file| Some((file.path(), file.contents_utf8()?))) {
            let below = path.to_string_lossy().replace('\\', "/");
            offer(&below, false, &mut || add_virtual(sources, format!("(built in)/templates/tests/{below}"), text));
        }
        for file in project.template_overrides.values() {
            if let Some(below) = file.below.strip_prefix("tests/") {
                offer(below, true, &mut || file.file);
            }
        }
        let template = |file: FileId, sources: &Sources| {
            let text = sources.get(file).shared_text();
            TestTemplate { file, asks: renderer.asks(&text), text }
        };
        let filter = add_virtual(sources, "(built in)/templates/testing/filter.sql.jinja".to_owned(), FILTER);
        Self {
            filter: template(filter, sources),
            by_name: by_name.into_iter().map(|(name, (_, file))| (name, template(file, sources))).collect(),
        }
    }

    /// The template of that name.
    pub fn get(&self, name: &str) -> Option<&TestTemplate> {
        self.by_name.get(name)
    }

    /// All names, in order.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.by_name.keys().map(String::as_str)
    }
}

/// The name of a template by its path below `tests/`, and how it ranks among those of that name.
fn rank(below: &str, dialect: Dialect) -> Option<(usize, &str)> {
    let path = [".sql.jinja", ".sql.j2", ".sql", ".jinja", ".j2"].iter().find_map(|end| below.strip_suffix(end))?;
    match path.split_once('/') {
        None => Some((1, path)),
        Some(("default", name)) if !name.contains('/') => Some((1, name)),
        Some((folder, name)) if folder == dialect.name() && !name.contains('/') => Some((2, name)),
        Some(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn templates_are_found_in_the_folder_and_for_the_dialect() {
        assert_eq!(rank("positive.sql.jinja", Dialect::DuckDb), Some((1, "positive")));
        assert_eq!(rank("default/positive.sql", Dialect::DuckDb), Some((1, "positive")));
        assert_eq!(rank("duckdb/positive.sql.jinja", Dialect::DuckDb), Some((2, "positive")));
        assert_eq!(rank("postgres/positive.sql.jinja", Dialect::DuckDb), None);
        assert_eq!(rank("default/deep/positive.sql", Dialect::DuckDb), None);
        assert_eq!(rank("README.md", Dialect::DuckDb), None);
    }
}
