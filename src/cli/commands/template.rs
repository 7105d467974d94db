//! `suiro template test`: whether a materialization keeps what every materialization promises, tried out in a scratch
//! schema of the target with the project's own templates.

use super::{build, plan};
use crate::{
    cli::{app::App, arguments::TemplateTest},
    compile::{self, Compilation},
    diagnostic::{
        Diagnostic,
        code::{NOT_WRITABLE, TEMPLATE_CASE_FAILED},
    },
    engine::{Engine, duckdb::DuckDbParser},
    exit::Exit,
    graph::Selection,
    plan::Wishes,
    project::{LoadOptions, Loaded, Project, load},
    run::{Event, Observer, Origin, PublishMode, Request, RunReport, Stop},
    source::Sources,
};
use serde_json::json;
use std::{
    cell::Cell,
    collections::{BTreeMap, BTreeSet},
    io,
    path::Path,
};

/// Where the cases are tried; it must not exist, and does not afterwards.
const SCHEMA: &str = "suiro_template_test";
/// Where the trial remembers what it built; the same holds.
const STATE: &str = "suiro_template_test_state";
/// The model whose materialization is tried, and a reader of it.
const SUBJECT: &str = "subject";
const READER: &str = "reader";

/// The rows of the first builds, and of those after a change.
const FIRST: &str = "select 1 as id, 'a' as v union all select 2, 'b'";
const SECOND: &str = "select 2 as id, 'c' as v union all select 3, 'd'";

/// The rows that a case leaves, as text.
type Rows = Vec<String>;

/// Tries a materialization out.
pub fn test(app: &App, arguments: &TemplateTest) -> Exit {
    let original = match app.compiled() {
        Ok(compilation) => compilation,
        Err(exit) => return exit,
    };
    let folder = match tempfile::tempdir() {
        Ok(folder) => folder,
        Err(error) => return app.fail(&[not_writable(&error)], &original.sources),
    };
    let trial = Trial {
        app,
        original: &original.project,
        folder: folder.path(),
        config: &arguments.config,
        name: &arguments.name,
    };
    let outcome = trial.prepare().map_err(|error| vec![not_writable(&error)]).and_then(|()| trial.run());
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

fn not_writable(error: &io::Error) -> Diagnostic {
    Diagnostic::error(NOT_WRITABLE, format!("a temporary project cannot be written: {error}"))
        .help("check that there is room on the disk")
}

/// One materialization on its way through the cases.
struct Trial<'a> {
    app: &'a App,
    original: &'a Project,
    folder: &'a Path,
    config: &'a [String],
    name: &'a str,
}

