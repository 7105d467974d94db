//! A dbt project to a suiro project.
//!
//! In: the folder of a dbt project. Out: the files of a suiro project, and notes on what needs a hand. Never: running
//! anything, a file in the dbt project, or a file over one that is there.

mod settings;
mod sql;

use super::yaml::{self, Content, Node};
use crate::{
    diagnostic::{
        Diagnostic,
        code::{BAD_USAGE, BROKEN_YAML, NO_PROJECT_FILE, NOT_WRITABLE, UNREADABLE_FILE},
    },
    source::{FileId, SourceFile, Sources, line_column},
};
use serde::Serialize;
use sql::Names;
use std::{
    collections::{BTreeMap, BTreeSet},
    path::{Path, PathBuf},
};

/// Something that needs a hand, or is worth knowing.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Note {
    /// The file of the dbt project, relative to its folder.
    pub path: String,
    /// The line, from 1.
    pub line: usize,
    /// What was found.
    pub found: String,
    /// What to do about it.
    pub help: String,
}

/// What came of an import.
#[derive(Debug, Default)]
pub struct Imported {
    /// The project's name.
    pub name: String,
    /// How many models, seeds, YAML files, macro files and tests were written.
    pub written: BTreeMap<&'static str, usize>,
    /// How many `ref()` and `source()` became plain names.
    pub plain: usize,
    /// How many stayed, because a plain name could mean something else.
    pub kept: usize,
    /// What needs a hand, by file and line.
    pub notes: Vec<Note>,
}

/// A dbt project as it is read.
struct Dbt {
    root: PathBuf,
    settings: settings::Settings,
    /// Files by their path relative to the project, below each kind of folder.
    files: BTreeMap<String, String>,
    notes: Vec<Note>,
}

/// A file to write.
struct Output {
    kind: &'static str,
    path: String,
    text: String,
}

/// Writes the dbt project in `from` as a suiro project into `to`, which must not exist or be empty.
///
/// # Errors
/// When there is no dbt project, something cannot be read, or the folder cannot be written.
pub fn import_dbt(from: &Path, to: &Path) -> Result<Imported, Box<Diagnostic>> {
    let taken = fs_err::read_dir(to).is_ok_and(|mut entries| entries.next().is_some());
    if taken {
        let problem = Diagnostic::error(BAD_USAGE, format!("the folder `{}` is not empty", to.display()));
        return Err(Box::new(problem.help("nothing was written; name another folder: `--to my_project`")));
    }
    let mut dbt = read(from)?;
    let names = dbt.names();
    let mut imported = Imported { name: dbt.settings.name.clone(), ..Imported::default() };
    let mut outputs = vec![Output { kind: "project file", path: "suiro.yml".to_owned(), text: dbt.settings.text() }];
    for (path, text) in std::mem::take(&mut dbt.files) {
        outputs.extend(dbt.convert(&path, text, &names, &mut imported));
    }
    dbt.notes.append(&mut dbt.settings.notes);
    dbt.notes.sort();
    dbt.notes.dedup();
    imported.notes = dbt.notes;
    let mut seen = BTreeSet::new();
    for output in outputs {
        if !seen.insert(output.path.clone()) {
            let problem = Diagnostic::error(BAD_USAGE, format!("two files would become `{}`", output.path));
            return Err(Box::new(problem.help("rename one of them in the dbt project")));
        }
        let place = to.join(&output.path);
        let written =
            place.parent().map_or(Ok(()), fs_err::create_dir_all).and_then(|()| fs_err::write(&place, &output.text));
        written.map_err(|error| {
            let problem = Diagnostic::error(NOT_WRITABLE, format!("the project could not be written: {error}"));
            Box::new(problem.help("check that the folder is yours and that there is room on the disk"))
        })?;
        *imported.written.entry(output.kind).or_default() += 1;
    }
    Ok(imported)
}

fn read(from: &Path) -> Result<Dbt, Box<Diagnostic>> {
    let file = from.join("dbt_project.yml");
    let text = fs_err::read_to_string(&file).map_err(|error| {
        let problem =
            Diagnostic::error(NO_PROJECT_FILE, format!("there is no dbt project in `{}`: {error}", from.display()));
        Box::new(problem.help("name the folder that has the `dbt_project.yml`"))
    })?;
    let (node, mut problems) = tree("dbt_project.yml", &text);
    let node = node.ok_or_else(|| {
        Box::new(problems.pop().unwrap_or_else(|| Diagnostic::error(BROKEN_YAML, "the dbt_project.yml is empty")))
    })?;
    let settings = settings::read(&node, &text);
    let mut dbt = Dbt { root: from.to_owned(), settings, files: BTreeMap::new(), notes: Vec::new() };
    let folders: Vec<String> = dbt.settings.folders().map(str::to_owned).collect();
    for folder in folders {
        dbt.walk(&folder)?;
    }
    for file in ["packages.yml", "dependencies.yml"] {
        if let Ok(text) = fs_err::read_to_string(from.join(file)) {
            dbt.settings.packages(file, &text);
        }
    }
    Ok(dbt)
}

