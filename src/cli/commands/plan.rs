//! `suiro plan`: what a build would do, and why.

use super::{build::Part, origin};
use crate::{
    artifact,
    cli::{
        app::App,
        arguments::{Choice, Format, Plan},
    },
    compile::Compilation,
    diagnostic::{
        Diagnostic,
        code::{BAD_USAGE, FILE_LOCKED},
        exit_of,
    },
    engine::{Engine, EngineError},
    exit::Exit,
    graph::Selection,
    plan::{self, Action, Known, Wishes},
    run::{self, Look, Statements, refusal},
};

/// Prints the plan.
pub fn run(app: &App, arguments: &Plan) -> Exit {
    let wishes = Wishes {
        full_refresh: arguments.full_refresh,
        force: arguments.force,
        interval: arguments.interval.asked(),
        ..Wishes::default()
    };
    show(app, (&arguments.choice, Part::Everything), &wishes, arguments.format)
}

/// Prints the plan for a part of a selection.
pub fn show(app: &App, (choice, part): (&Choice, Part), wishes: &Wishes, format: Format) -> Exit {
    let mut compilation = match app.compiled() {
        Ok(compilation) => compilation,
        Err(exit) => return exit,
    };
    compilation.check_data_files();
    if let Err(exit) = app.enter(&mut compilation) {
        return exit;
    }
    let selection = match app.selection(&compilation, choice) {
        Ok(selection) => selection,
        Err(exit) => return exit,
    };
    let selection: Selection = selection.into_iter().filter(|id| part.holds(compilation.manifest.node(*id))).collect();
    let selection = compilation.within(&selection);
    let mut exit = app.judge(&compilation, &selection);
    let engine = match app.engine(&compilation, true) {
        Ok(engine) => engine,
        Err(failed) => return exit.or(failed),
    };
    let protected = match app.protected(&compilation) {
        Ok(protected) => protected,
        Err(failed) => return exit.or(failed),
    };
    let wishes = Wishes { protected, ..wishes.clone() };
    let plan = match make(app, &compilation, (&selection, &wishes), engine.as_ref()) {
        Ok(plan) => plan,
        Err(failed) => return exit.or(failed),
    };
    app.terminal.diagnostics(&App::placed(&compilation, &plan.diagnostics), &compilation.sources);
    exit = exit.or(exit_of(&plan.diagnostics));
    print(app, &compilation, &plan, format);
    let store = artifact::Store::of(&compilation.project.root);
    let content = format!("{:#}\n", artifact::plan(&compilation.manifest, &plan));
    if let Err(diagnostic) = store.write("plan.json", content.as_bytes()) {
        exit = exit.or(app.fail(&[diagnostic], &compilation.sources));
    }
    exit
}

/// The plan for a selection, from what the database has and remembers.
///
/// # Errors
/// The exit status, after printing why the database could not be read.
pub fn make(
    app: &App,
    compilation: &Compilation,
    (selection, wishes): (&Selection, &Wishes),
    engine: &dyn Engine,
) -> Result<plan::Plan, Exit> {
    check_interval(app, compilation, (selection, wishes))?;
    let known = known(app, compilation, selection, engine)?;
    Ok(of(compilation, (selection, wishes), &known))
}

/// Refuses an interval that is none, or none of any model of the selection.
///
/// # Errors
/// The exit status, after printing why.
pub fn check_interval(app: &App, compilation: &Compilation, asked: (&Selection, &Wishes)) -> Result<(), Exit> {
    let problem = no_interval(compilation, asked);
    problem.map_or(Ok(()), |problem| Err(app.fail(&[problem], &compilation.sources)))
}

/// Why the interval that was asked for is nothing to any model of the selection, if so.
fn no_interval(compilation: &Compilation, (selection, wishes): (&Selection, &Wishes)) -> Option<Diagnostic> {
    let (start, end) = wishes.interval?;
    if let Some(end) = end.filter(|end| *end <= start) {
        let message = format!("nothing is from {} on and before {}", start.short(), end.short());
        return Some(Diagnostic::error(BAD_USAGE, message).help("`--end` is the first moment that is not done"));
    }
    if selection.iter().any(|id| compilation.manifest.node(*id).time_range().is_some()) {
        return None;
    }
    let message = "`--start` says which intervals are done, and no selected model is built interval by interval";
    Some(
        Diagnostic::error(BAD_USAGE, message)
            .help("such a model has a `time_range`; see the guide on incremental models"),
    )
}

/// The plan for a selection in a database of which this is known.
pub fn of(compilation: &Compilation, (selection, wishes): (&Selection, &Wishes), known: &Known) -> plan::Plan {
    let template = |name: &str| compilation.own_materialization(name);
    plan::plan((&compilation.manifest, &compilation.graph), selection, known, (wishes, &template))
}