impl Trial<'_> {
    /// Writes a project that has nothing but the original's templates.
    fn prepare(&self) -> io::Result<()> {
        let kind = self.original.target.dialect().name();
        let project = json!({"name": "template_test", "targets": {"scratch": {"type": kind, "schema": SCHEMA}}});
        self.write("suiro.yml", &project.to_string())?;
        for file in self.original.macro_files.iter().chain(self.original.template_overrides.values()) {
            self.write(&format!("templates/{}", file.below), &file.text)?;
        }
        self.write(
            &format!("models/{READER}.sql"),
            "/*--- {materialized: table} ---*/ select count(*) as n from subject",
        )
    }

    fn write(&self, path: &str, text: &str) -> io::Result<()> {
        let path = self.folder.join(path);
        if let Some(folder) = path.parent() {
            fs_err::create_dir_all(folder)?;
        }
        fs_err::write(path, text)
    }

    /// Writes the model with these rows.
    fn subject(&self, sql: &str) -> Result<(), Vec<Diagnostic>> {
        let mut text = format!("/*---\nmaterialized: {}\n", json!(self.name));
        if self.config.iter().all(|line| !line.trim_start().starts_with("unique_key")) {
            text.push_str("unique_key: id\n");
        }
        // Other SQL stands for other rows.
        if self.config.iter().all(|line| !line.trim_start().starts_with("on_definition_change")) {
            text.push_str("on_definition_change: forward\n");
        }
        for line in self.config {
            text.push_str(line);
            text.push('\n');
        }
        text.push_str("---*/\n");
        text.push_str(sql);
        self.write(&format!("models/{SUBJECT}.sql"), &text).map_err(|error| vec![not_writable(&error)])
    }

    fn compiled(&self) -> Result<Compilation, Vec<Diagnostic>> {
        let environment: BTreeMap<String, String> = std::env::vars().collect();
        let render = compile::setting_renderer(environment.clone());
        let mut loaded = load(&LoadOptions {
            project_dir: Some(self.folder),
            current_dir: self.folder,
            target: None,
            vars: &[],
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

    fn engine(compilation: &Compilation, read_only: bool) -> Result<Box<dyn Engine>, Vec<Diagnostic>> {
        super::connect(&compilation.project, read_only).map_err(|problem| vec![*problem])
    }

    /// Builds what stands written; `interrupt` stops the run when everything is built and nothing published.
    fn build(&self, wishes: Wishes, interrupt: bool) -> Result<RunReport, Vec<Diagnostic>> {
        let run = build::run_id();
        let wishes = Wishes { force: true, run: run.as_str().to_owned(), ..wishes };
        let compilation = self.compiled()?;
        let engine = Self::engine(&compilation, false)?;
        let selection: Selection = compilation.manifest.iter().map(|(id, _)| id).collect();
        let plan =
            plan::make(self.app, &compilation, (&selection, &wishes), engine.as_ref()).map_err(|_| Vec::new())?;
        let stop = Stop::default();
        let observer = Interrupting { stop: &stop, at: compilation.manifest.find(READER).filter(|_| interrupt) };
        let report = crate::run::run(&Request {
            manifest: &compilation.manifest,
            graph: &compilation.graph,
            plan: &plan,
            run: &run,
            engine: engine.as_ref(),
            tests: &BTreeSet::new(),
            root: self.folder,
            statements: &compilation,
            seeds: &compilation,
            places: &compilation,
            referee: compilation.referee(),
            observer: &observer,
            stop: &stop,
            threads: 1,
            fail_fast: false,
            publish: PublishMode::Run,
            publish_timeout: compilation.project.target.publish_timeout(),
            state_schema: STATE,
            origin: &Origin::default(),
            all_tests: true,
            superseded_fails: false,
        });
        let errors = unplaced(&report.diagnostics, &compilation.sources);
        if errors.is_empty() { Ok(report) } else { Err(errors) }
    }

    /// The published rows, and what the reader counted.
    fn rows(&self) -> Result<(Rows, String), Vec<Diagnostic>> {
        let mut compilation = self.compiled()?;
        let engine = Self::engine(&compilation, true)?;
        let database = crate::run::database(engine.as_ref()).map_err(|error| vec![refused(&error)])?;
        let mut answers = Vec::new();
        for text in ["select id, v from subject order by 1, 2", "select n from reader"] {
            let sql = compilation.inline(text)?;
            let sql = crate::run::published_sql(&compilation.manifest, &sql, database.as_deref()).text;
            let rows = engine.connect("template test").and_then(|mut connection| connection.query(&sql, None));
            let word = |value: &Option<String>| value.clone().unwrap_or_else(|| "NULL".to_owned());
            let rows = rows.map_err(|error| vec![refused(&error)])?.rows;
            answers.push(rows.iter().map(|row| row.iter().map(word).collect::<Vec<_>>().join("|")).collect::<Rows>());
        }
        let count = answers.pop().and_then(|mut rows| rows.pop()).unwrap_or_default();
        Ok((answers.pop().unwrap_or_default(), count))
    }

    /// The cases one after the other; what they found.
    fn run(&self) -> Result<Vec<Diagnostic>, Vec<Diagnostic>> {
        let failures = Cell::new(Vec::new());
        let check = |case: &str, holds: bool, why: String| {
            self.app.terminal.say(&format!("{} {case}", if holds { "pass" } else { "FAIL" }));
            if !holds {
                let mut all = failures.take();
                all.push(Diagnostic::error(
                    TEMPLATE_CASE_FAILED,
                    format!("the case `{case}` of `{}`: {why}", self.name),
                ));
                failures.set(all);
            }
        };
        let first: Rows = ["1|a", "2|b"].map(str::to_owned).to_vec();
        let replaced: Rows = ["2|c", "3|d"].map(str::to_owned).to_vec();
        let merged: Rows = ["1|a", "2|c", "3|d"].map(str::to_owned).to_vec();
        let shown = |rows: &Rows| rows.join(", ");

        self.subject(FIRST)?;
        self.build(Wishes::default(), false)?;
        let (rows, count) = self.rows()?;
        check("once", rows == first, format!("the rows are {} and should be {}", shown(&rows), shown(&first)));
        check(
            "read",
            count == rows.len().to_string(),
            format!("a reader of the same run counted {count} rows of {}", rows.len()),
        );

        self.build(Wishes::default(), false)?;
        let (again, count) = self.rows()?;
        check("again", again == rows, format!("building again made {} of {}", shown(&again), shown(&rows)));
        check(
            "read again",
            count == again.len().to_string(),
            format!("a reader of the same run counted {count} rows of {}", again.len()),
        );

        self.subject(SECOND)?;
        self.build(Wishes::default(), true)?;
        let (kept, _) = self.rows()?;
        check(
            "interrupted",
            kept == again,
            format!("a run that was stopped before its publish made {} of {}", shown(&kept), shown(&again)),
        );

        self.build(Wishes::default(), false)?;
        let (changed, count) = self.rows()?;
        let holds = changed == replaced || changed == merged;
        check(
            "changed",
            holds,
            format!("the rows are {} and should be {} or {}", shown(&changed), shown(&replaced), shown(&merged)),
        );
        check(
            "read changed",
            count == changed.len().to_string(),
            format!("a reader of the same run counted {count} rows of {}", changed.len()),
        );

        self.build(Wishes { full_refresh: true, ..Wishes::default() }, false)?;
        let (forced, _) = self.rows()?;
        check(
            "forced",
            forced == replaced,
            format!("a full refresh made {} and should have made {}", shown(&forced), shown(&replaced)),
        );
        Ok(failures.take())
    }

    /// Removes the scratch schema and what stands in it, as far as it carries the trial's marks.
    fn clean(&self) -> Result<(), Vec<Diagnostic>> {
        // What could not be compiled was never built.
        let Ok(compilation) = self.compiled() else { return Ok(()) };
        let engine = Self::engine(&compilation, false)?;
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
