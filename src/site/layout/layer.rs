//! Layers: readers stand to the right of what they read, and what is read only there directly beside its reader.

use std::collections::BTreeSet;

/// The layer of each node, from 0.
pub(super) fn layers(count: usize, edges: &[(usize, usize)]) -> Vec<usize> {
    let mut readers = vec![Vec::new(); count];
    let mut parents = vec![Vec::new(); count];
    let mut waiting = vec![0_usize; count];
    for (from, to) in edges.iter().filter(|(from, to)| from != to) {
        readers[*from].push(*to);
        parents[*to].push(*from);
        waiting[*to] += 1;
    }
    let mut order = Vec::with_capacity(count);
    let mut is_placed = vec![false; count];
    let mut layers = vec![0_usize; count];
    let mut ready: Vec<usize> = (0..count).rev().filter(|node| waiting[*node] == 0).collect();
    let mut left: BTreeSet<usize> = (0..count).collect();
    // Where only circles are left, the first node of them is taken although something that it reads comes later.
    while let Some(node) = ready.pop().or_else(|| left.first().copied()) {
        if !left.remove(&node) {
            continue;
        }
        is_placed[node] = true;
        order.push(node);
        for reader in readers[node].iter().filter(|reader| !is_placed[**reader]) {
            layers[*reader] = layers[*reader].max(layers[node] + 1);
            waiting[*reader] -= 1;
            if waiting[*reader] == 0 {
                ready.push(*reader);
            }
        }
    }
    for node in order.into_iter().rev() {
        let nearest = readers[node].iter().map(|reader| layers[*reader]).filter(|layer| *layer > layers[node]).min();
        if let Some(nearest) = nearest
            && parents[node].len() < readers[node].len().max(1)
        {
            layers[node] = nearest - 1;
        }
    }
    layers
}
