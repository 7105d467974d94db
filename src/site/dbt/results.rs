//! `run_results.json`: what became of the nodes in the last run.

use super::{Ids, metadata};
use crate::manifest::{NodeId, NodeKind, TestType};
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// The whole of it, from suiro's own.
pub(super) fn run_results(ids: &Ids<'_>, results: &Value) -> Value {
    let manifest = &ids.compilation.manifest;
    let known: BTreeMap<(&str, &str), NodeId> =
        manifest.iter().map(|(id, node)| ((node.kind.word(), node.name.as_str()), id)).collect();
    let all = results.get("results").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
    let result = |result: &Value| {
        let text = |key: &str| result.get(key).and_then(Value::as_str);
        let id = *known.get(&(text("kind")?, text("name")?))?;
        let node = manifest.node(id);
        let is_test = node.kind == NodeKind::Test;
        let rows = result.get("rows").and_then(Value::as_u64);
        let relation = node.relation.as_ref().map(|relation| manifest.dialect.relation(relation));
        let affected = if is_test { json!({}) } else { json!({"rows_affected": rows}) };
        let is_unit = node.test.as_ref().is_some_and(|test| test.kind == TestType::Unit);
        Some(json!({
            "status": status(text("status")?, is_test),
            "timing": [],
            "thread_id": "main",
            "execution_time": result.get("seconds").and_then(Value::as_f64).unwrap_or_default(),
            "adapter_response": affected,
            "message": message(results, text("name")?),
            "failures": rows.filter(|_| is_test && !is_unit),
            "unique_id": ids.id(id),
            "compiled": node.sql.is_some(),
            "compiled_code": null,
            "relation_name": relation,
        }))
    };
    json!({
        "metadata": metadata("run-results/v6"),
        "results": all.iter().filter_map(result).collect::<Vec<_>>(),
        "elapsed_time": results.get("seconds").and_then(Value::as_f64).unwrap_or_default(),
        "args": {},
    })
}

/// dbt's word for what became of a node. What is unchanged passed before, or stands as it should.
fn status(status: &str, is_test: bool) -> &'static str {
    match (status, is_test) {
        ("pass", _) | ("unchanged", true) => "pass",
        ("built" | "described" | "unchanged", _) => "success",
        ("warn", _) => "warn",
        ("fail", _) => "fail",
        ("failed", _) => "error",
        _ => "skipped",
    }
}

/// What went wrong with a node.
fn message(results: &Value, name: &str) -> Option<String> {
    let diagnostics = results.get("diagnostics")?.as_array()?;
    let of_it = diagnostics.iter().find(|found| found.get("node").and_then(Value::as_str) == Some(name))?;
    of_it.get("message")?.as_str().map(str::to_owned)
}
