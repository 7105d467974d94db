//! Indexes: `indexes`, in dbt's shape.

use super::{Subject, derived_name, effective, item::Item, not_a_table};
use crate::{diagnostic::Diagnostic, dialect::Dialect, manifest::Index};

const KEYS: &[&str] = &["columns", "unique", "type", "name", "include", "where"];

/// The indexes of a relation.
pub fn indexes(subject: Subject<'_>, found: &mut Vec<Diagnostic>) -> Vec<Index> {
    let Some(setting) = effective(subject, "indexes", not_a_table(subject.node), found) else { return Vec::new() };
    let items = Item::all("an index", &setting.value, setting.span);
    items.iter().filter_map(|item| index(subject, item, found)).collect()
}

fn index(subject: Subject<'_>, item: &Item<'_>, found: &mut Vec<Diagnostic>) -> Option<Index> {
    if !item.check(KEYS, found) {
        return None;
    }
    let columns = item.texts("columns");
    if columns.is_empty() {
        found.push(item.wrong("an index has no columns".to_owned()).help("write `columns: [customer_id]`"));
        return None;
    }
    let only_postgres = ["type", "include", "where"].into_iter().find(|key| item.value.get(key).is_some());
    if let (Dialect::DuckDb, Some(key)) = (subject.dialect, only_postgres) {
        found.push(item.wrong(format!("DuckDB's indexes have no `{key}`")).help("remove the key for this target"));
        return None;
    }
    let words: Vec<&str> = columns.iter().map(String::as_str).collect();
    let name = item
        .text("name")
        .unwrap_or_else(|| derived_name(subject.relation_name(), &words, &item.value.to_string(), "idx"));
    Some(Index {
        name,
        unique: item.is("unique"),
        method: item.text("type"),
        include: item.texts("include"),
        condition: item.text("where"),
        columns,
    })
}
