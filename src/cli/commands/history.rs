//! `suiro history`: the past publishes of a model.

use super::{lineage::find, status::short};
use crate::{
    cli::{
        app::App,
        arguments::{Format, History},
        table,
    },
    exit::Exit,
    plan::definition_changes,
    run::Upkeep,
    state::Recorded,
};
use serde_json::json;
use std::collections::BTreeSet;

/// Prints past publishes, the newest first.
pub fn run(app: &App, arguments: &History) -> Exit {
    let mut compilation = match app.compiled() {
        Ok(compilation) => compilation,
        Err(exit) => return exit,
    };
    if let Err(exit) = app.enter(&mut compilation) {
        return exit;
    }
    let id = match find(&compilation, &arguments.model) {
        Ok(id) => id,
        Err(diagnostic) => return app.fail(&[*diagnostic], &compilation.sources),
    };
    let node = compilation.manifest.node(id);
    let Some(relation) = node.relation.as_ref().filter(|_| node.is_built()) else {
        app.terminal.say(&format!("{} is never published by itself", node.name));
        return Exit::Done;
    };
    let engine = match app.engine(&compilation, true) {
        Ok(engine) => engine,
        Err(exit) => return exit,
    };
    let upkeep = Upkeep {
        manifest: &compilation.manifest,
        engine: engine.as_ref(),
        statements: &compilation,
        state_schema: &compilation.project.target.state_schema,
    };
    // One more, to tell what changed with the last one that is shown.
    let found = match upkeep.history(relation, arguments.limit.saturating_add(1)) {
        Ok(found) => found,
        Err(error) => return app.refuse(&compilation, &error, "the history could not be read"),
    };
    let kept = match upkeep.kept() {
        Ok(kept) => kept,
        Err(error) => return app.refuse(&compilation, &error, "what is kept could not be read"),
    };
    let kept: BTreeSet<u64> = kept.into_iter().filter(|one| one.relation == *relation).map(|one| one.epoch).collect();
    let shown = found.iter().take(arguments.limit).enumerate().map(|(index, one)| (one, found.get(index + 1)));
    match arguments.format {
        Format::Json => {
            let lines: Vec<String> = shown.map(|(one, before)| object(one, before, &kept)).collect();
            app.terminal.data(&lines.join("\n"));
        }
        Format::Text => {
            let lines: Vec<Vec<String>> = shown.map(|(one, before)| line(one, before, &kept)).collect();
            app.terminal.data(&table::aligned(&lines));
            app.terminal.say(&match found.len() {
                0 => format!("{} was never published here", node.name),
                1 => "1 publish".to_owned(),
                many if many > arguments.limit => {
                    format!("the newest {} publishes (`--limit` for more)", arguments.limit)
                }
                many => format!("{many} publishes"),
            });
        }
    }
    Exit::Done
}

/// What was other than in the publish before.
fn changes(one: &Recorded, before: Option<&Recorded>) -> Vec<String> {
    let Some(before) = before else { return vec!["the first publish".to_owned()] };
    let mut changes = Vec::new();
    if one.materialized != before.materialized {
        changes.push(format!("it became a {}", one.materialized.replace('_', " ")));
    }
    changes.extend(definition_changes(&before.identity, &one.identity));
    if changes.is_empty() && one.identity.version != before.identity.version {
        changes.push("its rows".to_owned());
    }
    changes
}

#[expect(clippy::cast_precision_loss, reason = "seconds for people")]
fn seconds(milliseconds: u64) -> f64 {
    milliseconds as f64 / 1000.0
}

fn line(one: &Recorded, before: Option<&Recorded>, kept: &BTreeSet<u64>) -> Vec<String> {
    vec![
        one.published_at.clone(),
        format!("run {}", one.run),
        one.rows.map(table::rows).unwrap_or_default(),
        format!("{:.2} s", seconds(one.milliseconds)),
        one.commit.as_deref().map(short).unwrap_or_default(),
        one.author.clone().unwrap_or_default(),
        if kept.contains(&one.epoch) { "kept".to_owned() } else { String::new() },
        changes(one, before).join("; "),
    ]
}

fn object(one: &Recorded, before: Option<&Recorded>, kept: &BTreeSet<u64>) -> String {
    json!({
        "published_at": one.published_at,
        "run": one.run,
        "materialized": one.materialized,
        "rows": one.rows,
        "seconds": seconds(one.milliseconds),
        "commit": one.commit,
        "author": one.author,
        "changes": changes(one, before),
        "kept": kept.contains(&one.epoch),
    })
    .to_string()
}
