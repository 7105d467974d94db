//! Rows of the tables of state to values, and back.
//!
//! The tables are made by `templates/state/<engine>/create.sql.jinja`; the columns stand here in the order in which the
//! templates read and write them. A row that cannot be read counts as not there: what it told is built again.

use super::{Identity, Kept, Passed, Recorded};
use crate::name::RelationName;
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// The columns of a published relation that are read, in order.
pub const RELATION: [&str; 18] = [
    "schema_name",
    "relation_name",
    "materialized",
    "own",
    "definition",
    "described",
    "version",
    "reads",
    "columns",
    "row_count",
    "milliseconds",
    "object_id",
    "run",
    "epoch",
    "published_at",
    "git_commit",
    "author",
    "held",
];

/// The columns of a test that passed.
pub const TEST: [&str; 4] = ["test_name", "definition", "reads", "run"];

/// The columns of a publish that is past.
pub const HISTORY: [&str; 18] = RELATION;

/// A row as the engine gives it.
type Row = Vec<Option<String>>;

fn text(row: &Row, column: usize) -> Option<String> {
    row.get(column).cloned().flatten()
}

fn number(row: &Row, column: usize) -> Option<u64> {
    text(row, column)?.parse().ok()
}

/// The published relations in these rows.
#[must_use]
pub fn read_relations(rows: &[Row]) -> BTreeMap<RelationName, Recorded> {
    rows.iter().filter_map(read_relation).collect()
}

/// The publishes in these rows, in their order.
#[must_use]
pub fn read_history(rows: &[Row]) -> Vec<(RelationName, Recorded)> {
    rows.iter().filter_map(read_relation).collect()
}

fn read_relation(row: &Row) -> Option<(RelationName, Recorded)> {
    let identity = Identity {
        own: text(row, 3)?,
        definition: text(row, 4)?,
        described: text(row, 5)?,
        version: text(row, 6)?,
        reads: serde_json::from_str(&text(row, 7)?).ok()?,
    };
    let recorded = Recorded {
        materialized: text(row, 2)?,
        identity,
        columns: serde_json::from_str(&text(row, 8)?).ok()?,
        rows: number(row, 9),
        milliseconds: number(row, 10)?,
        oid: number(row, 11),
        run: text(row, 12)?,
        epoch: number(row, 13)?,
        published_at: text(row, 14)?,
        commit: text(row, 15),
        author: text(row, 16),
        held: text(row, 17),
    };
    Some((RelationName::new(text(row, 0)?, text(row, 1)?), recorded))
}

/// The tests that passed in these rows.
#[must_use]
pub fn read_tests(rows: &[Row]) -> BTreeMap<String, Passed> {
    let read = |row: &Row| {
        let reads = serde_json::from_str(&text(row, 2)?).ok()?;
        Some((text(row, 0)?, Passed { definition: text(row, 1)?, reads, run: text(row, 3)? }))
    };
    rows.iter().filter_map(read).collect()
}

/// The versions that are kept in these rows, in their order.
#[must_use]
pub fn read_kept(rows: &[Row]) -> Vec<Kept> {
    let read = |row: &Row| {
        Some(Kept {
            relation: RelationName::new(text(row, 0)?, text(row, 1)?),
            run: text(row, 2)?,
            epoch: number(row, 3)?,
            place: RelationName::new(text(row, 4)?, text(row, 5)?),
            oid: number(row, 6),
        })
    };
    rows.iter().filter_map(read).collect()
}

/// What the templates are given to write a published relation.
#[must_use]
pub fn relation_row(relation: &RelationName, recorded: &Recorded) -> Value {
    let identity = &recorded.identity;
    json!({
        "schema_name": relation.schema,
        "relation_name": relation.name,
        "materialized": recorded.materialized,
        "own": identity.own,
        "definition": identity.definition,
        "described": identity.described,
        "version": identity.version,
        "reads": json!(identity.reads).to_string(),
        "columns": json!(recorded.columns).to_string(),
        "row_count": recorded.rows,
        "milliseconds": recorded.milliseconds,
        "object_id": Value::Null,
        "run": recorded.run,
        "epoch": recorded.epoch,
        "git_commit": recorded.commit,
        "author": recorded.author,
        "held": recorded.held,
    })
}

/// What the templates are given to write a test that passed.
#[must_use]
pub fn test_row(name: &str, passed: &Passed) -> Value {
    json!({
        "test_name": name,
        "definition": passed.definition,
        "reads": json!(passed.reads).to_string(),
        "run": passed.run,
    })
}
