//! `manifest.json`: what there is, and who depends on whom.

use super::{Ids, adapter, metadata, source_of};
use crate::{
    manifest::{Node, NodeId, NodeKind, TestSeverity, TestType, UnitRows},
    run::published_sql,
};
use serde_json::{Map, Value, json};

/// What an exposure may be called in dbt; anything else is an application.
const EXPOSURES: [&str; 5] = ["dashboard", "notebook", "analysis", "ml", "application"];

/// The whole of it.
pub(super) fn manifest(ids: &Ids<'_>) -> Value {
    let manifest = &ids.compilation.manifest;
    let mut nodes = Map::new();
    let mut sources = Map::new();
    let mut exposures = Map::new();
    let mut unit_tests = Map::new();
    let mut parents = Map::new();
    let mut children: Vec<Vec<&str>> = vec![Vec::new(); manifest.nodes.len()];
    for (id, node) in manifest.iter() {
        let key = ids.id(id).to_owned();
        parents.insert(key.clone(), json!(ids.depends_on(node)));
        for read in &node.reads {
            children[read.node.index()].push(ids.id(id));
        }
        match node.kind {
            NodeKind::Source => sources.insert(key, source(ids, id, node)),
            NodeKind::Exposure => exposures.insert(key, exposure(ids, id, node)),
            NodeKind::Test if is_unit(node) => unit_tests.insert(key, unit_test(ids, id, node)),
            NodeKind::Test => nodes.insert(key, test(ids, id, node)),
            NodeKind::Model | NodeKind::Seed => nodes.insert(key, relation(ids, id, node)),
        };
    }
    let children: Map<String, Value> =
        manifest.iter().map(|(id, _)| (ids.id(id).to_owned(), json!(children[id.index()]))).collect();
    let mut metadata = metadata("manifest/v12");
    metadata["project_name"] = json!(manifest.project);
    metadata["adapter_type"] = json!(adapter(manifest.dialect));
    json!({
        "metadata": metadata,
        "nodes": nodes,
        "sources": sources,
        "macros": macros(ids),
        "docs": {},
        "exposures": exposures,
        "metrics": {},
        "groups": {},
        "selectors": {},
        "disabled": {},
        "parent_map": parents,
        "child_map": children,
        "group_map": {},
        "saved_queries": {},
        "semantic_models": {},
        "unit_tests": unit_tests,
    })
}

fn is_unit(node: &Node) -> bool {
    node.test.as_ref().is_some_and(|test| test.kind == TestType::Unit)
}

/// What every node has.
fn base(ids: &Ids<'_>, id: NodeId, node: &Node) -> Map<String, Value> {
    let manifest = &ids.compilation.manifest;
    let path = node.path.as_deref().unwrap_or_default();
    let below = path.split_once('/').map_or(path, |(_, below)| below);
    let mut fqn = vec![manifest.project.as_str()];
    let folders = below.rsplit_once('/').map(|(folders, _)| folders.split('/'));
    fqn.extend(folders.into_iter().flatten());
    fqn.push(ids.name(id));
    let mut base = Map::new();
    for (key, value) in [
        ("name", json!(ids.name(id))),
        ("package_name", json!(manifest.project)),
        ("path", json!(below)),
        ("original_file_path", json!(path)),
        ("unique_id", json!(ids.id(id))),
        ("fqn", json!(fqn)),
    ] {
        base.insert(key.to_owned(), value);
    }
    base
}

fn with(mut base: Map<String, Value>, more: Value) -> Value {
    if let Value::Object(more) = more {
        base.extend(more);
    }
    Value::Object(base)
}

/// The hash of a text, by which tools tell whether it has changed.
fn checksum(text: &str) -> Value {
    json!({"name": "blake3", "checksum": blake3::hash(text.as_bytes()).to_hex().as_str()})
}

fn meta(node: &Node) -> Value {
    node.config.get("meta").filter(|meta| meta.is_object()).cloned().unwrap_or_else(|| json!({}))
}

/// The configuration, in which tools look for these keys.
fn config(node: &Node) -> Value {
    let mut config: Map<String, Value> = node.config.clone().into_iter().collect();
    config.insert("enabled".to_owned(), json!(true));
    config.insert("materialized".to_owned(), json!(node.materialized.as_deref().unwrap_or("test")));
    config.insert("tags".to_owned(), json!(node.tags));
    config.insert("meta".to_owned(), meta(node));
    // What is called so in both and has another shape in dbt.
    for key in ["indexes", "constraints", "grants", "contract", "docs", "pre_hook", "post_hook", "quoting", "packages"]
    {
        config.shift_remove(key);
    }
    Value::Object(config)
}

