//! `suiro status`: how each relation of the project stands.

use super::plan;
use crate::{
    cli::{
        app::App,
        arguments::{Choice, Format, Status},
        table,
    },
    compile::Compilation,
    exit::Exit,
    graph::Selection,
    plan::{Condition, Standing, Wishes, orphans, standings},
    state::Recorded,
};
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// So much of a commit tells it from others.
const SHORT: usize = 8;

/// Prints how relations stand; changes nothing.
pub fn run(app: &App, arguments: &Status) -> Exit {
    let mut compilation = match app.compiled() {
        Ok(compilation) => compilation,
        Err(exit) => return exit,
    };
    compilation.check_data_files();
    if let Err(exit) = app.enter(&mut compilation) {
        return exit;
    }
    let choice = Choice { select: arguments.selector.clone(), exclude: Vec::new() };
    let selection = match app.selection(&compilation, &choice) {
        Ok(selection) => selection,
        Err(exit) => return exit,
    };
    let exit = app.judge(&compilation, &selection);
    // Whether something is behind follows from what is above it.
    let mut all: Selection = selection.clone();
    all.extend(selection.iter().flat_map(|id| compilation.graph.ancestors(*id, None)));
    let all = compilation.within(&all);
    let engine = match app.engine(&compilation, true) {
        Ok(engine) => engine,
        Err(failed) => return exit.or(failed),
    };
    let known = match plan::known(app, &compilation, &all, engine.as_ref()) {
        Ok(known) => known,
        Err(failed) => return exit.or(failed),
    };
    let plan = plan::of(&compilation, (&all, &Wishes::default()), &known);
    let mut found = standings(&compilation.manifest, &known, &plan);
    found.retain(|standing| standing.node.is_some_and(|id| selection.contains(&id)));
    if arguments.selector.is_empty() {
        found.extend(orphans(&compilation.manifest, &known));
    }
    print(app, &compilation, &found, arguments.format);
    exit
}

fn name(compilation: &Compilation, standing: &Standing) -> String {
    let node = standing.node.map(|id| compilation.manifest.node(id).name.clone());
    node.unwrap_or_else(|| standing.relation.to_string())
}

fn print(app: &App, compilation: &Compilation, found: &[Standing], format: Format) {
    if format == Format::Json {
        let lines: Vec<String> = found.iter().map(|standing| object(compilation, standing).to_string()).collect();
        app.terminal.data(&lines.join("\n"));
        return;
    }
    let line = |standing: &Standing| {
        let recorded = standing.recorded.as_ref();
        let of = |text: &dyn Fn(&Recorded) -> String| recorded.map(text).unwrap_or_default();
        let reasons = if standing.condition == Condition::Current { "" } else { &*standing.reasons.join("; ") };
        vec![
            standing.condition.word().to_owned(),
            name(compilation, standing),
            of(&|recorded| recorded.rows.map(table::rows).unwrap_or_default()),
            of(&|recorded| recorded.published_at.clone()),
            of(&|recorded| format!("run {}", recorded.run)),
            of(&|recorded| recorded.commit.as_deref().map(short).unwrap_or_default()),
            reasons.to_owned(),
        ]
    };
    app.terminal.data(&table::aligned(&found.iter().map(line).collect::<Vec<_>>()));
    let mut counts: BTreeMap<Condition, usize> = BTreeMap::new();
    for standing in found {
        *counts.entry(standing.condition).or_default() += 1;
    }
    let parts: Vec<String> = counts.iter().map(|(condition, count)| format!("{count} {}", condition.word())).collect();
    app.terminal.say(&if parts.is_empty() { "nothing is built here".to_owned() } else { parts.join(", ") });
}

/// A commit as people write it; that files differed from it stays.
pub(super) fn short(commit: &str) -> String {
    match commit.split_once('-') {
        Some((commit, more)) => format!("{}-{more}", commit.chars().take(SHORT).collect::<String>()),
        None => commit.chars().take(SHORT).collect(),
    }
}

fn object(compilation: &Compilation, standing: &Standing) -> Value {
    let recorded = standing.recorded.as_ref();
    json!({
        "name": name(compilation, standing),
        "relation": standing.relation.to_string(),
        "status": standing.condition,
        "reasons": standing.reasons,
        "materialized": recorded.map(|recorded| &recorded.materialized),
        "rows": recorded.and_then(|recorded| recorded.rows),
        "published_at": recorded.map(|recorded| &recorded.published_at),
        "run": recorded.map(|recorded| &recorded.run),
        "commit": recorded.and_then(|recorded| recorded.commit.as_ref()),
        "author": recorded.and_then(|recorded| recorded.author.as_ref()),
        "held": recorded.and_then(|recorded| recorded.held.as_ref()),
    })
}
