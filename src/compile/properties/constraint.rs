//! Constraints: `constraints` of a model and of its columns, in dbt's shape.

use super::{Subject, derived_name, effective, item::Item, not_a_table};
use crate::{
    compile::names::Meaning,
    diagnostic::{Diagnostic, code::UNKNOWN_RELATION},
    dialect::Dialect,
    manifest::{Constraint, ConstraintKind, Form, NodeId},
    project::WrittenName,
};
use serde_json::Value;

const KEYS: &[&str] =
    &["type", "name", "columns", "expression", "to", "to_columns", "warn_unenforced", "warn_unsupported"];

const KINDS: [(&str, ConstraintKind, &str); 5] = [
    ("not_null", ConstraintKind::NotNull, "not_null"),
    ("unique", ConstraintKind::Unique, "key"),
    ("primary_key", ConstraintKind::PrimaryKey, "pkey"),
    ("check", ConstraintKind::Check, "check"),
    ("foreign_key", ConstraintKind::ForeignKey, "fkey"),
];

/// The constraints of a relation.
pub fn constraints(subject: Subject<'_>, found: &mut Vec<Diagnostic>) -> Vec<Constraint> {
    let why_not = match subject.node.form() {
        Form::MaterializedView => Some("the model is a materialized view"),
        _ => not_a_table(subject.node),
    };
    let mut constraints = Vec::new();
    if let Some(setting) = effective(subject, "constraints", why_not, found) {
        for item in Item::all("a constraint", &setting.value, setting.span) {
            constraints.extend(constraint(subject, &item, None, found));
        }
    }
    for column in subject.columns.iter().filter(|_| why_not.is_none()) {
        let Some(value) = &column.constraints else { continue };
        for item in Item::all("a constraint", &value.value, value.span) {
            constraints.extend(constraint(subject, &item, Some(&column.name.value), found));
        }
    }
    constraints
}

fn constraint(
    subject: Subject<'_>,
    item: &Item<'_>,
    column: Option<&str>,
    found: &mut Vec<Diagnostic>,
) -> Option<Constraint> {
    if !item.check(KEYS, found) {
        return None;
    }
    let word = item.text("type").unwrap_or_default();
    let Some((_, kind, ending)) = KINDS.into_iter().find(|(name, ..)| *name == word) else {
        let names = KINDS.map(|(name, ..)| name);
        let problem = item.wrong(format!("there is no constraint `{word}`")).suggest(&word, names);
        found.push(problem.note(format!("there are: {}", names.join(", "))));
        return None;
    };
    let mut columns = item.texts("columns");
    if columns.is_empty() {
        columns.extend(column.map(str::to_owned));
    }
    let expression = item.text("expression");
    let problem = match kind {
        ConstraintKind::Check if expression.is_none() => Some("a check needs an `expression`"),
        ConstraintKind::Check => None,
        _ if columns.is_empty() => Some("a constraint needs `columns`"),
        ConstraintKind::ForeignKey if item.text("to").is_none() => Some("a foreign key needs `to`, a model or seed"),
        ConstraintKind::ForeignKey if subject.dialect == Dialect::DuckDb => {
            Some("DuckDB cannot replace a table that a foreign key refers to; test with `relationships` instead")
        }
        _ => None,
    };
    if let Some(problem) = problem {
        found.push(item.wrong(problem.to_owned()));
        return None;
    }
    let to = match item.text("to") {
        Some(name) if kind == ConstraintKind::ForeignKey => Some(referred(subject, item, &name, found)?),
        _ => None,
    };
    let words: Vec<&str> = columns.iter().map(String::as_str).collect();
    let definition = Value::from(vec![item.value.clone(), Value::from(column)]).to_string();
    let name = item.text("name").unwrap_or_else(|| derived_name(subject.relation_name(), &words, &definition, ending));
    Some(Constraint { name, kind, expression, to, to_columns: item.texts("to_columns"), columns })
}

fn referred(subject: Subject<'_>, item: &Item<'_>, name: &str, found: &mut Vec<Diagnostic>) -> Option<NodeId> {
    let name = WrittenName::read(name).unwrap_or_else(|| WrittenName::Plain(name.to_owned()));
    let schema = subject.node.relation.as_ref().map_or("", |relation| &relation.schema);
    if let Meaning::Node(node) = subject.names.written(&name, schema, Some(subject.id)) {
        return Some(node);
    }
    let message = format!("there is no model or seed `{name}` for the foreign key");
    found.push(Diagnostic::error(UNKNOWN_RELATION, message).at(item.span, "not known"));
    None
}
