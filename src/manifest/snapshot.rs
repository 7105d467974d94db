//! What a snapshot adds to the rows that it keeps.

use super::{Form, Node};
use serde_json::Value;

/// How a snapshot notices that a row changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SnapshotStrategy {
    /// By a later value of `updated_at`.
    Timestamp,
    /// By another value of a checked column.
    Check,
}

/// The columns that a snapshot adds, by the names that they have in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SnapshotColumns {
    /// From when on a version holds.
    pub valid_from: String,
    /// Until when it held; NULL as long as it does.
    pub valid_to: String,
    /// Whether it says that the row is gone; only with `hard_deletes: new_record`.
    pub is_deleted: Option<String>,
}

impl SnapshotColumns {
    /// The names of those that there are, in the order of the table.
    #[must_use]
    pub fn names(self) -> Vec<String> {
        [Some(self.valid_from), Some(self.valid_to), self.is_deleted].into_iter().flatten().collect()
    }
}

impl Node {
    /// Whether it is a snapshot: a table of which every version of a row stays.
    #[must_use]
    pub fn is_snapshot(&self) -> bool {
        self.form() == Form::Incremental && self.materialized.as_deref() == Some("snapshot")
    }

    /// How a snapshot notices changes: as it says, or by what it names for that.
    #[must_use]
    pub fn snapshot_strategy(&self) -> SnapshotStrategy {
        match self.text("strategy") {
            Some("check") => SnapshotStrategy::Check,
            None if self.text("updated_at").is_none() => SnapshotStrategy::Check,
            _ => SnapshotStrategy::Timestamp,
        }
    }

    /// The columns that a snapshot adds; none of anything else.
    #[must_use]
    pub fn snapshot_columns(&self) -> Option<SnapshotColumns> {
        let named = |name: &str| {
            let names = self.config.get("snapshot_meta_column_names");
            let given = names.and_then(|names| names.get(name).or_else(|| names.get(["dbt_", name].concat())));
            given.and_then(Value::as_str).unwrap_or(name).to_owned()
        };
        self.is_snapshot().then(|| SnapshotColumns {
            valid_from: named("valid_from"),
            valid_to: named("valid_to"),
            is_deleted: (self.text("hard_deletes") == Some("new_record")).then(|| named("is_deleted")),
        })
    }
}
