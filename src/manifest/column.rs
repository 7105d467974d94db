//! Where the columns of a node come from.

use super::NodeId;
use crate::lineage::{CastKind, EdgeKind};
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
    /// The nodes that it reads with a star (or a NATURAL JOIN, or as whole rows): a column added to one of them is read,
    /// too.
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
