//! The phase itself: finds the project, reads its files, brings them together.

mod files;
mod instances;
mod nodes;
mod project_file;
mod root;

use super::{
    Project,
    config::NodeKind,
    disk::{Found, LOCAL_FILE, PROJECT_FILE},
    field::Reader,
    folder::Defaults,
    render::{Render, RenderScope, Renderer},
    target::maskable,
};
use crate::{diagnostic::Diagnostic, source::Sources};
use files::{Opening, is_text, layout};
use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

/// What loading needs to know from outside the project's files.
#[derive(Clone, Copy)]
pub struct LoadOptions<'a> {
    /// `--project-dir`: the folder of `suiro.yml`; without it, the current folder or the closest one above it.
    pub project_dir: Option<&'a Path>,
    /// Where the search starts; absolute.
    pub current_dir: &'a Path,
    /// `--target`.
    pub target: Option<&'a str>,
    /// `--vars`, each a YAML mapping; later ones go first.
    pub vars: &'a [String],
    /// The environment: `SUIRO_TARGET` and secrets (`SUIRO_SECRET_…`, `PGPASSWORD`) are taken from it.
    pub env: &'a BTreeMap<String, String>,
    /// Renders templates in YAML values.
    pub render: &'a Render<'a>,
    /// Whether seeds are read for types, rows and hash.
    pub scan_seeds: bool,
}

/// What loading gives.
#[derive(Debug)]
pub struct Loaded {
    /// The project as far as it could be read; nothing without a `suiro.yml` or a target. Whether it may be used is for
    /// the diagnostics to say.
    pub project: Option<Project>,
    /// The text of every file that was read.
    pub sources: Sources,
    /// What is wrong, in the order of the files.
    pub diagnostics: Vec<Diagnostic>,
    /// Values to be masked in everything printed or written, the longest first; also without a project, since the
    /// diagnostics show lines of files.
    pub secrets: Vec<String>,
}

/// Reads a project.
#[must_use]
pub fn load(options: &LoadOptions<'_>) -> Loaded {
    let mut sources = Sources::default();
    let mut found = Vec::new();
    let mut secrets = Vec::new();
    let project = match root::find_root(options) {
        Ok(root) => Loading { options, root, sources: &mut sources, found: &mut found, secrets: &mut secrets }.run(),
        Err(missing) => {
            found.push(*missing);
            None
        }
    };
    let secret = |name: &str| name.starts_with("SUIRO_SECRET_") || name == "PGPASSWORD";
    let variables = options.env.iter().filter(|(name, _)| secret(name));
    secrets.extend(variables.map(|(_, value)| value.clone()));
    found.sort_by_cached_key(|diagnostic| {
        diagnostic.primary.as_ref().map(|label| {
            let file = sources.get(label.span.file);
            // The project's own files first: what is wrong there may be the cause of the rest.
            let rank = [PROJECT_FILE, LOCAL_FILE].iter().position(|name| *name == file.path()).unwrap_or(2);
            (rank, file.path().to_owned(), file.first_line(), label.span.start)
        })
    });
    Loaded { project, sources, diagnostics: found, secrets: maskable(secrets) }
}

struct Loading<'l> {
    options: &'l LoadOptions<'l>,
    root: PathBuf,
    sources: &'l mut Sources,
    found: &'l mut Vec<Diagnostic>,
    secrets: &'l mut Vec<String>,
}

impl Loading<'_> {
    fn run(&mut self) -> Option<Project> {
        let vars = self.command_line_vars();
        let file = self.project_file(vars);
        let files = self.walk(&file.top);
        let opened = self.read(files.models.files.iter().filter(|file| is_text(file)));
        let (yamls, sqls): (Vec<Opening>, Vec<Opening>) =
            opened.into_iter().partition(|file| file.found.extension() != "sql");
        let scope = RenderScope { vars: &file.vars, target: file.target.as_ref(), instance: None };
        let renderer = Renderer { render: self.options.render, scope };
        let mut reader = match &file.target {
            Some(_) => Reader::new(Some(renderer)),
            // Without a target templates could fail for that reason alone, which has been reported.
            None => Reader::blind(),
        };
        let layout = layout(&files.models);
        let name = &file.top.name;
        reader.keeps_instances = true;
        let model_defaults = Defaults::of_node(&mut reader, file.models.as_ref(), NodeKind::Model, &layout, name);
        reader.keeps_instances = false;
        let seed_defaults = Defaults::of_node(&mut reader, file.seeds.as_ref(), NodeKind::Seed, &layout, name);
        let layout = layout.with(files::layout(&files.tests));
        let test_defaults = Defaults::of_node(&mut reader, file.tests.as_ref(), NodeKind::Test, &layout, name);
        let fixtures = self.fixtures(&files.tests);
        let properties = self.properties(&mut reader, &yamls, fixtures);
        let csvs: Vec<&Found> = files.models.files.iter().filter(|file| file.extension() == "csv").collect();
        let is_test = |file: &&Found| file.extension() == "sql" && !nodes::is_fixture(file);
        let tests = self.read(files.tests.files.iter().filter(is_test));
        let (tests, unit_files) = self.unit_files(&mut reader, tests, &test_defaults);
        let entries = self.match_entries((&sqls, &csvs, &tests), &properties.descriptions);
        let (model_entries, others) = entries.split_at(sqls.len());
        let (seed_entries, test_entries) = others.split_at(csvs.len());
        let descriptions = &properties.descriptions;
        let sqls = (NodeKind::Model, sqls);
        let mut models = self.models(&mut reader, sqls, &model_defaults, (model_entries, descriptions));
        let mut seeds = self.seeds(&csvs, &seed_defaults, seed_entries, descriptions);
        let tests = (NodeKind::Test, tests);
        let singular_tests = self.models(&mut reader, tests, &test_defaults, (test_entries, descriptions));
        let mut source_tables = properties.sources;
        nodes::lay_under_tests(&test_defaults, (&mut models, &mut seeds), (&mut source_tables, &yamls));
        self.found.append(&mut reader.found);
        drop(reader);
        let models = match &file.target {
            Some(target) => {
                self.instances(models, RenderScope { vars: &file.vars, target: Some(target), instance: None })
            }
            None => models,
        };
        if self.options.scan_seeds {
            self.scan(&mut seeds, file.target.as_ref());
        }
        self.empty_paths(&file.top, &files.templates);
        let (macro_files, template_overrides) = self.templates(&files.templates);
        let docs = self.docs(&files.models);
        let value_lists = self.value_lists();
        Some(Project {
            root: self.root.clone(),
            name: file.top.name,
            target: file.target?,
            target_names: file.target_names,
            settings: file.top.settings,
            models,
            seeds,
            source_tables,
            exposures: properties.exposures,
            vars: file.vars,
            macro_files,
            template_overrides,
            singular_tests,
            unit_tests: properties.unit_tests.into_iter().chain(unit_files).collect(),
            docs,
            value_lists,
        })
    }
}
