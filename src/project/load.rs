//! The phase itself: finds the project, reads its files, brings them together.

use super::{
    Project, TextFile,
    config::{Config, NodeKind},
    disk::{self, Found, LOCAL_FILE, PROJECT_FILE, Text, Walk},
    field::Reader,
    folder::{Defaults, Layout},
    key,
    matching::{Candidate, entries_of},
    model::{self, InFile, Model, Opened},
    property::{Description, Properties, merge_columns},
    render::{Render, RenderScope, Renderer},
    seed::{self, Format, Seed},
    settings::{self, Top},
    target::{self, Target, Wishes, maskable},
    yaml::{self, Content, Node},
};
use crate::{
    diagnostic::{Diagnostic, code},
    source::{FileId, SourceFile, Sources, Span},
};
use rayon::prelude::*;
use serde_json::Value;
use std::{
    collections::{BTreeMap, BTreeSet},
    path::{Path, PathBuf},
    sync::Arc,
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
    /// The environment: `SUIRO_TARGET` and secrets named `SUIRO_SECRET_…` are taken from it.
    pub env: &'a BTreeMap<String, String>,
    /// Renders templates in YAML values.
    pub render: &'a Render<'a>,
    /// Whether seeds are read for types, rows and hash.
    pub scan_seeds: bool,
}

/// Reads a project. The project is there as far as it could be read, unless there is no `suiro.yml` or no target; whether
/// it may be used is for the diagnostics to say. They are in the order of the files.
#[must_use]
pub fn load(options: &LoadOptions<'_>) -> (Option<Project>, Sources, Vec<Diagnostic>) {
    let mut sources = Sources::default();
    let mut found = Vec::new();
    let project = match find_root(options) {
        Ok(root) => Loading { options, root, sources: &mut sources, found: &mut found }.run(),
        Err(missing) => {
            found.push(*missing);
            None
        }
    };
    found.sort_by_cached_key(|diagnostic| {
        diagnostic.primary.as_ref().map(|label| {
            let file = sources.get(label.span.file);
            // The project's own files first: what is wrong there may be the cause of the rest.
            let rank = [PROJECT_FILE, LOCAL_FILE].iter().position(|name| *name == file.path()).unwrap_or(2);
            (rank, file.path().to_owned(), file.first_line(), label.span.start)
        })
    });
    (project, sources, found)
}

/// The folder of `suiro.yml`.
fn find_root(options: &LoadOptions<'_>) -> Result<PathBuf, Box<Diagnostic>> {
    let is_project = |folder: &Path| fs_err::symlink_metadata(folder.join(PROJECT_FILE)).is_ok();
    let start = match options.project_dir {
        Some(folder) => options.current_dir.join(folder),
        None => options.current_dir.to_owned(),
    };
    let start: PathBuf = start.components().collect();
    let root = match options.project_dir {
        Some(_) => Some(start.as_path()).filter(|folder| is_project(folder)),
        None => start.ancestors().find(|folder| is_project(folder)),
    };
    if let Some(root) = root {
        return Ok(root.to_owned());
    }
    let shown = start.display();
    let message = match options.project_dir {
        Some(_) if !start.is_dir() => format!("the folder `{shown}` does not exist"),
        Some(_) => format!("there is no suiro.yml in `{shown}`"),
        None => format!("there is no suiro.yml in `{shown}` or in any folder above it"),
    };
    let missing = Diagnostic::error(code::NO_PROJECT_FILE, message);
    let other = ["suiro.yaml", "Suiro.yml", "suiro.yml.txt"].into_iter().find(|name| start.join(name).is_file());
    Err(Box::new(match other {
        Some(other) => missing.help(format!("rename `{other}` to `suiro.yml`")),
        None => missing.help("`suiro init` writes one, and `--project-dir` names the folder of another project"),
    }))
}

struct Loading<'l> {
    options: &'l LoadOptions<'l>,
    root: PathBuf,
    sources: &'l mut Sources,
    found: &'l mut Vec<Diagnostic>,
}

/// What `suiro.yml` says, and the nodes that are read once the folders are known.
struct ProjectFile {
    top: Top,
    target: Option<Target>,
    target_names: Vec<String>,
    models: Option<Node>,
    seeds: Option<Node>,
    secrets: Vec<String>,
    vars: BTreeMap<String, Value>,
}

