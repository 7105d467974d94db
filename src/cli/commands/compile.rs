//! `suiro compile`: the SQL of every model as it would be run.

use crate::{
    artifact::{self, ManifestFile, Store, VERSION},
    cli::{app::App, arguments::Compile},
    compile::Compilation,
    diagnostic::Diagnostic,
    exit::Exit,
    graph::Selection,
    manifest::{NodeId, NodeKind},
    run::published_sql,
};
use std::{collections::BTreeSet, path::PathBuf};

/// Writes compiled SQL and the manifest.
pub fn run(app: &App, arguments: &Compile) -> Exit {
    let compilation = match app.compiled() {
        Ok(compilation) => compilation,
        Err(exit) => return exit,
    };
    let selection = match app.selection(&compilation, &arguments.choice) {
        Ok(selection) => selection,
        Err(exit) => return exit,
    };
    let exit = app.judge(&compilation, &selection);
    match write(&compilation, &selection) {
        Ok(count) => {
            let models = if count == 1 { "model" } else { "models" };
            app.terminal.say(&format!("Compiled {count} {models} to target/compiled"));
            exit
        }
        Err(diagnostic) => exit.or(app.fail(&[diagnostic], &compilation.sources)),
    }
}

/// A node, and which of its renderings: whether that which adds to what is there.
type Way = (NodeId, bool);

/// Both renderings of these nodes, where they differ and are written to files.
fn ways(compilation: &Compilation, nodes: impl Iterator<Item = NodeId>) -> Vec<(Way, String)> {
    let path = |(id, adds): Way| {
        let node = compilation.manifest.node(id);
        let path = if adds { artifact::compiled_increment_path(node) } else { artifact::compiled_path(node) };
        path.map(|path| ((id, adds), path))
    };
    nodes.flat_map(|id| [(id, false), (id, true)]).filter_map(path).collect()
}

/// Writes the SQL of these nodes.
///
/// # Errors
/// When a file cannot be written.
pub fn write_sql(compilation: &Compilation, selection: &Selection) -> Result<(), Diagnostic> {
    let manifest = &compilation.manifest;
    let chosen = ways(compilation, selection.iter().copied());
    if chosen.is_empty() {
        return Ok(());
    }
    Store::of(&compilation.project.root).write_all("compiled", &chosen, |((id, adds), path)| {
        let node = manifest.node(*id);
        let sql = if *adds { &node.incremental_sql } else { &node.sql };
        let mut text = sql.as_ref().map(|sql| published_sql(manifest, sql, None).text).unwrap_or_default();
        if !text.ends_with('\n') {
            text.push('\n');
        }
        (path.clone(), text.into_bytes())
    })
}

/// Writes what was compiled; returns how many models.
///
/// # Errors
/// When a file cannot be written.
pub fn write(compilation: &Compilation, selection: &Selection) -> Result<usize, Diagnostic> {
    let store = Store::of(&compilation.project.root);
    let manifest = &compilation.manifest;
    let everything: BTreeSet<PathBuf> =
        ways(compilation, manifest.iter().map(|(id, _)| id)).into_iter().map(|(_, path)| PathBuf::from(path)).collect();
    write_sql(compilation, selection)?;
    store.retain_compiled(&everything)?;
    let mut file = serde_json::to_vec(&ManifestFile { version: VERSION, manifest }).map_err(|error| {
        Diagnostic::error(crate::diagnostic::code::BUG, format!("the manifest cannot be written: {error}"))
    })?;
    file.push(b'\n');
    store.write("manifest.json", &file)?;
    let is_model = |id: &&NodeId| {
        let node = manifest.node(**id);
        node.kind == NodeKind::Model && artifact::compiled_path(node).is_some()
    };
    Ok(selection.iter().filter(is_model).count())
}
