//! The order in which nodes can be built.

use super::{Graph, index};
use crate::manifest::NodeId;
use std::{
    cmp::Reverse,
    collections::{BTreeMap, BTreeSet, BinaryHeap},
};

impl Graph {
    /// The nodes of `set` so that each stands behind what it reads; ties by id, so that the order is stable.
    ///
    /// Nodes on a cycle come last, by id: cycles are reported elsewhere.
    #[must_use]
    pub fn order(&self, set: &BTreeSet<NodeId>) -> Vec<NodeId> {
        let mut waiting: BTreeMap<NodeId, usize> = set
            .iter()
            .map(|node| {
                (*node, distinct(self.parents(*node)).into_iter().filter(|parent| set.contains(parent)).count())
            })
            .collect();
        let mut ready: BinaryHeap<Reverse<NodeId>> =
            waiting.iter().filter(|(_, count)| **count == 0).map(|(node, _)| Reverse(*node)).collect();
        let mut order = Vec::with_capacity(set.len());
        while let Some(Reverse(node)) = ready.pop() {
            waiting.remove(&node);
            order.push(node);
            for child in distinct(self.children(node)) {
                if let Some(count) = waiting.get_mut(&child) {
                    *count -= 1;
                    if *count == 0 {
                        ready.push(Reverse(child));
                    }
                }
            }
        }
        order.extend(waiting.into_keys());
        order
    }

    /// How many nodes of `set` the longest chain of readers below each of them has: what to start first.
    #[must_use]
    pub fn heights(&self, set: &BTreeSet<NodeId>) -> BTreeMap<NodeId, usize> {
        let mut heights = BTreeMap::new();
        for node in self.order(set).into_iter().rev() {
            let below = self.children(node).filter_map(|child| heights.get(&child).copied()).max();
            heights.insert(node, below.map_or(0, |below: usize| below + 1));
        }
        heights
    }

    /// The parts of `set` that no edge connects, each in id order, in the order of their first node.
    #[must_use]
    pub fn components(&self, set: &BTreeSet<NodeId>) -> Vec<BTreeSet<NodeId>> {
        let mut left = set.clone();
        let mut parts = Vec::new();
        while let Some(first) = left.pop_first() {
            let mut part = BTreeSet::from([first]);
            let mut edge = vec![first];
            while let Some(node) = edge.pop() {
                for neighbour in self.inner.neighbors_undirected(index(node)).map(|found| self.inner[found]) {
                    if left.remove(&neighbour) {
                        part.insert(neighbour);
                        edge.push(neighbour);
                    }
                }
            }
            parts.push(part);
        }
        parts
    }
}

/// Two nodes can have several edges between them; here they count once.
fn distinct(nodes: impl Iterator<Item = NodeId>) -> BTreeSet<NodeId> {
    nodes.collect()
}
