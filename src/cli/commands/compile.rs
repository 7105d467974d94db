//! `suiro compile`: the SQL of every model as it would be run.

use crate::{
    artifact::{self, ManifestFile, Store, VERSION},
    cli::{app::App, arguments::Compile},
    compile::Compilation,
    diagnostic::Diagnostic,
    exit::Exit,
    graph::Selection,
    manifest::NodeKind,
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
            let folder = Store::of(&compilation.project.root).folder().join("compiled");
            app.terminal.say(&format!("Compiled {count} models to {}", folder.display()));
            exit
        }
        Err(diagnostic) => exit.or(app.fail(&[diagnostic], &compilation.sources)),
    }
}

/// Writes the SQL of these nodes.
///
/// # Errors
/// When a file cannot be written.
pub fn write_sql(compilation: &Compilation, selection: &Selection) -> Result<(), Diagnostic> {
    let manifest = &compilation.manifest;
    let chosen: Vec<_> =
        selection.iter().filter(|id| artifact::compiled_path(manifest.node(**id)).is_some()).copied().collect();
    if chosen.is_empty() {
        return Ok(());
    }
    Store::of(&compilation.project.root).write_all("compiled", &chosen, |id| {
        let node = manifest.node(*id);
        let mut text = node.sql.as_ref().map(|sql| published_sql(manifest, sql, None).text).unwrap_or_default();
        if !text.ends_with('\n') {
            text.push('\n');
        }
        (artifact::compiled_path(node).unwrap_or_default(), text.into_bytes())
    })
}

/// Writes what was compiled; returns how many models.
///
/// # Errors
/// When a file cannot be written.
pub fn write(compilation: &Compilation, selection: &Selection) -> Result<usize, Diagnostic> {
    let store = Store::of(&compilation.project.root);
    let manifest = &compilation.manifest;
    let path = |id: &crate::manifest::NodeId| artifact::compiled_path(manifest.node(*id)).map(PathBuf::from);
    let chosen: Vec<_> = selection.iter().copied().filter(|id| path(id).is_some()).collect();
    let everything: BTreeSet<PathBuf> = manifest.iter().filter_map(|(id, _)| path(&id)).collect();
    write_sql(compilation, selection)?;
    store.retain_compiled(&everything)?;
    let mut file = serde_json::to_vec(&ManifestFile { version: VERSION, manifest }).map_err(|error| {
        Diagnostic::error(crate::diagnostic::code::BUG, format!("the manifest cannot be written: {error}"))
    })?;
    file.push(b'\n');
    store.write("manifest.json", &file)?;
    Ok(chosen.iter().filter(|id| manifest.node(**id).kind == NodeKind::Model).count())
}
