//! The columns of a node: those that are known, those that are only described, what is said about each, and what each is
//! made of.

use crate::{
    compile::Compilation,
    manifest::{ColumnOrigins, ColumnSource, EdgeKind, NodeId},
    project,
    site::markdown,
};
use serde::Serialize;
use serde_json::Value;
use std::collections::BTreeMap;

/// How far descriptions are looked for: further than any chain of models, and there may be circles.
const FARTHEST: usize = 100;

/// A column that something is made of: its node, its name, how it is read, and what it is cast to.
#[derive(Debug, Serialize)]
pub(super) struct Origin(
    u32,
    String,
    &'static str,
    #[serde(skip_serializing_if = "Option::is_none")] Option<&'static str>,
);

/// A column.
#[derive(Debug, Serialize)]
pub(super) struct ColumnContent {
    name: String,
    #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
    data_type: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    description: Option<String>,
    /// The node and column whose description this is, where it has none of its own.
    #[serde(skip_serializing_if = "Option::is_none")]
    inherited: Option<(u32, String)>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    tags: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    meta: Option<Value>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    from: Vec<Origin>,
}

/// What is said about the columns of all nodes, by node and by the column's name as the database compares it.
#[derive(Debug, Default)]
pub(super) struct Said(BTreeMap<(NodeId, String), String>);

impl Said {
    /// What is said about the columns of a project.
    pub(super) fn of(compilation: &Compilation) -> Self {
        let manifest = &compilation.manifest;
        let mut said = BTreeMap::new();
        for (id, node) in manifest.iter() {
            let known = node.columns.iter().flatten().map(|column| (column.name.as_str(), &column.description));
            let described = compilation.described_columns(id).iter();
            let described = described.map(|column| (column.name.value.as_str(), &column.description));
            for (name, text) in known.chain(described) {
                if let Some(text) = text.as_deref().filter(|text| !text.trim().is_empty()) {
                    said.insert((id, manifest.dialect.key(name)), text.to_owned());
                }
            }
        }
        Self(said)
    }

    /// What is said about the column that this one is a copy of, directly or by way of others.
    fn inherited(&self, compilation: &Compilation, id: NodeId, name: &str) -> Option<(&str, NodeId, String)> {
        let dialect = compilation.manifest.dialect;
        let (mut id, mut name) = (id, name.to_owned());
        for _ in 0..FARTHEST {
            let lineage = compilation.manifest.node(id).lineage.as_deref()?;
            let key = dialect.key(&name);
            let column = lineage.columns.iter().find(|column| dialect.key(&column.name) == key)?;
            let [only] = column.sources.as_slice() else { return None };
            if only.kind != EdgeKind::Copy {
                return None;
            }
            (id, name) = (only.node, only.column.clone());
            if let Some(text) = self.0.get(&(id, dialect.key(&name))) {
                return Some((text, id, name));
            }
        }
        None
    }
}

/// The columns that a node's query reads for its rows as a whole.
pub(super) fn inspected(compilation: &Compilation, id: NodeId) -> Vec<(u32, String)> {
    let lineage = compilation.manifest.node(id).lineage.as_deref();
    let sources = lineage.into_iter().flat_map(|lineage| &lineage.inspected);
    sources.map(|source| (source.node.0, source.column.clone())).collect()
}

/// The columns of a node in its order; what is described and not among the known ones comes last.
pub(super) fn columns(compilation: &Compilation, id: NodeId, said: &Said) -> Vec<ColumnContent> {
    let node = compilation.manifest.node(id);
    let dialect = compilation.manifest.dialect;
    let described = compilation.described_columns(id);
    let same = |one: &str, other: &str| dialect.key(one) == dialect.key(other);
    let traced = node.lineage.as_deref().map(|lineage| lineage.columns.as_slice()).unwrap_or_default();
    let mut columns: Vec<(&str, Option<&str>)> = match &node.columns {
        Some(known) => known.iter().map(|column| (column.name.as_str(), column.data_type.as_deref())).collect(),
        None => traced.iter().map(|column| (column.name.as_str(), None)).collect(),
    };
    for column in described {
        if !columns.iter().any(|(name, _)| same(name, &column.name.value)) {
            columns.push((&column.name.value, None));
        }
    }
    let content = |(name, data_type): (&str, Option<&str>)| {
        let of_it: Option<&project::Column> = described.iter().find(|column| same(&column.name.value, name));
        let own = said.0.get(&(id, dialect.key(name)));
        let inherited = if own.is_none() { said.inherited(compilation, id, name) } else { None };
        let declared = of_it.and_then(|column| column.data_type.as_ref()).map(|given| given.value.as_str());
        let text = own.map(String::as_str).or(inherited.as_ref().map(|(text, ..)| *text));
        let origins: Option<&ColumnOrigins> = traced.iter().find(|column| same(&column.name, name));
        ColumnContent {
            name: name.to_owned(),
            data_type: data_type.or(declared).map(str::to_owned),
            description: text.map(markdown::html),
            inherited: inherited.map(|(_, node, column)| (node.0, column)),
            tags: of_it.map(|column| column.tags.clone()).unwrap_or_default(),
            meta: of_it.and_then(|column| column.meta.clone()),
            from: origins.into_iter().flat_map(|column| &column.sources).map(origin).collect(),
        }
    };
    columns.into_iter().map(content).collect()
}

fn origin(source: &ColumnSource) -> Origin {
    let cast = (!source.cast.is_none()).then(|| source.cast.word());
    Origin(source.node.0, source.column.clone(), source.kind.word(), cast)
}
