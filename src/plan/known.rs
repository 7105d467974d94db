//! What a plan has to know of the database, read once before it is made.

use crate::{
    engine::{LiveCatalog, LiveColumn, LiveRelation, UserFunction},
    interval::Moment,
    manifest::{Node, NodeId},
    name::RelationName,
    state::{Recorded, SharedRun, State},
};
use std::collections::{BTreeMap, BTreeSet};

/// What a plan has to know of the database.
#[derive(Debug, Clone, Default)]
pub struct Known {
    /// What the database has.
    pub live: LiveCatalog,
    /// The columns of what it has.
    pub columns: BTreeMap<RelationName, Vec<LiveColumn>>,
    /// What it remembers.
    pub state: State,
    /// Functions that users have made in it, by name in lower case.
    pub functions: BTreeMap<String, UserFunction>,
    /// What the sessions pin.
    pub settings: BTreeMap<String, String>,
    /// The data versions of sources, where they could be asked.
    pub sources: BTreeMap<NodeId, String>,
    /// Whether a run that is no more, or another one, left something staged.
    pub leftovers: bool,
    /// The moment that the run is about, by the clock of the session's time zone.
    pub now: Option<Moment>,
    /// Models that become files, and whose files are gone.
    pub without_file: BTreeSet<NodeId>,
    /// The run that the plan is for, where other processes have a part in it.
    pub keyed: Option<SharedRun>,
}

impl Known {
    /// What is remembered of a relation, if that is the one which stands there now.
    #[must_use]
    pub fn recorded(&self, relation: &RelationName) -> Option<&Recorded> {
        let recorded = self.state.relations.get(relation)?;
        self.live.relations.get(relation).filter(|live| is_same(recorded, live)).map(|_| recorded)
    }
}

impl Known {
    /// The process that published what stands under the name of a node.
    #[must_use]
    pub fn published_by(&self, node: &Node) -> Option<String> {
        self.state.relations.get(node.relation.as_ref()?).map(|recorded| recorded.run.clone())
    }
}

/// Whether the live relation is the one that was recorded, as far as the engine can tell.
#[must_use]
pub fn is_same(recorded: &Recorded, live: &LiveRelation) -> bool {
    recorded.oid.is_none_or(|oid| live.oid == 0 || live.oid == oid)
}
