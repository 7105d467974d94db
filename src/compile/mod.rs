//! From files to a manifest: rendering, reading, resolving, ordering; each model on its own, in parallel.
//!
//! In: what the command line says. Out: a [`Compilation`] as far as the project allows, and every diagnostic. Never: a
//! connection.

mod arrival;
mod columns;
mod decorate;
mod describe;
mod edges;
mod environment;
mod facts;
mod files;
mod findings;
mod incremental;
mod known;
mod names;
mod nodes;
mod properties;
mod reading;
mod serve;
mod snapshot;
mod tests;
mod unordered;

pub use environment::{Environment, schema as environment_schema};
pub use facts::WrittenFile;
pub use names::{Meaning, Names};
pub use reading::{Read, Reading, Surroundings};
pub use serve::{process_environment, setting_renderer};

use crate::{
    diagnostic::{Diagnostic, code::CYCLE},
    dialect::Dialect,
    graph::{Graph, Selector},
    manifest::{Form, Manifest, Node, NodeId, NodeKind, RunHooks},
    name::NamePart,
    parse::Referee,
    project::{self, LoadOptions, Loaded, Project},
    source::{FileId, SourceFile, Sources},
    template::{self, EnvironmentLookup, MacroFile, Renderer, Scope, StatementTemplates, Visible},
};
use columns::Inference;
use edges::{Edges, Resolver};
use nodes::Origin;
use rayon::prelude::*;
use std::{
    collections::BTreeMap,
    sync::{Arc, atomic::AtomicUsize},
};
use tests::{Rendering, TestTemplates, Tests};

/// Bytes of SQL whose syntax trees stay in memory until columns are traced; trees are some eighty times as large.
const ROOM_FOR_TREES: usize = 512 << 10;

/// A compiled project, and what is needed to say where things were written.
pub struct Compilation {
    /// The project.
    pub project: Project,
    /// Every file that was read.
    pub sources: Sources,
    /// What was found.
    pub diagnostics: Vec<Diagnostic>,
    /// Orders that the text of models lacks: printed by those who ask.
    pub advice: Vec<Diagnostic>,
    /// The nodes.
    pub manifest: Manifest,
    /// Who reads whom.
    pub graph: Graph,
    /// Values to be masked in everything printed or written.
    pub secrets: Vec<String>,
    /// Selections with a name.
    pub selectors: BTreeMap<String, Selector>,
    /// The environment that was entered; without one it is production.
    pub environment: Option<Environment>,
    known_keys: BTreeMap<NodeId, Vec<crate::lineage::Key>>,
    readings: Vec<Reading>,
    tests: Tests,
    test_templates: TestTemplates,
    origins: Vec<Origin>,
    names: Names,
    renderer: Renderer,
    scope: Scope,
    statements: StatementTemplates,
    referee: Option<Box<dyn Referee>>,
}

/// What compiling needs from outside.
pub struct Request<'a> {
    /// How to load the project.
    pub load: LoadOptions<'a>,
    /// What templates may ask of the environment.
    pub environment: EnvironmentLookup,
    /// The engine's own parser, where there is one.
    pub referee: Option<Box<dyn Referee>>,
    /// Whether orders are looked for that the text of models lacks.
    pub advise: bool,
}

/// Compiles a project as far as it can be; what was found instead, where there is none.
///
/// # Errors
/// When there is no project or no target: what was loaded, with its diagnostics.
#[expect(clippy::result_large_err, reason = "made once in a process")]
pub fn compile(request: Request<'_>) -> Result<Compilation, Loaded> {
    compile_all(project::load(&request.load), &request.environment, request.referee, request.advise)
}

/// Compiles a project that was loaded already.
///
/// # Errors
/// As [`compile`].
#[expect(clippy::result_large_err, reason = "made once in a process")]
pub fn compile_loaded(
    loaded: Loaded,
    environment: &EnvironmentLookup,
    referee: Option<Box<dyn Referee>>,
) -> Result<Compilation, Loaded> {
    compile_all(loaded, environment, referee, false)
}

