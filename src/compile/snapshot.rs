//! Whether what a snapshot says makes sense.

use super::reading::Reading;
use crate::{
    diagnostic::{
        Diagnostic,
        code::{KEY_WITHOUT_EFFECT, WRONG_VALUE},
    },
    manifest::{Node, SnapshotStrategy},
};

/// The keys that only snapshots have a use for.
const KEYS: [&str; 5] = ["strategy", "updated_at", "check_cols", "hard_deletes", "snapshot_meta_column_names"];
/// The keys of incremental models that snapshots have no use for, and of tables.
const NOT_OF_SNAPSHOTS: [&str; 7] = [
    "incremental_strategy",
    "on_schema_change",
    "full_refresh",
    "merge_update_columns",
    "merge_exclude_columns",
    "incremental_predicates",
    "partition_by",
];

/// The keys of snapshots that stand in the file of a model that is none.
#[must_use]
pub fn elsewhere(node: &Node, reading: &Reading) -> Vec<Diagnostic> {
    without_effect(node, reading, &KEYS, "it is a key of models that are `materialized: snapshot`")
}

fn without_effect(node: &Node, reading: &Reading, keys: &[&str], help: &str) -> Vec<Diagnostic> {
    let given = keys.iter().filter_map(|key| Some((*key, reading.model.config.get(key)?)));
    // Defaults of a folder are for those models in it that have a use for them.
    let written = given.filter(|(_, setting)| setting.in_file);
    let what = node.materialized.as_deref().unwrap_or("view");
    let problem = |key: &str| Diagnostic::warning(KEY_WITHOUT_EFFECT, format!("`{key}` has no effect on a `{what}`"));
    written.map(|(key, setting)| problem(key).at(setting.span, "has no effect").help(help)).collect()
}

/// What is wrong with a snapshot.
#[must_use]
pub fn check(node: &Node, reading: &Reading) -> Vec<Diagnostic> {
    let help = "a snapshot ends versions and adds others, with the columns that are new";
    let mut problems = without_effect(node, reading, &NOT_OF_SNAPSHOTS, help);
    let config = &reading.model.config;
    let mut lacks = |message: String, help: &str| {
        let mut problem = Diagnostic::error(WRONG_VALUE, message).help(help);
        if let Some(materialized) = config.materialized() {
            problem = problem.at(materialized.span, "keeps versions");
        }
        problems.push(problem);
    };
    let name = &node.name;
    if node.texts("unique_key").is_empty() {
        lacks(
            format!("the snapshot `{name}` needs a `unique_key`"),
            "name the columns that tell rows apart: `unique_key: id`, or `unique_key: [customer, day]`",
        );
    }
    let by_time = node.snapshot_strategy() == SnapshotStrategy::Timestamp;
    if by_time && node.text("updated_at").is_none() {
        lacks(
            format!("the snapshot `{name}` goes by time and names no column for it"),
            "name the column that says when a row changed: `updated_at: changed_at`; or compare: `strategy: check`",
        );
    }
    if !by_time && node.texts("check_cols").is_empty() {
        lacks(
            format!("nothing tells when a row of the snapshot `{name}` has changed"),
            "name the column that says so, `updated_at: changed_at`, or those to compare: `check_cols: [name, price]`, \
             `check_cols: all`",
        );
    }
    let leaves_out = node.text("hard_deletes").is_some_and(|word| word != "ignore") && reading.incremental.is_some();
    if leaves_out {
        lacks(
            format!("rows that `{name}` leaves out would count as gone"),
            "with `hard_deletes` the query has to return every row: take `is_incremental()` out of it",
        );
    }
    problems
}
