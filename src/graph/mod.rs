//! Who reads whom: order, cycles, selection.
//!
//! In: a [`Manifest`]. Out: orders and sets of its nodes. Never: letting petgraph out of this module.

mod column;
mod cycle;
mod order;
mod select;

pub use column::{ColumnEdge, ColumnPoint, Way, next as next_columns, reach as reach_columns};
pub use select::{Reach, Selection, Selector, Term, exclude, select};

use crate::manifest::{Manifest, NodeId};
use petgraph::{Direction, graph::NodeIndex, stable_graph::DefaultIx};
use std::collections::BTreeSet;

/// The graph of a manifest; an edge leads from what is read to its reader.
#[derive(Debug, Clone)]
pub struct Graph {
    inner: petgraph::Graph<NodeId, ()>,
}

impl Graph {
    /// The graph of these nodes.
    #[must_use]
    pub fn new(manifest: &Manifest) -> Self {
        let edges = manifest.nodes.iter().map(|node| node.reads.len()).sum();
        let mut inner = petgraph::Graph::with_capacity(manifest.nodes.len(), edges);
        for (id, _) in manifest.iter() {
            inner.add_node(id);
        }
        for (id, node) in manifest.iter() {
            for read in &node.reads {
                inner.add_edge(index(read.node), index(id), ());
            }
        }
        Self { inner }
    }

    /// What `node` reads directly.
    pub fn parents(&self, node: NodeId) -> impl Iterator<Item = NodeId> {
        self.inner.neighbors_directed(index(node), Direction::Incoming).map(|found| self.inner[found])
    }

    /// What reads `node` directly.
    pub fn children(&self, node: NodeId) -> impl Iterator<Item = NodeId> {
        self.inner.neighbors_directed(index(node), Direction::Outgoing).map(|found| self.inner[found])
    }

    /// Everything above `node`, at most `depth` edges away, without itself.
    #[must_use]
    pub fn ancestors(&self, node: NodeId, depth: Option<usize>) -> BTreeSet<NodeId> {
        self.reach(node, depth, Direction::Incoming)
    }

    /// Everything below `node`, at most `depth` edges away, without itself.
    #[must_use]
    pub fn descendants(&self, node: NodeId, depth: Option<usize>) -> BTreeSet<NodeId> {
        self.reach(node, depth, Direction::Outgoing)
    }

    fn reach(&self, node: NodeId, depth: Option<usize>, direction: Direction) -> BTreeSet<NodeId> {
        let mut found = BTreeSet::new();
        let mut edge = vec![index(node)];
        let mut left = depth;
        while !edge.is_empty() && left != Some(0) {
            left = left.map(|left| left - 1);
            let mut next = Vec::new();
            for at in edge {
                for neighbour in self.inner.neighbors_directed(at, direction) {
                    if self.inner[neighbour] != node && found.insert(self.inner[neighbour]) {
                        next.push(neighbour);
                    }
                }
            }
            edge = next;
        }
        found
    }
}

fn index(node: NodeId) -> NodeIndex<DefaultIx> {
    NodeIndex::new(node.index())
}