#[expect(clippy::result_large_err, reason = "made once in a process")]
fn compile_all(
    loaded: Loaded,
    environment: &EnvironmentLookup,
    referee: Option<Box<dyn Referee>>,
    advise: bool,
) -> Result<Compilation, Loaded> {
    let Loaded { project: Some(mut project), mut sources, mut diagnostics, secrets } = loaded else {
        return Err(loaded);
    };
    let (renderer, found) = Renderer::new(&macro_files(&project, &mut sources));
    diagnostics.extend(found);
    let (statements, found) = StatementTemplates::new(&statement_files(&project, &mut sources));
    diagnostics.extend(found);
    let templates = TestTemplates::new(&project, &mut sources, &renderer);
    let scope = scope(&project, environment);
    diagnostics.extend(describe::render(&mut project, &scope));
    let around = Surroundings { project: &project, renderer: &renderer, scope: &scope, referee: referee.as_deref() };
    let room = AtomicUsize::new(ROOM_FOR_TREES);
    let mut readings: Vec<Reading> =
        project.models.par_iter().map(|model| around.read(model, sources.get(model.file)).within(&room)).collect();

    let mut tests = Tests {
        generic: tests::collect(&project),
        singular: project.singular_tests.par_iter().map(|test| around.read(test, sources.get(test.file))).collect(),
        unit: project.unit_tests.iter().filter(|test| test.config.enabled()).cloned().collect(),
    };
    let (mut all, origins) = nodes::nodes(&project, &sources, &readings, |others| {
        let (nodes, found) = tests.nodes(&project, &sources, others);
        diagnostics.extend(found);
        nodes
    });
    for (node, origin) in all.iter_mut().zip(&origins) {
        let reading = match origin {
            Origin::Model(index) => Some(&mut readings[*index]),
            Origin::Singular(index) => Some(&mut tests.singular[*index]),
            _ => None,
        };
        if let Some(reading) = reading {
            let found = std::mem::take(&mut reading.diagnostics);
            node.error = first_error(&found);
            let label = reading.label();
            let named = |found: Diagnostic| found.of_node(node.name.clone()).of_instance(label);
            diagnostics.extend(found.into_iter().map(named));
        }
        if let Origin::Seed(index) = origin
            && project.seeds[*index].table.is_none()
        {
            node.error = Some(crate::diagnostic::code::BROKEN_SEED.id.to_owned());
        }
    }
    diagnostics.extend(files::read_by_name(&project, &statements, &mut all, &origins));
    diagnostics.extend(files::other_databases(&project, &mut all, &origins));
    let rendering = Rendering { around, templates: &templates, sources: &sources };
    diagnostics.extend(tests.read(&rendering, &mut all, &origins));
    own((&project, &sources), (&readings, &tests), &mut all, &origins, &mut diagnostics);
    let dialect = project.target.dialect();
    check_materializations(dialect, &statements, &readings, (&mut all, &origins), &mut diagnostics);
    let ids = all.iter().enumerate().map(|(index, node)| (NodeId::of(index), node));
    let ids = ids.filter(|(_, node)| !matches!(node.kind, NodeKind::Exposure | NodeKind::Test));
    let names = Names::new(dialect, &project.target.schema, ids, nodes::source_ids(&project, &origins));
    let resolver = Resolver { around, sources: &sources, names: &names, nodes: &all };
    let edges = edges(&resolver, (&readings, &tests), &origins);
    assign(&mut all, edges, &origins, &readings, &mut diagnostics);
    // Unit tests look through ephemeral models, so what those read has to be known.
    let resolver = Resolver { around, sources: &sources, names: &names, nodes: &all };
    let units = unit_edges(&resolver, (&readings, &tests), &origins);
    assign(&mut all, units, &origins, &readings, &mut diagnostics);
    let mut manifest = Manifest {
        project: project.name.clone(),
        dialect,
        target: project.target.name.clone(),
        schema: project.target.schema.clone(),
        nodes: all,
        run_hooks: RunHooks::default(),
    };
    let graph = Graph::new(&manifest);
    let inference = Inference { around, sources: &sources, readings: &readings, tests: &tests, origins: &origins };
    diagnostics.extend(inference.run(&mut manifest, &graph));
    let selectors = serve::selectors(&project, &mut diagnostics);
    let mut compilation = Compilation {
        project,
        sources,
        diagnostics,
        advice: Vec::new(),
        manifest,
        graph,
        secrets,
        selectors,
        environment: None,
        known_keys: BTreeMap::new(),
        readings,
        tests,
        test_templates: templates,
        origins,
        names,
        renderer,
        scope,
        statements,
        referee,
    };
    compilation.add_properties();
    if advise {
        compilation.look_for_missing_orders();
    }
    compilation.readings.iter_mut().for_each(Reading::put_syntax_away);
    compilation.check_names();
    compilation.report_cycles();
    Ok(compilation)
}

