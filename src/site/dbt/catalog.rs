//! `catalog.json`: the columns of relations, as far as they are known without a connection.

use super::{Ids, metadata};
use crate::manifest::{Form, Node, NodeId, NodeKind};
use serde_json::{Map, Value, json};

/// The whole of it.
pub(super) fn catalog(ids: &Ids<'_>) -> Value {
    let mut nodes = Map::new();
    let mut sources = Map::new();
    for (id, node) in ids.compilation.manifest.iter() {
        match node.kind {
            NodeKind::Source => sources.insert(ids.id(id).to_owned(), relation(ids, id, node)),
            NodeKind::Model | NodeKind::Seed if node.is_built() => {
                nodes.insert(ids.id(id).to_owned(), relation(ids, id, node))
            }
            _ => None,
        };
    }
    json!({"metadata": metadata("catalog/v1"), "nodes": nodes, "sources": sources, "errors": null})
}

fn relation(ids: &Ids<'_>, id: NodeId, node: &Node) -> Value {
    let relation = node.relation.as_ref();
    let kind = match node.form() {
        Form::View | Form::File => "VIEW",
        Form::MaterializedView => "MATERIALIZED VIEW",
        _ => "BASE TABLE",
    };
    json!({
        "metadata": {
            "type": kind,
            "database": relation.and_then(|relation| relation.database.as_deref()),
            "schema": relation.map_or("", |relation| &relation.schema),
            "name": relation.map_or("", |relation| &relation.name),
            "comment": node.description,
            "owner": node.owner,
        },
        "columns": columns(ids, id, node),
        "stats": {
            "has_stats": {
                "id": "has_stats", "label": "Has Stats?", "value": false, "include": false,
                "description": "Indicates whether there are statistics for this table",
            },
        },
        "unique_id": ids.id(id),
    })
}

/// The columns in order; a type that is not known is empty, since dbt has no word for that.
fn columns(ids: &Ids<'_>, id: NodeId, node: &Node) -> Map<String, Value> {
    let dialect = ids.compilation.manifest.dialect;
    let described = ids.compilation.described_columns(id);
    let mut known: Vec<(&str, &str, Option<&str>)> = Vec::new();
    for column in node.columns.iter().flatten() {
        known.push((&column.name, column.data_type.as_deref().unwrap_or_default(), column.description.as_deref()));
    }
    if known.is_empty() {
        known.extend(
            node.lineage.iter().flat_map(|lineage| &lineage.columns).map(|column| (column.name.as_str(), "", None)),
        );
    }
    let mut columns = Map::new();
    for (index, (name, data_type, comment)) in known.into_iter().enumerate() {
        let said = described.iter().find(|column| dialect.key(&column.name.value) == dialect.key(name));
        let comment = said.and_then(|column| column.description.as_deref()).or(comment);
        columns
            .insert(name.to_owned(), json!({"type": data_type, "index": index + 1, "name": name, "comment": comment}));
    }
    columns
}
