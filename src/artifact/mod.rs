//! The files that suiro writes below `target/`: a contract with other programs.
//!
//! In: plain values. Out: JSON and SQL files, written by rename, unchanged ones left alone. Never: anything that the
//! user wrote, or a secret (the caller masks).

mod catalog;
mod log;
pub mod row;
mod store;

pub use catalog::{catalog, read_catalog};
pub use log::Log;
pub use store::{FOLDER, Store, WRITTEN, replace};

use crate::{
    manifest::{Column, Manifest, Node, NodeId, NodeKind, TestType},
    plan::{Plan, Recipe, Step},
    run::{NodeReport, RunReport},
    source::floor_char_boundary,
};
use serde::Serialize;
use serde_json::{Value, json};

/// The version of every artifact's shape; it rises when a key changes its meaning or goes away.
pub const VERSION: u32 = 1;

/// One line of `suiro ls --format json`.
#[derive(Debug, Serialize)]
pub struct Listed<'a> {
    name: &'a str,
    kind: &'static str,
    materialized: Option<&'a str>,
    path: Option<&'a str>,
    depends_on: Vec<&'a str>,
    columns: Option<&'a [Column]>,
    #[serde(skip_serializing_if = "Option::is_none")]
    instance_of: Option<&'a str>,
}

/// The line of a node: dependencies by name and sorted, sources as `schema.table`.
#[must_use]
pub fn listed<'a>(manifest: &'a Manifest, node: &'a Node) -> Listed<'a> {
    let mut depends_on: Vec<&str> = node.reads.iter().map(|read| manifest.node(read.node).name.as_str()).collect();
    depends_on.sort_unstable();
    depends_on.dedup();
    Listed {
        name: &node.name,
        kind: node.kind.word(),
        materialized: node.materialized.as_deref(),
        path: node.path.as_deref(),
        depends_on,
        columns: node.columns.as_deref(),
        instance_of: node.instance_of.as_deref(),
    }
}

/// Where below `target/compiled/` the SQL of a node stands: under the path of its file; where the file is several models,
/// in a folder of its name; an item of `tests:` or `unit_tests:` in a folder of the YAML file's name.
#[must_use]
pub fn compiled_path(node: &Node) -> Option<String> {
    let written = matches!(node.kind, NodeKind::Model | NodeKind::Test) && node.sql.is_some();
    let path = node.path.as_deref().filter(|_| written)?;
    let is_sql = std::path::Path::new(path).extension().is_some_and(|extension| extension.eq_ignore_ascii_case("sql"));
    let in_file = |kind: TestType| kind == TestType::Singular || (kind == TestType::Unit && is_sql);
    let in_yaml = node.test.as_ref().is_some_and(|test| !in_file(test.kind));
    let folder = match &node.instance_of {
        Some(_) => path.strip_suffix(".sql").unwrap_or(path),
        None if in_yaml => path,
        None => return Some(path.to_owned()),
    };
    let plain = |character: char| character.is_alphanumeric() || matches!(character, '_' | '-' | '.');
    let name: String = node.name.chars().map(|character| if plain(character) { character } else { '_' }).collect();
    // A name may be longer than a file's may be, and two may differ only in what a file's cannot have.
    if name == node.name && name.len() <= 120 {
        return Some(format!("{folder}/{name}.sql"));
    }
    let hash = blake3::hash(node.name.as_bytes()).to_hex();
    Some(format!("{folder}/{}_{}.sql", &name[..floor_char_boundary(&name, 120)], &hash[..8]))
}

/// Where below `target/compiled/` the SQL stands that adds to an incremental model, if it is another than the whole one.
#[must_use]
pub fn compiled_increment_path(node: &Node) -> Option<String> {
    node.incremental_sql.as_ref()?;
    let path = compiled_path(node)?;
    Some(format!("{}.incremental.sql", path.strip_suffix(".sql").unwrap_or(&path)))
}

/// One line of `suiro plan --format json`, and one entry of `plan.json`.
#[must_use]
pub fn planned(manifest: &Manifest, plan: &Plan, step: &Step) -> Value {
    let node = manifest.node(step.node);
    let mut planned = json!({
        "name": node.name,
        "kind": node.kind.word(),
        "action": step.action,
        "reasons": step.reasons,
        "publish": plan.recipes.get(&step.node).map(Recipe::word),
    });
    // Only of models that are built interval by interval.
    if let (Some(intervals), Some(planned)) = (&step.intervals, planned.as_object_mut()) {
        planned.insert("intervals".to_owned(), json!(intervals.batches));
    }
    planned
}

/// The whole of `plan.json`.
#[must_use]
pub fn plan(manifest: &Manifest, plan: &Plan) -> Value {
    json!({
        "version": VERSION,
        "project": manifest.project,
        "target": manifest.target,
        "steps": plan.steps.iter().map(|step| planned(manifest, plan, step)).collect::<Vec<_>>(),
    })
}

/// The whole of `run_results.json`.
#[must_use]
pub fn run_results(manifest: &Manifest, run: &str, report: &RunReport) -> Value {
    let result = |node: &NodeReport| {
        let name = |id: NodeId| manifest.node(id).name.clone();
        json!({
            "name": name(node.node),
            "kind": manifest.node(node.node).kind.word(),
            "status": node.status,
            "culprit": node.culprit.map(name),
            "rows": node.rows,
            "seconds": node.elapsed.as_secs_f64(),
            "attempts": node.attempts,
        })
    };
    json!({
        "version": VERSION,
        "project": manifest.project,
        "target": manifest.target,
        "run": run,
        "exit": report.exit().status(),
        "seconds": report.elapsed.as_secs_f64(),
        "results": report.nodes.iter().map(result).collect::<Vec<_>>(),
        "diagnostics": report.diagnostics.iter().map(|diagnostic| json!({
            "code": diagnostic.code.id,
            "severity": format!("{:?}", diagnostic.severity).to_lowercase(),
            "message": diagnostic.message,
            "node": diagnostic.node,
        })).collect::<Vec<_>>(),
    })
}

/// `manifest.json`: the manifest as it is, with the version in front.
#[derive(Debug, Serialize)]
pub struct ManifestFile<'a> {
    /// [`VERSION`].
    pub version: u32,
    /// The manifest.
    #[serde(flatten)]
    pub manifest: &'a Manifest,
}
