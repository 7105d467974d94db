//! `suiro template test`: whether a template of a project keeps what all of its kind promise, tried out in a scratch
//! schema of the target.

mod data_test;
mod materialization;

use super::{build, plan};
use crate::{
    cli::{app::App, arguments::TemplateTest},
    compile::{self, Compilation},
    diagnostic::{
        Diagnostic, closest,
        code::{NOT_WRITABLE, TEMPLATE_CASE_FAILED, TEMPLATE_NOT_FOUND, TEST_FAILED},
    },
    engine::{Engine, duckdb::DuckDbParser},
    exit::Exit,
    graph::Selection,
    manifest::NodeKind,
    plan::{Plan, Wishes},
    project::{LoadOptions, Loaded, Project, load},
    run::{Event, Observer, Origin, PublishMode, Request, RunReport, Stop},
    source::Sources,
    state::Chosen,
};
use serde_json::json;
use std::{
    collections::{BTreeMap, BTreeSet},
    io,
    path::Path,
};

/// Where the cases are tried; it must not exist, and does not afterwards.
const SCHEMA: &str = "suiro_template_test";
/// Where the trial remembers what it built; the same holds.
const STATE: &str = "suiro_template_test_state";
/// The model that is built in each case.
const SUBJECT: &str = "subject";

/// The rows that a case leaves, as text.
type Rows = Vec<String>;

/// Tries a template out.
pub fn test(app: &App, arguments: &TemplateTest) -> Exit {
    let original = match app.compiled() {
        Ok(compilation) => compilation,
        Err(exit) => return exit,
    };
    let folder = match tempfile::tempdir() {
        Ok(folder) => folder,
        Err(error) => return app.fail(&[not_writable(&error)], &original.sources),
    };
    let trial = Trial { app, original: &original.project, folder: folder.path(), name: &arguments.name };
    let materializations = original.materializations();
    let outcome = trial.prepare().map_err(|error| vec![not_writable(&error)]).and_then(|()| {
        if let Some(asks) = original.test_asks(&arguments.name) {
            data_test::cases(&trial, asks, arguments)
        } else if materializations.contains(&arguments.name.as_str()) {
            materialization::cases(&trial, &arguments.config)
        } else {
            let known = materializations.iter().copied().chain(original.test_names());
            Err(vec![unknown(&arguments.name, known)])
        }
    });
    let cleaned = trial.clean();
    match (outcome, cleaned) {
        (Ok(failures), Ok(())) if failures.is_empty() => {
            app.terminal.say(&format!("`{}` keeps its promises", arguments.name));
            Exit::Done
        }
        (Ok(failures), Ok(())) => app.fail(&failures, &original.sources),
        (Err(problems), _) | (_, Err(problems)) => app.fail(&problems, &original.sources),
    }
}

fn unknown<'a>(name: &str, known: impl Iterator<Item = &'a str>) -> Diagnostic {
    let known: BTreeSet<&str> = known.collect();
    let message = format!("there is neither a materialization nor a test `{name}`");
    let problem = Diagnostic::error(TEMPLATE_NOT_FOUND, message);
    let problem = match closest(name, known.iter().copied()) {
        Some(close) => problem.help(format!("did you mean `{close}`?")),
        None => problem,
    };
    let known: Vec<&str> = known.into_iter().collect();
    problem.note(format!("there are: {}", known.join(", ")))
}

fn not_writable(error: &io::Error) -> Diagnostic {
    Diagnostic::error(NOT_WRITABLE, format!("a temporary project cannot be written: {error}"))
        .help("check that there is room on the disk")
}

/// What the cases found.
struct Findings<'a> {
    trial: &'a Trial<'a>,
    all: Vec<Diagnostic>,
}

impl Findings<'_> {
    /// Tells how a case came out.
    fn check(&mut self, case: &str, holds: bool, why: &str) {
        self.trial.app.terminal.say(&format!("{} {case}", if holds { "pass" } else { "FAIL" }));
        if !holds {
            let message = format!("the case `{case}` of `{}`: {why}", self.trial.name);
            self.all.push(Diagnostic::error(TEMPLATE_CASE_FAILED, message));
        }
    }
}

