//! `suiro build`: makes what the plan says, then publishes it.

use super::{compile, failures, inherit, key, origin, plan};
use crate::{
    artifact::{Log, Store, compiled_path, run_results},
    cli::{
        app::App,
        arguments::{Build, Format, Superseded},
        halt::Halt,
        progress::Progress,
        signals, summary,
    },
    compile::Compilation,
    diagnostic::{
        Diagnostic,
        code::{BAD_ENVIRONMENT, NOT_WRITABLE},
    },
    dialect::Dialect,
    engine::Engine,
    exit::Exit,
    graph::Selection,
    manifest::{Node, NodeId, NodeKind, TestType},
    plan::{Known, Plan, RunId, Wishes},
    project::Publish,
    run::{Event, Observer, PublishMode, Request, Status, Stop},
    state::SharedRun,
};
use std::{
    collections::BTreeSet,
    sync::Arc,
    time::{SystemTime, UNIX_EPOCH},
};

/// What of a selection a command is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// All of it: `suiro build`.
    Everything,
    /// Models alone: `suiro run`.
    Models,
    /// Seeds alone: `suiro seed`.
    Seeds,
    /// Snapshots alone: `suiro snapshot`.
    Snapshots,
    /// Tests alone, on what is published: `suiro test`.
    Tests,
}

impl Part {
    const fn verb(self) -> &'static str {
        match self {
            Self::Everything => "build",
            Self::Models => "run",
            Self::Seeds => "seed",
            Self::Snapshots => "snapshot",
            Self::Tests => "test",
        }
    }

    /// Whether a node is in it.
    pub fn holds(self, node: &Node) -> bool {
        match self {
            Self::Everything => true,
            Self::Models => node.kind == NodeKind::Model,
            Self::Seeds => node.kind == NodeKind::Seed,
            Self::Snapshots => node.is_snapshot(),
            Self::Tests => node.kind == NodeKind::Test,
        }
    }
}

/// Builds and tests a part of the selection.
pub fn run(app: &App, arguments: &Build, part: Part) -> Exit {
    if arguments.dry_run {
        return plan::show(app, (&arguments.choice, part), &wishes(arguments), Format::Text);
    }
    let mut compilation = match app.compiled() {
        Ok(compilation) => compilation,
        Err(exit) => return exit,
    };
    compilation.check_data_files();
    if let Err(exit) = app.enter(&mut compilation) {
        return exit;
    }
    let taken = match key::taken_up(app, &compilation, (arguments, part.verb())) {
        Ok(taken) => taken,
        Err(exit) => return exit,
    };
    let resumed;
    let arguments = match &taken {
        Some(keyed) => {
            resumed = key::as_before(arguments, keyed);
            &resumed
        }
        None => arguments,
    };
    let selection = match app.selection(&compilation, &arguments.choice) {
        Ok(selection) => selection,
        Err(exit) => return exit,
    };
    let selection: Selection = selection.into_iter().filter(|id| part.holds(compilation.manifest.node(*id))).collect();
    let selection = compilation.within(&selection);
    if arguments.complete && compilation.environment.is_none() {
        let problem = Diagnostic::error(BAD_ENVIRONMENT, "production has nothing to be completed with");
        let problem = problem.help("`--complete` belongs to an environment: `suiro build --env dev_ann --complete`");
        return app.fail(&[problem], &compilation.sources);
    }
    let mut exit = app.judge(&compilation, &selection);
    // Of thousands of tests, the SQL of those is written that fail, and of those that `suiro compile` wrote.
    let store = Store::of(&compilation.project.root);
    let is_written = |id: &NodeId| {
        let node = compilation.manifest.node(*id);
        let generic = node.test.as_ref().is_some_and(|test| test.kind == TestType::Generic);
        !generic || compiled_path(node).is_some_and(|path| store.folder().join("compiled").join(path).exists())
    };
    let everything: Selection = compilation.manifest.iter().map(|(id, _)| id).filter(is_written).collect();
    if let Err(diagnostic) = compile::write(&compilation, &everything) {
        return exit.or(app.fail(&[diagnostic], &compilation.sources));
    }
    if blocks_everything(&compilation) {
        return exit;
    }
    exit = exit.or(carry_out(app, (arguments, part), (&compilation, &selection), taken));
    exit
}

