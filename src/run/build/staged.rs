//! What stands staged after a node was built.

use crate::{
    manifest::{Form, Node},
    name::RelationName,
    run::{Statement, ledger::Made},
};

/// What a staged relation is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StagedKind {
    /// A table that takes the place of the live one.
    Table,
    /// A view, to be created again with published names.
    View,
    /// A materialized view that takes the place of the live one.
    MaterializedView,
    /// A view of a file, which takes the place of the published one.
    File,
    /// A view of the live rows with those of a batch; the batch is merged into the live table.
    Increment,
}

impl StagedKind {
    /// The kind that a full build of a node makes.
    #[must_use]
    pub fn of(node: &Node) -> Self {
        match node.form() {
            Form::View => Self::View,
            Form::File => Self::File,
            Form::MaterializedView => Self::MaterializedView,
            _ => Self::Table,
        }
    }

    /// What the staged relation is in the words of `DROP`.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Table => "table",
            Self::View | Self::File | Self::Increment => "view",
            Self::MaterializedView => "materialized view",
        }
    }
}

/// What stands staged, and what remains to be done with it.
#[derive(Debug, Clone)]
pub struct Staged {
    /// What it is.
    pub kind: StagedKind,
    /// Which intervals it holds, of a model that is built interval by interval.
    pub intervals: Option<Made>,
    /// Where the new rows of an increment stand.
    pub batch: Option<RelationName>,
    /// What is to be done when it is published, in that transaction.
    pub publish: Vec<Statement>,
}

impl Staged {
    /// Everything that was created, with its kind in the words of `DROP`, readers first.
    #[must_use]
    pub fn relations(&self, staged: &RelationName) -> Vec<(RelationName, &'static str)> {
        let batch = self.batch.clone().map(|batch| (batch, "table"));
        std::iter::once((staged.clone(), self.kind.word())).chain(batch).collect()
    }
}
