//! Failing tests as people read them: with the first rows, and the SQL to look at.

use crate::{
    artifact,
    cli::{app::App, table},
    diagnostic::{
        Diagnostic,
        code::{FAILURES_NOT_STORED, TEST_FAILED},
    },
    engine::Rows,
    manifest::Manifest,
    run::{RunReport, Status},
};

/// How much of a line stands before a note.
const BEFORE: usize = 14;

/// The diagnostics of a run, those of failing tests with their first rows and a way to see all of them.
pub fn told(app: &App, manifest: &Manifest, report: &RunReport) -> Vec<Diagnostic> {
    let told = |diagnostic: &Diagnostic| {
        let id = diagnostic.node.as_deref().filter(|_| diagnostic.code == TEST_FAILED);
        let Some(id) = id.and_then(|name| manifest.find_test(name)) else { return diagnostic.clone() };
        let node = manifest.node(id);
        let mut diagnostic = diagnostic.clone();
        if let Some(rows) = report.samples.get(&id) {
            diagnostic = diagnostic.note(sample(rows, app.terminal.width()));
        }
        if let Some(path) = artifact::compiled_path(node) {
            diagnostic = diagnostic.note(format!("the SQL is in target/compiled/{path}"));
        }
        let held = |read: &crate::manifest::Read| {
            report.nodes.iter().any(|other| other.node == read.node && other.status != Status::Built)
        };
        let lost =
            report.diagnostics.iter().any(|other| other.code == FAILURES_NOT_STORED && other.node == diagnostic.node);
        let stored = node.test.as_ref().and_then(|test| test.stored.as_ref()).filter(|_| !lost);
        match stored {
            Some(table) => diagnostic.help(format!("all of the failing rows are in `{table}`")),
            None if node.reads.iter().any(held) => diagnostic
                .help("what was tested was not published and is gone; `store_failures: true` keeps the failing rows"),
            None => diagnostic.help(format!("see the rows: `suiro show {}`", node.name)),
        }
    };
    report.diagnostics.iter().map(told).collect()
}

/// The rows as a table that stands behind `= note: `.
fn sample(rows: &Rows, width: usize) -> String {
    let numeric: Vec<bool> = rows.types.iter().map(|word| table::is_numeric(word)).collect();
    let table = table::plain(&rows.columns, &rows.rows, &numeric, width.saturating_sub(BEFORE));
    let lines: Vec<&str> = table.lines().map(str::trim_end).collect();
    let title =
        if rows.rows.len() == 1 { "the row:".to_owned() } else { format!("the first {} rows:", rows.rows.len()) };
    format!("{title}\n{}", lines.join("\n"))
}