/// What each node reads, and its SQL; each on its own, in parallel.
fn edges(resolver: &Resolver<'_>, (readings, tests): (&[Reading], &Tests), origins: &[Origin]) -> AllEdges {
    let ids: BTreeMap<Origin, NodeId> =
        origins.iter().enumerate().map(|(index, origin)| (*origin, NodeId::of(index))).collect();
    origins
        .par_iter()
        .enumerate()
        .map(|(index, origin)| match origin {
            Origin::Model(reading) => {
                let mut edges = resolver.edges(NodeId::of(index), &readings[*reading]);
                let node = &resolver.nodes[index];
                edges.diagnostics.extend(incremental::check(node, &readings[*reading], edges.reads_itself));
                let sites = resolver.sites(&edges);
                Some((edges, sites))
            }
            Origin::Exposure(exposure) => {
                let edges = resolver.exposure(&resolver.around.project.exposures[*exposure]);
                let sites = resolver.sites(&edges);
                Some((edges, sites))
            }
            Origin::Singular(test) => {
                let edges = resolver.edges(NodeId::of(index), &tests.singular[*test]);
                let sites = resolver.sites(&edges);
                Some((edges, sites))
            }
            Origin::Generic(test) => {
                let test = &tests.generic[*test];
                let edges = test.edges(resolver, *ids.get(&test.on)?);
                let sites = resolver.sites(&edges);
                Some((edges, sites))
            }
            Origin::Seed(_) | Origin::Source(_) | Origin::Unit(_) => None,
        })
        .collect()
}

/// What each unit test reads, and its SQL.
fn unit_edges(resolver: &Resolver<'_>, (readings, tests): (&[Reading], &Tests), origins: &[Origin]) -> AllEdges {
    let of_unit = |origin: &Origin| {
        let Origin::Unit(test) = origin else { return None };
        let edges = tests::unit_edges(resolver, &tests.unit[*test], (readings, origins));
        let sites = resolver.sites(&edges);
        Some((edges, sites))
    };
    origins.par_iter().map(of_unit).collect()
}

/// Gives each node what it reads, its SQL, and what is wrong with it.
fn assign(
    nodes: &mut [Node],
    edges: AllEdges,
    origins: &[Origin],
    readings: &[Reading],
    diagnostics: &mut Vec<Diagnostic>,
) {
    for ((node, found), origin) in nodes.iter_mut().zip(edges).zip(origins) {
        let Some((edges, sites)) = found else { continue };
        let label = match origin {
            Origin::Model(index) => readings[*index].label(),
            _ => None,
        };
        node.reads = sites;
        node.sql = edges.sql;
        if let (Some(test), Some(unit)) = (&mut node.test, edges.unit) {
            test.unit = Some(*unit);
        }
        node.incremental_sql = edges.incremental_sql;
        node.error = node.error.take().or_else(|| first_error(&edges.diagnostics));
        let named = |found: Diagnostic| found.of_node(node.name.clone()).of_instance(label);
        diagnostics.extend(edges.diagnostics.into_iter().map(named));
    }
}