fn columns(ids: &Ids<'_>, id: NodeId) -> Value {
    let described = ids.compilation.described_columns(id);
    let mut columns: Map<String, Value> = Map::new();
    let known = ids.compilation.manifest.node(id).columns.iter().flatten();
    for column in known {
        let column = (column.name.as_str(), column.description.as_deref(), column.data_type.as_deref());
        columns.insert(
            column.0.to_owned(),
            json!({"name": column.0, "description": column.1.unwrap_or_default(), "data_type": column.2}),
        );
    }
    for column in described {
        let name = column.name.value.as_str();
        let entry = columns.entry(name.to_owned()).or_insert_with(|| json!({"name": name}));
        entry["description"] = json!(column.description.as_deref().unwrap_or_default());
        entry["tags"] = json!(column.tags);
        entry["meta"] = column.meta.clone().filter(Value::is_object).unwrap_or_else(|| json!({}));
        if let Some(given) = &column.data_type {
            entry["data_type"] = json!(given.value);
        }
    }
    Value::Object(columns)
}

/// What reads, and what is read: `refs`, `sources` and `depends_on`.
fn reads(ids: &Ids<'_>, node: &Node) -> Value {
    let manifest = &ids.compilation.manifest;
    let all = || node.reads.iter().map(|read| (read.node, manifest.node(read.node)));
    let refs: Vec<Value> = all()
        .filter(|(_, read)| read.kind.has_relation())
        .map(|(id, _)| json!({"name": ids.name(id), "package": null, "version": null}))
        .collect();
    let sources: Vec<Value> = all()
        .filter(|(_, read)| read.kind == NodeKind::Source)
        .map(|(_, read)| {
            let (source, table) = source_of(read);
            json!([source, table])
        })
        .collect();
    json!({"refs": refs, "sources": sources, "depends_on": {"macros": [], "nodes": ids.depends_on(node)}})
}

/// A model or a seed.
fn relation(ids: &Ids<'_>, id: NodeId, node: &Node) -> Value {
    let compilation = ids.compilation;
    let manifest = &compilation.manifest;
    let relation = node.relation.as_ref();
    let text = compilation.sql_file(id).map_or("", |file| file.text);
    let base = with(
        base(ids, id, node),
        json!({
            "resource_type": node.kind.word(),
            "database": relation.and_then(|relation| relation.database.as_deref()),
            "schema": relation.map_or("", |relation| &relation.schema),
            "alias": relation.map_or("", |relation| &relation.name),
            "checksum": checksum(text),
            "config": config(node),
            "tags": node.tags,
            "description": node.description.as_deref().unwrap_or_default(),
            "columns": columns(ids, id),
            "meta": meta(node),
            "docs": {"show": true, "node_color": null},
            "relation_name": relation.map(|relation| manifest.dialect.relation(relation)),
            "raw_code": text,
        }),
    );
    let Value::Object(base) = base else { return Value::Null };
    if node.kind == NodeKind::Seed {
        return with(base, json!({"depends_on": {"macros": []}}));
    }
    let compiled = node.sql.as_ref().map(|sql| published_sql(manifest, sql, None).text);
    let Value::Object(base) = with(base, reads(ids, node)) else { return Value::Null };
    with(base, json!({"language": "sql", "compiled": compiled.is_some(), "compiled_code": compiled}))
}