/// What the database has and remembers, or what the last run left of it where the database is locked.
///
/// # Errors
/// The exit status, after printing why the database could not be read.
pub fn known(app: &App, compilation: &Compilation, selection: &Selection, engine: &dyn Engine) -> Result<Known, Exit> {
    look(app, compilation, selection, engine)
        .or_else(|error| remembered(app, compilation, error))
        .map_err(|error| app.refuse(compilation, &error, "the plan could not be made"))
}

/// Reads what a plan of these nodes has to know; a source that cannot be asked for its version is told.
///
/// # Errors
/// When the database cannot be read.
pub fn look(
    app: &App,
    compilation: &Compilation,
    selection: &Selection,
    engine: &dyn Engine,
) -> Result<Known, EngineError> {
    let manifest = &compilation.manifest;
    let database = run::database(engine)?;
    let (known, failed) = run::look(&Look {
        manifest,
        engine,
        statements: compilation,
        database: database.as_deref(),
        state_schema: &compilation.project.target.state_schema,
        staging_schemas: compilation.project.target.staging_schemas(),
        root: &compilation.project.root,
        logical_time: &origin::logical_time(),
        sources: compilation.arrivals(selection, database.as_deref()),
    })?;
    let told = failed.iter().map(|(id, error)| {
        let name = &manifest.node(*id).name;
        let what = format!("whether `{name}` has other rows could not be asked");
        refusal(error, &what).as_warning().of_node(name.clone())
    });
    app.terminal.diagnostics(&App::placed(compilation, &told.collect::<Vec<_>>()), &compilation.sources);
    let mut known = known;
    if let Some(environment) = &compilation.environment {
        environment.complete(&manifest.project, &mut known);
    }
    Ok(known)
}

/// Keeps what the database has, for a plan that is wanted while somebody else has it open. That it could not be kept
/// is no matter: then there is no such plan.
pub fn remember(app: &App, compilation: &Compilation, engine: &dyn Engine) {
    if !engine.is_exclusive() {
        return;
    }
    if let Ok(known) = look(app, compilation, &Selection::new(), engine) {
        let store = artifact::Store::of(&compilation.project.root);
        let content = artifact::catalog(&compilation.manifest, &known);
        drop(store.write("catalog.json", format!("{content:#}\n").as_bytes()));
    }
}

/// What the last run left in a database that is locked now.
fn remembered(app: &App, compilation: &Compilation, error: EngineError) -> Result<Known, EngineError> {
    let store = artifact::Store::of(&compilation.project.root);
    let kept = (error.code == FILE_LOCKED).then(|| store.read("catalog.json")).flatten();
    let Some(mut known) = kept.and_then(|text| artifact::read_catalog(&compilation.manifest, &text)) else {
        return Err(error);
    };
    // Nobody can be asked what time it is in the session's zone.
    known.now = origin::logical_time().trim_end_matches('Z').parse().ok();
    let problem = refusal(&error, "the plan is made from what the last run left in target/").as_warning();
    app.terminal.diagnostics(&[problem], &compilation.sources);
    Ok(known)
}

fn print(app: &App, compilation: &Compilation, plan: &plan::Plan, format: Format) {
    let manifest = &compilation.manifest;
    if format == Format::Json {
        let lines: Vec<String> =
            plan.steps.iter().map(|step| artifact::planned(manifest, plan, step).to_string()).collect();
        app.terminal.data(&lines.join("\n"));
        return;
    }
    let widest = plan.steps.iter().map(|step| manifest.node(step.node).name.chars().count()).max().unwrap_or(0).min(48);
    let kind = |step: &plan::Step| {
        let node = manifest.node(step.node);
        node.materialized.as_deref().unwrap_or_else(|| node.kind.word())
    };
    let wide = plan.steps.iter().map(|step| step.action.word().len()).max().unwrap_or(0);
    let wider = plan.steps.iter().map(|step| kind(step).chars().count()).max().unwrap_or(0);
    let mut text = String::new();
    for step in &plan.steps {
        let node = manifest.node(step.node);
        let padding = " ".repeat(widest.saturating_sub(node.name.chars().count()));
        let (action, kind, reasons) = (step.action.word(), kind(step), step.reasons.join("; "));
        text.push_str(&format!("{action:<wide$}  {kind:<wider$}  {}{padding}  {reasons}\n", node.name));
    }
    app.terminal.data(&text);
    let count = |action| plan.steps.iter().filter(|step| step.action == action).count();
    let mut parts = Vec::new();
    for (action, words) in [
        (Action::Build, "to build"),
        (Action::Increment, "to add to"),
        (Action::Describe, "to describe"),
        (Action::Drop, "to drop"),
        (Action::Blocked, "blocked"),
        (Action::Skip, "unchanged"),
    ] {
        if count(action) > 0 {
            parts.push(format!("{} {words}", count(action)));
        }
    }
    match plan.tests.values().filter(|test| test.passed.is_none()).count() {
        0 => {}
        1 => parts.push("1 test to run".to_owned()),
        many => parts.push(format!("{many} tests to run")),
    }
    if parts.is_empty() {
        parts.push("nothing to do".to_owned());
    }
    app.terminal.say(&parts.join(", "));
}
