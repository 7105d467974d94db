//! One node as the page tells of it.

use super::{
    column::{ColumnContent, Said, columns, inspected},
    past::{Outcome, Past},
};
use crate::{
    compile::Compilation,
    manifest::{CompiledSql, NodeId, NodeKind, Test},
    site::{
        layout::Place,
        markdown,
        sql::{Link, compiled, written_links},
    },
};
use serde::Serialize;
use serde_json::Value;
use std::collections::BTreeMap;

/// What is needed to tell of nodes.
pub(super) struct About<'a> {
    pub(super) compilation: &'a Compilation,
    pub(super) past: &'a Past,
    /// The node that a test is written beside.
    pub(super) tested: BTreeMap<NodeId, NodeId>,
    /// The index of each macro that is told of.
    pub(super) macros: BTreeMap<String, usize>,
    /// What is said about columns.
    pub(super) said: Said,
    /// The index of each file, by path.
    pub(super) files: BTreeMap<&'a str, usize>,
}

/// SQL as it would be sent, and the nodes that it names.
#[derive(Debug, Serialize)]
struct SqlContent {
    text: String,
    links: Vec<Link>,
}

/// A node.
#[derive(Debug, Serialize)]
pub(super) struct NodeContent {
    name: String,
    kind: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    label: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    schema: Option<String>,
    /// The whole name in the database.
    #[serde(skip_serializing_if = "Option::is_none")]
    relation: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    materialized: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    path: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    description: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    source_description: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    location: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    owner: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    tags: Vec<String>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    config: BTreeMap<String, Value>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    columns: Vec<ColumnContent>,
    /// The columns that its query reads for its rows as a whole.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    inspected: Vec<(u32, String)>,
    /// Why its lineage is not the whole truth.
    #[serde(skip_serializing_if = "Option::is_none")]
    unsure: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    reads: Vec<u32>,
    /// Those of `reads` that only an increment reads.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    increment_reads: Vec<u32>,
    /// The file that it is written in, by index, and the nodes that it names there.
    #[serde(skip_serializing_if = "Option::is_none")]
    file: Option<usize>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    links: Vec<Link>,
    #[serde(skip_serializing_if = "Option::is_none")]
    compiled: Option<SqlContent>,
    #[serde(skip_serializing_if = "Option::is_none")]
    increment: Option<SqlContent>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    macros: Vec<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    instance_of: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    instance: Option<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    test: Option<Box<Test>>,
    /// The node that a test is written beside.
    #[serde(skip_serializing_if = "Option::is_none")]
    on: Option<u32>,
    /// What became of it in the last runs, the newest first.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    runs: Vec<Outcome>,
    /// Its place in the graph.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) at: Option<Place>,
}

impl About<'_> {
    /// What the page tells of a node.
    pub(super) fn node(&self, id: NodeId) -> NodeContent {
        let compilation = self.compilation;
        let node = compilation.manifest.node(id);
        let file = compilation.sql_file(id);
        let index = file.and_then(|file| self.files.get(file.path)).copied();
        let sql = |sql: &CompiledSql| {
            let (text, links) = compiled(compilation, sql);
            SqlContent { text, links }
        };
        let html = |text: &str| (!text.trim().is_empty()).then(|| markdown::html(text));
        let macros = compilation.called_macros(id).into_iter().filter_map(|name| self.macros.get(name));
        // A source that is read from files has SQL that tells nothing but where they are.
        let told = node.kind != NodeKind::Source;
        NodeContent {
            name: node.name.clone(),
            kind: node.kind.word(),
            label: compilation.exposure_label(id).map(str::to_owned),
            schema: node.relation.as_ref().map(|relation| relation.schema.to_string()),
            relation: node.relation.as_ref().map(ToString::to_string),
            materialized: node.materialized.clone(),
            path: node.path.clone(),
            description: node.description.as_deref().and_then(html),
            source_description: compilation.source_description(id).and_then(html),
            location: compilation.source_location(id).map(|location| location.path.value.clone()),
            owner: node.owner.clone(),
            tags: node.tags.clone(),
            config: node.config.clone(),
            columns: columns(compilation, id, &self.said),
            inspected: inspected(compilation, id),
            unsure: node.lineage.as_ref().and_then(|lineage| lineage.unsupported.clone()),
            reads: node.reads.iter().map(|read| read.node.0).collect(),
            increment_reads: node.reads.iter().filter(|read| read.incremental_only).map(|read| read.node.0).collect(),
            file: index,
            links: file.map(|file| written_links(compilation, id, file)).unwrap_or_default(),
            compiled: node.sql.as_ref().filter(|_| told).map(sql),
            increment: node.incremental_sql.as_ref().filter(|_| told).map(sql),
            macros: macros.copied().collect(),
            instance_of: node.instance_of.clone(),
            instance: node.instance.clone(),
            error: node.error.clone(),
            test: node.test.clone(),
            on: self.tested.get(&id).map(|on| on.0),
            runs: self.past.of(node),
            at: None,
        }
    }
}
