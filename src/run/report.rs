//! What became of a run.

use crate::{diagnostic::Diagnostic, exit::Exit, manifest::NodeId};
use serde::Serialize;
use std::time::Duration;

/// What became of a node.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// Built and published.
    Built,
    /// Built, but what it belongs to could not be published; the live version is the old one.
    Staged,
    /// Not built, because of another node.
    Skipped,
    /// Could not be built.
    Failed,
    /// Begun, and cancelled because the run was stopped.
    Cancelled,
    /// Not started, because the run was stopped.
    NotStarted,
}

impl Status {
    /// The word for it in tables.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Built => "built",
            Self::Staged => "not published",
            Self::Skipped => "skipped",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
            Self::NotStarted => "not started",
        }
    }
}

/// What became of one node.
#[derive(Debug, Clone)]
pub struct NodeReport {
    /// The node.
    pub node: NodeId,
    /// What became of it.
    pub status: Status,
    /// The node that is to blame for a skipped one.
    pub culprit: Option<NodeId>,
    /// Rows in the new version, where known.
    pub rows: Option<u64>,
    /// Time spent on it.
    pub elapsed: Duration,
    /// How often it was tried.
    pub attempts: u32,
}

/// What became of a run.
#[derive(Debug, Clone, Default)]
pub struct RunReport {
    /// Every node of the plan, in its order.
    pub nodes: Vec<NodeReport>,
    /// What went wrong.
    pub diagnostics: Vec<Diagnostic>,
    /// Why it was stopped, if it was.
    pub stopped: Option<Exit>,
    /// How long it took.
    pub elapsed: Duration,
}

impl RunReport {
    /// The exit status that it leads to.
    #[must_use]
    pub fn exit(&self) -> Exit {
        let exit = crate::diagnostic::exit_of(&self.diagnostics);
        self.stopped.map_or(exit, |stopped| exit.or(stopped))
    }

    /// How many nodes ended that way.
    #[must_use]
    pub fn count(&self, status: Status) -> usize {
        self.nodes.iter().filter(|node| node.status == status).count()
    }
}
