// Where the nodes of a part of the graph stand. The whole graph was laid out when the page was made; what is focused,
// filtered or folded is a small graph of its own, and is laid out here, in the same way.

/** The most boxes that stand in one column. */
const TALLEST = 22;

const BOX = { width: 190, height: 46, row: 22, gapX: 58, gapY: 18 };

/**
 * Gives each item its x (left) and y (middle), and each edge its points.
 * Items: {width, height, hint}; edges: {from, to} by index. `hint` orders items that nothing else orders.
 */
function arrange(items, edges) {
  const layers = layersOf(items, edges);
  const slots = items.map((item, number) => ({ item, layer: layers[number], height: item.height, left: [], right: [] }));
  for (const edge of edges) {
    edge.through = [];
    if (layers[edge.from] >= layers[edge.to]) continue;
    let at = slots[edge.from];
    for (let layer = layers[edge.from] + 1; layer < layers[edge.to]; layer++) {
      const slot = { layer, height: 6, left: [at], right: [] };
      at.right.push(slot);
      slots.push(slot);
      edge.through.push(slot);
      at = slot;
    }
    at.right.push(slots[edge.to]);
    slots[edge.to].left.push(at);
  }
  const columns = Array.from({ length: Math.max(-1, ...layers) + 1 }, () => []);
  for (const slot of slots) columns[slot.layer].push(slot);
  order(columns);
  if (Math.max(0, ...columns.map((column) => column.filter((slot) => slot.item).length)) > TALLEST) return pack(columns, edges);
  heights(columns);
  let x = 0;
  for (const column of columns) {
    const width = Math.max(...column.map((slot) => slot.item?.width ?? 0));
    for (const slot of column) {
      slot.x = x;
      slot.width = width;
      if (slot.item) Object.assign(slot.item, { x, y: slot.y });
    }
    x += width + BOX.gapX;
  }
  for (const edge of edges) edge.bends = edge.through.map((slot) => [slot.x, slot.y, slot.width]);
}

/** A column that would be too high becomes several, so that the whole is about as wide as a screen; edges are straight. */
function pack(columns, edges) {
  const items = columns.flat().filter((slot) => slot.item).length;
  const rows = Math.max(12, Math.ceil(Math.sqrt((items * (BOX.width + 16)) / (1.6 * (BOX.height + BOX.gapY)))));
  let x = 0;
  for (const column of columns) {
    const slots = column.filter((slot) => slot.item);
    const parts = Math.max(1, Math.ceil(slots.length / rows));
    const high = Math.ceil(slots.length / parts);
    for (let part = 0; part < parts; part++) {
      const inside = slots.slice(part * high, (part + 1) * high);
      const heights = inside.map((slot) => slot.height + BOX.gapY);
      let y = -heights.reduce((sum, height) => sum + height, 0) / 2;
      inside.forEach((slot, at) => {
        Object.assign(slot.item, { x, y: y + heights[at] / 2 });
        y += heights[at];
      });
      x += Math.max(...inside.map((slot) => slot.item.width)) + 16;
    }
    x += BOX.gapX + 40;
  }
  for (const edge of edges) edge.bends = [];
}

/** Readers to the right of what they read; an edge that closes a circle does not count. */
function layersOf(items, edges) {
  const layers = new Array(items.length).fill(0);
  const next = items.map(() => []);
  const before = items.map(() => []);
  const waiting = new Array(items.length).fill(0);
  for (const { from, to } of edges) {
    if (from === to) continue;
    next[from].push(to);
    before[to].push(from);
    waiting[to]++;
  }
  const placed = new Array(items.length).fill(false);
  const ready = items.map((_, number) => number).filter((number) => waiting[number] === 0);
  const sequence = [];
  let first = 0;
  while (sequence.length < items.length) {
    let at = ready.shift();
    if (at === undefined) {
      while (placed[first]) first++;
      at = first;
    }
    if (placed[at]) continue;
    placed[at] = true;
    sequence.push(at);
    for (const reader of next[at]) {
      if (placed[reader]) continue;
      layers[reader] = Math.max(layers[reader], layers[at] + 1);
      if (--waiting[reader] === 0) ready.push(reader);
    }
  }
  for (const at of sequence.reverse()) {
    const later = next[at].map((reader) => layers[reader]).filter((layer) => layer > layers[at]);
    if (later.length > 0 && before[at].length < next[at].length) layers[at] = Math.min(...later) - 1;
  }
  const lowest = Math.min(...layers);
  return layers.map((layer) => layer - lowest);
}

