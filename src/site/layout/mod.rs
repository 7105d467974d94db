//! Where each node of the graph stands, so that the page has nothing to compute when it opens.
//!
//! In: how many nodes there are and who reads whom. Out: a place for each node, and bends for the edges that pass other
//! layers. Never: what a node is.
//!
//! The method is that of Sugiyama, Tagawa and Toda (1981): layers, then an order in each layer with few crossings, then
//! coordinates. Coordinates are the least squares of the distances to neighbours with the order kept, layer by layer.

mod coordinate;
mod layer;
mod order;

use order::Order;

/// From the left edge of one column to that of the next, in units of the drawing (pixels at its natural size).
const COLUMN: i32 = 248;
/// From column to column where one layer takes several.
const NARROW: i32 = 206;
/// From one node to the next in a column.
pub(super) const ROW: f64 = 64.0;
/// The most nodes that stand in one column; a higher layer takes several.
const TALLEST: usize = 22;

/// A place: the left edge, and the middle of the height.
pub type Place = [i32; 2];

/// A drawing of the whole graph.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Drawing {
    /// A place for each node.
    pub places: Vec<Place>,
    /// For an edge that passes other layers, by its index: where it passes each of them.
    pub bends: Vec<(usize, Vec<Place>)>,
}

/// Draws a graph whose edges lead from what is read to its reader.
///
/// Edges that close a circle are drawn, and have no say in who stands where.
#[must_use]
pub fn draw(count: usize, edges: &[(usize, usize)]) -> Drawing {
    let layers = layer::layers(count, edges);
    let mut sizes = vec![0_usize; layers.iter().max().map_or(0, |last| last + 1)];
    for layer in &layers {
        sizes[*layer] += 1;
    }
    let is_tall = sizes.iter().any(|size| *size > TALLEST);
    let order = Order::of(&layers, edges, !is_tall);
    if is_tall { packed(count, &order) } else { spread(count, &order) }
}

/// Each layer a column; long edges keep out of the way of nodes.
fn spread(count: usize, order: &Order) -> Drawing {
    let heights = coordinate::heights(order);
    let mut places = vec![[0, 0]; count];
    for (layer, items) in (0_i32..).zip(&order.layers) {
        for item in items.iter().filter(|item| **item < count) {
            places[*item] = [layer * COLUMN, heights[*item]];
        }
    }
    let bend = |(index, chain): &(usize, Vec<usize>)| {
        let through = chain.iter().map(|item| [order.layer_of(*item) * COLUMN, heights[*item]]);
        (*index, through.collect())
    };
    Drawing { places, bends: order.chains.iter().map(bend).collect() }
}

/// A layer takes as many columns as make the whole about as high as wide; edges are straight.
fn packed(count: usize, order: &Order) -> Drawing {
    let rows = (count * 206 * 5 / (64 * 8)).isqrt().max(12);
    let mut places = vec![[0, 0]; count];
    let mut left = 0;
    for items in &order.layers {
        let columns = items.len().div_ceil(rows).max(1);
        let high = items.len().div_ceil(columns).max(1);
        for (index, item) in items.iter().enumerate() {
            let (column, row) = (index / high, index % high);
            let in_column = high.min(items.len() - column * high);
            places[*item] = [left + whole(column) * NARROW, (2 * whole(row) - whole(in_column) + 1) * 32];
        }
        left += (whole(columns) - 1) * NARROW + COLUMN + 96;
    }
    Drawing { places, bends: Vec::new() }
}

fn whole(number: usize) -> i32 {
    i32::try_from(number).unwrap_or(i32::MAX)
}

#[cfg(test)]
mod tests {
    use super::{COLUMN, draw};
    use std::collections::BTreeSet;

    /// No two nodes overlap, and every edge leads to the right unless it closes a circle.
    fn check(count: usize, edges: &[(usize, usize)], circles: usize) -> super::Drawing {
        let drawing = draw(count, edges);
        let mut seen: Vec<_> = drawing.places.clone();
        seen.sort_unstable();
        for pair in seen.windows(2) {
            assert!(pair[0][0] != pair[1][0] || pair[1][1] - pair[0][1] >= 60, "{pair:?} overlap");
        }
        let back = edges.iter().filter(|(from, to)| drawing.places[*from][0] >= drawing.places[*to][0]).count();
        assert_eq!(back, circles);
        drawing
    }

    #[test]
    fn a_chain_is_a_straight_line_and_a_long_edge_goes_around() {
        let drawing = check(4, &[(0, 1), (1, 2), (2, 3), (0, 3)], 0);
        assert_eq!(drawing.places.iter().map(|place| place[0] / COLUMN).collect::<Vec<_>>(), [0, 1, 2, 3]);
        assert_eq!(drawing.bends.len(), 1);
        let (edge, through) = &drawing.bends[0];
        assert_eq!((*edge, through.len()), (3, 2));
        assert!((through[0][1] - drawing.places[1][1]).abs() >= 30, "it would cross a node");
    }

    #[test]
    fn what_is_read_once_stands_beside_its_reader() {
        let drawing = check(5, &[(0, 1), (1, 2), (2, 3), (4, 3)], 0);
        assert_eq!(drawing.places[4][0], drawing.places[2][0]);
    }

    #[test]
    fn circles_loops_doubled_edges_and_nothing_at_all_are_drawn() {
        check(0, &[], 0);
        check(1, &[(0, 0)], 1);
        check(3, &[(0, 1), (1, 2), (2, 0)], 1);
        check(2, &[(0, 1), (0, 1)], 0);
    }

    #[test]
    fn a_crossing_that_can_be_avoided_is() {
        let drawing = check(6, &[(0, 5), (1, 4), (2, 3)], 0);
        let above = |left: usize, right: usize| drawing.places[left][1] < drawing.places[right][1];
        assert_eq!(above(0, 1), above(5, 4));
        assert_eq!(above(1, 2), above(4, 3));
    }

    #[test]
    fn thousands_of_nodes_are_about_as_wide_as_high() {
        let edges: Vec<(usize, usize)> =
            (1500..6500).flat_map(|node| [(node * 7 % 1500, node), (node * 13 % node.min(1500), node)]).collect();
        let drawing = check(6500, &edges, 0);
        let spread = |axis: usize| {
            let all: BTreeSet<i32> = drawing.places.iter().map(|place| place[axis]).collect();
            all.last().unwrap() - all.first().unwrap()
        };
        let (wide, high) = (spread(0), spread(1));
        assert!(wide < 3 * high && high < 2 * wide, "{wide} x {high}");
    }
}
