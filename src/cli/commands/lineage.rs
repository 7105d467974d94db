//! `suiro lineage`: who reads whom, and where the SQL says so.

use crate::{
    cli::{
        app::App,
        arguments::{Format, Lineage},
    },
    compile::Compilation,
    diagnostic::{
        Diagnostic,
        code::{NO_SUCH_EDGE, NO_SUCH_MODEL},
    },
    exit::Exit,
    manifest::{NodeId, NodeKind},
    source::{LineColumn, byte_at},
};
use serde_json::json;
use std::collections::BTreeSet;

/// Prints what is above and below a node, or where an edge comes from.
pub fn run(app: &App, arguments: &Lineage) -> Exit {
    if arguments.json_lines {
        return super::json_lines::run(app);
    }
    let compilation = match app.compiled() {
        Ok(compilation) => compilation,
        Err(exit) => return exit,
    };
    let result = match (&arguments.explain_edge, &arguments.node) {
        (Some(edge), _) => match edge.as_slice() {
            [reader, read] => explain_edge(app, &compilation, reader, read, arguments.format),
            _ => Ok(()),
        },
        (None, Some(node)) => tree(app, &compilation, node, arguments),
        (None, None) => Ok(()),
    };
    match result {
        Ok(()) => Exit::Done,
        Err(diagnostic) => app.fail(&[*diagnostic], &compilation.sources),
    }
}

/// The node of that name.
///
/// # Errors
/// `NO_SUCH_MODEL`, with a suggestion.
pub fn find(compilation: &Compilation, name: &str) -> Result<NodeId, Box<Diagnostic>> {
    compilation.manifest.find(name).ok_or_else(|| {
        let known = compilation.manifest.nodes.iter().map(|node| node.name.as_str());
        let problem = Diagnostic::error(NO_SUCH_MODEL, format!("no model, seed or source is called `{name}`"));
        Box::new(problem.suggest(name, known).help("`suiro ls` shows what there is"))
    })
}

fn tree(app: &App, compilation: &Compilation, name: &str, arguments: &Lineage) -> Result<(), Box<Diagnostic>> {
    let id = find(compilation, name)?;
    let manifest = &compilation.manifest;
    if arguments.format == Format::Json {
        let names = |set: BTreeSet<NodeId>| {
            let relations = set.into_iter().filter(|id| manifest.node(*id).kind != NodeKind::Test);
            relations.map(|id| manifest.node(id).name.clone()).collect::<Vec<_>>()
        };
        let above = if arguments.downstream { Vec::new() } else { names(compilation.graph.ancestors(id, None)) };
        let below = if arguments.upstream { Vec::new() } else { names(compilation.graph.descendants(id, None)) };
        app.terminal.data(&json!({"name": manifest.node(id).name, "upstream": above, "downstream": below}).to_string());
        return Ok(());
    }
    let mut text = String::new();
    if !arguments.downstream {
        text.push_str(&format!("{} reads\n", manifest.node(id).name));
        branch(compilation, id, true, "", &mut BTreeSet::new(), &mut text);
    }
    if !arguments.upstream {
        text.push_str(&format!("{} is read by\n", manifest.node(id).name));
        branch(compilation, id, false, "", &mut BTreeSet::new(), &mut text);
    }
    app.terminal.data(&text);
    Ok(())
}

/// The neighbours of a node in one direction, indented; a node that was shown already is not opened again.
fn branch(
    compilation: &Compilation,
    id: NodeId,
    up: bool,
    indent: &str,
    seen: &mut BTreeSet<NodeId>,
    text: &mut String,
) {
    let graph = &compilation.graph;
    let mut next: BTreeSet<NodeId> = if up { graph.parents(id).collect() } else { graph.children(id).collect() };
    next.retain(|id| compilation.manifest.node(*id).kind != NodeKind::Test);
    if next.is_empty() && indent.is_empty() {
        text.push_str("└── nothing\n");
    }
    let last = next.len().saturating_sub(1);
    for (index, neighbour) in next.into_iter().enumerate() {
        let (corner, bar) = if index == last { ("└── ", "    ") } else { ("├── ", "│   ") };
        let node = compilation.manifest.node(neighbour);
        let new = seen.insert(neighbour);
        let more = if new { "" } else { " (see above)" };
        let kind = node.materialized.as_deref().unwrap_or_else(|| node.kind.word());
        text.push_str(&format!("{indent}{corner}{} ({kind}){more}\n", node.name));
        if new {
            branch(compilation, neighbour, up, &format!("{indent}{bar}"), seen, text);
        }
    }
}

/// Every place in the reader's files that names what it reads, with the line itself.
fn explain_edge(
    app: &App,
    compilation: &Compilation,
    reader: &str,
    read: &str,
    format: Format,
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
    if format == Format::Json {
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
