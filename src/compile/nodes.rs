//! The nodes of a project: their names, relations and descriptions, before anybody reads anybody.

use super::reading::Reading;
use crate::{
    dialect::Dialect,
    manifest::{Column, Node, NodeId, NodeKind, Properties},
    name::RelationName,
    project::{self, Exposure, Project, Seed, SourceTable},
    source::Sources,
};
use serde_json::Value;
use std::collections::BTreeMap;

/// Where a node comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Origin {
    /// The reading of that index.
    Model(usize),
    /// The seed of that index.
    Seed(usize),
    /// The source table of that index.
    Source(usize),
    /// The exposure of that index.
    Exposure(usize),
    /// The item of `tests:` of that index.
    Generic(usize),
    /// The test that is a SQL file of that index.
    Singular(usize),
    /// The unit test of that index.
    Unit(usize),
}

/// The nodes of everything that is enabled, sorted by kind and name, and where each comes from; `tests` names its own.
#[must_use]
pub fn nodes(
    project: &Project,
    sources: &Sources,
    readings: &[Reading],
    tests: impl FnOnce(&[(Node, Origin)]) -> Vec<(Node, Origin)>,
) -> (Vec<Node>, Vec<Origin>) {
    let mut nodes: Vec<(Node, Origin)> = Vec::new();
    for (index, reading) in readings.iter().enumerate().filter(|(_, reading)| reading.model.config.enabled()) {
        nodes.push((model(project, reading), Origin::Model(index)));
    }
    for (index, found) in project.seeds.iter().enumerate().filter(|(_, seed)| seed.config.enabled()) {
        nodes.push((seed(project, found), Origin::Seed(index)));
    }
    for (index, found) in project.source_tables.iter().enumerate().filter(|(_, table)| table.enabled) {
        let path = sources.get(found.file).path().to_owned();
        nodes.push((Node { path: Some(path), ..source(project, found) }, Origin::Source(index)));
    }
    for (index, found) in project.exposures.iter().enumerate().filter(|(_, exposure)| exposure.enabled) {
        let path = sources.get(found.file).path().to_owned();
        nodes.push((Node { path: Some(path), ..exposure(found) }, Origin::Exposure(index)));
    }
    qualify_shared_names(project.target.dialect(), &mut nodes);
    nodes.extend(tests(&nodes));
    nodes.sort_by(|(left, _), (right, _)| (left.kind, &left.name).cmp(&(right.kind, &right.name)));
    nodes.into_iter().unzip()
}

/// Where two nodes share a bare name, each is called by schema and name; two sources of one schema and name by their
/// databases, too.
fn qualify_shared_names(dialect: Dialect, nodes: &mut [(Node, Origin)]) {
    let key = |node: &Node| (node.kind == NodeKind::Source, dialect.key(&node.name));
    let is_named = |node: &Node| node.kind.has_relation() || node.kind == NodeKind::Source;
    let mut counts: BTreeMap<(bool, String), usize> = BTreeMap::new();
    for (node, _) in nodes.iter().filter(|(node, _)| is_named(node)) {
        *counts.entry(key(node)).or_default() += 1;
    }
    for (node, _) in nodes.iter_mut().filter(|(node, _)| is_named(node)) {
        if counts.get(&key(node)).is_some_and(|count| *count > 1)
            && let Some(relation) = &node.relation
        {
            node.name = relation.to_string();
        }
    }
}

/// A node of which nothing is known but its name.
pub fn bare(kind: NodeKind, name: &str, relation: Option<RelationName>) -> Node {
    Node {
        name: name.to_owned(),
        kind,
        relation,
        materialized: None,
        path: None,
        reads: Vec::new(),
        columns: None,
        description: None,
        tags: Vec::new(),
        owner: None,
        config: BTreeMap::new(),
        sql: None,
        incremental_sql: None,
        varying: None,
        properties: Properties::default(),
        content: None,
        error: None,
        instance_of: None,
        instance: None,
        test: None,
        lineage: None,
    }
}

fn model(project: &Project, reading: &Reading) -> Node {
    let model = &reading.model;
    Node {
        materialized: Some(model.materialized().to_owned()),
        path: Some(model.path.clone()),
        columns: declared(&model.columns),
        instance_of: model.instance.as_ref().map(|instance| instance.of.clone()),
        instance: model.instance.as_ref().map(|instance| instance.value.clone()),
        varying: reading.varying.clone(),
        ..configured(bare(NodeKind::Model, model.name(), Some(model.relation(&project.target))), &model.config)
    }
}

