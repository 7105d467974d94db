//! `suiro check`: what is wrong, without touching anything.

use crate::{
    cli::{
        app::App,
        arguments::{Format, Listing},
    },
    diagnostic::{Diagnostic, exit_of},
    exit::Exit,
    source::Sources,
};
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// Prints every diagnostic that concerns the selection.
pub fn run(app: &App, arguments: &Listing) -> Exit {
    let compilation = match app.compiled_with(true) {
        Ok(compilation) => compilation,
        Err(exit) => return exit,
    };
    let selection = match app.selection(&compilation, &arguments.choice) {
        Ok(selection) => selection,
        Err(exit) => return exit,
    };
    let mut diagnostics = app.judged(&compilation, &selection);
    // What cannot be built is mended first.
    let sound = selection.iter().map(|id| compilation.manifest.node(*id)).filter(|node| node.error.is_none());
    let sound: BTreeSet<&str> = sound.map(|node| node.name.as_str()).collect();
    let concerns = |advice: &&Diagnostic| advice.node.as_deref().is_some_and(|node| sound.contains(node));
    diagnostics.extend(compilation.advice.iter().filter(concerns).cloned());
    match arguments.format {
        Format::Text => app.terminal.diagnostics(&diagnostics, &compilation.sources),
        Format::Json => {
            for diagnostic in &diagnostics {
                app.terminal.data(&line(diagnostic, &compilation.sources).to_string());
            }
        }
    }
    let exit = exit_of(&diagnostics);
    if exit == Exit::Done {
        let built = selection.iter().filter(|id| compilation.manifest.node(**id).is_built()).count();
        app.terminal.say(&format!("No errors in {built} models and seeds."));
    }
    exit
}

/// A diagnostic as one JSON object.
fn line(diagnostic: &Diagnostic, sources: &Sources) -> Value {
    let place = diagnostic.primary.as_ref().map(|label| {
        let file = sources.get(label.span.file);
        let (start, end) = (file.line_column(label.span.start), file.line_column(label.span.end));
        json!({
            "path": file.path(),
            "line": start.line,
            "column": start.column,
            "end_line": end.line,
            "end_column": end.column,
        })
    });
    json!({
        "code": diagnostic.code.id,
        "severity": if diagnostic.is_error() { "error" } else { "warning" },
        "message": diagnostic.message,
        "node": diagnostic.node,
        "place": place,
        "notes": diagnostic.notes,
        "help": diagnostic.help,
    })
}
