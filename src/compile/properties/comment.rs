//! Descriptions that become comments in the database: `persist_docs`.

use super::Subject;
use crate::manifest::Form;
use serde_json::Value;
use std::collections::BTreeMap;

fn wanted(subject: Subject<'_>, what: &str) -> bool {
    let setting = subject.config.get("persist_docs");
    subject.node.form() != Form::Ephemeral
        && setting.and_then(|setting| setting.value.get(what)).and_then(Value::as_bool).unwrap_or(false)
}

/// The comment of the relation.
pub fn of_relation(subject: Subject<'_>) -> Option<String> {
    let text = subject.node.description.as_deref().filter(|_| wanted(subject, "relation"))?.trim();
    (!text.is_empty()).then(|| text.to_owned())
}

/// The comments of its columns.
pub fn of_columns(subject: Subject<'_>) -> BTreeMap<String, String> {
    if !wanted(subject, "columns") {
        return BTreeMap::new();
    }
    let described = subject.columns.iter().filter_map(|column| {
        let text = column.description.as_deref()?.trim();
        (!text.is_empty()).then(|| (column.name.value.clone(), text.to_owned()))
    });
    described.collect()
}