fn seed(project: &Project, seed: &Seed) -> Node {
    let described = |name: &str| seed.columns.iter().find(|column| column.name.value == name);
    let columns = seed.table.as_ref().map(|table| {
        let column = |column: &project::SeedColumn| Column {
            name: column.name.clone(),
            data_type: Some(column.data_type.clone()),
            description: described(&column.name).and_then(|described| described.description.clone()),
        };
        table.columns.iter().map(column).collect()
    });
    Node {
        materialized: Some("seed".to_owned()),
        content: seed.table.as_ref().map(|table| table.hash.clone()),
        path: Some(seed.path.clone()),
        columns,
        ..configured(bare(NodeKind::Seed, seed.name(), Some(seed.relation(&project.target))), &seed.config)
    }
}

fn source(project: &Project, table: &SourceTable) -> Node {
    let name = RelationName::new(table.relation.schema.clone(), table.relation.name.clone()).to_string();
    let mut node = bare(NodeKind::Source, &name, Some(table.relation.clone()));
    node.columns = kept(project, table).or_else(|| declared(&table.columns));
    node.description.clone_from(&table.description);
    node.tags.clone_from(&table.tags);
    node.owner.clone_from(&table.owner);
    node.config.insert("source".to_owned(), Value::from(table.source.as_str()));
    if table.name.value != *table.relation.name {
        node.config.insert("table".to_owned(), Value::from(table.name.value.as_str()));
    }
    if !table.meta.is_empty() {
        node.config.insert("meta".to_owned(), Value::Object(table.meta.clone()));
    }
    node
}

/// The columns of a source as the database gave them, with what people say of them.
pub(super) fn kept(project: &Project, table: &SourceTable) -> Option<Vec<Column>> {
    let dialect = project.target.dialect();
    let columns = project.catalog.columns(dialect, &table.relation)?;
    let column = |kept: &project::CatalogColumn| {
        let told = table.columns.iter().find(|told| dialect.key(&told.name.value) == dialect.key(&kept.name));
        Column {
            name: kept.name.clone(),
            data_type: Some(kept.data_type.clone()),
            description: told.and_then(|told| told.description.clone()),
        }
    };
    Some(columns.iter().map(column).collect())
}

fn exposure(exposure: &Exposure) -> Node {
    let mut node = bare(NodeKind::Exposure, &exposure.name.value, None);
    node.description.clone_from(&exposure.description);
    node.tags.clone_from(&exposure.tags);
    node.owner.clone_from(&exposure.owner);
    for (key, value) in [("type", &exposure.kind), ("url", &exposure.url), ("maturity", &exposure.maturity)] {
        if let Some(value) = value {
            node.config.insert(key.to_owned(), Value::from(value.as_str()));
        }
    }
    node
}

/// The node with what its configuration says.
pub fn configured(mut node: Node, config: &project::Config) -> Node {
    node.description = config.description().map(str::to_owned);
    node.tags = config.tags().into_iter().map(str::to_owned).collect();
    node.owner = config.owner().map(str::to_owned);
    node.config = config
        .iter()
        .filter(|(key, _)| !matches!(*key, "description" | "tags" | "owner" | "columns" | "tests"))
        .map(|(key, setting)| (key.to_owned(), setting.value.clone()))
        .collect();
    node
}

/// Declared columns say what people know about some columns; whether they are all of them is not known, so a list is
/// given only where every one has a type.
pub(super) fn declared(columns: &[project::Column]) -> Option<Vec<Column>> {
    let complete = !columns.is_empty() && columns.iter().all(|column| column.data_type.is_some());
    complete.then(|| {
        let column = |column: &project::Column| Column {
            name: column.name.value.clone(),
            data_type: column.data_type.as_ref().map(|given| given.value.clone()),
            description: column.description.clone(),
        };
        columns.iter().map(column).collect()
    })
}

/// The ids of source tables by the names of source and table.
#[must_use]
pub fn source_ids(project: &Project, origins: &[Origin]) -> BTreeMap<(String, String), NodeId> {
    origins
        .iter()
        .enumerate()
        .filter_map(|(id, origin)| match origin {
            Origin::Source(index) => {
                let table = &project.source_tables[*index];
                Some(((table.source.clone(), table.name.value.clone()), NodeId::of(id)))
            }
            _ => None,
        })
        .collect()
}
