//! What waits for what: nodes for what they read and for the tests that guard it, tests for what they read.
//!
//! A node waits for the tests of error severity that read something it reads, provided that everything they read is
//! above the node: a test that also reads the node itself, or something beside it, cannot be waited for. What such a
//! test finds holds back the publish all the same.

use super::Request;
use crate::manifest::{Form, NodeId, TestSeverity, TestType};
use std::collections::{BTreeMap, BTreeSet};

/// How many tests run in one statement, at most.
pub const MOST: usize = 40;

/// Jobs of a run: a node that is built, or a batch of tests under the id of its first.
#[derive(Debug, Default)]
pub struct Work {
    /// What each job waits for.
    pub waits: BTreeMap<NodeId, BTreeSet<NodeId>>,
    /// How urgent each job is: the longest chain of jobs that wait for it.
    pub urgency: BTreeMap<NodeId, usize>,
    /// The tests of each batch, by the first.
    pub batches: BTreeMap<NodeId, Vec<NodeId>>,
    /// The nodes to build that read each node, directly or by way of ephemeral models.
    pub readers: Readers,
}

/// For each node, the nodes to build that read it, directly or by way of ephemeral models.
pub type Readers = BTreeMap<NodeId, BTreeSet<NodeId>>;

impl Work {
    /// The jobs for these nodes and tests.
    pub fn of(request: &Request<'_>, built: &BTreeSet<NodeId>, tests: &BTreeSet<NodeId>) -> Self {
        let mut work = Self { readers: readers(request, built), ..Self::default() };
        for id in built {
            work.waits.insert(*id, request.manifest.relations_read(*id).intersection(built).copied().collect());
        }
        let is_unit =
            |id: &NodeId| request.manifest.node(*id).test.as_ref().is_some_and(|test| test.kind == TestType::Unit);
        let (units, tests): (BTreeSet<NodeId>, BTreeSet<NodeId>) = tests.iter().copied().partition(is_unit);
        for id in units {
            work.add_unit(request, built, id);
        }
        let mut loose = Vec::new();
        for ((reads, holds), tests) in groups(request, &tests) {
            let guarded = if holds { guarded(request, &work.readers, &reads) } else { BTreeSet::new() };
            if guarded.is_empty() {
                loose.extend(tests);
                continue;
            }
            for first in work.add(request, built, &tests) {
                for id in &guarded {
                    work.waits.entry(*id).or_default().insert(first);
                }
            }
        }
        // What nobody waits for may wait for company; tests of what is built early stand together.
        let place: BTreeMap<NodeId, usize> =
            request.graph.order(built).into_iter().enumerate().map(|(place, id)| (id, place)).collect();
        let last =
            |id: &NodeId| request.manifest.relations_read(*id).iter().filter_map(|read| place.get(read)).max().copied();
        loose.sort_by_cached_key(|id| (last(id), *id));
        work.add(request, built, &loose);
        work.urgency = urgency(&work.waits);
        work
    }

    /// Adds a unit test: it comes before what it is about, and after what that reads, whose columns it needs.
    fn add_unit(&mut self, request: &Request<'_>, built: &BTreeSet<NodeId>, id: NodeId) {
        let models: Vec<NodeId> = request.manifest.node(id).reads.iter().map(|read| read.node).collect();
        let above = models.iter().flat_map(|model| request.manifest.relations_read(*model));
        self.waits.insert(id, above.filter(|read| built.contains(read) && !models.contains(read)).collect());
        self.batches.insert(id, vec![id]);
        if !holds(request, id) {
            return;
        }
        for model in models {
            let guarded = if built.contains(&model) {
                BTreeSet::from([model])
            } else {
                self.readers.get(&model).cloned().unwrap_or_default()
            };
            for guarded in guarded {
                self.waits.entry(guarded).or_default().insert(id);
            }
        }
    }

