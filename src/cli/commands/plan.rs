//! `suiro plan`: what a build would do, and why.

use super::build::Part;
use crate::{
    artifact,
    cli::{
        app::App,
        arguments::{Choice, Format, Plan},
    },
    compile::Compilation,
    diagnostic::{code::FILE_LOCKED, exit_of},
    engine::{Engine, EngineError, LiveCatalog},
    exit::Exit,
    graph::Selection,
    manifest::NodeKind,
    plan::{self, Action, Wishes},
    run::refusal,
};
use std::collections::BTreeSet;

/// Prints the plan.
pub fn run(app: &App, arguments: &Plan) -> Exit {
    let wishes = Wishes { full_refresh: arguments.full_refresh };
    show(app, (&arguments.choice, Part::Everything), wishes, arguments.format)
}

/// Prints the plan for a part of a selection.
pub fn show(app: &App, (choice, part): (&Choice, Part), wishes: Wishes, format: Format) -> Exit {
    let mut compilation = match app.compiled() {
        Ok(compilation) => compilation,
        Err(exit) => return exit,
    };
    compilation.check_data_files();
    let selection = match app.selection(&compilation, choice) {
        Ok(selection) => selection,
        Err(exit) => return exit,
    };
    let selection: Selection =
        selection.into_iter().filter(|id| part.holds(compilation.manifest.node(*id).kind)).collect();
    let mut exit = app.judge(&compilation, &selection);
    let engine = match app.engine(&compilation, true) {
        Ok(engine) => engine,
        Err(failed) => return exit.or(failed),
    };
    let plan = match make(app, &compilation, (&selection, wishes), engine.as_ref()) {
        Ok(plan) => plan,
        Err(failed) => return exit.or(failed),
    };
    app.terminal.diagnostics(&App::placed(&compilation, &plan.diagnostics), &compilation.sources);
    exit = exit.or(exit_of(&plan.diagnostics));
    print(app, &compilation, (&plan, &selection), format);
    let store = artifact::Store::of(&compilation.project.root);
    let content = format!("{:#}\n", artifact::plan(&compilation.manifest, &plan));
    if let Err(diagnostic) = store.write("plan.json", content.as_bytes()) {
        exit = exit.or(app.fail(&[diagnostic], &compilation.sources));
    }
    exit
}

/// The plan for a selection, from what the database has.
///
/// # Errors
/// The exit status, after printing why the database could not be read.
pub fn make(
    app: &App,
    compilation: &Compilation,
    (selection, wishes): (&Selection, Wishes),
    engine: &dyn Engine,
) -> Result<plan::Plan, Exit> {
    let live = engine
        .connect("plan")
        .and_then(|mut connection| connection.catalog(&schemas(compilation)))
        .or_else(|error| remembered(app, compilation, error))
        .map_err(|error| app.refuse(compilation, &error, "the plan could not be made"))?;
    Ok(plan::plan((&compilation.manifest, &compilation.graph), selection, &live, wishes))
}

/// The schemas of everything that is built.
fn schemas(compilation: &Compilation) -> Vec<&str> {
    let schemas: BTreeSet<&str> = compilation
        .manifest
        .nodes
        .iter()
        .filter(|node| node.is_built())
        .filter_map(|node| node.relation.as_ref())
        .map(|relation| &*relation.schema)
        .collect();
    schemas.into_iter().collect()
}

/// Keeps what the database has, for a plan that is wanted while somebody else has it open. That it could not be kept
/// is no matter: then there is no such plan.
pub fn remember(compilation: &Compilation, engine: &dyn Engine) {
    if !engine.is_exclusive() {
        return;
    }
    let live = engine.connect("catalog").and_then(|mut connection| connection.catalog(&schemas(compilation)));
    if let Ok(live) = live {
        let store = artifact::Store::of(&compilation.project.root);
        let content = artifact::catalog(&compilation.manifest, &live);
        drop(store.write("catalog.json", format!("{content:#}\n").as_bytes()));
    }
}

/// What the last run left in a database that is locked now.
fn remembered(app: &App, compilation: &Compilation, error: EngineError) -> Result<LiveCatalog, EngineError> {
    let store = artifact::Store::of(&compilation.project.root);
    let kept = (error.code == FILE_LOCKED).then(|| store.read("catalog.json")).flatten();
    let Some(live) = kept.and_then(|text| artifact::read_catalog(&compilation.manifest, &text)) else {
        return Err(error);
    };
    let problem = refusal(&error, "the plan is made from what the last run left in target/").as_warning();
    app.terminal.diagnostics(&[problem], &compilation.sources);
    Ok(live)
}

fn print(app: &App, compilation: &Compilation, (plan, selection): (&plan::Plan, &Selection), format: Format) {
    let manifest = &compilation.manifest;
    if format == Format::Json {
        let lines: Vec<String> = plan.steps.iter().map(|step| artifact::planned(manifest, step).to_string()).collect();
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
    let mut parts = vec![format!("{} to build", count(Action::Build))];
    for (action, words) in [(Action::Increment, "to add to"), (Action::Blocked, "blocked")] {
        if count(action) > 0 {
            parts.push(format!("{} {words}", count(action)));
        }
    }
    match selection.iter().filter(|id| manifest.node(**id).kind == NodeKind::Test).count() {
        0 => {}
        1 => parts.push("1 test to run".to_owned()),
        many => parts.push(format!("{many} tests to run")),
    }
    app.terminal.say(&parts.join(", "));
}
