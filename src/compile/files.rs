//! Sources that are not in the target's own database: files that are read by a name, and other databases.

use super::nodes::Origin;
use crate::{
    diagnostic::{
        Diagnostic,
        code::{NO_DATA_FILES, THREE_PART_NAME},
    },
    dialect::Dialect,
    graph::Graph,
    manifest::{CompiledSql, Manifest, Node, NodeId, SqlPart},
    project::{Project, SourceTable, TargetKind},
    template::StatementTemplates,
};
use serde_json::json;

fn tables<'p>(project: &'p Project, origins: &'p [Origin]) -> impl Iterator<Item = (usize, &'p SourceTable)> {
    origins.iter().enumerate().filter_map(|(index, origin)| match origin {
        Origin::Source(table) => Some((index, project.source_tables.get(*table)?)),
        _ => None,
    })
}

/// Gives the sources with a `location` the SQL that reads it. On PostgreSQL, which reads no files, the table of that
/// name is read.
pub(super) fn read_by_name(
    project: &Project,
    statements: &StatementTemplates,
    nodes: &mut [Node],
    origins: &[Origin],
) -> Vec<Diagnostic> {
    if project.target.dialect() != Dialect::DuckDb {
        return Vec::new();
    }
    let mut found = Vec::new();
    for (index, table) in tables(project, origins) {
        let (Some(location), Some(node)) = (&table.location, nodes.get_mut(index)) else { continue };
        let values = json!({
            "location": location.absolute(&project.root),
            "format": location.format,
            "options": location.options,
        });
        match statements.render("publish", Dialect::DuckDb, "files", &values) {
            Ok(rendered) => {
                let parts = rendered.into_iter().map(|statement| SqlPart::Inserted(statement.text)).collect();
                node.sql = Some(CompiledSql { parts, ..CompiledSql::default() });
                node.config.insert("location".to_owned(), location.path.value.clone().into());
            }
            Err(problems) => found.extend(
                problems
                    .into_iter()
                    .map(|problem| problem.also(location.path.span, "these files").of_node(node.name.clone())),
            ),
        }
    }
    found
}

/// Gives sources that are files what stands in them.
pub(super) fn content(project: &Project, manifest: &mut Manifest, origins: &[Origin]) {
    for (index, table) in tables(project, origins) {
        if let (Some(location), Some(node)) = (&table.location, manifest.nodes.get_mut(index))
            && node.sql.is_some()
        {
            node.content = location.content(&project.root);
        }
    }
}

/// Says which files are not there, of sources that somebody reads.
pub(super) fn missing(
    project: &Project,
    (manifest, graph): (&Manifest, &Graph),
    origins: &[Origin],
) -> Vec<(NodeId, Diagnostic)> {
    let without = tables(project, origins).filter_map(|(index, table)| {
        let location = table.location.as_ref()?;
        let id = NodeId::of(index);
        let read = manifest.node(id).sql.is_some() && graph.children(id).next().is_some();
        (read && !location.has_files(&project.root)).then(|| {
            let message =
                format!("there is no file `{}`, which `{}` reads", location.path.value, manifest.node(id).name);
            let problem = Diagnostic::error(NO_DATA_FILES, message).at(location.path.span, "no such file");
            let help = format!("paths start at the folder of suiro.yml, `{}`", project.root.display());
            (id, problem.help(help).of_node(manifest.node(id).name.clone()))
        })
    });
    without.collect()
}

/// Sources in another database: DuckDB reads what is attached, PostgreSQL nothing but its own.
pub(super) fn other_databases(project: &Project, nodes: &mut [Node], origins: &[Origin]) -> Vec<Diagnostic> {
    let mut found = Vec::new();
    for (index, table) in tables(project, origins) {
        let Some(node) = nodes.get_mut(index) else { continue };
        let Some(database) = table.relation.database.as_deref() else { continue };
        let problem = match &project.target.kind {
            TargetKind::Postgres(postgres) => {
                // Its own name is no other database; without one in the target nobody knows before connecting.
                let own = postgres.dbname.as_deref();
                if let (Some(relation), true) = (&mut node.relation, own.is_none_or(|own| own == database)) {
                    relation.database = own.map_or_else(|| relation.database.take(), |_| None);
                    continue;
                }
                let message =
                    format!("`{}` is in the database `{database}`, and PostgreSQL reads only its own", node.name);
                let own = own.unwrap_or_default();
                Diagnostic::error(THREE_PART_NAME, message)
                    .note(format!("the target connects to `{own}`; a query cannot leave that database"))
                    .help("make it a foreign table there (postgres_fdw), and leave `database` out")
            }
            TargetKind::DuckDb(duckdb) => {
                let key = |name: &str| Dialect::DuckDb.key(name);
                if table.location.is_some() || duckdb.attach.iter().any(|one| key(&one.alias) == key(database)) {
                    continue;
                }
                let known = duckdb.attach.iter().map(|attached| attached.alias.as_str());
                let message =
                    format!("`{}` is in the database `{database}`, which the target does not attach", node.name);
                Diagnostic::error(THREE_PART_NAME, message)
                    .suggest(database, known)
                    .help(format!("write `attach: [{{path: …, alias: {database}}}]` in the target"))
            }
        };
        let problem = problem.at(table.name.span, "in another database");
        node.error = Some(problem.code.id.to_owned());
        found.push(problem.of_node(node.name.clone()));
    }
    found
}