/// A YAML file as a tree.
fn tree(path: &str, text: &str) -> (Option<Node>, Vec<Diagnostic>) {
    let mut sources = Sources::default();
    let file: FileId = sources.add(SourceFile::new(path, text));
    yaml::read(file, text, 0..text.len(), BROKEN_YAML)
}

/// The line of a byte, from 1.
fn line(text: &str, byte: usize) -> usize {
    line_column(text, byte).line
}

impl Dbt {
    /// Reads the files below a folder; one that is no text is left out, with a note.
    fn walk(&mut self, folder: &str) -> Result<(), Box<Diagnostic>> {
        let base = self.root.join(folder);
        for entry in walkdir::WalkDir::new(&base).sort_by_file_name().into_iter().filter_map(Result::ok) {
            if !entry.file_type().is_file() {
                continue;
            }
            let path = entry.path().strip_prefix(&self.root).unwrap_or(entry.path());
            let path = path.components().map(|part| part.as_os_str().to_string_lossy()).collect::<Vec<_>>().join("/");
            let bytes = fs_err::read(entry.path()).map_err(|error| {
                Box::new(Diagnostic::error(
                    UNREADABLE_FILE,
                    format!("a file of the dbt project cannot be read: {error}"),
                ))
            })?;
            match String::from_utf8(bytes) {
                Ok(text) => {
                    self.files.insert(path, text);
                }
                Err(_) => self.note(&path, 1, "the file is not UTF-8 and was left out", "save it as UTF-8 and copy it"),
            }
        }
        Ok(())
    }

    fn note(&mut self, path: &str, line: usize, found: impl Into<String>, help: impl Into<String>) {
        self.notes.push(Note { path: path.to_owned(), line, found: found.into(), help: help.into() });
    }