/// Whether something is wrong that belongs to no single node, so that nothing can be trusted.
fn blocks_everything(compilation: &Compilation) -> bool {
    compilation.diagnostics.iter().any(|diagnostic| diagnostic.is_error() && diagnostic.node.is_none())
}

fn carry_out(
    app: &App,
    (arguments, part): (&Build, Part),
    (compilation, selection): (&Compilation, &Selection),
    taken: Option<SharedRun>,
) -> Exit {
    let manifest = &compilation.manifest;
    let tests: BTreeSet<NodeId> =
        selection.iter().copied().filter(|id| manifest.node(*id).kind == NodeKind::Test).collect();
    let stores = tests.iter().any(|id| manifest.node(*id).test.as_ref().is_some_and(|test| test.stored.is_some()));
    let stop = Arc::new(Stop::default());
    let _listening = signals::listen(&stop, &app.terminal);
    // DuckDB keeps an empty database beside a file that can be written, to resolve names in.
    let read_only = part == Part::Tests && !stores && manifest.dialect == Dialect::Postgres;
    let engine = match app.engine_unless_stopped(compilation, read_only, &stop) {
        Ok(engine) => engine,
        Err(exit) => return exit,
    };
    let run = run_id();
    let halt = Halt::new(&app.terminal);
    let mut origin = origin::origin(&compilation.project.root, part.verb());
    let chosen = key::chosen(arguments);
    let asked = (run.as_str(), &origin, &chosen);
    let keyed = match key::of(app, compilation, (engine.as_ref(), &halt), (arguments, part, taken), asked) {
        Ok(keyed) => keyed,
        Err(exit) => return exit,
    };
    if let Some(keyed) = &keyed {
        origin.logical_time.clone_from(&keyed.logical_time);
    }
    // What cannot be told from another version is told by the run, whichever process does it.
    let of_run = keyed.as_ref().filter(|_| !arguments.again).map_or(run.as_str(), |keyed| &keyed.run);
    let protected = match app.protected(compilation) {
        Ok(protected) => protected,
        Err(exit) => return exit,
    };
    let wishes = Wishes { run: of_run.to_owned(), protected, ..wishes(arguments) };
    let plan = match planned(app, compilation, (part, selection), (&wishes, keyed.as_ref(), engine.as_ref())) {
        Ok(plan) => plan,
        Err(exit) => return exit,
    };
    let store = Store::of(&compilation.project.root);
    let mask = |text: &str| app.terminal.mask(text);
    let log = match Log::begin(store.folder(), run.as_str(), manifest, &mask) {
        Ok(log) => log,
        Err(error) => {
            let problem = Diagnostic::error(NOT_WRITABLE, format!("the log of the run cannot be written: {error}"));
            return app.fail(&[problem], &compilation.sources);
        }
    };
    let runs = |id: &&NodeId| {
        let passed = plan.tests.get(id).is_some_and(|test| test.passed.is_some());
        manifest.node(**id).error.is_none() && (arguments.force || arguments.again || !passed)
    };
    let total = plan.built().len() + tests.iter().filter(runs).count();
    announce(app, compilation, part, &engine.place());
    let progress = Progress::new(&app.terminal, manifest, total, arguments.show_sql);
    let told = Both(&progress, &log);
    let observer = Both(&halt, &told);
    let report = crate::run::run(&Request {
        manifest,
        graph: &compilation.graph,
        plan: &plan,
        tests: &tests,
        run: &run,
        engine: engine.as_ref(),
        root: &compilation.project.root,
        statements: compilation,
        seeds: compilation,
        places: compilation,
        referee: compilation.referee(),
        observer: &observer,
        stop: &stop,
        threads: arguments.threads.map_or(compilation.project.target.threads, usize::from),
        fail_fast: arguments.fail_fast,
        publish: publish_mode(compilation.project.settings.publish),
        publish_timeout: compilation.project.target.publish_timeout(),
        staging_schemas: compilation.project.target.staging_schemas(),
        lock_wait: app.global.lock_wait.unwrap_or_default(),
        state_schema: &compilation.project.target.state_schema,
        origin: &origin,
        superseded_fails: arguments.superseded == Superseded::Fail,
        all_tests: arguments.force || arguments.again || part == Part::Tests,
        resumes: !(arguments.force || arguments.again),
        chosen: &chosen,
        shared: keyed.as_ref(),
        ends: arguments.run_key.is_none() || arguments.last || key::is_everything(&chosen),
        protected: wishes.protected.as_deref(),
    });
    progress.end();
    summary::print(&app.terminal, manifest, &report, run.as_str());
    let failed = report.nodes.iter().filter(|node| matches!(node.status, Status::Fail | Status::Warn | Status::Failed));
    let failed: Selection = failed.map(|node| node.node).filter(|id| tests.contains(id)).collect();
    failures::differences(app, manifest, &report);
    let mut told = failures::told(app, manifest, &report);
    told.extend(compile::write_sql(compilation, &failed).err());
    app.terminal.diagnostics(&App::placed(compilation, &told), &compilation.sources);
    let mut exit = report.exit();
    if arguments.complete {
        exit = exit.or(inherit::complete(app, compilation, engine.as_ref()));
    }
    plan::remember(app, compilation, engine.as_ref());
    let results = app.terminal.mask(&format!("{:#}\n", run_results(manifest, run.as_str(), &report)));
    if let Err(diagnostic) = store.write("run_results.json", results.as_bytes()) {
        exit = exit.or(app.fail(&[diagnostic], &compilation.sources));
    }
    exit
}