/** Few crossings: each column by the mean place of the neighbours, to and fro. */
function order(columns) {
  for (const column of columns) column.sort((one, other) => (one.item?.hint ?? 0) - (other.item?.hint ?? 0));
  const number = () => {
    for (const column of columns) column.forEach((slot, place) => (slot.place = (place + 0.5) / column.length));
  };
  const crossings = () => {
    let sum = 0;
    for (const column of columns) {
      const ends = column.flatMap((slot) => slot.right.map((other) => other.place).sort((one, other) => one - other));
      for (let one = 0; one < ends.length; one++) for (let other = one + 1; other < ends.length; other++) if (ends[one] > ends[other]) sum++;
    }
    return sum;
  };
  number();
  const counts = columns.reduce((sum, column) => sum + column.length, 0) < 600;
  let best = counts ? crossings() : Infinity;
  let kept = columns.map((column) => [...column]);
  for (let sweep = 0; sweep < 12 && best > 0; sweep++) {
    const side = sweep % 2 === 0 ? "left" : "right";
    for (const column of side === "left" ? columns : [...columns].reverse()) {
      for (const slot of column) {
        const near = slot[side];
        slot.wish = near.length > 0 ? near.reduce((sum, other) => sum + other.place, 0) / near.length : slot.place;
      }
      column.sort((one, other) => one.wish - other.wish);
      column.forEach((slot, place) => (slot.place = (place + 0.5) / column.length));
    }
    const now = counts ? crossings() : best - 1;
    if (now < best) {
      best = now;
      kept = columns.map((column) => [...column]);
    }
  }
  kept.forEach((column, at) => columns[at].splice(0, column.length, ...column));
}

/** Near to the neighbours, as far as the order and the heights of the boxes allow: neighbours in the way are pooled. */
function heights(columns) {
  const gap = (one, other) => (one.height + other.height) / 2 + (one.item && other.item ? BOX.gapY : BOX.gapY / 2);
  for (const column of columns) {
    let y = 0;
    column.forEach((slot, at) => (slot.y = y += at > 0 ? gap(column[at - 1], slot) : 0));
    for (const slot of column) slot.y -= y / 2;
  }
  for (let round = 0; round < 16; round++) {
    const [near, far] = round % 2 === 0 ? ["left", "right"] : ["right", "left"];
    for (const column of round % 2 === 0 ? columns : [...columns].reverse()) {
      const pools = [];
      let offset = 0;
      const offsets = column.map((slot, at) => (offset += at > 0 ? gap(column[at - 1], slot) : 0));
      column.forEach((slot, at) => {
        const others = slot[near].length > 0 && round < 12 ? slot[near] : [...slot[near], ...slot[far]];
        const weight = others.length > 0 ? (slot.item ? 1 : 4) * others.length : 0.1;
        const wish = others.length > 0 ? others.reduce((sum, other) => sum + other.y, 0) / others.length : slot.y;
        pools.push({ sum: (wish - offsets[at]) * weight, weight, size: 1 });
        while (pools.length > 1 && pools.at(-2).sum / pools.at(-2).weight > pools.at(-1).sum / pools.at(-1).weight) {
          const last = pools.pop();
          const before = pools.at(-1);
          before.sum += last.sum;
          before.weight += last.weight;
          before.size += last.size;
        }
      });
      let at = 0;
      for (const pool of pools) for (let size = 0; size < pool.size; size++, at++) column[at].y = pool.sum / pool.weight + offsets[at];
    }
  }
}
