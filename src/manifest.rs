//! The hand-over from the compiling half to the building half: plain data, no syntax tree, no files.
//!
//! In: what `compile` found. Out: nodes in a stable order, who reads whom and where, and SQL with holes for the names
//! of relations. Never: a span map or a connection.

mod test;

pub use test::{Test, TestSeverity, TestType, Threshold, Verdict};

use crate::{dialect::Dialect, name::RelationName};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::{collections::BTreeMap, ops::Range};

/// A node's place in [`Manifest::nodes`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct NodeId(pub u32);

impl NodeId {
    /// The id of the node at that index.
    #[must_use]
    pub fn of(index: usize) -> Self {
        Self(u32::try_from(index).unwrap_or(u32::MAX))
    }

    /// The index into [`Manifest::nodes`].
    #[must_use]
    pub const fn index(self) -> usize {
        self.0 as usize
    }
}

/// What a node is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NodeKind {
    /// A `.sql` file below the model paths.
    Model,
    /// A `.csv` file below the model paths.
    Seed,
    /// A relation that something else fills.
    Source,
    /// A query that must return no rows.
    Test,
    /// Something outside that reads models: a dashboard, an application.
    Exposure,
}

impl NodeKind {
    /// The word for it in messages and machine output.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Model => "model",
            Self::Seed => "seed",
            Self::Source => "source",
            Self::Test => "test",
            Self::Exposure => "exposure",
        }
    }

    /// Whether `build` makes a relation for it.
    #[must_use]
    pub const fn is_built(self) -> bool {
        matches!(self, Self::Model | Self::Seed)
    }
}

/// A column of a node, as far as it is known.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Column {
    /// Its name.
    pub name: String,
    /// Its type in the engine's words; unknown stays null.
    #[serde(rename = "type")]
    pub data_type: Option<String>,
    /// What it means.
    pub description: Option<String>,
}

/// A place in a file of the project.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Site {
    /// Path relative to the project.
    pub path: String,
    /// Line, from 1.
    pub line: usize,
    /// Column in characters, from 1.
    pub column: usize,
}

impl std::fmt::Display for Site {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "{}:{}:{}", self.path, self.line, self.column)
    }
}

/// One node that another reads, and where in its files it says so.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Read {
    /// The node that is read.
    pub node: NodeId,
    /// Every place that names it, in order.
    pub sites: Vec<Site>,
    /// Whether only the incremental rendering reads it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub incremental_only: bool,
}

/// A part of a model's SQL.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SqlPart {
    /// Text exactly as it was rendered, from byte `at` of the rendering.
    Written {
        /// The text.
        text: String,
        /// Its first byte in the rendered text.
        at: usize,
    },
    /// Text that suiro put in, such as an alias.
    Inserted(String),
    /// A hole for the qualified and quoted name of a node's relation.
    Relation {
        /// The node.
        node: NodeId,
        /// Where the written name starts in the rendered text.
        at: usize,
    },
}

/// SQL with holes where relations are named: the same text serves for staged and for published names.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct CompiledSql {
    /// The parts, in order.
    pub parts: Vec<SqlPart>,
}

/// SQL whose holes have been filled, and the way back to the rendered text.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct FilledSql {
    /// The text.
    pub text: String,
    origins: Vec<(Range<usize>, usize, bool)>,
}

impl CompiledSql {
    /// The SQL with the given name in each hole; names must be qualified and quoted.
    pub fn fill(&self, mut name: impl FnMut(NodeId) -> String) -> FilledSql {
        let mut filled = FilledSql::default();
        for part in &self.parts {
            let start = filled.text.len();
            match part {
                SqlPart::Written { text, at } => {
                    filled.text.push_str(text);
                    filled.origins.push((start..filled.text.len(), *at, true));
                }
                SqlPart::Inserted(text) => filled.text.push_str(text),
                SqlPart::Relation { node, at } => {
                    filled.text.push_str(&name(*node));
                    filled.origins.push((start..filled.text.len(), *at, false));
                }
            }
        }
        filled
    }
}

