//! What a PostgreSQL database has, in a few queries over sets.

use crate::{
    engine::{Dependent, DependentKind, Fitting, Key, LiveCatalog, LiveColumn, LiveRelation, RelationKind},
    name::RelationName,
};
use std::collections::BTreeMap;
use tokio_postgres::{Client, Error, Row, types::Type};

/// Reads the relations of the schemas and what depends on them.
pub async fn read(client: &Client, schemas: &[&str]) -> Result<LiveCatalog, Error> {
    let mut catalog = LiveCatalog::default();
    for row in by_schemas(client, include_str!("schemas.sql"), schemas).await? {
        catalog.schemas.insert(row.try_get(0)?);
    }
    for row in by_schemas(client, include_str!("relations.sql"), schemas).await? {
        let oid: u32 = row.try_get("oid")?;
        let kind = match row.try_get::<_, &str>("kind")? {
            "r" | "p" => RelationKind::Table,
            "v" => RelationKind::View,
            "m" => RelationKind::MaterializedView,
            _ => RelationKind::Other,
        };
        let relation = LiveRelation {
            kind,
            oid: oid.into(),
            comment: row.try_get("comment")?,
            owner: row.try_get("owner")?,
            may_alter: row.try_get("may_alter")?,
        };
        // Relations come before types, and a type never replaces one.
        catalog.relations.entry(relation_name(&row, "schema_name", "name")?).or_insert(relation);
    }
    for row in by_schemas(client, include_str!("dependents.sql"), schemas).await? {
        catalog.dependents.push(dependent(&row)?);
    }
    catalog.dependents.sort();
    for row in by_schemas(client, include_str!("fittings.sql"), schemas).await? {
        let fitting = catalog.fittings.entry(relation_name(&row, "schema_name", "name")?).or_default();
        fit(fitting, &row)?;
    }
    Ok(catalog)
}

fn fit(fitting: &mut Fitting, row: &Row) -> Result<(), Error> {
    let (what, text, columns) = (row.try_get::<_, &str>("what")?, row.try_get("text")?, row.try_get("columns")?);
    let text: String = text;
    match what {
        "key" => fitting.keys.push(Key { columns, filled: text == "true" }),
        "fixed" => fitting.fixed.push((text, columns)),
        "unique" => fitting.unique = text.parse().unwrap_or_default(),
        "made" => fitting.made.extend(columns),
        "identity" => fitting.identity.extend(columns),
        _ => fitting.frozen.push(text),
    }
    Ok(())
}

/// Reads the columns of all relations of the schemas.
pub async fn read_columns(client: &Client, schemas: &[&str]) -> Result<BTreeMap<RelationName, Vec<LiveColumn>>, Error> {
    let mut columns: BTreeMap<RelationName, Vec<LiveColumn>> = BTreeMap::new();
    for row in by_schemas(client, include_str!("columns.sql"), schemas).await? {
        let column = LiveColumn {
            name: row.try_get("column_name")?,
            data_type: row.try_get("data_type")?,
            nullable: row.try_get("nullable")?,
            comment: row.try_get("comment")?,
            collation: row.try_get("collation")?,
        };
        columns.entry(relation_name(&row, "schema_name", "name")?).or_default().push(column);
    }
    Ok(columns)
}

/// The statements that bind these again.
pub async fn rebind(client: &Client, dependents: &[Dependent]) -> Result<Vec<Option<String>>, Error> {
    let mut statements = vec![None; dependents.len()];
    let asked: Vec<usize> = (0..dependents.len()).filter(|index| dependents[*index].rebindable).collect();
    if asked.is_empty() {
        return Ok(statements);
    }
    let (classes, objects): (Vec<u32>, Vec<u32>) = asked.iter().map(|index| dependents[*index].id).unzip();
    let parameters: [(&(dyn tokio_postgres::types::ToSql + Sync), Type); 2] =
        [(&classes, Type::OID_ARRAY), (&objects, Type::OID_ARRAY)];
    let rows = client.query_typed(include_str!("rebind.sql"), &parameters).await?;
    for (index, row) in asked.into_iter().zip(rows) {
        statements[index] = row.try_get("statement")?;
    }
    Ok(statements)
}

async fn by_schemas(client: &Client, query: &str, schemas: &[&str]) -> Result<Vec<Row>, Error> {
    client.query_typed(query, &[(&schemas, Type::TEXT_ARRAY)]).await
}

fn relation_name(row: &Row, schema: &str, name: &str) -> Result<RelationName, Error> {
    Ok(RelationName::new(row.try_get::<_, String>(schema)?, row.try_get::<_, String>(name)?))
}

fn dependent(row: &Row) -> Result<Dependent, Error> {
    let kind: &str = row.try_get("kind")?;
    let kind = DependentKind::ALL.into_iter().find(|known| known.name() == kind).unwrap_or(DependentKind::Other);
    let holder: Option<String> = row.try_get("holder_name")?;
    let mut columns: Vec<String> = row.try_get("columns")?;
    columns.sort();
    Ok(Dependent {
        on: relation_name(row, "schema_name", "name")?,
        kind,
        name: row.try_get::<_, Option<String>>("identity")?.unwrap_or_default(),
        relation: match holder {
            Some(_) => Some(relation_name(row, "holder_schema", "holder_name")?),
            None => None,
        },
        owner: row.try_get("owner")?,
        may_alter: row.try_get("may_alter")?,
        comment: row.try_get("comment")?,
        columns,
        attached: row.try_get("attached")?,
        rebindable: row.try_get("rebindable")?,
        id: (row.try_get("class")?, row.try_get("object")?),
    })
}
