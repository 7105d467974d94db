//! The hand-over from the compiling half to the building half: plain data, no syntax tree, no files.
//!
//! In: what `compile` found. Out: nodes in a stable order, who reads whom and where, and SQL with holes for the names
//! of relations. Never: a span map or a connection.

mod column;
mod properties;
mod snapshot;
mod sql;
mod test;
mod time_range;

pub use crate::lineage::{CastKind, EdgeKind};
pub use column::{ColumnLineage, ColumnOrigins, ColumnSource};
pub use properties::{Constraint, ConstraintKind, Grants, Hooks, Index, Partition, Partitions, Properties, Storage};
pub use snapshot::{SnapshotColumns, SnapshotStrategy};
pub use sql::{Bound, CompiledSql, FilledSql, Filling, Head, SqlPart};
pub use test::{Test, TestSeverity, TestType, Threshold, UnitRows, UnitTest, Verdict};
pub use time_range::TimeRange;

use crate::{dialect::Dialect, name::RelationName};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

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

    /// Whether it has a name in the database that is the project's own: a model's or a seed's.
    #[must_use]
    pub const fn has_relation(self) -> bool {
        matches!(self, Self::Model | Self::Seed)
    }
}

/// What becomes of a model or seed in the database.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Form {
    /// A view.
    View,
    /// A table, made anew each time; also what a project's own templates make.
    Table,
    /// A table that rows are added to: an incremental model's or a snapshot's.
    Incremental,
    /// Nothing: its SQL stands inside that of its readers.
    Ephemeral,
    /// A materialized view.
    MaterializedView,
    /// A file, and a view that reads it.
    File,
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
    /// The SQL that adds to what is there; none where it is the same.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub incremental_sql: Option<CompiledSql>,
    /// What of its SQL differs from run to run; none where nothing does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub varying: Option<Box<Varying>>,
    /// What its relation has besides its rows.
    #[serde(default, skip_serializing_if = "Properties::is_empty")]
    pub properties: Properties,
    /// What stands in it, for a seed or files: a hash of its rows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub content: Option<String>,
    /// The code of the error that keeps it from being built, if there is one.
    pub error: Option<String>,
    /// The file's name without extension, for a model that is one of several built from the same file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub instance_of: Option<String>,
    /// What the model is built for, then: what `instance` is in its templates.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub instance: Option<Value>,
    /// How a test is judged; only tests have it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub test: Option<Box<Test>>,
    /// Where its columns come from; none where nobody has looked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lineage: Option<Box<ColumnLineage>>,
}

/// SQL that holds values of variables which differ from run to run (`run_vars`).
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Varying {
    /// Its renderings with values that are the same in every run; its definition is taken from them.
    pub fixed: Vec<String>,
    /// The values of this run.
    pub values: BTreeMap<String, Value>,
}

/// Which of a model's two renderings is meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Rendering {
    /// That of a full build.
    Full,
    /// That of an increment; the same where the template does not ask which it is.
    Incremental,
}

impl Node {
    /// The SQL of one of its renderings.
    #[must_use]
    pub fn rendering(&self, rendering: Rendering) -> Option<&CompiledSql> {
        let incremental = self.incremental_sql.as_ref().filter(|_| rendering == Rendering::Incremental);
        incremental.or(self.sql.as_ref())
    }

    /// What becomes of it in the database.
    #[must_use]
    pub fn form(&self) -> Form {
        match (self.kind, self.materialized.as_deref()) {
            (NodeKind::Model, Some("view") | None) => Form::View,
            (NodeKind::Model, Some("incremental" | "snapshot")) => Form::Incremental,
            (NodeKind::Model, Some("ephemeral")) => Form::Ephemeral,
            (NodeKind::Model, Some("materialized_view")) => Form::MaterializedView,
            (NodeKind::Model, Some("file")) => Form::File,
            // Files that are read by the name of a source.
            (NodeKind::Source, _) if self.sql.is_some() => Form::Ephemeral,
            _ => Form::Table,
        }
    }

    /// Whether `build` makes a relation for it.
    #[must_use]
    pub fn is_built(&self) -> bool {
        self.kind.has_relation() && self.form() != Form::Ephemeral
    }

    /// The texts of a key of its configuration: one text, or a list of them.
    #[must_use]
    pub fn texts(&self, key: &str) -> Vec<&str> {
        match self.config.get(key) {
            Some(Value::String(text)) => vec![text],
            Some(Value::Array(items)) => items.iter().filter_map(Value::as_str).collect(),
            _ => Vec::new(),
        }
    }

    /// The text of a key of its configuration.
    #[must_use]
    pub fn text(&self, key: &str) -> Option<&str> {
        self.config.get(key).and_then(Value::as_str)
    }
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
    /// What runs around a run.
    #[serde(default)]
    pub run_hooks: RunHooks,
}

/// What runs around a run, one statement each.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct RunHooks {
    /// Before anything is built.
    pub start: Vec<CompiledSql>,
    /// After everything was built and published, whatever came of it.
    pub end: Vec<CompiledSql>,
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

    /// What a node reads that has a relation: in the place of an ephemeral model stands what that one reads.
    #[must_use]
    pub fn relations_read(&self, id: NodeId) -> BTreeSet<NodeId> {
        let mut found = BTreeSet::new();
        let mut seen = BTreeSet::from([id]);
        let mut edge = vec![id];
        while let Some(reader) = edge.pop() {
            for read in &self.node(reader).reads {
                let parent = self.node(read.node);
                if !(parent.kind.has_relation() && parent.form() == Form::Ephemeral) {
                    found.insert(read.node);
                } else if seen.insert(read.node) {
                    edge.push(read.node);
                }
            }
        }
        found
    }
}
