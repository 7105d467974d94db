//! Where the columns of a node come from.

use super::NodeId;
use serde::{Deserialize, Serialize};

/// Where the columns of a node come from, and what else it reads.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ColumnLineage {
    /// Its columns in order, each with what it is made of; empty where that cannot be told.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub columns: Vec<ColumnOrigins>,
    /// What its query reads for all columns alike: in WHERE, JOIN, GROUP BY, ORDER BY, HAVING, QUALIFY, DISTINCT.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub inspected: Vec<ColumnSource>,
    /// The relations whose rows it reads whole, whatever their columns: `count(*)`, a star over unknown columns.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub stars: Vec<NodeId>,
    /// Why the above is not the whole truth, where it is not. Whoever prunes must then suppose that everything is read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unsupported: Option<String>,
}

/// A column and what it is made of.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ColumnOrigins {
    /// Its name as the database calls it.
    pub name: String,
    /// The columns that it is made of, sorted; none for a constant.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub sources: Vec<ColumnSource>,
}

/// A column of another node that is read.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct ColumnSource {
    /// The node that is read.
    pub node: NodeId,
    /// The column's name as the database calls it.
    pub column: String,
    /// How it is read.
    pub kind: EdgeKind,
    /// What a copy is cast to on the way.
    #[serde(default, skip_serializing_if = "CastKind::is_none")]
    pub cast: CastKind,
}

/// How a column is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EdgeKind {
    /// As it is.
    Copy,
    /// Something is computed from it.
    Transform,
    /// It decides which rows there are, or in what order, and is in no column.
    Inspect,
}

impl EdgeKind {
    /// The word for it in messages and machine output.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Copy => "copy",
            Self::Transform => "transform",
            Self::Inspect => "inspect",
        }
    }
}

/// Whether a copy keeps its values.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CastKind {
    /// It has no cast.
    #[default]
    None,
    /// It is cast to a type that keeps every value apart from every other.
    Safe,
    /// It is cast to a type that may not.
    Other,
}

impl CastKind {
    /// Whether there is no cast.
    #[must_use]
    pub const fn is_none(&self) -> bool {
        matches!(self, Self::None)
    }

    /// The word for it in machine output.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Safe => "safe",
            Self::Other => "other",
        }
    }
}
