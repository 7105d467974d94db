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
    run::{Difference, Differing, RunReport, Status},
};
use comfy_table::{Cell, Color};

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
            let published = [Status::Built, Status::Unchanged, Status::Described];
            report.nodes.iter().any(|other| other.node == read.node && !published.contains(&other.status))
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

/// How many differing rows of one unit test are shown.
const ROWS: usize = 20;

/// Prints how the rows of unit tests differ from those expected, cell by cell.
pub fn differences(app: &App, manifest: &Manifest, report: &RunReport) {
    for (id, difference) in &report.differences {
        let node = manifest.node(*id);
        let same = match difference.same {
            0 => String::new(),
            1 => " (1 row is as expected)".to_owned(),
            many => format!(" ({many} rows are as expected)"),
        };
        app.terminal.line(&format!("{}: expected → came out{same}\n\n{}", node.name, changed(app, difference)));
        if difference.rows.len() > ROWS {
            app.terminal.line(&format!("  and {} more\n", difference.rows.len() - ROWS));
        }
    }
}

fn changed(app: &App, difference: &Difference) -> String {
    let colours = app.terminal.colours_err();
    let mut table = table::bare(app.terminal.width());
    if colours {
        table.enforce_styling();
    }
    table.set_header(std::iter::once("").chain(difference.columns.iter().map(String::as_str)));
    let text = |value: &Option<String>| value.clone().unwrap_or_else(|| "NULL".to_owned());
    let cell = |text: String, colour: Option<Color>| match colour.filter(|_| colours) {
        Some(colour) => Cell::new(text).fg(colour),
        None => Cell::new(text),
    };
    for row in difference.rows.iter().take(ROWS) {
        table.add_row(match row {
            Differing::Missing(row) => std::iter::once(cell("missing".to_owned(), Some(Color::Red)))
                .chain(row.iter().map(|value| cell(text(value), Some(Color::Red))))
                .collect::<Vec<_>>(),
            Differing::Extra(row) => std::iter::once(cell("extra".to_owned(), Some(Color::Green)))
                .chain(row.iter().map(|value| cell(text(value), Some(Color::Green))))
                .collect(),
            Differing::Changed(expected, actual) => std::iter::once(cell("differs".to_owned(), Some(Color::Yellow)))
                .chain(expected.iter().zip(actual).map(|(one, other)| {
                    if one == other {
                        cell(text(one), None)
                    } else {
                        cell(format!("{} → {}", text(one), text(other)), Some(Color::Red))
                    }
                }))
                .collect(),
        });
    }
    let lines: Vec<String> = table.to_string().lines().map(|line| line.trim_end().to_owned()).collect();
    lines.join("\n") + "\n"
}
