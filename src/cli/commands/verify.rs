//! `suiro verify`: whether published rows are still those that were published.

use super::{origin, plan};
use crate::{
    cli::{
        app::App,
        arguments::{Choice, Format, Verify},
        table,
    },
    diagnostic::{Diagnostic, code::ROWS_CHANGED, exit_of},
    exit::Exit,
    graph::Selection,
    manifest::{Form, NodeId},
    run::{Fingerprint, Upkeep, refusal},
    state::Recorded,
};
use serde_json::json;

/// Compares count and sum of rows with what is remembered; what is not remembered yet is written down.
pub fn run(app: &App, arguments: &Verify) -> Exit {
    let mut compilation = match app.compiled() {
        Ok(compilation) => compilation,
        Err(exit) => return exit,
    };
    if let Err(exit) = app.enter(&mut compilation) {
        return exit;
    }
    let choice = Choice { select: arguments.selector.clone(), exclude: Vec::new() };
    let selection = match app.selection(&compilation, &choice) {
        Ok(selection) => compilation.within(&selection),
        Err(exit) => return exit,
    };
    let engine = match app.engine(&compilation, false) {
        Ok(engine) => engine,
        Err(exit) => return exit,
    };
    let known = match plan::look(app, &compilation, &Selection::new(), engine.as_ref()) {
        Ok(known) => known,
        Err(error) => return app.refuse(&compilation, &error, "the state could not be read"),
    };
    let manifest = &compilation.manifest;
    let upkeep = Upkeep {
        manifest,
        engine: engine.as_ref(),
        statements: &compilation,
        state_schema: &compilation.project.target.state_schema,
    };
    let moment = origin::origin(&compilation.project.root, "verify").logical_time;
    let order = compilation.graph.order(&selection.iter().copied().collect());
    let has_rows = |id: &NodeId| {
        let node = manifest.node(*id);
        node.is_built() && !matches!(node.form(), Form::View | Form::File)
    };
    let (mut problems, mut lines, mut objects) = (Vec::new(), Vec::new(), Vec::new());
    for id in order.into_iter().filter(has_rows) {
        let node = manifest.node(id);
        let Some(relation) = &node.relation else { continue };
        let Some(recorded) = known.recorded(relation) else {
            lines.push(vec![node.name.clone(), "unknown".to_owned(), "it is not what was published here".to_owned()]);
            objects.push(json!({"name": node.name, "status": "unknown"}).to_string());
            continue;
        };
        let found = match upkeep.fingerprint(relation, recorded.epoch, &moment) {
            Ok(found) => found,
            Err(error) => {
                let what = format!("the rows of `{}` could not be read", node.name);
                problems.push(refusal(&error, &what).of_node(node.name.clone()));
                continue;
            }
        };
        let (word, said) = judged(recorded, &found);
        if word == "changed" {
            let message =
                format!("the rows of `{}` are not those that run {} published: {said}", node.name, recorded.run);
            let problem = Diagnostic::error(ROWS_CHANGED, message).of_node(node.name.clone());
            problems.push(problem.help(format!("`suiro build --force --select {}` makes it anew", node.name)));
        }
        lines.push(vec![node.name.clone(), word.to_owned(), table::rows(found.rows), said]);
        objects.push(
            json!({
                "name": node.name,
                "status": word,
                "rows": found.rows,
                "recorded_rows": recorded.rows,
                "sum": found.sum,
                "recorded_sum": found.before.as_ref().map(|before| &before.sum),
                "run": recorded.run,
            })
            .to_string(),
        );
    }
    match arguments.format {
        Format::Json => app.terminal.data(&objects.join("\n")),
        Format::Text => app.terminal.data(&table::aligned(&lines)),
    }
    app.terminal.diagnostics(&App::placed(&compilation, &problems), &compilation.sources);
    exit_of(&problems)
}

/// Whether rows are as they were, and what there is to say of it.
fn judged(recorded: &Recorded, found: &Fingerprint) -> (&'static str, String) {
    match (&found.before, recorded.rows) {
        (Some(before), _) if before.rows != found.rows => {
            ("changed", format!("{} were there at {}", table::rows(before.rows), before.taken_at))
        }
        (Some(before), _) if before.sum != found.sum => {
            ("changed", format!("other values than at {}", before.taken_at))
        }
        (Some(before), _) => ("same", format!("as at {}", before.taken_at)),
        (None, Some(rows)) if rows != found.rows => ("changed", format!("{} were published", table::rows(rows))),
        (None, Some(_)) => ("counted", "as many as were published; their values are written down now".to_owned()),
        (None, None) => ("noted", "nothing was known of its rows; they are written down now".to_owned()),
    }
}