/// Every file below the project's paths.
struct Files {
    models: Walk,
    tests: Walk,
    templates: Vec<Walk>,
}

/// A YAML or SQL file that was read.
struct Opening {
    found: Found,
    file: FileId,
    usable: bool,
}

impl Loading<'_> {
    fn run(&mut self) -> Option<Project> {
        let vars = self.command_line_vars();
        let file = self.project_file(vars);
        let files = self.walk(&file.top);
        let opened = self.read(files.models.files.iter().filter(|file| is_text(file)));
        let (yamls, sqls): (Vec<Opening>, Vec<Opening>) = opened.into_iter().partition(|file| file.found.extension() != "sql");
        let scope = RenderScope { vars: &file.vars, target: file.target.as_ref() };
        let renderer = Renderer { render: self.options.render, scope };
        let mut reader = match &file.target {
            Some(_) => Reader::new(Some(renderer)),
            // Without a target templates could fail for that reason alone, which has been reported.
            None => Reader::blind(),
        };
        let layout = layout(&files.models);
        let name = &file.top.name;
        let defaults = |reader: &mut Reader<'_>, node: &Option<Node>, kind| {
            node.as_ref().map(|node| Defaults::read(reader, node, kind, &layout, name)).unwrap_or_default()
        };
        let model_defaults = defaults(&mut reader, &file.models, NodeKind::Model);
        let seed_defaults = defaults(&mut reader, &file.seeds, NodeKind::Seed);
        let properties = self.properties(&mut reader, &yamls);
        let csvs: Vec<&Found> = files.models.files.iter().filter(|file| file.extension() == "csv").collect();
        let entries = self.match_entries(&sqls, &csvs, &properties.descriptions);
        let (model_entries, seed_entries) = entries.split_at(sqls.len());
        let models = self.models(&mut reader, sqls, &model_defaults, model_entries, &properties.descriptions);
        let mut seeds = self.seeds(&csvs, &seed_defaults, seed_entries, &properties.descriptions);
        self.found.append(&mut reader.found);
        drop(reader);
        if self.options.scan_seeds {
            self.scan(&mut seeds, file.target.as_ref());
        }
        let (macro_files, template_overrides) = self.templates(&files.templates);
        let test_files = self.text_files(files.tests.files.iter().filter(|file| file.extension() == "sql"));
        let secrets = self.secrets(&file);
        Some(Project {
            root: self.root.clone(),
            name: file.top.name,
            target: file.target?,
            target_names: file.target_names,
            settings: file.top.settings,
            models,
            seeds,
            source_tables: properties.sources,
            exposures: properties.exposures,
            vars: file.vars,
            macro_files,
            template_overrides,
            test_files,
            secrets,
        })
    }

    /// `--vars`, as one mapping.
    fn command_line_vars(&mut self) -> BTreeMap<String, Value> {
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
            broken |= node.is_none() && !found.is_empty();
            self.found.extend(found);
            match (&mut merged, node) {
                (_, None) => {}
                (Some(below), Some(node)) if node.entries().is_some() => below.overlay(node),
                (Some(_), Some(node)) => {
                    Reader::new(None).fields(&node, &key::PROJECT, name);
                    let message = format!("{name} is a mapping of keys to values, not {}", node.describe());
                    self.found.push(Diagnostic::error(code::WRONG_VALUE, message).at(node.span, "no mapping").help("write `key: value`"));
                }
                (None, node) => merged = node,
            }
        }
        let top = top.unwrap_or_else(|| Span::new(self.sources.add(SourceFile::new(PROJECT_FILE, "")), 0..0));
        let empty = Node { span: top, content: Content::Map(Vec::new()) };
        (top, if broken { None } else { Some(merged.unwrap_or(empty)) })
    }

    fn project_file(&mut self, command_line: BTreeMap<String, Value>) -> ProjectFile {
        let (top_span, tree) = self.project_tree();
        let Some(tree) = tree else {
            // What follows reads the rest of the project with the defaults, to find what is wrong there.
            return ProjectFile {
                top: Top::default(),
                target: None,
                target_names: Vec::new(),
                models: None,
                seeds: None,
                secrets: Vec::new(),
                vars: command_line,
            };
        };
        let scope = RenderScope { vars: &command_line, target: None };
        let mut reader = Reader::new(Some(Renderer { render: self.options.render, scope }));
        let fields = reader.fields(&tree, &key::PROJECT, PROJECT_FILE);
        let is_mapping = tree.entries().is_some();
        let top = if is_mapping { settings::read(&mut reader, &fields, top_span) } else { Top::default() };
        let vars: BTreeMap<String, Value> = top.vars.clone().into_iter().chain(command_line.clone()).collect();
        reader.renderer = Some(Renderer { render: self.options.render, scope: RenderScope { vars: &vars, target: None } });
        let wishes = Wishes {
            option: self.options.target,
            variable: self.options.env.get("SUIRO_TARGET").map(String::as_str).filter(|name| !name.is_empty()),
            key: top.target.clone(),
        };
        let targets = fields.entries("targets");
        let poisoned = !is_mapping || (fields.has("targets") && fields.get("targets").is_none());
        let chosen = if poisoned { None } else { target::choose(&mut reader, targets, &wishes, top_span) };
        let context = target::Context { root: &self.root, project: &top.name };
        let (target, mut secrets) = match chosen {
            Some((name, node)) => target::read(&mut reader, &name, node, &context),
            None => (None, Vec::new()),
        };
        secrets.extend(top.secrets.iter().cloned());
        let node = |name: &str| fields.get(name).map(|field| field.node.clone());
        let (models, seeds) = (node("models"), node("seeds"));
        let mut target_names: Vec<String> = targets.iter().map(|entry| entry.key.clone()).collect();
        target_names.sort();
        self.found.append(&mut reader.found);
        drop(reader);
        ProjectFile { top, target, target_names, models, seeds, secrets, vars }
    }

    /// The project's folders.
    fn walk(&mut self, top: &Top) -> Files {
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
        let mut files = Files { models: self.walk_all(models, &all), tests: self.walk_all(tests, &all), templates: Vec::new() };
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
    fn read<'f>(&mut self, files: impl Iterator<Item = &'f Found>) -> Vec<Opening> {
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

    fn properties(&mut self, reader: &mut Reader<'_>, yamls: &[Opening]) -> Properties {
        let usable: Vec<&Opening> = yamls.iter().filter(|yaml| yaml.usable).collect();
        let sources = &*self.sources;
        let trees: Vec<(Option<Node>, Vec<Diagnostic>)> = usable
            .par_iter()
            .map(|yaml| {
                let text = sources.get(yaml.file).text();
                yaml::read(yaml.file, text, 0..text.len(), code::BROKEN_YAML)
            })
            .collect();
        let mut properties = Properties::default();
        for (yaml, (node, found)) in usable.iter().zip(trees) {
            self.found.extend(found);
            if let Some(node) = node {
                properties.read(reader, yaml.file, &yaml.found.path, &node);
            }
        }
        properties
    }

    fn match_entries(&mut self, sqls: &[Opening], csvs: &[&Found], descriptions: &[Description]) -> Vec<Option<usize>> {
        let models = sqls.iter().map(|sql| (NodeKind::Model, &sql.found));
        let seeds = csvs.iter().map(|csv| (NodeKind::Seed, *csv));
        let candidates: Vec<Candidate<'_>> = models
            .chain(seeds)
            .map(|(kind, found)| Candidate { kind, stem: found.stem(), path: &found.path })
            .collect();
        entries_of(&candidates, descriptions, self.found)
    }

    fn models(
        &mut self,
        reader: &mut Reader<'_>,
        sqls: Vec<Opening>,
        defaults: &Defaults,
        entries: &[Option<usize>],
        descriptions: &[Description],
    ) -> Vec<Model> {
        let sources = &*self.sources;
        let opened: Vec<Opened> = sqls.par_iter().map(|sql| model::open(sql.file, sources.get(sql.file).text())).collect();
        let mut models = Vec::with_capacity(sqls.len());
        for ((sql, opened), entry) in sqls.into_iter().zip(opened).zip(entries) {
            if sql.usable {
                self.found.extend(opened.found);
            }
            let in_file = opened.yaml.as_ref().map(|node| model::in_file(reader, node)).unwrap_or_default();
            let InFile { config, columns, tests } = in_file;
            let described = Described::of(*entry, descriptions, defaults, &sql.found);
            models.push(Model {
                file: sql.file,
                stem: sql.found.stem().to_owned(),
                below: sql.found.below_without_extension().to_owned(),
                path: sql.found.path,
                sql_start: opened.sql_start,
                config: config.over(&described.config),
                columns: merge_columns(columns, described.columns),
                tests: described.tests.into_iter().chain(tests).collect(),
                usable: sql.usable && opened.usable,
            });
        }
        models
    }

    fn seeds(
        &mut self,
        csvs: &[&Found],
        defaults: &Defaults,
        entries: &[Option<usize>],
        descriptions: &[Description],
    ) -> Vec<Seed> {
        let mut seeds = Vec::with_capacity(csvs.len());
        for (csv, entry) in csvs.iter().zip(entries) {
            let Described { config, columns, tests } = Described::of(*entry, descriptions, defaults, csv);
            let format = Format::of(&config, self.found);
            let mut seed = Seed {
                file: self.sources.add(SourceFile::new(csv.path.as_str(), "")),
                path: csv.path.clone(),
                below: csv.below_without_extension().to_owned(),
                stem: csv.stem().to_owned(),
                absolute: csv.absolute.clone(),
                config,
                columns,
                tests,
                table: None,
                format,
            };
            let first_line = seed::first_line(&seed);
            seed.file = self.sources.add(SourceFile::new(csv.path.as_str(), first_line));
            seeds.push(seed);
        }
        seeds
    }

    fn scan(&mut self, seeds: &mut [Seed], target: Option<&Target>) {
        let dialect = target.map(Target::dialect);
        let scanned: Vec<_> =
            seeds.par_iter().map(|seed| seed.config.enabled().then(|| seed.scan(dialect))).collect();
        for (seed, scanned) in seeds.iter_mut().zip(scanned) {
            let problems = match scanned {
                None => continue,
                Some(Ok((table, warnings))) => {
                    self.found.extend(seed::unknown_types(seed, &table));
                    seed.table = Some(table);
                    warnings
                }
                Some(Err(problems)) => problems,
            };
            for problem in problems {
                let diagnostic = problem.into_diagnostic(seed, self.sources);
                self.found.push(diagnostic);
            }
        }
    }

    fn templates(&mut self, walks: &[Walk]) -> (Vec<TextFile>, BTreeMap<String, TextFile>) {
        let (mut macros, mut overrides) = (Vec::new(), BTreeMap::new());
        for walk in walks {
            let templates = walk.files.iter().filter(|file| matches!(file.extension().as_str(), "sql" | "jinja" | "j2"));
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

    fn text_files<'f>(&mut self, files: impl Iterator<Item = &'f Found>) -> Vec<TextFile> {
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

    fn secrets(&self, file: &ProjectFile) -> Vec<String> {
        let variables = self.options.env.iter().filter(|(name, _)| name.starts_with("SUIRO_SECRET_"));
        maskable(file.secrets.iter().cloned().chain(variables.map(|(_, value)| value.clone())))
    }
}

/// What is said about a node outside its own file.
struct Described {
    config: Config,
    columns: Vec<super::Column>,
    tests: Vec<super::RawTest>,
}

impl Described {
    fn of(entry: Option<usize>, descriptions: &[Description], defaults: &Defaults, found: &Found) -> Self {
        let farther = defaults.of(found.below_without_extension());
        match entry.and_then(|entry| descriptions.get(entry)) {
            Some(entry) => Self {
                config: entry.config.clone().over(&farther),
                columns: entry.columns.clone(),
                tests: entry.tests.clone(),
            },
            None => Self { config: farther, columns: Vec::new(), tests: Vec::new() },
        }
    }
}

/// The files that are read as text; seeds are streams.
fn is_text(file: &Found) -> bool {
    matches!(file.extension().as_str(), "sql" | "yml" | "yaml")
}

fn layout(walk: &Walk) -> Layout {
    let nodes = walk.files.iter().filter(|file| matches!(file.extension().as_str(), "sql" | "csv"));
    Layout {
        folders: walk.folders.clone(),
        files: nodes.map(|file| file.below_without_extension().to_owned()).collect(),
    }
}
