//! `suiro prune`: drops what the project published and has no more.

use super::plan;
use crate::{
    cli::{app::App, arguments::Prune, table},
    diagnostic::{Diagnostic, code::STATEMENT_REFUSED, exit_of},
    exit::Exit,
    graph::Selection,
    manifest::Manifest,
    name::RelationName,
    plan::{Standing, orphans},
    run::{Upkeep, refusal, versions_kept},
    state::Kept,
};
use std::collections::BTreeMap;

/// What is never dropped: its rows cannot be made again.
const SNAPSHOT: &str = "snapshot";

/// Lists what would be dropped, and drops it if that is asked for.
pub fn run(app: &App, arguments: &Prune) -> Exit {
    let mut compilation = match app.compiled() {
        Ok(compilation) => compilation,
        Err(exit) => return exit,
    };
    if let Err(exit) = app.enter(&mut compilation) {
        return exit;
    }
    // A file that cannot be read may hold a model that seems to be gone.
    let wrong = exit_of(&compilation.diagnostics);
    if wrong != Exit::Done {
        let selection: Selection = compilation.manifest.iter().map(|(id, _)| id).collect();
        let exit = app.judge(&compilation, &selection);
        app.terminal.say("What the project has no more cannot be told while it has errors.");
        return exit;
    }
    let engine = match app.engine(&compilation, !arguments.yes) {
        Ok(engine) => engine,
        Err(exit) => return exit,
    };
    let known = match plan::look(app, &compilation, &Selection::new(), engine.as_ref()) {
        Ok(known) => known,
        Err(error) => return app.refuse(&compilation, &error, "the state could not be read"),
    };
    let found = orphans(&compilation.manifest, &known);
    let is_snapshot = |one: &&Standing| one.recorded.as_ref().is_some_and(|one| one.materialized == SNAPSHOT);
    let (kept, dropped): (Vec<&Standing>, Vec<&Standing>) = found.iter().partition(is_snapshot);
    for one in kept {
        app.terminal.say(&format!("{} stays: it is a snapshot, whose rows cannot be made again", one.relation));
    }
    let upkeep = Upkeep {
        manifest: &compilation.manifest,
        engine: engine.as_ref(),
        statements: &compilation,
        state_schema: &compilation.project.target.state_schema,
    };
    let versions = match upkeep.kept() {
        Ok(all) => surplus(&compilation.manifest, all),
        Err(error) => return app.refuse(&compilation, &error, "what is kept could not be read"),
    };
    if dropped.is_empty() && versions.is_empty() {
        app.terminal.say("Nothing to drop: the project makes all that it published.");
        return Exit::Done;
    }
    if !arguments.yes {
        return list(app, &dropped, &versions);
    }
    if let Err(exit) = app.confirm(&compilation, "relations would be dropped") {
        return exit;
    }
    let given = dropped.iter().filter_map(|one| Some((one.relation.clone(), one.recorded.clone()?)));
    let done = match upkeep.prune(&given.collect::<Vec<_>>()) {
        Ok(done) => done,
        Err(error) => return app.refuse(&compilation, &error, "nothing was dropped"),
    };
    let mut problems: Vec<Diagnostic> = Vec::new();
    for (relation, refused) in done {
        match refused {
            None => app.terminal.say(&format!("Dropped {relation}")),
            Some(error) if error.code == STATEMENT_REFUSED => {
                let problem = refusal(&error, &format!("`{relation}` stays")).as_warning();
                problems.push(problem.help("drop it yourself, or what depends on it; suiro drops nothing of others"));
            }
            Some(error) => problems.push(refusal(&error, &format!("`{relation}` stays"))),
        }
    }
    for one in &versions {
        match upkeep.drop_kept(one) {
            Ok(()) => {
                app.terminal.say(&format!("Dropped the version of {} that run {} published", one.relation, one.run));
            }
            Err(error) => problems.push(refusal(&error, &format!("`{}` stays", one.place))),
        }
    }
    plan::remember(app, &compilation, engine.as_ref());
    app.terminal.diagnostics(&problems, &compilation.sources);
    exit_of(&problems)
}

/// The versions that are more than their models keep, or whose models are gone.
fn surplus(manifest: &Manifest, all: Vec<Kept>) -> Vec<Kept> {
    let mut seen: BTreeMap<RelationName, usize> = BTreeMap::new();
    let mut is_surplus = |one: &Kept| {
        let node = manifest.nodes.iter().find(|node| node.relation.as_ref() == Some(&one.relation));
        let count = seen.entry(one.relation.clone()).or_default();
        *count += 1;
        *count > node.map_or(0, versions_kept)
    };
    all.into_iter().filter(|one| is_surplus(one)).collect()
}

fn list(app: &App, dropped: &[&Standing], versions: &[Kept]) -> Exit {
    let line = |one: &&Standing| {
        let recorded = one.recorded.as_ref();
        vec![
            one.relation.to_string(),
            recorded.map(|recorded| recorded.materialized.clone()).unwrap_or_default(),
            recorded.and_then(|recorded| recorded.rows).map(table::rows).unwrap_or_default(),
            recorded.map(|recorded| format!("run {}", recorded.run)).unwrap_or_default(),
            one.reasons[1..].join("; "),
        ]
    };
    let mut lines: Vec<Vec<String>> = dropped.iter().map(line).collect();
    lines.extend(versions.iter().map(|one| {
        let run = format!("run {}", one.run);
        vec![
            one.relation.to_string(),
            "kept version".to_owned(),
            String::new(),
            run,
            "nothing keeps it any more".to_owned(),
        ]
    }));
    app.terminal.data(&table::aligned(&lines));
    let count = lines.len();
    let what = if count == 1 { "1 relation".to_owned() } else { format!("{count} relations") };
    app.terminal.say(&format!("{what} that the project has no more; `suiro prune --yes` drops what is its own"));
    Exit::Done
}
