//! `suiro compile`: the SQL of every model as it would be run.

use crate::{
    artifact::{self, ManifestFile, Store, VERSION},
    cli::{app::App, arguments::Compile},
    compile::Compilation,
    diagnostic::Diagnostic,
    exit::Exit,
    graph::Selection,
    manifest::{Manifest, NodeId, NodeKind},
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

/// The SQL of a node: of an incremental model both ways, where they differ; `true` is the one that adds.
type Way = (NodeId, bool);

fn ways(id: NodeId) -> [Way; 2] {
    [(id, false), (id, true)]
}

/// Where it stands below `target/compiled/`, if there is any.
fn place(manifest: &Manifest, (id, adds): Way) -> Option<String> {
    let node = manifest.node(id);
    if adds { artifact::compiled_increment_path(node) } else { artifact::compiled_path(node) }
}

/// Writes the SQL of these nodes; returns of how many models.
///
/// # Errors
/// When a file cannot be written.
pub fn write_sql(compilation: &Compilation, selection: &Selection) -> Result<usize, Diagnostic> {
    let manifest = &compilation.manifest;
    let chosen: Vec<Way> =
        selection.iter().copied().flat_map(ways).filter(|way| place(manifest, *way).is_some()).collect();
    if chosen.is_empty() {
        return Ok(0);
    }
    Store::of(&compilation.project.root).write_all("compiled", &chosen, |way| {
        let node = manifest.node(way.0);
        let sql = if way.1 { &node.incremental_sql } else { &node.sql };
        let mut text = sql.as_ref().map(|sql| published_sql(manifest, sql, None).text).unwrap_or_default();
        if !text.ends_with('\n') {
            text.push('\n');
        }
        (place(manifest, *way).unwrap_or_default(), text.into_bytes())
    })?;
    Ok(chosen.iter().filter(|(id, adds)| !adds && manifest.node(*id).kind == NodeKind::Model).count())
}

/// Writes what was compiled; returns how many models.
///
/// # Errors
/// When a file cannot be written.
pub fn write(compilation: &Compilation, selection: &Selection) -> Result<usize, Diagnostic> {
    let store = Store::of(&compilation.project.root);
    let manifest = &compilation.manifest;
    let everything: BTreeSet<PathBuf> = manifest
        .iter()
        .flat_map(|(id, _)| ways(id))
        .filter_map(|way| place(manifest, way))
        .map(PathBuf::from)
        .collect();
    let count = write_sql(compilation, selection)?;
    store.retain("compiled", &everything)?;
    let mut file = serde_json::to_vec(&ManifestFile { version: VERSION, manifest }).map_err(|error| {
        Diagnostic::error(crate::diagnostic::code::BUG, format!("the manifest cannot be written: {error}"))
    })?;
    file.push(b'\n');
    store.write("manifest.json", &file)?;
    Ok(count)
}
