//! What of a project is other than what stands published.

use super::{Known, Template, Wishes, decide::Deciding};
use crate::{
    graph::Graph,
    manifest::{Manifest, NodeId, NodeKind},
};
use std::collections::BTreeSet;

/// The models and seeds that are made differently than those which stand published, or are not there, and all that read
/// them: what an environment of its own has to build. Everything else can be read where it is.
#[must_use]
pub fn differing((manifest, graph): (&Manifest, &Graph), known: &Known, template: Template<'_>) -> BTreeSet<NodeId> {
    let wishes = Wishes::default();
    let mut deciding = Deciding::new(manifest, known, &wishes, template);
    let built: BTreeSet<NodeId> = manifest.iter().filter(|(_, node)| node.is_built()).map(|(id, _)| id).collect();
    let mut differing = BTreeSet::new();
    for id in graph.order(&built) {
        let node = manifest.node(id);
        let decision = deciding.decide(id);
        let recorded = node.relation.as_ref().and_then(|relation| known.recorded(relation));
        let same = recorded.is_some_and(|recorded| {
            let rows = node.kind != NodeKind::Seed || recorded.identity.version == decision.identity.version;
            rows && recorded.identity.definition == decision.identity.definition
        });
        let below = !manifest.relations_read(id).is_disjoint(&differing);
        if !same || below || node.error.is_some() {
            differing.insert(id);
        }
    }
    differing
}
