//! Partitioned tables of PostgreSQL: `partition_by`.

use super::{Subject, derived_name, item::Item};
use crate::{
    diagnostic::Diagnostic,
    manifest::{Form, Partition, Partitions},
    project::Setting,
};
use serde_json::Value;

const KEYS: &[&str] = &["method", "columns", "partitions"];
const PART_KEYS: &[&str] = &["name", "from", "to", "values", "modulus", "remainder"];

/// How a table is divided.
pub fn partitions(subject: Subject<'_>, setting: &Setting, found: &mut Vec<Diagnostic>) -> Option<Partitions> {
    let item = Item { what: "`partition_by`", value: &setting.value, span: setting.span };
    if subject.node.form() == Form::MaterializedView {
        found.push(item.wrong("a materialized view cannot be partitioned".to_owned()));
        return None;
    }
    if !item.check(KEYS, found) {
        return None;
    }
    let method = item.text("method").unwrap_or_else(|| "range".to_owned());
    if !["range", "list", "hash"].contains(&method.as_str()) {
        let problem = item.wrong(format!("a table is partitioned by `range`, `list` or `hash`, not by `{method}`"));
        found.push(problem);
        return None;
    }
    let columns = item.texts("columns");
    if columns.is_empty() {
        found.push(item.wrong("`partition_by` has no columns".to_owned()).help("write `columns: [day]`"));
        return None;
    }
    let mut parts = Vec::new();
    let given = item.value.get("partitions").cloned().unwrap_or(Value::Array(Vec::new()));
    for part in Item::all("a partition", &given, setting.span) {
        parts.extend(partition(subject, &method, &part, found));
    }
    if method != "hash" {
        let name = derived_name(subject.relation_name(), &["rest"], "rest", "part");
        parts.push(Partition { name, from: vec![], to: vec![], values: vec![], hash: None, rest: true });
    }
    Some(Partitions { method, columns, parts })
}

fn partition(subject: Subject<'_>, method: &str, item: &Item<'_>, found: &mut Vec<Diagnostic>) -> Option<Partition> {
    if !item.check(PART_KEYS, found) {
        return None;
    }
    let list = |key: &str| match item.value.get(key) {
        Some(Value::Array(items)) => items.clone(),
        Some(Value::Null) | None => Vec::new(),
        Some(other) => vec![other.clone()],
    };
    let number = |key: &str| item.value.get(key).and_then(Value::as_u64);
    let hash = number("modulus").zip(number("remainder"));
    let (from, to, values) = (list("from"), list("to"), list("values"));
    let whole = match method {
        "range" => !from.is_empty() && !to.is_empty(),
        "list" => !values.is_empty(),
        _ => hash.is_some(),
    };
    if !whole {
        let needs = match method {
            "range" => "`from` and `to`",
            "list" => "`values`",
            _ => "`modulus` and `remainder`",
        };
        found.push(item.wrong(format!("a partition by {method} needs {needs}")));
        return None;
    }
    let name = item
        .text("name")
        .unwrap_or_else(|| derived_name(subject.relation_name(), &[], &item.value.to_string(), "part"));
    Some(Partition { name, from, to, values, hash, rest: false })
}
