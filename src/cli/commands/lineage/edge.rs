//! `suiro lineage --explain-edge READER READ`: where the SQL says that one reads the other.

use super::find;
use crate::{
    cli::{app::App, arguments::LineageFormat},
    compile::Compilation,
    diagnostic::{Diagnostic, code::NO_SUCH_EDGE},
    source::{LineColumn, byte_at},
};
use serde_json::json;

/// Every place in the reader's files that names what it reads, with the line itself.
///
/// # Errors
/// `NO_SUCH_MODEL`, `NO_SUCH_EDGE`.
pub fn explain(
    app: &App,
    compilation: &Compilation,
    (reader, read): (&str, &str),
    format: LineageFormat,
) -> Result<(), Box<Diagnostic>> {
    let (reader, read) = (find(compilation, reader)?, find(compilation, read)?);
    let manifest = &compilation.manifest;
    let Some(edge) = manifest.node(reader).reads.iter().find(|edge| edge.node == read) else {
        let (reader_name, read_name) = (&manifest.node(reader).name, &manifest.node(read).name);
        let mut problem =
            Diagnostic::error(NO_SUCH_EDGE, format!("`{reader_name}` does not read `{read_name}` directly"));
        if compilation.graph.ancestors(reader, None).contains(&read) {
            problem = problem.help(format!("it does so by way of others: `suiro lineage {reader_name} --upstream`"));
        } else if compilation.graph.ancestors(read, None).contains(&reader) {
            problem = problem.help(format!("it is the other way round: `--explain-edge {read_name} {reader_name}`"));
        }
        return Err(Box::new(problem));
    };
    if format == LineageFormat::Json {
        let edge = json!({"reader": manifest.node(reader).name, "read": manifest.node(read).name, "sites": edge.sites});
        app.terminal.data(&edge.to_string());
        return Ok(());
    }
    let when = if edge.incremental_only { " (in its incremental rendering only)" } else { "" };
    let mut text = format!("{} reads {}{when}:\n", manifest.node(reader).name, manifest.node(read).name);
    for site in &edge.sites {
        text.push_str(&format!("\n  {site}\n"));
        if let Some(file) = compilation.sources.find(&site.path) {
            let file = compilation.sources.get(file);
            let start = byte_at(file.text(), LineColumn { line: site.line, column: 1 });
            let line = file.text()[start..].lines().next().unwrap_or_default();
            let marker = " ".repeat(site.column.saturating_sub(1));
            text.push_str(&format!("  {:>4} | {line}\n       | {marker}^\n", site.line));
        }
    }
    app.terminal.data(&text);
    Ok(())
}
