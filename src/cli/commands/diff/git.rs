//! `suiro diff --git`: what a change of the files does, told without a database.

use super::report;
use crate::{
    cli::{app::App, arguments::Diff, change::between},
    compile::Compilation,
    diagnostic::exit_of,
    exit::Exit,
    graph::Selection,
};

/// Prints what changed between two commits, or between a commit and the files as they are.
pub fn run(app: &App, arguments: &Diff, range: &str) -> Exit {
    match both(app, range) {
        Ok((before, after)) => {
            let everything: Selection = after.manifest.iter().map(|(id, _)| id).collect();
            app.judge(&after, &everything);
            report::print(app, &between(&before, &after), (range, &after.diagnostics), arguments.format);
            exit_of(&after.diagnostics)
        }
        Err(exit) => exit,
    }
}

/// The project at the beginning of the range, and at its end.
fn both(app: &App, range: &str) -> Result<(Compilation, Compilation), Exit> {
    let (from, to) = range.split_once("..").unwrap_or((range, ""));
    let before = app.compiled_at(from)?;
    let after = if to.is_empty() { app.compiled()? } else { app.compiled_at(to)? };
    Ok((before, after))
}
