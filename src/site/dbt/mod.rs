//! A project as dbt's artifacts tell of it, for tools that read those: `manifest.json` (v12), `catalog.json` (v1) and
//! `run_results.json` (v6), after the schemas that dbt publishes.
//!
//! In: a compiled project and its `run_results.json`. Out: JSON. Never: a time of its own, or what would need a
//! connection: the catalog has the columns and types that are known without one.

mod catalog;
mod manifest;
mod results;

use crate::{
    compile::Compilation,
    dialect::Dialect,
    manifest::{Node, NodeId, NodeKind, TestType},
};
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// The version of dbt whose schemas these are.
const VERSION: &str = "1.11.0";

/// dbt's names of the nodes of a project.
struct Ids<'a> {
    compilation: &'a Compilation,
    names: Vec<String>,
    unique: Vec<String>,
}

impl<'a> Ids<'a> {
    fn of(compilation: &'a Compilation) -> Self {
        let mut taken: BTreeMap<(NodeKind, String), usize> = BTreeMap::new();
        let mut names = Vec::new();
        for node in &compilation.manifest.nodes {
            // In dbt's names a dot separates.
            let plain = node.name.replace('.', "_");
            let count = taken.entry((node.kind, plain.clone())).or_default();
            *count += 1;
            names.push(if *count == 1 { plain } else { format!("{plain}_{count}") });
        }
        let project = &compilation.manifest.project;
        let id = |(index, node): (usize, &Node)| {
            let name = &names[index];
            let test = node.test.as_deref();
            match (node.kind, test.map(|test| test.kind)) {
                (NodeKind::Source, _) => {
                    let (source, table) = source_of(node);
                    format!("source.{project}.{source}.{table}")
                }
                (_, Some(TestType::Unit)) => {
                    let model = test.and_then(|test| test.unit.as_ref()).map(|unit| names[unit.model.index()].as_str());
                    format!("unit_test.{project}.{}.{name}", model.unwrap_or_default())
                }
                (_, Some(TestType::Generic)) => {
                    let hash = blake3::hash(node.name.as_bytes()).to_hex();
                    format!("test.{project}.{name}.{}", &hash[..10])
                }
                (kind, _) => format!("{}.{project}.{name}", kind.word()),
            }
        };
        let unique = compilation.manifest.nodes.iter().enumerate().map(id).collect();
        Self { compilation, names, unique }
    }

    fn id(&self, node: NodeId) -> &str {
        &self.unique[node.index()]
    }

    fn name(&self, node: NodeId) -> &str {
        &self.names[node.index()]
    }

    /// What a node depends on, by dbt's names.
    fn depends_on(&self, node: &Node) -> Vec<&str> {
        node.reads.iter().map(|read| self.id(read.node)).collect()
    }
}

/// The names of a source and of its table, as they are declared.
fn source_of(node: &Node) -> (String, String) {
    let relation = node.relation.as_ref();
    let schema = relation.map_or("", |relation| &relation.schema);
    let name = relation.map_or(node.name.as_str(), |relation| &relation.name);
    let source = node.text("source").unwrap_or(schema).to_owned();
    (source, node.text("table").unwrap_or(name).to_owned())
}

/// What stands at the head of each artifact.
fn metadata(artifact: &str) -> Value {
    json!({
        "dbt_schema_version": format!("https://schemas.getdbt.com/dbt/{artifact}.json"),
        "dbt_version": VERSION,
        "env": {},
    })
}

/// What dbt calls a connection of that kind.
const fn adapter(dialect: Dialect) -> &'static str {
    dialect.name()
}

/// The artifacts, each with the name of its file; run results only where there was a run.
#[must_use]
pub fn artifacts(compilation: &Compilation, run_results: Option<&str>) -> Vec<(&'static str, Value)> {
    let ids = Ids::of(compilation);
    let mut all = vec![("manifest.json", manifest::manifest(&ids)), ("catalog.json", catalog::catalog(&ids))];
    let results = run_results.and_then(|text| serde_json::from_str(text).ok());
    all.extend(results.map(|results: Value| ("run_results.json", results::run_results(&ids, &results))));
    all
}
