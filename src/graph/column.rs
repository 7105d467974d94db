//! Who reads whom, column by column.
//!
//! In: a [`Manifest`] whose columns were traced, and its [`Graph`]. Out: the columns next to a column, and all that are
//! reached from it. Rows count as a column of their own: what decides about them (WHERE, JOIN, GROUP BY, …) is read by
//! all of a model's columns alike.

use super::Graph;
use crate::manifest::{CastKind, ColumnSource, EdgeKind, Manifest, NodeId};
use std::collections::BTreeSet;

/// A column of a node, or its rows.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct ColumnPoint {
    /// The node.
    pub node: NodeId,
    /// The column as the database calls it; none for the rows.
    pub column: Option<String>,
}

/// That one column reads another.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct ColumnEdge {
    /// What is read.
    pub read: ColumnPoint,
    /// What is made of it.
    pub reader: ColumnPoint,
    /// How it is read.
    pub kind: EdgeKind,
    /// What a copy is cast to on the way.
    pub cast: CastKind,
}

/// Which way to go along the columns.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    /// To what is read.
    Up,
    /// To what reads.
    Down,
}

impl ColumnEdge {
    /// The end that is further in this direction.
    #[must_use]
    pub const fn end(&self, way: Way) -> &ColumnPoint {
        match way {
            Way::Up => &self.read,
            Way::Down => &self.reader,
        }
    }
}

/// The edges from a column to its neighbours in one direction; above the rows of a node stands what decides about them.
#[must_use]
pub fn next(manifest: &Manifest, graph: &Graph, point: &ColumnPoint, way: Way) -> Vec<ColumnEdge> {
    match way {
        Way::Up => above(manifest, point),
        Way::Down => below(manifest, graph, point),
    }
}

fn above(manifest: &Manifest, point: &ColumnPoint) -> Vec<ColumnEdge> {
    let Some(lineage) = &manifest.node(point.node).lineage else { return Vec::new() };
    let sources: Vec<&ColumnSource> = match &point.column {
        Some(column) => {
            let made = lineage.columns.iter().filter(|made| made.name == *column);
            made.flat_map(|made| &made.sources).collect()
        }
        None => lineage.inspected.iter().collect(),
    };
    sources.into_iter().map(|source| edge(source, point.clone())).collect()
}

fn below(manifest: &Manifest, graph: &Graph, point: &ColumnPoint) -> Vec<ColumnEdge> {
    let Some(column) = &point.column else { return Vec::new() };
    let is_it = |source: &&ColumnSource| source.node == point.node && source.column == *column;
    let mut found = Vec::new();
    let readers: BTreeSet<NodeId> = graph.children(point.node).collect();
    for node in readers {
        let Some(lineage) = &manifest.node(node).lineage else { continue };
        for made in &lineage.columns {
            let reader = ColumnPoint { node, column: Some(made.name.clone()) };
            found.extend(made.sources.iter().filter(is_it).map(|source| edge(source, reader.clone())));
        }
        let rows = ColumnPoint { node, column: None };
        found.extend(lineage.inspected.iter().filter(is_it).map(|source| edge(source, rows.clone())));
    }
    found
}

fn edge(source: &ColumnSource, reader: ColumnPoint) -> ColumnEdge {
    let read = ColumnPoint { node: source.node, column: Some(source.column.clone()) };
    ColumnEdge { read, reader, kind: source.kind, cast: source.cast }
}

/// Every edge that is reached from a column in one direction, the nearest first; each once.
#[must_use]
pub fn reach(manifest: &Manifest, graph: &Graph, from: &ColumnPoint, way: Way) -> Vec<ColumnEdge> {
    let mut seen = BTreeSet::from([from.clone()]);
    let mut found = Vec::new();
    let mut border = vec![from.clone()];
    while !border.is_empty() {
        let mut further = Vec::new();
        for point in &border {
            for edge in next(manifest, graph, point, way) {
                let end = edge.end(way);
                if seen.insert(end.clone()) {
                    further.push(end.clone());
                }
                found.push(edge);
            }
        }
        border = further;
    }
    found
}
