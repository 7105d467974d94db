//! What a run would do, decided before anything is done.
//!
//! In: the manifest, a selection, and what the database has. Out: a [`Plan`] of steps with their reasons, and
//! diagnostics for what cannot be done. Never: a connection, a clock, or a statement.

mod mark;
mod obstacle;
mod stage;

pub use mark::{is_ours, mark, staging_mark};
pub use stage::{RunId, Staging, staging};

use crate::{
    diagnostic::Diagnostic,
    engine::{LiveCatalog, LiveRelation, RelationKind},
    graph::{Graph, Selection},
    manifest::{Form, Manifest, Node, NodeId},
};
use obstacle::Obstacles;
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};

/// What is to be done with a node.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Action {
    /// Make it anew beside the live version, then publish.
    Build,
    /// Add to the live version.
    Increment,
    /// Change what describes it, in place.
    Describe,
    /// Nothing: it is as it should be.
    Skip,
    /// Remove it.
    Drop,
    /// Nothing: something stands in the way.
    Blocked,
}

impl Action {
    /// The word for it in tables and machine output.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Build => "build",
            Self::Increment => "increment",
            Self::Describe => "describe",
            Self::Skip => "skip",
            Self::Drop => "drop",
            Self::Blocked => "blocked",
        }
    }
}

/// One node of a plan.
#[derive(Debug, Clone)]
pub struct Step {
    /// The node.
    pub node: NodeId,
    /// What is to be done.
    pub action: Action,
    /// Why, in words for people.
    pub reasons: Vec<String>,
    /// What the database has under its name now.
    pub live: Option<LiveRelation>,
    /// For a blocked step, the node that started it: itself, or one above it.
    pub culprit: Option<NodeId>,
}

/// What a run would do: steps in an order in which they can be done.
#[derive(Debug, Clone, Default)]
pub struct Plan {
    /// The steps.
    pub steps: Vec<Step>,
    /// What was found on the way.
    pub diagnostics: Vec<Diagnostic>,
}

impl Plan {
    /// The nodes that are to be made anew or added to.
    #[must_use]
    pub fn built(&self) -> BTreeSet<NodeId> {
        let worked_on = |step: &&Step| matches!(step.action, Action::Build | Action::Increment);
        self.steps.iter().filter(worked_on).map(|step| step.node).collect()
    }

    /// The nodes that are to be added to.
    #[must_use]
    pub fn increments(&self) -> BTreeSet<NodeId> {
        self.steps.iter().filter(|step| step.action == Action::Increment).map(|step| step.node).collect()
    }

    /// The step of a node, if it has one.
    #[must_use]
    pub fn step(&self, node: NodeId) -> Option<&Step> {
        self.steps.iter().find(|step| step.node == node)
    }
}

/// What is asked of a plan besides the selection.
#[derive(Debug, Clone, Copy, Default)]
pub struct Wishes {
    /// Whether incremental models are made anew.
    pub full_refresh: bool,
}

/// The plan for these nodes; sources, tests and exposures among them are passed over.
#[must_use]
pub fn plan((manifest, graph): (&Manifest, &Graph), selection: &Selection, live: &LiveCatalog, wishes: Wishes) -> Plan {
    let built: BTreeSet<NodeId> = selection.iter().copied().filter(|node| manifest.node(*node).is_built()).collect();
    let obstacles = Obstacles::new(manifest, &built, live);
    let mut plan = Plan::default();
    let mut culprits: BTreeMap<NodeId, NodeId> = BTreeMap::new();
    // An ephemeral model is part of its readers, selected or not.
    let inlined = manifest.iter().filter(|(_, node)| node.form() == Form::Ephemeral).map(|(id, _)| id);
    let concerned = built.iter().copied().chain(inlined).collect();
    for id in graph.order(&concerned) {
        let node = manifest.node(id);
        if node.form() == Form::Ephemeral {
            let above = node.reads.iter().find_map(|read| culprits.get(&read.node).copied());
            if let Some(culprit) = node.error.as_ref().map(|_| id).or(above) {
                culprits.insert(id, culprit);
            }
            continue;
        }
        let found = node.relation.as_ref().and_then(|relation| live.relations.get(relation)).cloned();
        let mut step = Step { node: id, action: Action::Build, reasons: Vec::new(), live: found, culprit: None };
        let above = node.reads.iter().find_map(|read| culprits.get(&read.node).copied());
        let (action, reason) = action(node, step.live.as_ref(), wishes);
        let in_the_way = obstacles.of(id, step.live.as_ref(), action);
        if let Some(code) = &node.error {
            step.reasons.push(format!("it has an error ({code})"));
            step.culprit = Some(id);
        } else if let Some(culprit) = above {
            step.reasons.push(format!("`{}`, above it, cannot be built", manifest.node(culprit).name));
            step.culprit = Some(culprit);
        } else if !in_the_way.is_empty() {
            step.reasons.extend(in_the_way.iter().map(|obstacle| obstacle.message.clone()));
            step.culprit = Some(id);
        } else {
            step.action = action;
            step.reasons.push(reason.to_owned());
        }
        plan.diagnostics.extend(in_the_way);
        if let Some(culprit) = step.culprit {
            step.action = Action::Blocked;
            culprits.insert(id, culprit);
        }
        plan.steps.push(step);
    }
    plan
}

/// What is to be done with a node that nothing stands in the way of, and why.
fn action(node: &Node, live: Option<&LiveRelation>, wishes: Wishes) -> (Action, &'static str) {
    let Some(live) = live else { return (Action::Build, "it does not exist yet") };
    if node.form() != Form::Incremental {
        return (Action::Build, "no state is kept yet, so every run builds it");
    }
    if live.kind != RelationKind::Table {
        return (Action::Build, "it is to become a table");
    }
    match (wishes.full_refresh, keeps_its_rows(node)) {
        (true, true) => (Action::Increment, "`full_refresh: never` keeps its rows; they are added to"),
        (true, false) => (Action::Build, "a full refresh was asked for"),
        (false, _) => (Action::Increment, "it exists, and rows are added to it"),
    }
}

/// Whether a node's rows are kept whatever is asked for.
#[must_use]
pub fn keeps_its_rows(node: &Node) -> bool {
    node.config
        .get("full_refresh")
        .is_some_and(|value| value.as_str() == Some("never") || value.as_bool() == Some(false))
}