/// For each node what it reads, and the places; none for what reads nothing.
type AllEdges = Vec<Option<(Edges, Vec<crate::manifest::Read>)>>;

/// Gives each diagnostic about a model's or seed's own file to its node; a file that cannot be used is the node's error.
fn own(
    (project, sources): (&Project, &Sources),
    (readings, tests): (&[Reading], &Tests),
    nodes: &mut [Node],
    origins: &[Origin],
    diagnostics: &mut [Diagnostic],
) {
    // By path: of a long seed, diagnostics show excerpts, which are files of their own.
    let mut by_path: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
    for (index, origin) in origins.iter().enumerate() {
        let path = match origin {
            Origin::Model(reading) => &readings[*reading].model.path,
            Origin::Seed(seed) => &project.seeds[*seed].path,
            Origin::Singular(test) => &tests.singular[*test].model.path,
            Origin::Unit(test) => match &tests.unit[*test].file {
                Some(file) => &file.path,
                None => continue,
            },
            Origin::Source(_) | Origin::Exposure(_) | Origin::Generic(_) => continue,
        };
        by_path.entry(path).or_default().push(index);
    }
    for diagnostic in diagnostics.iter_mut().filter(|diagnostic| diagnostic.node.is_none()) {
        let path = diagnostic.primary.as_ref().map(|label| sources.get(label.span.file).path());
        let concerned = path.and_then(|path| by_path.get(path)).map(Vec::as_slice).unwrap_or_default();
        for index in concerned {
            let Some(node) = nodes.get_mut(*index) else { continue };
            // What is wrong with one instance leaves the others alone.
            let label = match origins.get(*index) {
                Some(Origin::Model(reading)) => readings[*reading].label(),
                _ => None,
            };
            if diagnostic.instance.is_some() && diagnostic.instance.as_deref() != label {
                continue;
            }
            diagnostic.node.get_or_insert_with(|| node.name.clone());
            if diagnostic.is_error() {
                node.error = node.error.take().or_else(|| Some(diagnostic.code.id.to_owned()));
            }
        }
    }
}

/// Says which models want a materialization that there is not.
fn check_materializations(
    dialect: crate::dialect::Dialect,
    statements: &StatementTemplates,
    readings: &[Reading],
    (nodes, origins): (&mut [Node], &[Origin]),
    diagnostics: &mut Vec<Diagnostic>,
) {
    for (node, origin) in nodes.iter_mut().zip(origins) {
        if let (Origin::Model(index), Some(name)) = (origin, node.materialized.clone())
            && node.form() != Form::Ephemeral
            && !statements.has("materializations", dialect, &name)
        {
            let problem = no_materialization(&name, &readings[*index], statements, dialect);
            node.error = node.error.take().or_else(|| Some(problem.code.id.to_owned()));
            diagnostics.push(problem.of_node(node.name.clone()).of_instance(readings[*index].label()));
        }
    }
}

fn no_materialization(name: &str, reading: &Reading, statements: &StatementTemplates, dialect: Dialect) -> Diagnostic {
    let mut known = statements.names("materializations", dialect);
    known.push("ephemeral");
    known.sort_unstable();
    known.dedup();
    let mut problem =
        Diagnostic::error(crate::diagnostic::code::TEMPLATE_NOT_FOUND, format!("there is no materialization `{name}`"));
    if let Some(given) = reading.model.config.materialized() {
        problem = problem.at(given.span, "not known");
    }
    let elsewhere = Dialect::ALL.into_iter().find(|other| statements.has("materializations", *other, name));
    if let Some(elsewhere) = elsewhere {
        problem = problem.note(format!("`{name}` exists on {} only", elsewhere.title()));
    }
    problem
        .suggest(name, known.iter().copied())
        .note(format!("there are: {}", known.join(", ")))
        .help(format!("a project can bring its own: `templates/materializations/default/{name}.sql.jinja`"))
}

