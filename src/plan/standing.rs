//! How each relation stands: what is remembered of it against what the database has and what the files say.
//!
//! In: what is known of the database, and a plan. Out: a [`Standing`] for each relation. Never: deciding anything that
//! the plan does not say.

use super::{Action, Known, Plan, Step, column_differences, is_ours, is_same};
use crate::{
    engine::LiveRelation,
    manifest::{Manifest, NodeId},
    name::RelationName,
    state::Recorded,
};
use serde::Serialize;

/// How a relation stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Condition {
    /// It is what the files and what it reads say.
    Current,
    /// A build would do something with it.
    Behind,
    /// The database does not have it.
    Missing,
    /// Its columns were changed by hand.
    Changed,
    /// Something else stands under its name than what was published.
    Replaced,
    /// It is kept at its version.
    Held,
    /// The project did not make it, as far as anybody remembers.
    Foreign,
    /// The project has it no more.
    Orphaned,
}

impl Condition {
    /// The word for it in tables and machine output.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Current => "current",
            Self::Behind => "behind",
            Self::Missing => "missing",
            Self::Changed => "changed",
            Self::Replaced => "replaced",
            Self::Held => "held",
            Self::Foreign => "foreign",
            Self::Orphaned => "orphaned",
        }
    }
}

/// A relation and how it stands.
#[derive(Debug, Clone)]
pub struct Standing {
    /// The node that makes it; none if the project has none any more.
    pub node: Option<NodeId>,
    /// The relation.
    pub relation: RelationName,
    /// How it stands.
    pub condition: Condition,
    /// Why, in words for people.
    pub reasons: Vec<String>,
    /// What is remembered of it.
    pub recorded: Option<Recorded>,
}

/// How each relation of the plan stands.
#[must_use]
pub fn standings(manifest: &Manifest, known: &Known, plan: &Plan) -> Vec<Standing> {
    let standing = |step: &Step| {
        let relation = manifest.node(step.node).relation.clone()?;
        let (condition, reasons) = condition(&manifest.project, known, (&relation, step));
        let recorded = known.state.relations.get(&relation).cloned();
        Some(Standing { node: Some(step.node), relation, condition, reasons, recorded })
    };
    plan.steps.iter().filter_map(standing).collect()
}

/// The relations that are remembered and that no model or seed makes any more.
#[must_use]
pub fn orphans(manifest: &Manifest, known: &Known) -> Vec<Standing> {
    let made = |relation: &RelationName| {
        manifest.nodes.iter().any(|node| node.is_built() && node.relation.as_ref() == Some(relation))
    };
    let remembered = known.state.relations.iter().filter(|(relation, _)| !made(relation));
    remembered
        .map(|(relation, recorded)| {
            let live = known.live.relations.get(relation);
            let mut reasons = vec!["the project has no model or seed for it any more".to_owned()];
            reasons.extend(stranger(&manifest.project, relation, (recorded, live)));
            let recorded = Some(recorded.clone());
            Standing { node: None, relation: relation.clone(), condition: Condition::Orphaned, reasons, recorded }
        })
        .collect()
}

/// Why what stands under that name is not what was published there, if it is not.
fn stranger(
    project: &str,
    relation: &RelationName,
    (recorded, live): (&Recorded, Option<&LiveRelation>),
) -> Option<String> {
    match live {
        None => Some("it is gone from the database".to_owned()),
        Some(live) if !is_ours(project, relation, live.comment.as_deref()) => {
            Some("what stands there does not carry the project's mark".to_owned())
        }
        Some(live) if !is_same(recorded, live) => Some("what stands there is another relation".to_owned()),
        Some(_) => None,
    }
}

fn condition(project: &str, known: &Known, (relation, step): (&RelationName, &Step)) -> (Condition, Vec<String>) {
    let recorded = known.state.relations.get(relation);
    let (live, recorded) = match (&step.live, recorded) {
        (None, Some(_)) => return (Condition::Missing, vec!["it is gone from the database".to_owned()]),
        (None, None) => return (Condition::Missing, vec!["it was never built here".to_owned()]),
        (Some(live), _) if !is_ours(project, relation, live.comment.as_deref()) => {
            let condition = if recorded.is_some() { Condition::Replaced } else { Condition::Foreign };
            return (condition, vec!["what stands there does not carry the project's mark".to_owned()]);
        }
        (Some(_), None) => return (Condition::Foreign, vec!["nothing is remembered of it".to_owned()]),
        (Some(live), Some(recorded)) => (live, recorded),
    };
    if let Some(why) = stranger(project, relation, (recorded, Some(live))) {
        return (Condition::Replaced, vec![why]);
    }
    if let Some(why) = &recorded.held {
        return (Condition::Held, vec![why.clone()]);
    }
    let columns =
        known.columns.get(relation).filter(|_| recorded.materialized != "view" && !recorded.columns.is_empty());
    if let Some(columns) = columns {
        let found: Vec<_> = columns.iter().map(|column| (column.name.clone(), column.data_type.clone())).collect();
        let differences = column_differences(&recorded.columns, &found);
        if !differences.is_empty() {
            return (Condition::Changed, differences);
        }
    }
    let condition = if step.action == Action::Skip { Condition::Current } else { Condition::Behind };
    (condition, step.reasons.clone())
}
