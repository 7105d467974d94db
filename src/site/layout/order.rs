//! The order of each layer, such that few edges cross: sweeps to and fro by the mean place of the neighbours.

use std::collections::BTreeMap;

/// How often the layers are sorted by their neighbours.
const SWEEPS: usize = 16;

/// The most items, nodes and the places where long edges pass a layer, for which the latter are made.
const MOST: usize = 40_000;

/// The layers with their items in order. Items below the number of nodes are nodes, the others are places where a long
/// edge passes a layer.
pub(super) struct Order {
    /// The items of each layer, in order.
    pub layers: Vec<Vec<usize>>,
    /// For each item, its neighbours in layers to the left.
    pub left: Vec<Vec<usize>>,
    /// For each item, its neighbours in layers to the right.
    pub right: Vec<Vec<usize>>,
    /// For each edge that passes layers, by its index: the items there.
    pub chains: Vec<(usize, Vec<usize>)>,
    /// How many of the items are nodes.
    pub nodes: usize,
    layer: Vec<usize>,
}

impl Order {
    /// The order of these nodes, whose layers are known; `through` makes long edges pass layers at places of their own.
    pub(super) fn of(layer: &[usize], edges: &[(usize, usize)], through: bool) -> Self {
        let nodes = layer.len();
        let count = layer.iter().max().map_or(0, |last| last + 1);
        let mut order = Self {
            layers: vec![Vec::new(); count],
            left: vec![Vec::new(); nodes],
            right: vec![Vec::new(); nodes],
            chains: Vec::new(),
            nodes,
            layer: layer.to_vec(),
        };
        let length = |(from, to): &(usize, usize)| layer[*to].saturating_sub(layer[*from]);
        let through = through && edges.iter().map(length).sum::<usize>() + nodes <= MOST;
        let mut seen = BTreeMap::new();
        for (index, (from, to)) in edges.iter().enumerate() {
            if layer[*from] < layer[*to] && seen.insert((*from, *to), index).is_none() {
                order.connect(index, (*from, *to), through);
            }
        }
        order.begin();
        let mut best = (order.crossings(), order.layers.clone());
        for sweep in 0..SWEEPS {
            if best.0 == 0 {
                break;
            }
            order.sweep(sweep % 2 == 0);
            let crossings = order.crossings();
            if crossings < best.0 {
                best = (crossings, order.layers.clone());
            }
        }
        order.layers = best.1;
        order
    }

    /// The layer that an item stands in.
    pub(super) fn layer_of(&self, item: usize) -> i32 {
        super::whole(self.layer[item])
    }

    fn connect(&mut self, index: usize, (from, to): (usize, usize), through: bool) {
        let mut at = from;
        let mut chain = Vec::new();
        if through {
            for layer in self.layer[from] + 1..self.layer[to] {
                let item = self.layer.len();
                self.layer.push(layer);
                self.left.push(vec![at]);
                self.right.push(Vec::new());
                self.right[at].push(item);
                chain.push(item);
                at = item;
            }
        }
        self.right[at].push(to);
        self.left[to].push(at);
        if !chain.is_empty() {
            self.chains.push((index, chain));
        }
    }

    /// A first order: each item as it is met from the left, parts that are not connected one below the other, and what
    /// is connected to nothing last.
    fn begin(&mut self) {
        let mut seen = vec![false; self.layer.len()];
        let is_alone = |item: &usize| self.left[*item].is_empty() && self.right[*item].is_empty();
        let (alone, others): (Vec<usize>, Vec<usize>) = (0..self.layer.len()).partition(is_alone);
        for start in others.into_iter().chain(alone) {
            let mut open = vec![start];
            while let Some(item) = open.pop() {
                if std::mem::replace(&mut seen[item], true) {
                    continue;
                }
                self.layers[self.layer[item]].push(item);
                open.extend(self.left[item].iter().chain(&self.right[item]).rev().filter(|next| !seen[**next]));
            }
        }
    }

    fn places(&self) -> Vec<f64> {
        let mut places = vec![0.0; self.layer.len()];
        for layer in &self.layers {
            // As parts of the layer's height, so that layers of different heights can be compared.
            let step = 1.0 / f64::from(super::whole(layer.len().max(1)));
            for (place, item) in (0_i32..).zip(layer) {
                places[*item] = (f64::from(place) + 0.5) * step;
            }
        }
        places
    }

    fn sweep(&mut self, to_the_right: bool) {
        let mut places = self.places();
        let count = self.layers.len();
        for step in 0..count {
            let layer = if to_the_right { step } else { count - 1 - step };
            let neighbours = if to_the_right { &self.left } else { &self.right };
            let items = &mut self.layers[layer];
            let mut wanted: Vec<(f64, usize)> = Vec::with_capacity(items.len());
            for item in items.iter() {
                let there = &neighbours[*item];
                let sum: f64 = there.iter().map(|other| places[*other]).sum();
                let place = if there.is_empty() { places[*item] } else { sum / f64::from(super::whole(there.len())) };
                wanted.push((place, *item));
            }
            // Stable: who wants the same keeps the order.
            wanted.sort_by(|one, other| one.0.total_cmp(&other.0));
            *items = wanted.into_iter().map(|(_, item)| item).collect();
            let size = f64::from(super::whole(items.len().max(1)));
            for (place, item) in (0_i32..).zip(items.iter()) {
                places[*item] = (f64::from(place) + 0.5) / size;
            }
        }
    }

    /// How many pairs of edges between neighbouring layers cross (Barth, Jünger and Mutzel 2002: a tree that counts).
    fn crossings(&self) -> u64 {
        let mut place = vec![0_usize; self.layer.len()];
        for layer in &self.layers {
            for (index, item) in layer.iter().enumerate() {
                place[*item] = index;
            }
        }
        let mut crossings = 0;
        for layer in &self.layers {
            let mut ends = Vec::new();
            for item in layer {
                let next = self.right[*item].iter().filter(|other| self.layer[**other] == self.layer[*item] + 1);
                let mut mine: Vec<usize> = next.map(|other| place[*other]).collect();
                mine.sort_unstable();
                ends.extend(mine);
            }
            let size = ends.iter().max().map_or(0, |last| last + 2);
            let mut tree = vec![0_u64; size];
            for (seen, end) in (0_u64..).zip(ends) {
                let mut not_above = 0;
                let mut at = end + 1;
                while at > 0 {
                    not_above += tree[at - 1];
                    at &= at - 1;
                }
                crossings += seen - not_above;
                let mut at = end + 1;
                while at <= size {
                    tree[at - 1] += 1;
                    at += at & at.wrapping_neg();
                }
            }
        }
        crossings
    }
}
