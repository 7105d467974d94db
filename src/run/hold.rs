//! What a run may publish: what was built and passed, and whatever would stand beside it was tested as it would stand.
//!
//! A failing test of error severity holds back what it reads and everything below. That leaves combinations nobody has
//! looked at: a new version beside the old version of something held back. The tests that read both are run again on
//! exactly that, until nothing more is held back.

use super::{
    Context, Request,
    jobs::Readers,
    schedule::Ending,
    session::Session,
    test::{self, Tested},
};
use crate::manifest::{NodeId, TestType};
use std::collections::{BTreeMap, BTreeSet, btree_map::Entry};

/// What became of the tests, and what they hold back.
#[derive(Debug, Default)]
pub struct Held {
    /// The last outcome of each test that ran.
    pub tested: BTreeMap<NodeId, Tested>,
    /// For each node that was built and must not be published, the test that says so.
    pub held: BTreeMap<NodeId, NodeId>,
}

/// Decides what is held back. `done` are the nodes that were built.
pub fn settle(
    request: &Request<'_>,
    context: &Context<'_>,
    (done, readers): (&BTreeSet<NodeId>, &Readers),
    tested: BTreeMap<NodeId, Tested>,
) -> Held {
    let manifest = request.manifest;
    let mut held = Held { tested, held: BTreeMap::new() };
    let failed: Vec<NodeId> =
        held.tested.values().filter(|one| one.holds_back(manifest.node(one.node))).map(|one| one.node).collect();
    // A test that cannot be compiled has not passed either.
    let broken = request.tests.iter().copied().filter(|id| manifest.node(*id).error.is_some() && holds(request, *id));
    for test in failed.into_iter().chain(broken) {
        hold(request, (done, readers), test, &mut held.held);
    }
    let mut seen: BTreeSet<(NodeId, Vec<NodeId>)> = BTreeSet::new();
    while !request.stop.is_stopped() {
        let fresh: BTreeSet<NodeId> = done.iter().copied().filter(|id| !held.held.contains_key(id)).collect();
        let mixed: Vec<NodeId> = request
            .tests
            .iter()
            .copied()
            .filter(|id| is_mixed(request, context, *id, &fresh))
            .filter(|id| {
                let new = manifest.relations_read(*id).into_iter().filter(|read| fresh.contains(read));
                seen.insert((*id, new.collect()))
            })
            .collect();
        if mixed.is_empty() {
            break;
        }
        let context = Context { built: &fresh, ..*context };
        let mut session: Option<Session<'_>> = None;
        for id in mixed {
            let (Ok(outcome) | Err(outcome)) = test::test(&context, &mut session, &[id]);
            for tested in outcome {
                if tested.holds_back(manifest.node(id)) {
                    hold(request, (done, readers), id, &mut held.held);
                }
                held.tested.insert(id, tested);
            }
        }
    }
    held
}

fn holds(request: &Request<'_>, id: NodeId) -> bool {
    let test = request.manifest.node(id).test.as_ref();
    test.is_some_and(|test| test.severity == crate::manifest::TestSeverity::Error)
}

/// Whether a test of error severity reads something new beside something that this run built, or tried to, and that
/// stays at an old version, which exists.
fn is_mixed(request: &Request<'_>, context: &Context<'_>, id: NodeId, fresh: &BTreeSet<NodeId>) -> bool {
    let node = request.manifest.node(id);
    let is_unit = node.test.as_ref().is_some_and(|test| test.kind == TestType::Unit);
    if node.error.is_some() || is_unit || !holds(request, id) {
        return false;
    }
    let (new, old): (Vec<NodeId>, Vec<NodeId>) =
        request.manifest.relations_read(id).into_iter().partition(|read| fresh.contains(read));
    let kept = |read: &NodeId| context.built.contains(read) || request.plan.step(*read).is_some();
    let exists = |read: &NodeId| !kept(read) || request.plan.step(*read).is_some_and(|step| step.live.is_some());
    !new.is_empty() && old.iter().any(kept) && old.iter().all(exists)
}

/// Holds back what a test reads and what is below; of an ephemeral model, what reads it.
fn hold(
    request: &Request<'_>,
    (done, readers): (&BTreeSet<NodeId>, &Readers),
    test: NodeId,
    held: &mut BTreeMap<NodeId, NodeId>,
) {
    let below = |id: &NodeId| readers.get(id).into_iter().flatten().copied().filter(|reader| done.contains(reader));
    let mut edge: Vec<NodeId> = Vec::new();
    for read in request.manifest.node(test).reads.iter().map(|read| read.node) {
        if done.contains(&read) {
            edge.push(read);
        } else {
            edge.extend(below(&read));
        }
    }
    while let Some(id) = edge.pop() {
        if let Entry::Vacant(free) = held.entry(id) {
            free.insert(test);
            edge.extend(below(&id));
        }
    }
}

/// The outcome of each test, from the endings of their batches; the culprit of what was skipped because of one.
pub fn outcomes<B>(
    request: &Request<'_>,
    endings: &BTreeMap<NodeId, Ending<Outcome<B>>>,
) -> (BTreeMap<NodeId, Tested>, BTreeMap<NodeId, NodeId>) {
    let mut tested = BTreeMap::new();
    let mut culprits = BTreeMap::new();
    for (id, ending) in endings {
        if let Ending::Done(Outcome::Tested(all)) | Ending::Failed(Outcome::Tested(all)) = ending {
            let failing = all.iter().find(|one| one.holds_back(request.manifest.node(one.node)));
            if let Some(failing) = failing {
                culprits.insert(*id, failing.node);
            }
            tested.extend(all.iter().map(|one| (one.node, one.clone())));
        }
    }
    (tested, culprits)
}

/// What a job gives.
#[derive(Debug)]
pub enum Outcome<B> {
    /// A node was built, or not.
    Built(B),
    /// Tests were run.
    Tested(Vec<Tested>),
}
