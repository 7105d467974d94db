//! Heights: each item as near to its neighbours as the order and the distances between items allow.

use super::{ROW, order::Order};

/// How often the layers are moved.
const ROUNDS: usize = 24;

/// The height of each item, in units of the drawing; the drawing's middle is 0.
pub(super) fn heights(order: &Order) -> Vec<i32> {
    let count = order.left.len();
    let mut heights = vec![0.0; count];
    for layer in &order.layers {
        let mut at = 0.0;
        for (index, item) in layer.iter().enumerate() {
            if index > 0 {
                at += gap(order, layer[index - 1], *item);
            }
            heights[*item] = at;
        }
        let middle = at / 2.0;
        for item in layer {
            heights[*item] -= middle;
        }
    }
    let last = order.layers.len();
    for round in 0..ROUNDS {
        let to_the_right = round % 2 == 0;
        for step in 0..last {
            let layer = if to_the_right { step } else { last - 1 - step };
            let one_sided = round + 4 < ROUNDS;
            let wanted = |item: usize| wanted(order, &heights, item, (one_sided, to_the_right));
            let targets: Vec<(f64, f64)> = order.layers[layer].iter().map(|item| wanted(*item)).collect();
            for (item, height) in order.layers[layer].iter().zip(settled(order, &order.layers[layer], &targets)) {
                heights[*item] = height;
            }
        }
    }
    #[expect(clippy::cast_possible_truncation, reason = "pixels")]
    heights.into_iter().map(|height| height.round() as i32).collect()
}

/// How far the middles of two items are apart at least.
fn gap(order: &Order, one: usize, other: usize) -> f64 {
    match (one < order.nodes, other < order.nodes) {
        (true, true) => ROW,
        (false, false) => ROW / 4.0,
        _ => ROW * 0.625,
    }
}

/// Where an item wants to be, and how much it wants that: long edges want to be straight.
fn wanted(order: &Order, heights: &[f64], item: usize, (one_sided, to_the_right): (bool, bool)) -> (f64, f64) {
    let (near, far) = if to_the_right { (&order.left, &order.right) } else { (&order.right, &order.left) };
    let mut sum = 0.0;
    let mut weight = 0.0;
    let far = if one_sided && !near[item].is_empty() { &[][..] } else { &far[item][..] };
    for other in near[item].iter().chain(far) {
        let heavy = if item >= order.nodes && *other >= order.nodes { 8.0 } else { 1.0 };
        sum += heavy * heights[*other];
        weight += heavy;
    }
    if weight == 0.0 { (heights[item], 0.1) } else { (sum / weight, weight) }
}

/// The heights nearest to the wanted ones, by the sum of weighted squares, that keep order and distance: isotonic
/// regression by pooling neighbours that are in each other's way.
fn settled(order: &Order, layer: &[usize], targets: &[(f64, f64)]) -> Vec<f64> {
    let mut offset = 0.0;
    let mut offsets = Vec::with_capacity(layer.len());
    // Each pool: the sum of weighted wishes, the weight, how many items.
    let mut pools: Vec<(f64, f64, usize)> = Vec::new();
    for (index, (target, weight)) in targets.iter().enumerate() {
        if index > 0 {
            offset += gap(order, layer[index - 1], layer[index]);
        }
        offsets.push(offset);
        pools.push(((target - offset) * weight, *weight, 1));
        while let [.., before, last] = pools.as_mut_slice() {
            if before.0 / before.1 <= last.0 / last.1 {
                break;
            }
            *before = (before.0 + last.0, before.1 + last.1, before.2 + last.2);
            pools.pop();
        }
    }
    let pooled = pools.iter().flat_map(|(sum, weight, count)| std::iter::repeat_n(sum / weight, *count));
    pooled.zip(offsets).map(|(height, offset)| height + offset).collect()
}