    /// The path below the first of these folders that holds it.
    fn below<'p>(folders: &[String], path: &'p str) -> Option<&'p str> {
        folders.iter().find_map(|folder| path.strip_prefix(folder.as_str())?.strip_prefix('/'))
    }

    /// What can be named: models and seeds, and the tables of sources.
    fn names(&self) -> Names {
        let mut names = Names { packages: self.settings.package_names.clone(), ..Names::default() };
        names.packages.insert(self.settings.name.clone());
        names.project.clone_from(&self.settings.name);
        for (path, text) in &self.files {
            let (stem, extension) = path.rsplit('/').next().unwrap_or_default().rsplit_once('.').unwrap_or_default();
            let is_node = Self::below(&self.settings.models, path).is_some() && extension == "sql"
                || Self::below(&self.settings.seeds, path).is_some() && extension == "csv";
            if is_node {
                *names.nodes.entry(stem.to_owned()).or_default() += 1;
            }
            if matches!(extension, "yml" | "yaml") {
                sources(path, text, &mut names);
            }
        }
        names
    }

    /// What becomes of a file, if anything.
    fn convert(&mut self, path: &str, text: String, names: &Names, imported: &mut Imported) -> Option<Output> {
        let extension = path.rsplit_once('.').map_or("", |(_, extension)| extension).to_ascii_lowercase();
        let settings = &self.settings;
        let model = Self::below(&settings.models, path).map(|below| format!("models/{below}"));
        let seed = Self::below(&settings.seeds, path).map(|below| format!("models/seeds/{below}"));
        let test = Self::below(&settings.tests, path).map(|below| format!("tests/{below}"));
        let macros = Self::below(&settings.macros, path).map(|below| format!("templates/macros/{below}"));
        let unused = Self::below(&settings.unused, path).is_some();
        let output = |kind, path, text| Some(Output { kind, path, text });
        match (extension.as_str(), model, seed, test, macros) {
            ("sql", Some(place), ..) => output("model", place, self.sql(path, &text, names, imported)),
            ("yml" | "yaml" | "md", Some(place), ..) => output("YAML or text file", place, text),
            ("csv", _, Some(place), ..) => output("seed", place, text),
            ("yml" | "yaml" | "md", _, Some(place), ..) => output("YAML or text file", place, text),
            ("sql", _, _, Some(place), _) if !place.starts_with("tests/generic/") && !is_block(&text, "test") => {
                output("test", place, self.sql(path, &text, names, imported))
            }
            ("yml" | "yaml", ..) if unused => {
                self.note(path, 1, "it describes something that was left out", "");
                None
            }
            ("sql", _, _, None, Some(place)) => {
                self.macros(path, text).map(|text| Output { kind: "macro file", path: place, text })
            }
            ("sql", _, _, Some(_), _) => {
                self.note(path, 1, "a generic test was left out", "write it anew as a template in templates/tests/");
                None
            }
            ("sql", ..) if unused => {
                let snapshot = is_block(&text, "snapshot");
                let what = if snapshot { "a snapshot was left out" } else { "an analysis was left out" };
                let help = if snapshot {
                    "write it as a model with `materialized: snapshot`; its `config` stays"
                } else {
                    "it builds nothing; `suiro show --inline` runs such a query"
                };
                self.note(path, 1, what, help);
                None
            }
            ("py", Some(_), ..) => {
                self.note(
                    path,
                    1,
                    "a Python model was left out",
                    "let something else fill it, and declare it as a source",
                );
                None
            }
            _ => {
                if !path.rsplit('/').next().unwrap_or_default().starts_with('.') {
                    self.note(path, 1, "the file was left out", "copy it if it is needed");
                }
                None
            }
        }
    }

    /// The SQL of a model or test, with plain names where nothing is lost.
    fn sql(&mut self, path: &str, text: &str, names: &Names, imported: &mut Imported) -> String {
        let converted = sql::convert(text, names);
        imported.plain += converted.plain;
        imported.kept += converted.kept.len();
        for (byte, found, help) in converted.kept.into_iter().chain(converted.notes) {
            self.note(path, line(text, byte), found, help);
        }
        converted.text
    }

    /// A file of macros without what is no macro; nothing if there is none.
    fn macros(&mut self, path: &str, text: String) -> Option<String> {
        for (block, what, help) in [
            ("test", "a generic test", "write it anew as a template in templates/tests/"),
            ("materialization", "a materialization", "write it anew as a template in templates/materializations/"),
            ("snapshot", "a snapshot", "write it as a model with `materialized: snapshot`; its `config` stays"),
        ] {
            if is_block(&text, block) {
                self.note(path, 1, format!("the file has {what} and was left out"), help);
                return None;
            }
        }
        for (byte, found, help) in sql::notes(&text, &self.settings.package_names) {
            self.note(path, line(&text, byte), found, help);
        }
        for name in ["generate_schema_name", "generate_alias_name", "generate_database_name"] {
            if let Some(at) = text.find(&format!("macro {name}")) {
                let found = format!("`{name}` has no effect");
                self.note(path, line(&text, at), found, "suiro takes `schema` and `alias` as they are written");
            }
        }
        Some(text)
    }
}

/// Whether the text has a block tag of that name.
fn is_block(text: &str, name: &str) -> bool {
    text.split("{%").skip(1).any(|tag| {
        let tag = tag.trim_start_matches(['-', '+']).trim_start();
        tag.strip_prefix(name).is_some_and(|rest| rest.starts_with(char::is_whitespace))
    })
}

/// Notes the tables of the sources of a YAML file.
fn sources(path: &str, text: &str, names: &mut Names) {
    let Some(root) = tree(path, text).0 else { return };
    for source in field(&root, "sources").and_then(Node::items).unwrap_or_default() {
        let Some(name) = field(source, "name").and_then(text_of) else { continue };
        let plain = field(source, "database").is_none();
        let schema = field(source, "schema").and_then(text_of).unwrap_or(name);
        for table in field(source, "tables").and_then(Node::items).unwrap_or_default() {
            let Some(table_name) = field(table, "name").and_then(text_of) else { continue };
            let identifier = field(table, "identifier").and_then(text_of).unwrap_or(table_name);
            names.tables.insert(identifier.to_ascii_lowercase());
            if plain {
                let relation = (schema.to_owned(), identifier.to_owned());
                names.sources.insert((name.to_owned(), table_name.to_owned()), relation);
            }
        }
    }
}

/// The value of a key of a mapping.
fn field<'n>(node: &'n Node, key: &str) -> Option<&'n Node> {
    node.entries()?.iter().find(|entry| entry.key == key).map(|entry| &entry.value)
}

fn text_of(node: &Node) -> Option<&str> {
    match &node.content {
        Content::Scalar(scalar) if !node.is_null() => Some(&scalar.text),
        _ => None,
    }
}