fn first_error(diagnostics: &[Diagnostic]) -> Option<String> {
    diagnostics.iter().find(|diagnostic| diagnostic.is_error()).map(|diagnostic| diagnostic.code.id.to_owned())
}

/// The built-in macros and the project's, which come later and so take their places.
fn macro_files(project: &Project, sources: &mut Sources) -> Vec<MacroFile> {
    let mut files: Vec<MacroFile> = template::built_in_macros()
        .into_iter()
        .map(|(path, text)| {
            let file = add_virtual(sources, path.clone(), text);
            MacroFile::new(file, path, sources.get(file).shared_text())
        })
        .collect();
    files.extend(project.macro_files.iter().map(|file| MacroFile {
        file: file.file,
        path: file.path.clone(),
        below: file.below.strip_prefix("macros/").unwrap_or(&file.below).to_owned(),
        layer: file.layer,
        text: Arc::clone(&file.text),
    }));
    files
}

/// The built-in templates of statements and the project's, which come later and so take their places.
fn statement_files(project: &Project, sources: &mut Sources) -> Vec<MacroFile> {
    let mut files = serve::built_in_statements(sources);
    let own = project.template_overrides.values().filter(|file| !file.below.starts_with("tests/"));
    files
        .extend(own.map(|file| MacroFile::new(file.file, format!("templates/{}", file.below), Arc::clone(&file.text))));
    files
}

fn scope(project: &Project, environment: &EnvironmentLookup) -> Scope {
    Scope::new(Visible {
        target: visible_target(&project.target),
        vars: project.vars.clone(),
        environment: Arc::clone(environment),
        docs: project.docs.clone(),
        columns: known::columns(project),
        values: project.value_lists.iter().map(|list| (list.name.clone(), list.values.clone())).collect(),
        dialect: project.target.dialect(),
        globals: BTreeMap::new(),
    })
}

/// A target as templates see it.
fn visible_target(target: &project::Target) -> template::Target {
    template::Target {
        name: target.name.clone(),
        kind: target.dialect().name().to_owned(),
        schema: target.schema.clone(),
        database: None,
        threads: target.threads,
    }
}

impl Compilation {
    /// The engine's own parser, where there is one.
    #[must_use]
    pub fn referee(&self) -> Option<&dyn Referee> {
        self.referee.as_deref()
    }

