//! Circles of nodes that read each other.

use super::Graph;
use crate::manifest::NodeId;
use petgraph::algo::tarjan_scc;
use std::collections::{BTreeMap, BTreeSet, VecDeque};

impl Graph {
    /// One shortest circle for each group of nodes that read each other, each starting at its smallest node: every node
    /// is read by the next, the last by the first.
    #[must_use]
    pub fn cycles(&self) -> Vec<Vec<NodeId>> {
        let mut cycles: Vec<Vec<NodeId>> = tarjan_scc(&self.inner)
            .into_iter()
            .filter_map(|group| {
                let group: BTreeSet<NodeId> = group.into_iter().map(|found| self.inner[found]).collect();
                let first = *group.first()?;
                let circles = group.len() > 1 || self.children(first).any(|child| child == first);
                circles.then(|| self.shortest_circle(&group, first))
            })
            .collect();
        cycles.sort();
        cycles
    }

    /// The shortest way from `first` back to itself inside `group` (breadth first, ties by id).
    fn shortest_circle(&self, group: &BTreeSet<NodeId>, first: NodeId) -> Vec<NodeId> {
        let mut came_from: BTreeMap<NodeId, NodeId> = BTreeMap::new();
        let mut queue = VecDeque::from([first]);
        while let Some(node) = queue.pop_front() {
            for child in self.children(node).filter(|child| group.contains(child)).collect::<BTreeSet<_>>() {
                if child == first {
                    let mut path = vec![node];
                    while let Some(before) = path.last().and_then(|last| came_from.get(last)) {
                        path.push(*before);
                    }
                    path.reverse();
                    return path;
                }
                if child != first && !came_from.contains_key(&child) {
                    came_from.insert(child, node);
                    queue.push_back(child);
                }
            }
        }
        vec![first]
    }
}