/// What of a written project is carried out, and how.
#[derive(Debug, Clone, Copy, Default)]
struct Way {
    full_refresh: bool,
    /// Stop when this model is built and nothing is published.
    interrupted_at: Option<&'static str>,
    /// Build nothing: tests alone, on what is published.
    tests_alone: bool,
}

/// One template on its way through the cases.
struct Trial<'a> {
    app: &'a App,
    original: &'a Project,
    folder: &'a Path,
    name: &'a str,
}

impl Trial<'_> {
    fn findings(&self) -> Findings<'_> {
        Findings { trial: self, all: Vec::new() }
    }

    /// Writes a project that has nothing but the original's templates.
    fn prepare(&self) -> io::Result<()> {
        let kind = self.original.target.dialect().name();
        let project = json!({"name": "template_test", "targets": {"scratch": {"type": kind, "schema": SCHEMA}}});
        self.write("suiro.yml", &project.to_string())?;
        for file in self.original.macro_files.iter().chain(self.original.template_overrides.values()) {
            self.write(&format!("templates/{}", file.below), &file.text)?;
        }
        Ok(())
    }

    fn write(&self, path: &str, text: &str) -> io::Result<()> {
        let path = self.folder.join(path);
        if let Some(folder) = path.parent() {
            fs_err::create_dir_all(folder)?;
        }
        fs_err::write(path, text)
    }

    /// Writes a file below `models/`.
    fn model(&self, file: &str, text: &str) -> Result<(), Vec<Diagnostic>> {
        self.write(&format!("models/{file}"), text).map_err(|error| vec![not_writable(&error)])
    }

    fn compiled(&self, vars: &[String]) -> Result<Compilation, Vec<Diagnostic>> {
        let environment: BTreeMap<String, String> = std::env::vars().collect();
        let render = compile::setting_renderer(environment.clone());
        let mut loaded = load(&LoadOptions {
            project_dir: Some(self.folder),
            current_dir: self.folder,
            target: None,
            vars,
            env: &environment,
            render: &render,
            scan_seeds: true,
        });
        if let Loaded { project: Some(project), .. } = &mut loaded {
            project.target = crate::project::Target {
                schema: SCHEMA.to_owned(),
                state_schema: STATE.to_owned(),
                ..self.original.target.clone()
            };
        }
        let lookup = compile::process_environment(environment);
        let compilation = compile::compile_loaded(loaded, &lookup, Some(Box::new(DuckDbParser::default())))
            .map_err(|loaded| unplaced(&loaded.diagnostics, &loaded.sources))?;
        let errors = unplaced(&compilation.diagnostics, &compilation.sources);
        if errors.is_empty() { Ok(compilation) } else { Err(errors) }
    }

    fn engine(&self, read_only: bool) -> Result<Box<dyn Engine>, Vec<Diagnostic>> {
        super::connect(self.original, read_only).map_err(|problem| vec![*problem])
    }

    /// Carries out what stands written; a test that fails is no error.
    fn carry_out(&self, compilation: &Compilation, way: Way) -> Result<RunReport, Vec<Diagnostic>> {
        let engine = self.engine(false)?;
        let run = build::run_id();
        let of_kind = |is_test: bool| -> Selection {
            let nodes = compilation.manifest.iter().filter(|(_, node)| (node.kind == NodeKind::Test) == is_test);
            nodes.map(|(id, _)| id).collect()
        };
        let plan = if way.tests_alone {
            Plan::default()
        } else {
            let wishes = Wishes {
                full_refresh: way.full_refresh,
                force: true,
                run: run.as_str().to_owned(),
                ..Wishes::default()
            };
            plan::make(self.app, compilation, (&of_kind(false), &wishes), engine.as_ref()).map_err(|_| Vec::new())?
        };
        let stop = Stop::default();
        let observer =
            Interrupting { stop: &stop, at: way.interrupted_at.and_then(|name| compilation.manifest.find(name)) };
        let report = crate::run::run(&Request {
            manifest: &compilation.manifest,
            graph: &compilation.graph,
            plan: &plan,
            run: &run,
            engine: engine.as_ref(),
            tests: &of_kind(true),
            root: self.folder,
            statements: compilation,
            seeds: compilation,
            places: compilation,
            referee: compilation.referee(),
            observer: &observer,
            stop: &stop,
            threads: 1,
            fail_fast: false,
            publish: PublishMode::Run,
            publish_timeout: compilation.project.target.publish_timeout(),
            staging_schemas: compilation.project.target.staging_schemas(),
            lock_wait: self.app.global.lock_wait.unwrap_or_default(),
            state_schema: STATE,
            origin: &Origin::default(),
            all_tests: true,
            protected: None,
            superseded_fails: false,
            resumes: false,
            chosen: &Chosen::default(),
            shared: None,
            ends: true,
        });
        let found: Vec<Diagnostic> =
            report.diagnostics.iter().filter(|found| found.code != TEST_FAILED).cloned().collect();
        let errors = unplaced(&found, &compilation.sources);
        if errors.is_empty() { Ok(report) } else { Err(errors) }
    }

    /// The published rows that queries on the written project return, as text.
    fn ask(&self, vars: &[String], queries: &[&str]) -> Result<Vec<Rows>, Vec<Diagnostic>> {
        let mut compilation = self.compiled(vars)?;
        let engine = self.engine(true)?;
        let database = crate::run::database(engine.as_ref()).map_err(|error| vec![refused(&error)])?;
        let mut answers = Vec::new();
        for text in queries {
            let sql = compilation.inline(text)?;
            let sql = crate::run::published_sql(&compilation.manifest, &sql, database.as_deref()).text;
            let rows = engine.connect("template test").and_then(|mut connection| connection.query(&sql, None));
            let word = |value: &Option<String>| value.clone().unwrap_or_else(|| "NULL".to_owned());
            let rows = rows.map_err(|error| vec![refused(&error)])?.rows;
            answers.push(rows.iter().map(|row| row.iter().map(word).collect::<Vec<_>>().join("|")).collect());
        }
        Ok(answers)
    }

    /// Removes the scratch schema and what stands in it, as far as it carries the trial's marks.
    fn clean(&self) -> Result<(), Vec<Diagnostic>> {
        drop(fs_err::remove_dir_all(self.folder.join("models")));
        // Templates that cannot be compiled have built nothing.
        let Ok(compilation) = self.compiled(&[]) else { return Ok(()) };
        let engine = self.engine(false)?;
        crate::run::remove_schema(engine.as_ref(), &compilation, &compilation.manifest, SCHEMA)
            .and_then(|()| crate::run::remove_state(engine.as_ref(), &compilation, &compilation.manifest, STATE))
            .map_err(|error| vec![refused(&error)])
    }
}

/// The errors among these with their places in words: the files of the trial are gone when they are printed.
fn unplaced(found: &[Diagnostic], sources: &Sources) -> Vec<Diagnostic> {
    let errors = found.iter().filter(|found| found.is_error());
    errors
        .map(|found| {
            let mut found = found.clone();
            found.secondary.clear();
            found.trace.clear();
            match found.primary.take() {
                Some(label) => {
                    let file = sources.get(label.span.file);
                    let place = file.line_column(label.span.start);
                    found.note(format!("in {}, line {}", file.path(), place.line))
                }
                None => found,
            }
        })
        .collect()
}

fn refused(error: &crate::engine::EngineError) -> Diagnostic {
    crate::run::refusal(error, "the database refused a statement of the trial")
}

/// An observer that stops the run once a node was built.
struct Interrupting<'a> {
    stop: &'a Stop,
    at: Option<crate::manifest::NodeId>,
}

impl Observer for Interrupting<'_> {
    fn observe(&self, event: &Event<'_>) {
        if let Event::Finished { node, .. } = event
            && Some(*node) == self.at
        {
            self.stop.stop(Exit::Interrupted);
        }
    }
}
