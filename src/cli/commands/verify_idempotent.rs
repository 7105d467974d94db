//! `suiro verify-idempotent`: whether models give the same rows when they are built again.

use super::{build::run_id, plan};
use crate::{
    cli::{
        app::App,
        arguments::{Choice, Format, VerifyIdempotent},
        table,
    },
    diagnostic::{
        Diagnostic,
        code::{NOT_IDEMPOTENT, STATEMENT_REFUSED},
        exit_of,
    },
    exit::Exit,
    graph::Selection,
    manifest::{NodeId, NodeKind},
    run::{self, Repeated, Repeating, refusal},
};
use serde_json::json;

/// Builds each model three times and compares.
pub fn run(app: &App, arguments: &VerifyIdempotent) -> Exit {
    let mut compilation = match app.compiled() {
        Ok(compilation) => compilation,
        Err(exit) => return exit,
    };
    compilation.check_data_files();
    if let Err(exit) = app.enter(&mut compilation) {
        return exit;
    }
    let choice = Choice { select: arguments.selector.clone(), exclude: Vec::new() };
    let selection: Selection = match app.selection(&compilation, &choice) {
        Ok(selection) => compilation.within(&selection),
        Err(exit) => return exit,
    };
    let exit = app.judge(&compilation, &selection);
    let manifest = &compilation.manifest;
    let order = compilation.graph.order(&selection.iter().copied().collect());
    let models = order.into_iter().filter(|id| {
        let node = manifest.node(*id);
        node.kind == NodeKind::Model && node.is_built() && node.error.is_none()
    });
    let models: Vec<NodeId> = models.collect();
    let engine = match app.engine(&compilation, false) {
        Ok(engine) => engine,
        Err(failed) => return exit.or(failed),
    };
    let database = match run::database(engine.as_ref()) {
        Ok(database) => database,
        Err(error) => return exit.or(app.refuse(&compilation, &error, "the database could not be reached")),
    };
    let scratch = ["suiro_scratch_", &run_id().as_str().to_lowercase().replace('-', "_")].concat();
    let repeating = Repeating { manifest, statements: &compilation, database: database.as_deref(), scratch: &scratch };
    let mut problems: Vec<Diagnostic> = Vec::new();
    let mut lines = Vec::new();
    let mut text = Vec::new();
    for id in models {
        let name = &manifest.node(id).name;
        // A session of its own, whose settings nobody else gets.
        let repeated = engine
            .connect(&format!("verify {name}"))
            .and_then(|mut connection| repeating.repeat(connection.as_mut(), id));
        match repeated {
            Ok(found) => {
                problems.extend(problem(name, &found));
                text.push(vec![name.clone(), word(&found).to_owned(), table::rows(found.rows), said(&found)]);
                lines.push(
                    json!({
                        "name": name,
                        "status": word(&found),
                        "rows": found.rows,
                        "differing": found.differing,
                        "columns": found.columns,
                        "floats": found.floats,
                    })
                    .to_string(),
                );
            }
            Err(error) => {
                let told = refusal(&error, &format!("`{name}` could not be built again")).of_node(name.clone());
                problems.push(if error.code == STATEMENT_REFUSED {
                    told.help("what it reads must be there: build it first")
                } else {
                    told
                });
                text.push(vec![name.clone(), "failed".to_owned(), String::new(), String::new()]);
                lines.push(json!({"name": name, "status": "failed"}).to_string());
            }
        }
    }
    match arguments.format {
        Format::Json => app.terminal.data(&lines.join("\n")),
        Format::Text => app.terminal.data(&table::aligned(&text)),
    }
    app.terminal.diagnostics(&App::placed(&compilation, &problems), &compilation.sources);
    plan::remember(app, &compilation, engine.as_ref());
    exit.or(exit_of(&problems))
}

fn word(found: &Repeated) -> &'static str {
    match (found.differing, found.floats.is_empty()) {
        (0, true) => "same",
        (0, false) => "floats",
        _ => "differs",
    }
}

fn listed(columns: &std::collections::BTreeSet<String>) -> String {
    columns.iter().map(|column| format!("`{column}`")).collect::<Vec<_>>().join(", ")
}

fn said(found: &Repeated) -> String {
    match word(found) {
        "floats" => format!("{} within 1 ulp for each row that is summed", listed(&found.floats)),
        "differs" if found.columns.is_empty() => format!("{} differ", table::rows(found.differing)),
        "differs" => format!("{} differ, in {}", table::rows(found.differing), listed(&found.columns)),
        _ => String::new(),
    }
}

fn problem(name: &str, found: &Repeated) -> Option<Diagnostic> {
    if found.differing == 0 {
        return None;
    }
    let what = if found.columns.is_empty() { "rows".to_owned() } else { listed(&found.columns) };
    let message = format!("`{name}` gives other {what} when it is built again from the same rows");
    let problem = Diagnostic::error(NOT_IDEMPOTENT, message).of_node(name);
    Some(
        problem
            .help("`suiro check` tells of orders that are missing; functions such as `random()` answer anew each time"),
    )
}
