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

/// Writes what was compiled; returns how many models.
///
/// # Errors
/// When a file cannot be written.
pub fn write(compilation: &Compilation, selection: &Selection) -> Result<usize, Diagnostic> {
    let store = Store::of(&compilation.project.root);
    let manifest = &compilation.manifest;
    // Both ways of an incremental model, where they differ.
    let ways = |id: NodeId| [(id, false), (id, true)];
    let path = |(id, adds): &(NodeId, bool)| {
        let node = manifest.node(*id);
        if *adds { artifact::compiled_increment_path(node) } else { artifact::compiled_path(node) }
    };
    let chosen: Vec<_> = selection.iter().copied().flat_map(ways).filter(|way| path(way).is_some()).collect();
    let everything: BTreeSet<PathBuf> =
        manifest.iter().flat_map(|(id, _)| ways(id)).filter_map(|way| path(&way)).map(PathBuf::from).collect();
    store.write_all("compiled", &chosen, |way| {
        let node = manifest.node(way.0);
        let sql = if way.1 { &node.incremental_sql } else { &node.sql };
        let mut text = sql.as_ref().map(|sql| published_sql(manifest, sql, None).text).unwrap_or_default();
        if !text.ends_with('\n') {
            text.push('\n');
        }
        (path(way).unwrap_or_default(), text.into_bytes())
    })?;
    store.retain_compiled(&everything)?;
    let mut file = serde_json::to_vec(&ManifestFile { version: VERSION, manifest }).map_err(|error| {
        Diagnostic::error(crate::diagnostic::code::BUG, format!("the manifest cannot be written: {error}"))
    })?;
    file.push(b'\n');
    store.write("manifest.json", &file)?;
    Ok(chosen.iter().filter(|(id, adds)| !adds && manifest.node(*id).kind == NodeKind::Model).count())
}
