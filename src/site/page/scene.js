// What the graph shows: which nodes, folded how, with which columns, and where each of them stands.
//
// In: the state of the graph as its address has it. Out: items (boxes) and edges with places. The drawing knows nothing of
// the project, only of these.

/** The number of nodes from which on a graph opens on a neighbourhood. */
const MANY = 250;

/** The group that a node is folded into. */
function groupOf(node, by) {
  switch (by) {
    case "folder":
      return folderOf(node) || node.kind;
    case "schema":
      return node.schema ?? PLURALS[node.kind];
    case "instances":
      return node.instance_of ? `${folderOf(node)}/${node.instance_of}` : undefined;
    case "owner":
      return node.owner ?? undefined;
    default:
      return undefined;
  }
}

/** The nodes that a state asks for. */
function chosen(state) {
  let all = drawn;
  if (state.focus) {
    const near = new Set([state.focus.index, ...reach(state.focus.index, state.up, "reads").keys(), ...reach(state.focus.index, state.down, "readers").keys()]);
    all = drawn.filter((node) => near.has(node.index));
  }
  const fits = (node) =>
    node === state.focus ||
    ((!state.tag || node.tags.includes(state.tag)) &&
      (!state.owner || node.owner === state.owner) &&
      (!state.path || folderOf(node) === state.path || folderOf(node).startsWith(`${state.path}/`)) &&
      (!state.status || health(node) === state.status) &&
      (!state.kind || node.kind === state.kind));
  return all.filter(fits);
}

function boxOf(node, rows) {
  return {
    key: node.index,
    node,
    kind: node.kind,
    label: node.short,
    sub: [form(node), node.schema].filter(Boolean).join(" · "),
    health: health(node),
    rows: rows ?? [],
    width: BOX.width,
    height: BOX.height + (rows?.length ? rows.length * BOX.row + 8 : 0),
    hint: node.at ? node.at[1] : 0,
  };
}

/** The scene of a column: its nodes, in each the columns that take part, and the edges between them. */
function columnScene(state) {
  const traced = trace(state.focus.index, state.column, state.inspected !== false);
  const rows = new Map();
  const involved = new Set([state.focus.index]);
  for (const { node, column, side } of traced.columns.values()) {
    involved.add(node);
    if (!rows.has(node)) rows.set(node, []);
    rows.get(node).push({ name: column, side });
  }
  for (const { to } of traced.edges) involved.add(to.node);
  const position = (node, name) => {
    const at = nodes[node].columns.findIndex((column) => column.name === name);
    return at < 0 ? Infinity : at;
  };
  const items = [...involved].map((number) => {
    const mine = (rows.get(number) ?? []).sort((one, other) => position(number, one.name) - position(number, other.name));
    return boxOf(nodes[number], mine);
  });
  const place = new Map(items.map((item, number) => [item.key, number]));
  const edges = traced.edges.map((edge) => ({
    from: place.get(edge.from.node),
    to: place.get(edge.to.node),
    fromRow: items[place.get(edge.from.node)].rows.findIndex((row) => row.name === edge.from.column),
    toRow: edge.to.column === undefined ? -1 : items[place.get(edge.to.node)].rows.findIndex((row) => row.name === edge.to.column),
    kind: edge.kind,
    cast: edge.cast,
    column: [edge.from.column, edge.to.column],
  }));
  arrange(items, edges);
  return { items, edges, traced };
}

/** Everything that is to be drawn for a state of the graph. */
function sceneOf(state) {
  if (state.focus && state.column) return columnScene(state);
  const visible = chosen(state);
  const open = state.open ?? new Set();
  const groups = new Map();
  const itemOf = new Map();
  for (const node of visible) {
    const name = groupOf(node, state.group);
    if (name === undefined || open.has(name)) {
      itemOf.set(node.index, boxOf(node));
      continue;
    }
    if (!groups.has(name)) groups.set(name, []);
    groups.get(name).push(node);
  }
  for (const [name, members] of groups) {
    const worst = ["fail", "warn", "ok", "idle"].find((word) => members.some((node) => health(node) === word));
    const kinds = new Set(members.map((node) => node.kind));
    const item = {
      key: `group ${name}`,
      group: name,
      kind: kinds.size === 1 ? members[0].kind : "model",
      label: name.split("/").at(-1),
      sub: `${counted(members.length, kinds.size === 1 ? members[0].kind : "node")}${name.includes("/") ? ` · ${name.slice(0, name.lastIndexOf("/"))}` : ""}`,
      health: worst,
      size: members.length,
      rows: [],
      width: BOX.width,
      height: BOX.height,
      hint: members[0].at ? members[0].at[1] : 0,
    };
    for (const node of members) itemOf.set(node.index, item);
  }
  const items = [...new Set(itemOf.values())];
  const place = new Map(items.map((item, number) => [item, number]));
  const seen = new Map();
  const edges = [];
  for (const node of visible) {
    const to = place.get(itemOf.get(node.index));
    for (const read of node.reads) {
      const item = itemOf.get(read);
      if (!item) continue;
      const from = place.get(item);
      const key = from * items.length + to;
      if (from === to) continue;
      if (seen.has(key)) {
        seen.get(key).weight++;
        continue;
      }
      const edge = { from, to, weight: 1, only: (node.increment_reads ?? []).includes(read) };
      seen.set(key, edge);
      edges.push(edge);
    }
  }
  const whole = groups.size === 0 && (visible.length === drawn.length || items.length > 1500);
  if (whole) standing(items, edges);
  else arrange(items, edges);
  return { items, edges };
}

/** The whole graph, as it was laid out when the page was made. */
function standing(items, edges) {
  const bends = new Map((content.bends ?? []).map(([from, to, ...through]) => [from * nodes.length + to, through]));
  for (const item of items) [item.x, item.y] = item.node.at;
  for (const edge of edges) {
    const through = bends.get(items[edge.from].node.index * nodes.length + items[edge.to].node.index) ?? [];
    edge.bends = [];
    for (let at = 0; at < through.length; at += 2) edge.bends.push([through[at], through[at + 1], BOX.width]);
  }
}

/** The rectangle around all items: [left, top, right, bottom]. */
function boundsOf(items) {
  const bounds = [Infinity, Infinity, -Infinity, -Infinity];
  for (const { x, y, width, height } of items) {
    bounds[0] = Math.min(bounds[0], x);
    bounds[1] = Math.min(bounds[1], y - height / 2);
    bounds[2] = Math.max(bounds[2], x + width);
    bounds[3] = Math.max(bounds[3], y + height / 2);
  }
  return items.length > 0 ? bounds : [0, 0, 1, 1];
}

/** Where an edge leaves and arrives: the middle of a box, or the row of a column. */
function endOf(item, row) {
  if (row === undefined || row < 0 || item.rows.length === 0) return item.rows.length === 0 ? item.y : item.y - item.height / 2 + BOX.height / 2;
  return item.y - item.height / 2 + BOX.height + (row + 0.5) * BOX.row;
}

/** The points of an edge, flat pieces and curves in turn: [x1, y1, x2, y2, …]. */
function pointsOf(scene, edge) {
  if (edge.points) return edge.points;
  const from = scene.items[edge.from];
  const to = scene.items[edge.to];
  const points = [from.x + from.width, endOf(from, edge.fromRow)];
  for (const [x, y, width] of edge.bends ?? []) points.push(x, y, x + width, y);
  points.push(to.x, endOf(to, edge.toRow));
  edge.points = points;
  return points;
}