    /// Adds tests as jobs, as many in each as fit; the jobs.
    fn add(&mut self, request: &Request<'_>, built: &BTreeSet<NodeId>, tests: &[NodeId]) -> Vec<NodeId> {
        let mut jobs = Vec::new();
        for batch in tests.chunks(MOST) {
            let Some(first) = batch.first().copied() else { continue };
            let relations = batch.iter().flat_map(|id| request.manifest.relations_read(*id));
            self.waits.insert(first, relations.filter(|read| built.contains(read)).collect());
            self.batches.insert(first, batch.to_vec());
            jobs.push(first);
        }
        jobs
    }
}

fn holds(request: &Request<'_>, test: NodeId) -> bool {
    let test = request.manifest.node(test).test.as_ref();
    test.is_some_and(|test| test.severity == TestSeverity::Error)
}

/// Tests that read the same and hold back alike.
type Groups = BTreeMap<(BTreeSet<NodeId>, bool), Vec<NodeId>>;

fn groups(request: &Request<'_>, tests: &BTreeSet<NodeId>) -> Groups {
    let mut groups = Groups::new();
    for id in tests {
        let reads: BTreeSet<NodeId> = request.manifest.node(*id).reads.iter().map(|read| read.node).collect();
        groups.entry((reads, holds(request, *id))).or_default().push(*id);
    }
    groups
}

/// The nodes that a test of these relations guards: they read one of them, and all of them are above.
fn guarded(request: &Request<'_>, readers: &Readers, reads: &BTreeSet<NodeId>) -> BTreeSet<NodeId> {
    let children = reads.iter().filter_map(|read| readers.get(read)).flatten().copied();
    let children: BTreeSet<NodeId> = children.collect();
    if reads.len() == 1 {
        return children;
    }
    children.into_iter().filter(|child| reads.is_subset(&request.graph.ancestors(*child, None))).collect()
}

fn readers(request: &Request<'_>, built: &BTreeSet<NodeId>) -> Readers {
    let manifest = request.manifest;
    let mut readers = Readers::new();
    for id in built {
        let mut edge = vec![*id];
        let mut seen = BTreeSet::new();
        while let Some(reader) = edge.pop() {
            for read in manifest.node(reader).reads.iter().map(|read| read.node).filter(|read| read != id) {
                readers.entry(read).or_default().insert(*id);
                if manifest.node(read).form() == Form::Ephemeral && seen.insert(read) {
                    edge.push(read);
                }
            }
        }
    }
    readers
}

/// The longest chain of jobs below each job.
fn urgency(waits: &BTreeMap<NodeId, BTreeSet<NodeId>>) -> BTreeMap<NodeId, usize> {
    let mut readers: BTreeMap<NodeId, Vec<NodeId>> = BTreeMap::new();
    let mut waiting: BTreeMap<NodeId, usize> = BTreeMap::new();
    for (job, others) in waits {
        waiting.insert(*job, others.len());
        for other in others {
            readers.entry(*other).or_default().push(*job);
        }
    }
    let mut ready: Vec<NodeId> = waiting.iter().filter(|(_, count)| **count == 0).map(|(job, _)| *job).collect();
    let mut order = Vec::with_capacity(waits.len());
    while let Some(job) = ready.pop() {
        order.push(job);
        for reader in readers.get(&job).into_iter().flatten() {
            if let Some(count) = waiting.get_mut(reader) {
                *count -= 1;
                if *count == 0 {
                    ready.push(*reader);
                }
            }
        }
    }
    let mut heights: BTreeMap<NodeId, usize> = BTreeMap::new();
    for job in order.into_iter().rev() {
        let below = readers.get(&job).into_iter().flatten().filter_map(|reader| heights.get(reader)).max();
        heights.insert(job, below.map_or(0, |below| below + 1));
    }
    heights
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_job_with_the_longest_chain_below_it_is_the_most_urgent() {
        let set = |ids: &[u32]| ids.iter().map(|id| NodeId(*id)).collect::<BTreeSet<_>>();
        let waits = BTreeMap::from([
            (NodeId(0), set(&[])),
            (NodeId(1), set(&[0])),
            (NodeId(2), set(&[0, 1])),
            (NodeId(3), set(&[])),
        ]);
        let heights = urgency(&waits);
        assert_eq!([0, 1, 2, 3].map(|id| heights[&NodeId(id)]), [2, 1, 0, 0]);
    }
}
