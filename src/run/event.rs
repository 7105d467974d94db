//! What happens during a run, as it happens: for progress lines and the log.

use crate::{
    diagnostic::Diagnostic,
    manifest::{NodeId, Verdict},
};
use std::time::Duration;

/// One thing that happened.
#[derive(Debug)]
pub enum Event<'a> {
    /// A step was started.
    Started {
        /// The node.
        node: NodeId,
    },
    /// The database is about to be sent a statement.
    Sending {
        /// What the statement is for.
        purpose: &'a str,
    },
    /// The database was sent a statement and answered.
    Statement {
        /// The node it was for; none for what concerns the whole run.
        node: Option<NodeId>,
        /// What the statement is for: `build`, `mark`, `publish`, …
        purpose: &'a str,
        /// Its text.
        text: &'a str,
        /// Rows it affected, where the engine says.
        rows: Option<u64>,
        /// How long it took.
        elapsed: Duration,
        /// What the database said against it.
        error: Option<&'a crate::engine::EngineError>,
    },
    /// A step will be tried again.
    Retrying {
        /// The node; none for the publish.
        node: Option<NodeId>,
        /// Which attempt failed, from 1.
        attempt: u32,
        /// Why.
        why: &'a str,
        /// How long until then.
        pause: Duration,
    },
    /// A step came to its end.
    Finished {
        /// The node.
        node: NodeId,
        /// How many rows it has, where known.
        rows: Option<u64>,
        /// How long it took.
        elapsed: Duration,
        /// What went wrong.
        failure: Option<&'a Diagnostic>,
    },
    /// A test came to its end.
    Tested {
        /// The test.
        node: NodeId,
        /// What it came to; none where it could not be run.
        verdict: Option<Verdict>,
        /// How many failing rows it counted.
        failures: Option<u64>,
        /// How long it took.
        elapsed: Duration,
        /// What there is to say about it.
        failure: Option<&'a Diagnostic>,
    },
    /// What was built is being put in the place of what is live.
    Publishing {
        /// How many relations.
        relations: usize,
    },
    /// The publish came to its end.
    Published {
        /// How many relations.
        relations: usize,
        /// How long it took.
        elapsed: Duration,
    },
}

/// Somebody who wants to know; called from several threads.
pub trait Observer: Sync {
    /// Takes note of one event.
    fn observe(&self, event: &Event<'_>);
}

/// Nobody wants to know.
#[derive(Debug, Clone, Copy)]
pub struct Nobody;

impl Observer for Nobody {
    fn observe(&self, _: &Event<'_>) {}
}
