//! `suiro lineage NODE.COLUMN`: what a column is made of, and what is made of it.

use super::tree::{self, Branch};
use crate::{
    cli::{
        app::App,
        arguments::{Lineage, LineageFormat},
    },
    compile::Compilation,
    diagnostic::{
        Diagnostic,
        code::{UNKNOWN_COLUMN, UNKNOWN_COLUMNS},
    },
    graph::{ColumnEdge, ColumnPoint, Way, next_columns, reach_columns},
    manifest::{CastKind, EdgeKind, Manifest},
    site::{Diagram, column_diagram},
};
use anstyle::{AnsiColor, Style};
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// The column that a text names, if it begins with the name of a node; nothing otherwise.
///
/// # Errors
/// `UNKNOWN_COLUMN`, with a suggestion, where the node has no such column; `UNKNOWN_COLUMNS` where nobody knows.
pub fn find(manifest: &Manifest, text: &str) -> Option<Result<ColumnPoint, Box<Diagnostic>>> {
    let (name, column) = text.rsplit_once('.')?;
    let id = manifest.find(name)?;
    let node = manifest.node(id);
    let Some(columns) = &node.columns else {
        let problem = Diagnostic::error(UNKNOWN_COLUMNS, format!("the columns of `{name}` are not known"));
        let why = node.lineage.as_ref().and_then(|lineage| lineage.unsupported.clone());
        let problem = why.into_iter().fold(problem, Diagnostic::note);
        return Some(Err(Box::new(
            problem.help("`suiro catalog refresh` reads the columns of sources from the database"),
        )));
    };
    let known = columns.iter().map(|column| column.name.as_str());
    let key = |name: &str| manifest.dialect.key(name);
    let exact = known.clone().find(|known| *known == column);
    if let Some(found) = exact.or_else(|| known.clone().find(|known| key(known) == key(column))) {
        return Some(Ok(ColumnPoint { node: id, column: Some(found.to_owned()) }));
    }
    let problem = Diagnostic::error(UNKNOWN_COLUMN, format!("`{name}` has no column `{column}`"));
    Some(Err(Box::new(problem.suggest(column, known))))
}

/// Prints what is above and below a column.
pub fn print(app: &App, compilation: &Compilation, of: &ColumnPoint, arguments: &Lineage) {
    let (manifest, graph) = (&compilation.manifest, &compilation.graph);
    let wanted = |way: Way| match way {
        Way::Up => !arguments.downstream,
        Way::Down => !arguments.upstream,
    };
    let reached = |way: Way| if wanted(way) { reach_columns(manifest, graph, of, way) } else { Vec::new() };
    let diagram = |language: Diagram| {
        let mut edges = reached(Way::Up);
        edges.extend(reached(Way::Down));
        column_diagram(manifest, of, &edges, language)
    };
    match arguments.format {
        LineageFormat::Text => text(app, compilation, of, wanted),
        LineageFormat::Json => {
            let list = |way: Way| reached(way).iter().map(|edge| object(manifest, edge)).collect::<Vec<Value>>();
            let (above, below) = (list(Way::Up), list(Way::Down));
            app.terminal.data(
                &json!({"name": title(manifest, of), "upstream": above, "downstream": below, "unsupported": doubt(manifest, of)})
                    .to_string(),
            );
        }
        LineageFormat::Mermaid => app.terminal.data(&diagram(Diagram::Mermaid)),
        LineageFormat::Dot => app.terminal.data(&diagram(Diagram::Dot)),
    }
}

fn title(manifest: &Manifest, point: &ColumnPoint) -> String {
    let node = &manifest.node(point.node).name;
    match &point.column {
        Some(column) => format!("{node}.{column}"),
        None => format!("rows of {node}"),
    }
}

/// Why the origins of this column may not be all.
fn doubt<'m>(manifest: &'m Manifest, point: &ColumnPoint) -> Option<&'m str> {
    manifest.node(point.node).lineage.as_ref()?.unsupported.as_deref()
}

fn object(manifest: &Manifest, edge: &ColumnEdge) -> Value {
    let point = |point: &ColumnPoint| json!({"node": manifest.node(point.node).name, "column": point.column});
    let mut object = json!({"read": point(&edge.read), "reader": point(&edge.reader), "kind": edge.kind.word()});
    if edge.kind == EdgeKind::Copy
        && let Some(object) = object.as_object_mut()
    {
        object.insert("cast".to_owned(), edge.cast.word().into());
    }
    object
}

fn text(app: &App, compilation: &Compilation, of: &ColumnPoint, wanted: impl Fn(Way) -> bool) {
    let manifest = &compilation.manifest;
    let mut lines = String::new();
    for (way, verb) in [(Way::Up, "is made of"), (Way::Down, "is read by")] {
        if wanted(way) {
            lines.push_str(&format!("{} {verb}\n", app.terminal.styled(&title(manifest, of), Style::new().bold())));
            lines.push_str(&tree::draw(
                of,
                &|point: &ColumnPoint| next_columns(manifest, &compilation.graph, point, way),
                &|edge: &ColumnEdge| Branch {
                    to: edge.end(way).clone(),
                    label: title(manifest, edge.end(way)),
                    note: app.terminal.styled(&words(edge), colour(edge.kind)),
                    // What decides about the rows of a model decides about all of its columns.
                    ends: edge.end(way).column.is_none(),
                },
                &mut BTreeSet::new(),
            ));
        }
    }
    app.terminal.data(&lines);
    if let Some(reason) = doubt(manifest, of) {
        app.terminal.say(&format!("This may not be all: {reason}."));
    }
}

/// How it is read, for people.
fn words(edge: &ColumnEdge) -> String {
    match edge.cast {
        CastKind::None => edge.kind.word().to_owned(),
        CastKind::Safe => format!("{}, cast to a wider type", edge.kind.word()),
        CastKind::Other => format!("{}, cast", edge.kind.word()),
    }
}

const fn colour(kind: EdgeKind) -> Style {
    let colour = match kind {
        EdgeKind::Copy => AnsiColor::Green,
        EdgeKind::Transform => AnsiColor::Yellow,
        EdgeKind::Inspect => AnsiColor::Blue,
    };
    colour.on_default()
}
