//! `suiro test --engine duckdb`: unit tests in a database in memory, whatever the target is.
//!
//! The SQL is the target's, as it would be built; nothing of the target is asked, so types are those that are declared.

use super::{build, compile, failures, origin};
use crate::{
    artifact::{Log, Store, run_results},
    cli::{
        app::App,
        arguments::{Build, UnitEngine},
        progress::Progress,
        signals, summary,
    },
    compile::Compilation,
    diagnostic::{Diagnostic, code::NOT_WRITABLE},
    engine::{
        Engine,
        duckdb::{DuckDbEngine, DuckDbOptions},
    },
    exit::Exit,
    manifest::{NodeId, NodeKind, TestType},
    plan::Plan,
    run::{PublishMode, Request, Status, Stop},
    state::Chosen,
};
use std::{collections::BTreeSet, sync::Arc, time::Duration};

/// Runs the unit tests of a selection on that engine.
pub fn run(app: &App, arguments: &Build, on: UnitEngine) -> Exit {
    let compilation = match app.compiled() {
        Ok(compilation) => compilation,
        Err(exit) => return exit,
    };
    let selection = match app.selection(&compilation, &arguments.choice) {
        Ok(selection) => selection,
        Err(exit) => return exit,
    };
    let manifest = &compilation.manifest;
    let is_test = |id: &NodeId| manifest.node(*id).kind == NodeKind::Test;
    let is_unit = |id: &NodeId| manifest.node(*id).test.as_ref().is_some_and(|test| test.kind == TestType::Unit);
    let selection: BTreeSet<NodeId> = selection.into_iter().filter(is_test).collect();
    let (units, others): (BTreeSet<NodeId>, BTreeSet<NodeId>) = selection.iter().copied().partition(is_unit);
    let exit = app.judge(&compilation, &units);
    let UnitEngine::Duckdb = on;
    let engine = DuckDbEngine::new(DuckDbOptions::default());
    let version = match engine.version() {
        Ok(version) => version,
        Err(error) => return exit.or(app.refuse(&compilation, &error, "DuckDB could not be started")),
    };
    app.terminal.say(&format!("suiro test: {} on {version} in memory: unit tests alone", manifest.project));
    if !others.is_empty() {
        let (tests, read) = if others.len() == 1 { ("test", "reads") } else { ("tests", "read") };
        let target = &manifest.target;
        app.terminal.say(&format!(
            "{} other {tests} {read} rows of the target `{target}` and {} left out",
            others.len(),
            if others.len() == 1 { "is" } else { "are" }
        ));
    }
    exit.or(carry_out(app, arguments, &compilation, (&units, &engine)))
}

fn carry_out(
    app: &App,
    arguments: &Build,
    compilation: &Compilation,
    (tests, engine): (&BTreeSet<NodeId>, &DuckDbEngine),
) -> Exit {
    let manifest = &compilation.manifest;
    let stop = Arc::new(Stop::default());
    let _listening = signals::listen(&stop, &app.terminal);
    let run = build::run_id();
    let store = Store::of(&compilation.project.root);
    let mask = |text: &str| app.terminal.mask(text);
    let log = match Log::begin(store.folder(), run.as_str(), manifest, &mask) {
        Ok(log) => log,
        Err(error) => {
            let problem = Diagnostic::error(NOT_WRITABLE, format!("the log of the run cannot be written: {error}"));
            return app.fail(&[problem], &compilation.sources);
        }
    };
    let progress = Progress::new(&app.terminal, manifest, tests.len(), arguments.show_sql);
    let observer = build::Both(&progress, &log);
    let statements = compilation.statements_for(engine.dialect());
    let report = crate::run::run(&Request {
        manifest,
        graph: &compilation.graph,
        plan: &Plan::default(),
        tests,
        run: &run,
        engine,
        root: &compilation.project.root,
        statements: &statements,
        seeds: compilation,
        places: compilation,
        referee: compilation.referee(),
        observer: &observer,
        stop: &stop,
        threads: arguments.threads.map_or(compilation.project.target.threads, usize::from),
        fail_fast: arguments.fail_fast,
        publish: PublishMode::Run,
        publish_timeout: compilation.project.target.publish_timeout(),
        staging_schemas: &[],
        lock_wait: Duration::ZERO,
        state_schema: &compilation.project.target.state_schema,
        origin: &origin::origin(&compilation.project.root, "test"),
        superseded_fails: false,
        resumes: false,
        chosen: &Chosen::default(),
        shared: None,
        ends: true,
        all_tests: true,
        protected: None,
    });
    progress.end();
    summary::print(&app.terminal, manifest, &report, run.as_str());
    failures::differences(app, manifest, &report);
    let elsewhere = engine.dialect() != manifest.dialect;
    let named = |told: Diagnostic| {
        let note =
            format!("this was asked of {}, and the target is {}", engine.dialect().title(), manifest.dialect.title());
        if elsewhere { told.note(note) } else { told }
    };
    let mut told: Vec<Diagnostic> = failures::told(app, manifest, &report).into_iter().map(named).collect();
    let failed = report.nodes.iter().filter(|node| matches!(node.status, Status::Fail | Status::Warn | Status::Failed));
    told.extend(compile::write_sql(compilation, &failed.map(|node| node.node).collect()).err());
    app.terminal.diagnostics(&App::placed(compilation, &told), &compilation.sources);
    let mut results = run_results(manifest, run.as_str(), &report);
    results["engine"] = engine.dialect().name().into();
    let mut exit = report.exit();
    if let Err(diagnostic) = store.write("run_results.json", app.terminal.mask(&format!("{results:#}\n")).as_bytes()) {
        exit = exit.or(app.fail(&[diagnostic], &compilation.sources));
    }
    exit
}
