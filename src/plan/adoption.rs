//! What existing relations a project could take over, and what would be remembered of them.
//!
//! In: what is known of the database. Out: the nodes whose relations are there and are not the project's yet, and
//! diagnostics for those that it may not have. Never: comparing rows, which takes a connection.

use super::{Known, Plan, is_ours, mark, obstacle};
use crate::{
    diagnostic::{Diagnostic, code::FOREIGN_RELATION},
    engine::{LiveRelation, RelationKind},
    manifest::{Form, Manifest, Node, NodeId},
    name::RelationName,
    state::ReadState,
};
use std::collections::BTreeSet;

/// Begins the last line of every comment that suiro writes.
const MARKED: &str = "suiro: ";

/// What of a selection can be taken over.
#[derive(Debug, Clone, Default)]
pub struct Adoption {
    /// The nodes whose relations would be taken over, in the order of the selection.
    pub nodes: Vec<NodeId>,
    /// How many of the selection are the project's already.
    pub known: usize,
    /// How many of the selection do not exist.
    pub missing: usize,
    /// What stands in the way.
    pub diagnostics: Vec<Diagnostic>,
}

/// What of these nodes can be taken over.
#[must_use]
pub fn adoption(manifest: &Manifest, known: &Known, selection: &[NodeId]) -> Adoption {
    let mut adoption = Adoption::default();
    for id in selection {
        let node = manifest.node(*id);
        let Some(relation) = node.relation.as_ref().filter(|_| node.is_built()) else { continue };
        let Some(live) = known.live.relations.get(relation) else {
            adoption.missing += 1;
            continue;
        };
        let ours = is_ours(&manifest.project, relation, live.comment.as_deref());
        if ours && known.recorded(relation).is_some() {
            adoption.known += 1;
            continue;
        }
        match refused(manifest, node, (relation, live)) {
            Some(problem) => adoption.diagnostics.push(problem),
            None => adoption.nodes.push(*id),
        }
    }
    adoption
}

fn refused(manifest: &Manifest, node: &Node, (relation, live): (&RelationName, &LiveRelation)) -> Option<Diagnostic> {
    let problem = |message: String| Diagnostic::error(FOREIGN_RELATION, message).of_node(node.name.clone());
    if live.kind == RelationKind::Other {
        let message = format!("`{relation}` is neither a table nor a view, so it cannot be taken over");
        return Some(problem(message).help("give the model another `schema` or `alias`"));
    }
    let marked = marked(live.comment.as_deref());
    if let Some(marked) = marked.filter(|marked| marked.split(' ').next() != Some(manifest.project.as_str())) {
        let message = format!("`{relation}` belongs to another project: its comment says `{MARKED}{marked}`");
        return Some(problem(message).help("if that project is no more, remove the last line of the comment"));
    }
    (!live.may_alter).then(|| obstacle::not_owner(node, relation, live))
}

/// What the mark in a comment says, if it has one.
fn marked(comment: Option<&str>) -> Option<&str> {
    comment?.lines().last()?.strip_prefix(MARKED)
}

/// The comment of a relation that is taken over: what people wrote stays, the mark comes last.
#[must_use]
pub fn adopted_comment(project: &str, relation: &RelationName, comment: Option<&str>) -> String {
    let mark = mark(project, relation);
    let lines: Vec<&str> = comment.unwrap_or_default().lines().collect();
    let kept = if marked(comment).is_some() { &lines[..lines.len().saturating_sub(1)] } else { &lines[..] };
    if kept.is_empty() { mark } else { [kept.join("\n"), mark].join("\n") }
}

/// Whether a relation is of the kind that a build of the node would make.
#[must_use]
pub fn is_of_kind(node: &Node, live: &LiveRelation) -> bool {
    let kind = match node.form() {
        Form::View => RelationKind::View,
        Form::MaterializedView => RelationKind::MaterializedView,
        Form::Table | Form::Incremental => RelationKind::Table,
        Form::File | Form::Ephemeral => return false,
    };
    live.kind == kind
}

/// Whether a relation has exactly what a build of the node would give it, once its columns and rows are the same.
#[must_use]
pub fn is_made_like(node: &Node, live: &LiveRelation) -> bool {
    let properties = &node.properties;
    is_of_kind(node, live)
        && properties.indexes.is_empty()
        && properties.constraints.is_empty()
        && !properties.has_hooks()
        && properties.storage == crate::manifest::Storage::default()
}

/// The plan whose identities are remembered of adopted relations: those that were compared are what a build would make;
/// the rows of an incremental model are gone on from; anything else is built again.
#[must_use]
pub fn adopted(manifest: &Manifest, whole: &Plan, compared: &Plan, same: &BTreeSet<NodeId>) -> Plan {
    let mut plan = Plan::default();
    for step in &whole.steps {
        let node = manifest.node(step.node);
        let mut step = step.clone();
        let properties = &node.properties;
        let plain =
            properties.comment.is_none() && properties.column_comments.is_empty() && properties.grants.is_none();
        if let Some(compared) = compared.step(step.node).filter(|_| same.contains(&step.node)) {
            step.identity = compared.identity.clone();
        } else {
            for read in step.identity.reads.values_mut() {
                *read = ReadState { version: None, ..read.clone() };
            }
            step.identity.version = String::from("adopted");
            if node.form() != Form::Incremental {
                step.identity.own = String::new();
                step.identity.definition = String::new();
            }
        }
        if !plain {
            step.identity.described = String::new();
        }
        plan.steps.push(step);
    }
    plan
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_people_wrote_stays_in_the_comment() {
        let relation = RelationName::new("core", "a");
        let comment = |before: Option<&str>| adopted_comment("shop", &relation, before);
        assert_eq!(comment(None), "suiro: shop core.a");
        assert_eq!(comment(Some("")), "suiro: shop core.a");
        assert_eq!(comment(Some("All.\nOf them.")), "All.\nOf them.\nsuiro: shop core.a");
        assert_eq!(comment(Some("All.\nsuiro: shop old.a")), "All.\nsuiro: shop core.a");
    }
}
