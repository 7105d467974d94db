//! `suiro catalog refresh`: the columns of sources, read from the target once and kept in a file that is committed.

use crate::{
    artifact::replace,
    cli::app::App,
    compile::Compilation,
    diagnostic::{Diagnostic, code::NOT_WRITABLE},
    exit::Exit,
    manifest::{Form, NodeKind},
    name::RelationName,
    project::{CATALOG_FILE, CatalogColumn, ColumnCatalog},
};
use std::collections::{BTreeMap, BTreeSet};

/// Reads the columns of every source and writes `catalog.json`.
pub fn run(app: &App) -> Exit {
    let compilation = match app.compiled() {
        Ok(compilation) => compilation,
        Err(exit) => return exit,
    };
    let sources = sources(&compilation);
    let schemas: BTreeSet<&str> = sources.iter().map(|relation| &*relation.schema).collect();
    let schemas: Vec<&str> = schemas.into_iter().collect();
    let engine = match app.engine(&compilation, true) {
        Ok(engine) => engine,
        Err(exit) => return exit,
    };
    let found = engine.connect("catalog").and_then(|mut connection| connection.columns(&schemas));
    let found = match found {
        Ok(found) => found,
        Err(error) => return app.refuse(&compilation, &error, "the columns could not be read"),
    };
    let mut relations: BTreeMap<String, Vec<CatalogColumn>> = BTreeMap::new();
    for relation in &sources {
        let Some(columns) = found.get(*relation) else {
            app.terminal.say(&format!("{relation} is not in the database."));
            continue;
        };
        let column = |column: &crate::engine::LiveColumn| CatalogColumn {
            name: column.name.clone(),
            data_type: column.data_type.clone(),
        };
        relations.insert(relation.to_string(), columns.iter().map(column).collect());
    }
    let count = relations.len();
    let catalog = ColumnCatalog { dialect: Some(compilation.manifest.dialect), relations };
    match write(&compilation, &catalog) {
        Ok(changed) => {
            let noun = if count == 1 { "source" } else { "sources" };
            let what = if changed { "written; commit it" } else { "as before" };
            app.terminal.say(&format!("{CATALOG_FILE}: the columns of {count} {noun}, {what}"));
            Exit::Done
        }
        Err(problem) => app.fail(&[problem], &compilation.sources),
    }
}

/// The relations of sources in the target's own database; files are no relations.
fn sources(compilation: &Compilation) -> Vec<&RelationName> {
    let nodes = compilation.manifest.nodes.iter();
    let sources = nodes.filter(|node| node.kind == NodeKind::Source && node.form() != Form::Ephemeral);
    sources.filter_map(|node| node.relation.as_ref()).filter(|relation| relation.database.is_none()).collect()
}

fn write(compilation: &Compilation, catalog: &ColumnCatalog) -> Result<bool, Diagnostic> {
    let refused = |reason: String| {
        let problem = Diagnostic::error(NOT_WRITABLE, format!("`{CATALOG_FILE}` cannot be written: {reason}"));
        problem.help("check that there is room on the disk and that the folder is yours")
    };
    let text = serde_json::to_string_pretty(catalog).map_err(|error| refused(error.to_string()))?;
    let path = compilation.project.root.join(CATALOG_FILE);
    replace(&path, format!("{text}\n").as_bytes()).map_err(|error| refused(error.to_string()))
}
