//! `suiro lineage`: who reads whom, column by column where a column is named, and where the SQL says so.

mod column;
mod edge;
mod tree;

use crate::{
    cli::{
        app::App,
        arguments::{Lineage, LineageFormat},
    },
    compile::Compilation,
    diagnostic::{Diagnostic, code::NO_SUCH_MODEL},
    exit::Exit,
    graph::{Selection, Way},
    manifest::{NodeId, NodeKind},
    site::{Diagram, diagram},
};
use anstyle::Style;
use serde_json::json;
use std::collections::BTreeSet;
use tree::Branch;

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
            [reader, read] => edge::explain(app, &compilation, (reader, read), arguments.format),
            _ => Ok(()),
        },
        (None, Some(name)) => match column::find(&compilation.manifest, name) {
            _ if compilation.manifest.find(name).is_some() => node(app, &compilation, name, arguments),
            Some(found) => found.map(|point| column::print(app, &compilation, &point, arguments)),
            None => node(app, &compilation, name, arguments),
        },
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

/// Prints what is above and below a node.
fn node(app: &App, compilation: &Compilation, name: &str, arguments: &Lineage) -> Result<(), Box<Diagnostic>> {
    let id = find(compilation, name)?;
    let manifest = &compilation.manifest;
    let wanted = |way: Way| match way {
        Way::Up => !arguments.downstream,
        Way::Down => !arguments.upstream,
    };
    let reached = |way: Way| {
        let mut found = match way {
            _ if !wanted(way) => BTreeSet::new(),
            Way::Up => compilation.graph.ancestors(id, None),
            Way::Down => compilation.graph.descendants(id, None),
        };
        found.retain(|id| manifest.node(*id).kind != NodeKind::Test);
        found
    };
    let drawn = |language: Diagram| {
        let shown: Selection = reached(Way::Up).into_iter().chain(reached(Way::Down)).chain([id]).collect();
        diagram(manifest, &shown, language)
    };
    match arguments.format {
        LineageFormat::Text => app.terminal.data(&lines(app, compilation, id, wanted)),
        LineageFormat::Json => {
            let names =
                |way: Way| reached(way).into_iter().map(|id| manifest.node(id).name.clone()).collect::<Vec<_>>();
            let (above, below) = (names(Way::Up), names(Way::Down));
            let object = json!({"name": manifest.node(id).name, "upstream": above, "downstream": below});
            app.terminal.data(&object.to_string());
        }
        LineageFormat::Mermaid => app.terminal.data(&drawn(Diagram::Mermaid)),
        LineageFormat::Dot => app.terminal.data(&drawn(Diagram::Dot)),
    }
    Ok(())
}

fn lines(app: &App, compilation: &Compilation, id: NodeId, wanted: impl Fn(Way) -> bool) -> String {
    let (manifest, graph) = (&compilation.manifest, &compilation.graph);
    let title = app.terminal.styled(&manifest.node(id).name, Style::new().bold());
    let mut text = String::new();
    for (way, verb) in [(Way::Up, "reads"), (Way::Down, "is read by")] {
        if wanted(way) {
            text.push_str(&format!("{title} {verb}\n"));
            text.push_str(&tree::draw(
                &id,
                &|id: &NodeId| {
                    let mut next: BTreeSet<NodeId> = match way {
                        Way::Up => graph.parents(*id).collect(),
                        Way::Down => graph.children(*id).collect(),
                    };
                    next.retain(|id| manifest.node(*id).kind != NodeKind::Test);
                    next.into_iter().collect()
                },
                &|id: &NodeId| {
                    let node = manifest.node(*id);
                    let kind = node.materialized.as_deref().unwrap_or_else(|| node.kind.word());
                    let note = app.terminal.styled(kind, Style::new().dimmed());
                    Branch { to: *id, label: node.name.clone(), note, ends: false }
                },
                &mut BTreeSet::new(),
            ));
        }
    }
    text
}