impl FilledSql {
    /// The byte of the rendered text that a byte of this text comes from.
    ///
    /// Text that suiro put in belongs to what stands before it.
    #[must_use]
    pub fn rendered(&self, byte: usize) -> usize {
        let next = self.origins.partition_point(|(range, ..)| range.start <= byte);
        match self.origins[..next].last() {
            Some((range, at, true)) => at + (byte.min(range.end) - range.start),
            Some((_, at, false)) => *at,
            None => 0,
        }
    }
}

/// A node of the project.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Node {
    /// Its name for people and machines: bare where that is unique, else qualified by schema; sources always qualified.
    pub name: String,
    /// What it is.
    pub kind: NodeKind,
    /// The relation it is or makes.
    pub relation: Option<RelationName>,
    /// How it is materialized: the name of a template.
    pub materialized: Option<String>,
    /// The file that defines it, relative to the project.
    pub path: Option<String>,
    /// What it reads, sorted by node.
    pub reads: Vec<Read>,
    /// Its columns in order, where they are known.
    pub columns: Option<Vec<Column>>,
    /// What it means.
    pub description: Option<String>,
    /// Free words to select by.
    pub tags: Vec<String>,
    /// Who answers for it.
    pub owner: Option<String>,
    /// The configuration that counts, by key.
    pub config: BTreeMap<String, Value>,
    /// The SQL that a full build runs.
    pub sql: Option<CompiledSql>,
    /// The code of the error that keeps it from being built, if there is one.
    pub error: Option<String>,
    /// How a test is judged; only tests have it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub test: Option<Box<Test>>,
}

/// Everything that is known about a project without a connection.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Manifest {
    /// The project's name.
    pub project: String,
    /// The language of its SQL.
    pub dialect: Dialect,
    /// The target that it was compiled for.
    pub target: String,
    /// The schema that models go to by default.
    pub schema: String,
    /// The nodes, sorted by kind and name.
    pub nodes: Vec<Node>,
}

impl Manifest {
    /// The node of that id.
    #[must_use]
    pub fn node(&self, id: NodeId) -> &Node {
        &self.nodes[id.index()]
    }

    /// All nodes with their ids.
    pub fn iter(&self) -> impl Iterator<Item = (NodeId, &Node)> {
        self.nodes.iter().enumerate().map(|(index, node)| (NodeId::of(index), node))
    }

    /// The test of that name.
    #[must_use]
    pub fn find_test(&self, name: &str) -> Option<NodeId> {
        self.iter().find(|(_, node)| node.kind == NodeKind::Test && node.name == name).map(|(id, _)| id)
    }

    /// The node of that name: its own, or qualified by schema.
    #[must_use]
    pub fn find(&self, name: &str) -> Option<NodeId> {
        let by = |matches: &dyn Fn(&Node) -> bool| self.iter().find(|(_, node)| matches(node)).map(|(id, _)| id);
        by(&|node| node.name == name)
            .or_else(|| by(&|node| node.relation.as_ref().is_some_and(|relation| relation.to_string() == name)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_byte_of_the_filled_text_leads_back_to_the_rendered_text() {
        let sql = CompiledSql {
            parts: vec![
                SqlPart::Written { text: "select x from ".into(), at: 0 },
                SqlPart::Relation { node: NodeId(0), at: 14 },
                SqlPart::Inserted(" as \"o\"".into()),
                SqlPart::Written { text: " where y".into(), at: 15 },
            ],
        };
        let filled = sql.fill(|_| "\"main\".\"o\"".to_owned());
        assert_eq!(filled.text, "select x from \"main\".\"o\" as \"o\" where y");
        assert_eq!(filled.rendered(7), 7);
        assert_eq!(filled.rendered(16), 14);
        assert_eq!(filled.rendered(filled.text.len() - 1), 22);
    }
}