/// Says what is about to happen, and where.
fn announce(app: &App, compilation: &Compilation, part: Part, place: &str) {
    let root = format!("{}/", compilation.project.root.display());
    let environment = compilation.environment.as_ref();
    app.terminal.say(&format!(
        "suiro {}: {}{} on {} ({})",
        part.verb(),
        compilation.manifest.project,
        environment.map(|environment| format!(" in {}", environment.name)).unwrap_or_default(),
        compilation.manifest.target,
        place.strip_prefix(&root).unwrap_or(place)
    ));
    if let Some(environment) = environment {
        let differing = environment.own.len();
        let built = compilation.manifest.nodes.iter().filter(|node| node.is_built()).count();
        app.terminal.say(&format!("{differing} of {built} relations differ from prod; the others are read from there"));
    }
}

/// The plan of a run; of tests alone there is none.
fn planned(
    app: &App,
    compilation: &Compilation,
    (part, selection): (Part, &Selection),
    (wishes, keyed, engine): (&Wishes, Option<&SharedRun>, &dyn Engine),
) -> Result<Plan, Exit> {
    inherit::inherit(app, compilation, (selection, wishes), (part, engine))?;
    if part == Part::Tests {
        return Ok(Plan::default());
    }
    plan::check_interval(app, compilation, (selection, wishes))?;
    let known = plan::known(app, compilation, selection, engine)?;
    Ok(plan::of(compilation, (selection, wishes), &Known { keyed: keyed.cloned(), ..known }))
}

const fn publish_mode(publish: Publish) -> PublishMode {
    match publish {
        Publish::Run => PublishMode::Run,
        Publish::Group => PublishMode::Group,
        Publish::Model => PublishMode::Model,
    }
}

fn wishes(arguments: &Build) -> Wishes {
    Wishes {
        full_refresh: arguments.full_refresh,
        force: arguments.force || arguments.again,
        reset: arguments.reset,
        again: arguments.again,
        interval: arguments.interval.asked(),
        ..Wishes::default()
    }
}

/// The name of a run that begins now.
pub(super) fn run_id() -> RunId {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let salt = format!("{}-{}", std::process::id(), now.as_nanos());
    RunId::new(now.as_secs(), salt.as_bytes())
}

/// Two observers of the same run.
pub(super) struct Both<'a>(pub(super) &'a dyn Observer, pub(super) &'a dyn Observer);

impl Observer for Both<'_> {
    fn observe(&self, event: &Event<'_>) {
        self.0.observe(event);
        self.1.observe(event);
    }
}