    fn around(&self) -> Surroundings<'_> {
        Surroundings {
            project: &self.project,
            renderer: &self.renderer,
            scope: &self.scope,
            referee: self.referee.as_deref(),
        }
    }

    fn resolver(&self) -> Resolver<'_> {
        Resolver { around: self.around(), sources: &self.sources, names: &self.names, nodes: &self.manifest.nodes }
    }

    fn reading(&self, id: NodeId) -> Option<&Reading> {
        match self.origins.get(id.index()) {
            Some(Origin::Model(index)) => self.readings.get(*index),
            Some(Origin::Singular(index)) => self.tests.singular.get(*index),
            _ => None,
        }
    }

    fn file_of(&self, id: NodeId) -> Option<FileId> {
        match self.origins.get(id.index())? {
            Origin::Model(index) => self.readings.get(*index).map(|reading| reading.model.file),
            Origin::Seed(index) => self.project.seeds.get(*index).map(|seed| seed.file),
            Origin::Source(index) => self.project.source_tables.get(*index).map(|table| table.file),
            Origin::Exposure(index) => self.project.exposures.get(*index).map(|exposure| exposure.file),
            Origin::Generic(index) => self.tests.generic.get(*index).map(|test| test.entry.test.span.file),
            Origin::Singular(index) => self.tests.singular.get(*index).map(|test| test.model.file),
            Origin::Unit(index) => self.tests.unit.get(*index).map(|test| test.name.span.file),
        }
    }

    /// Looks whether the files of sources are there; what reads missing ones cannot be built. For commands that run SQL.
    pub fn check_data_files(&mut self) {
        files::content(&self.project, &mut self.manifest, &self.origins);
        let missing = files::missing(&self.project, (&self.manifest, &self.graph), &self.origins);
        for (source, diagnostic) in missing {
            let code = diagnostic.code.id.to_owned();
            self.diagnostics.push(diagnostic);
            let mut edge = vec![source];
            while let Some(read) = edge.pop() {
                for reader in self.graph.children(read) {
                    let node = &mut self.manifest.nodes[reader.index()];
                    node.error = node.error.take().or_else(|| Some(code.clone()));
                    // What it stands in reads the files, too.
                    if node.form() == crate::manifest::Form::Ephemeral {
                        edge.push(reader);
                    }
                }
            }
        }
    }

    /// Names that cannot work in the database, and names that two nodes share.
    fn check_names(&mut self) {
        // What `config()` in a template said counts, too.
        for (model, reading) in self.project.models.iter_mut().zip(&self.readings) {
            model.config = reading.model.config.clone();
        }
        let found = self.project.check_names();
        self.diagnostics.extend(found);
    }

    /// Every circle with the whole way, each hop with its place; the nodes on it cannot be built.
    fn report_cycles(&mut self) {
        for cycle in self.graph.cycles() {
            let hops: Vec<(NodeId, NodeId)> = cycle
                .iter()
                .enumerate()
                .map(|(index, read)| (*read, cycle.get(index + 1).or(cycle.first()).copied().unwrap_or(*read)))
                .collect();
            let names: Vec<&str> = cycle.iter().map(|id| self.manifest.node(*id).name.as_str()).collect();
            let message = match names.as_slice() {
                [only] => format!("`{only}` reads itself"),
                several => format!("models read each other in a circle: `{}`", several.join("`, `")),
            };
            let mut diagnostic = Diagnostic::error(CYCLE, message);
            for (index, (read, reader)) in hops.iter().enumerate() {
                let (read_name, reader_name) = (&self.manifest.node(*read).name, &self.manifest.node(*reader).name);
                let text = format!("`{reader_name}` reads `{read_name}`");
                let site = self.manifest.node(*reader).reads.iter().find(|found| found.node == *read);
                let span = site.and_then(|found| found.sites.first()).and_then(|site| self.span(site));
                diagnostic = match (span, index) {
                    (Some(span), 0) => diagnostic.at(span, text),
                    (Some(span), _) => diagnostic.also(span, text),
                    (None, _) => diagnostic.note(text),
                };
            }
            diagnostic = match names.as_slice() {
                [only] => diagnostic.help(format!(
                    "if another relation `{only}` is meant, write its schema; a table that adds to itself is \
                     `materialized: incremental`"
                )),
                _ => diagnostic.help("take one of these edges away: move what both need into a model that both read"),
            };
            let first = cycle.first().map(|id| self.manifest.node(*id).name.clone()).unwrap_or_default();
            self.diagnostics.push(diagnostic.of_node(first));
            for id in cycle {
                let node = &mut self.manifest.nodes[id.index()];
                node.error = node.error.take().or_else(|| Some(CYCLE.id.to_owned()));
            }
        }
    }

    fn span(&self, site: &crate::manifest::Site) -> Option<crate::source::Span> {
        let file = self.sources.find(&site.path)?;
        let text = self.sources.get(file).text();
        let place = crate::source::LineColumn { line: site.line, column: site.column };
        let start = crate::source::byte_at(text, place);
        let end = text[start..]
            .find(|c: char| !(c.is_alphanumeric() || "_.\"".contains(c)))
            .map_or(text.len(), |at| start + at);
        Some(crate::source::Span::new(file, start..end))
    }
}

/// A file that is not on the disk: built in, or given on the command line.
fn add_virtual(sources: &mut Sources, path: String, text: &str) -> FileId {
    sources.add(SourceFile::new(path, text))
}

/// A plain name, as people write it on the command line, as parts.
fn parts(name: &str) -> Vec<NamePart> {
    name.split('.').map(NamePart::quoted).collect()
}