/// A test of rows.
fn test(ids: &Ids<'_>, id: NodeId, node: &Node) -> Value {
    let compilation = ids.compilation;
    let Some(test) = node.test.as_deref() else { return Value::Null };
    let compiled = node.sql.as_ref().map(|sql| published_sql(&compilation.manifest, sql, None).text);
    let text = compilation.sql_file(id).map(|file| file.text.to_owned()).or_else(|| compiled.clone());
    let text = text.unwrap_or_default();
    let stored = test.stored.as_ref();
    let severity = if test.severity == TestSeverity::Error { "ERROR" } else { "WARN" };
    let Value::Object(base) = with(
        base(ids, id, node),
        json!({
            "resource_type": "test",
            "schema": stored.map_or("", |stored| &stored.schema),
            "alias": stored.map_or_else(|| ids.name(id), |stored| &stored.name),
            "checksum": checksum(&text),
            "config": {"enabled": true, "materialized": "test", "severity": severity, "tags": node.tags, "meta": meta(node)},
            "tags": node.tags,
            "description": node.description.as_deref().unwrap_or_default(),
            "raw_code": text,
            "language": "sql",
            "compiled": compiled.is_some(),
            "compiled_code": compiled,
        }),
    ) else {
        return Value::Null;
    };
    let Value::Object(base) = with(base, reads(ids, node)) else { return Value::Null };
    let Some(template) = &test.template else { return Value::Object(base) };
    let attached = compilation.tested().get(&id).map(|on| ids.id(*on).to_owned());
    with(
        base,
        json!({
            "column_name": test.column,
            "attached_node": attached,
            "test_metadata": {"name": template, "kwargs": {"column_name": test.column}, "namespace": null},
        }),
    )
}

fn unit_test(ids: &Ids<'_>, id: NodeId, node: &Node) -> Value {
    let Some(unit) = node.test.as_deref().and_then(|test| test.unit.as_ref()) else { return Value::Null };
    let rows = |rows: &UnitRows| match rows {
        UnitRows::Rows(rows) => json!({"rows": rows, "format": "dict"}),
        UnitRows::Sql(sql) => json!({"rows": sql, "format": "sql"}),
        // dbt has no word for one of several expressions: all of them are told.
        UnitRows::Part { with, .. } => json!({"rows": with, "format": "sql"}),
    };
    let input = |(read, given): (&NodeId, &UnitRows)| {
        let mut given = rows(given);
        given["input"] = json!(format!("ref('{}')", ids.name(*read)));
        given
    };
    with(
        base(ids, id, node),
        json!({
            "resource_type": "unit_test",
            "model": ids.name(unit.model),
            "given": unit.given.iter().map(input).collect::<Vec<_>>(),
            "expect": rows(&unit.expect),
            "description": node.description.as_deref().unwrap_or_default(),
            "depends_on": {"macros": [], "nodes": [ids.id(unit.model)]},
        }),
    )
}

fn source(ids: &Ids<'_>, id: NodeId, node: &Node) -> Value {
    let relation = node.relation.as_ref();
    let (source, table) = source_of(node);
    let mut base = base(ids, id, node);
    base.insert("name".to_owned(), json!(table));
    with(
        base,
        json!({
            "resource_type": "source",
            "database": relation.and_then(|relation| relation.database.as_deref()),
            "schema": relation.map_or("", |relation| &relation.schema),
            "source_name": source,
            "source_description": ids.compilation.source_description(id).unwrap_or_default(),
            "loader": "",
            "identifier": relation.map_or("", |relation| &relation.name),
            "description": node.description.as_deref().unwrap_or_default(),
            "columns": columns(ids, id),
            "meta": meta(node),
            "tags": node.tags,
            "config": {"enabled": true},
            "relation_name": relation.map(|relation| ids.compilation.manifest.dialect.relation(relation)),
        }),
    )
}

fn exposure(ids: &Ids<'_>, id: NodeId, node: &Node) -> Value {
    let kind = node.text("type").filter(|kind| EXPOSURES.contains(kind)).unwrap_or("application");
    let maturity = node.text("maturity").filter(|maturity| ["low", "medium", "high"].contains(maturity));
    let Value::Object(base) = with(base(ids, id, node), reads(ids, node)) else { return Value::Null };
    with(
        base,
        json!({
            "resource_type": "exposure",
            "type": kind,
            "owner": {"name": node.owner.as_deref().unwrap_or_default(), "email": null},
            "description": node.description.as_deref().unwrap_or_default(),
            "label": ids.compilation.exposure_label(id),
            "maturity": maturity,
            "url": node.text("url"),
            "tags": node.tags,
            "meta": meta(node),
        }),
    )
}

/// The macros of the project's own.
fn macros(ids: &Ids<'_>) -> Map<String, Value> {
    let project = &ids.compilation.manifest.project;
    let own = ids.compilation.macros().filter(|known| !known.is_built_in);
    own.map(|known| {
        let id = format!("macro.{project}.{}", known.name);
        let value = json!({
            "name": known.name,
            "resource_type": "macro",
            "package_name": project,
            "path": known.path,
            "original_file_path": known.path,
            "unique_id": id,
            "macro_sql": known.text,
        });
        (id, value)
    })
    .collect()
}
