//! `suiro ls`: what there is.

use crate::{
    artifact::listed,
    cli::{
        app::App,
        arguments::{Format, Listing},
        summary,
    },
    exit::Exit,
    manifest::NodeKind,
};

/// Lists the selected nodes.
pub fn run(app: &App, arguments: &Listing) -> Exit {
    let compilation = match app.compiled() {
        Ok(compilation) => compilation,
        Err(exit) => return exit,
    };
    let selection = match app.selection(&compilation, &arguments.choice) {
        Ok(selection) => selection,
        Err(exit) => return exit,
    };
    let manifest = &compilation.manifest;
    let mut text = String::new();
    let widest = selection.iter().map(|id| manifest.node(*id).name.chars().count()).max().unwrap_or(0).min(48);
    let kind = |id| match manifest.node(id) {
        node if node.kind == NodeKind::Test => "test",
        node => summary::kind(node),
    };
    let wide = selection.iter().map(|id| kind(*id).chars().count()).max().unwrap_or(0).max(12);
    for id in compilation.graph.order(&selection) {
        let node = manifest.node(id);
        let line = listed(manifest, node);
        match arguments.format {
            Format::Json => text.push_str(&serde_json::to_string(&line).unwrap_or_default()),
            Format::Text => {
                let kind = kind(id);
                let padding = " ".repeat(widest.saturating_sub(node.name.chars().count()));
                text.push_str(&format!("{kind:<wide$} {}{padding}  {}", node.name, node.path.as_deref().unwrap_or("")));
                text.truncate(text.trim_end().len());
            }
        }
        text.push('\n');
    }
    app.terminal.data(&text);
    app.judge(&compilation, &selection)
}
