//! What of a run appears together, and what of that can appear while the rest cannot.

use super::{PublishMode, Request, publish::Unpublished};
use crate::{
    diagnostic::Diagnostic,
    manifest::{Form, NodeId, NodeKind, TestSeverity},
};
use std::collections::BTreeSet;

/// What of these nodes appears together, each part in building order.
pub fn parts(request: &Request<'_>, done: BTreeSet<NodeId>) -> Vec<Vec<NodeId>> {
    let parts = match request.publish {
        PublishMode::Run => vec![done],
        PublishMode::Group => connected(request, &done),
        PublishMode::Model => request.graph.order(&done).into_iter().map(|id| BTreeSet::from([id])).collect(),
    };
    parts.into_iter().filter(|part| !part.is_empty()).map(|part| request.graph.order(&part)).collect()
}

/// The connected parts of these nodes; an ephemeral model connects what it reads with what reads it.
fn connected(request: &Request<'_>, done: &BTreeSet<NodeId>) -> Vec<BTreeSet<NodeId>> {
    let inlined = request.manifest.iter().filter(|(_, node)| node.form() == Form::Ephemeral).map(|(id, _)| id);
    let joined: BTreeSet<NodeId> = done.iter().copied().chain(inlined).collect();
    let parts = request.graph.components(&joined);
    parts.into_iter().map(|part| part.intersection(done).copied().collect()).collect()
}

/// Of a cut, what hangs together with the nodes that could not be locked, and what can appear without it. A test that
/// reads two nodes ties them together, too: it passed on both as they were built. Without such nodes it is all of it.
pub fn apart(request: &Request<'_>, cut: &[NodeId], locked: &BTreeSet<NodeId>) -> (Vec<NodeId>, Vec<NodeId>) {
    if locked.is_empty() {
        return (cut.to_vec(), Vec::new());
    }
    let all: BTreeSet<NodeId> = cut.iter().copied().collect();
    let mut ties = connected(request, &all);
    let manifest = request.manifest;
    let tests = manifest.iter().filter(|(_, node)| {
        node.kind == NodeKind::Test && node.test.as_ref().is_some_and(|test| test.severity == TestSeverity::Error)
    });
    ties.extend(tests.map(|(id, _)| manifest.relations_read(id).intersection(&all).copied().collect()));
    let mut waits = locked.clone();
    loop {
        let before = waits.len();
        for tie in &ties {
            if !tie.is_disjoint(&waits) {
                waits.extend(tie.iter().copied());
            }
        }
        if waits.len() == before {
            break;
        }
    }
    cut.iter().partition(|id| waits.contains(id))
}

/// What there is to say of a cut that was not published as a whole.
pub fn told(request: &Request<'_>, failure: Unpublished, waits: &[NodeId]) -> Diagnostic {
    let Unpublished { mut diagnostic, locked } = failure;
    if !locked.is_empty() {
        let names: Vec<String> = waits.iter().map(|id| ["`", &request.manifest.node(*id).name, "`"].concat()).collect();
        let note = format!("not published, because it hangs together: {}", names.join(", "));
        diagnostic.notes.insert(0, note);
    }
    diagnostic
}
