//! What a relation has besides its rows: comments, indexes, constraints, rights, storage, and what runs around it.

use super::{CompiledSql, NodeId};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// What a relation has besides its rows.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Properties {
    /// Its comment in the database, without suiro's mark.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub comment: Option<String>,
    /// The comments of its columns.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub column_comments: BTreeMap<String, String>,
    /// Its indexes.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub indexes: Vec<Index>,
    /// Its constraints.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub constraints: Vec<Constraint>,
    /// Who may do what with it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub grants: Option<Grants>,
    /// How it is stored.
    #[serde(skip_serializing_if = "Storage::is_default")]
    pub storage: Storage,
    /// What runs before and after it is made.
    #[serde(skip_serializing_if = "Hooks::is_empty")]
    pub hooks: Hooks,
    /// The conditions on the rows of an incremental model that new rows may replace.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub predicates: Vec<CompiledSql>,
}

impl Properties {
    /// Whether anything runs around the making of the relation.
    #[must_use]
    pub fn has_hooks(&self) -> bool {
        !self.hooks.is_empty()
    }

    /// Whether there is nothing in it.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// An index.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Index {
    /// Its name, within what the database takes.
    pub name: String,
    /// Its columns, in order.
    pub columns: Vec<String>,
    /// Whether no two rows may have the same values in them.
    pub unique: bool,
    /// `btree`, `hash`, `gin`, …; the engine's default without.
    pub method: Option<String>,
    /// Columns that it carries besides.
    pub include: Vec<String>,
    /// The condition of the rows that it covers.
    #[serde(rename = "where")]
    pub condition: Option<String>,
}

/// What a constraint demands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ConstraintKind {
    /// A value in every row.
    NotNull,
    /// No two rows with the same values.
    Unique,
    /// Both, once in a relation.
    PrimaryKey,
    /// A condition that every row meets.
    Check,
    /// A row of another relation for every row.
    ForeignKey,
}

/// A constraint.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Constraint {
    /// Its name, within what the database takes.
    pub name: String,
    /// What it demands.
    pub kind: ConstraintKind,
    /// Its columns.
    pub columns: Vec<String>,
    /// The condition of a check.
    pub expression: Option<String>,
    /// The node that a foreign key refers to.
    pub to: Option<NodeId>,
    /// The columns there.
    pub to_columns: Vec<String>,
}

impl Constraint {
    /// Whether the database makes an index of its name.
    #[must_use]
    pub const fn has_index(&self) -> bool {
        matches!(self.kind, ConstraintKind::Unique | ConstraintKind::PrimaryKey)
    }
}

/// Who may do what with a relation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Grants {
    /// Whether rights that are not listed are taken away.
    pub exact: bool,
    /// Roles by right.
    pub rights: BTreeMap<String, Vec<String>>,
}

/// How a relation is stored, where the engine gives a choice.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Storage {
    /// Whether a crash of the server empties it.
    pub unlogged: bool,
    /// Where it is kept.
    pub tablespace: Option<String>,
    /// Storage parameters.
    pub parameters: BTreeMap<String, serde_json::Value>,
    /// How it is divided.
    pub partition_by: Option<Partitions>,
}

impl Storage {
    fn is_default(&self) -> bool {
        *self == Self::default()
    }
}

/// How a table is divided.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Partitions {
    /// `range`, `list` or `hash`.
    pub method: String,
    /// The columns whose values decide.
    pub columns: Vec<String>,
    /// The parts, in order; the rest goes to one that suiro adds, but for `hash`.
    pub parts: Vec<Partition>,
}

/// A part of a divided table.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Partition {
    /// Its name in the database.
    pub name: String,
    /// The first values of a range.
    pub from: Vec<serde_json::Value>,
    /// The first values behind a range.
    pub to: Vec<serde_json::Value>,
    /// The values of a list.
    pub values: Vec<serde_json::Value>,
    /// Modulus and remainder of a hash.
    pub hash: Option<(u64, u64)>,
    /// Whether it takes what no other does.
    pub rest: bool,
}

/// What runs around the making of a relation, one statement each.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Hooks {
    /// Before it, in the same transaction.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub before: Vec<CompiledSql>,
    /// After it, in the same transaction.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub after: Vec<CompiledSql>,
    /// After the publish, each by itself.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub outside: Vec<CompiledSql>,
}

impl Hooks {
    fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}
