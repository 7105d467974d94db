//! What a DuckDB database has.

use crate::{
    dialect::Dialect,
    engine::{Dependent, DependentKind, LiveCatalog, LiveColumn, LiveRelation, RelationKind},
    name::RelationName,
};
use std::collections::{BTreeMap, BTreeSet};

const SCHEMAS: &str = "select schema_name from duckdb_schemas() where database_name = current_database()";

/// The referenced table, the table that has it, its name.
type ForeignKey = (RelationName, RelationName, String);

/// Reads the relations of the schemas, and the foreign keys that stand in the way of replacing them. Views are text and
/// depend on names only.
pub fn read(connection: &duckdb::Connection, schemas: &[&str]) -> duckdb::Result<LiveCatalog> {
    let asked = keys(schemas);
    let mut catalog = LiveCatalog::default();
    for row in rows::<1>(connection, SCHEMAS)? {
        let [Some(schema)] = row else { continue };
        if asked.contains(&Dialect::DuckDb.key(&schema)) {
            catalog.schemas.insert(schema);
        }
    }
    for row in rows::<5>(connection, include_str!("relations.sql"))? {
        let [Some(schema), Some(name), Some(kind), Some(oid), comment] = row else { continue };
        if catalog.schemas.contains(&schema) {
            let relation = LiveRelation {
                kind: if kind == "view" { RelationKind::View } else { RelationKind::Table },
                oid: oid.parse().unwrap_or_default(),
                comment,
                owner: None,
                may_alter: true,
            };
            catalog.relations.insert(RelationName::new(schema, name), relation);
        }
    }
    let mut keys: BTreeMap<ForeignKey, (Option<String>, Vec<String>)> = BTreeMap::new();
    for row in rows::<6>(connection, include_str!("foreign_keys.sql"))? {
        let [Some(schema), Some(on), Some(table), Some(constraint), comment, Some(column)] = row else { continue };
        if catalog.schemas.contains(&schema) {
            let on = RelationName::new(schema.as_str(), on);
            let table = RelationName::new(schema, table);
            keys.entry((on, table, constraint)).or_insert((comment, Vec::new())).1.push(column);
        }
    }
    catalog.dependents = keys
        .into_iter()
        .map(|((on, table, constraint), (comment, mut columns))| {
            columns.sort();
            columns.dedup();
            Dependent {
                on,
                kind: DependentKind::ForeignKey,
                name: [constraint.as_str(), " on ", &table.to_string()].concat(),
                relation: Some(table),
                owner: None,
                may_alter: true,
                comment,
                columns,
                attached: false,
                rebindable: false,
                id: (0, 0),
            }
        })
        .collect();
    Ok(catalog)
}

/// Reads the columns of all tables and views of the schemas.
pub fn read_columns(
    connection: &duckdb::Connection,
    schemas: &[&str],
) -> duckdb::Result<BTreeMap<RelationName, Vec<LiveColumn>>> {
    let asked = keys(schemas);
    let mut columns: BTreeMap<RelationName, Vec<LiveColumn>> = BTreeMap::new();
    for row in rows::<6>(connection, include_str!("columns.sql"))? {
        let [Some(schema), Some(table), Some(name), Some(data_type), nullable, comment] = row else { continue };
        if asked.contains(&Dialect::DuckDb.key(&schema)) {
            let nullable = nullable.as_deref() != Some("false");
            let column = LiveColumn { name, data_type, nullable, comment, collation: None };
            columns.entry(RelationName::new(schema, table)).or_default().push(column);
        }
    }
    Ok(columns)
}

fn keys(schemas: &[&str]) -> BTreeSet<String> {
    schemas.iter().map(|schema| Dialect::DuckDb.key(schema)).collect()
}

/// The rows of a query whose columns are all text.
fn rows<const COLUMNS: usize>(
    connection: &duckdb::Connection,
    query: &str,
) -> duckdb::Result<Vec<[Option<String>; COLUMNS]>> {
    let mut prepared = connection.prepare(query)?;
    let rows = prepared.query_map([], |row| {
        let mut values = [const { None }; COLUMNS];
        for (index, value) in values.iter_mut().enumerate() {
            *value = row.get(index)?;
        }
        Ok(values)
    })?;
    rows.collect()
}
