// Where a column comes from and where it goes.
//
// Each column has `from`: [[node, column, kind, cast]], kind "copy" (the value as it is) or "transform" (something is made
// of it). Each node has `inspected`: [[node, column]], what decides about rows: filters, joins, groups, orders. These count for the
// node as a whole, and are told apart as "inspect".

const LINEAGE_KINDS = ["copy", "transform", "inspect"];

const columnKey = (node, column) => `${node}\u0000${column ?? ""}`;

const downstream = {
  columns: undefined,
  inspectors: undefined,
  build() {
    if (this.columns) return;
    this.columns = new Map();
    this.inspectors = new Map();
    const add = (map, key, value) => (map.has(key) ? map.get(key).push(value) : map.set(key, [value]));
    for (const node of nodes) {
      for (const column of node.columns) {
        for (const [from, name, kind, cast] of column.from ?? []) add(this.columns, columnKey(from, name), { node: node.index, column: column.name, kind, cast });
      }
      for (const [from, name] of node.inspected ?? []) add(this.inspectors, columnKey(from, name), node.index);
    }
  },
};

const hasLineage = () => nodes.some((node) => node.columns.some((column) => column.from?.length > 0));

/**
 * Everything that a column is made of, and everything that is made of it.
 * Returns {columns: Map key → {node, column, side}, edges: [{from: {node, column}, to: {node, column}, kind, cast}]}; an edge of kind
 * "inspect" leads to a node as a whole, and is not followed further.
 */
function trace(node, column, withInspected = true) {
  downstream.build();
  const found = { columns: new Map(), edges: [] };
  const start = columnKey(node, column);
  found.columns.set(start, { node, column, side: "start" });
  const seen = new Set();
  const edge = (from, to, kind, cast) => {
    const key = `${columnKey(from.node, from.column)}\u0001${columnKey(to.node, to.column)}\u0001${kind}`;
    if (!seen.has(key)) {
      seen.add(key);
      found.edges.push({ from, to, kind, cast });
    }
  };
  const meet = (at, side, open) => {
    const key = columnKey(at.node, at.column);
    if (!found.columns.has(key)) {
      found.columns.set(key, { ...at, side });
      open?.push(at);
    }
  };
  const above = [{ node, column }];
  while (above.length > 0) {
    const at = above.pop();
    const known = nodes[at.node].columns.find((candidate) => candidate.name === at.column);
    for (const [from, name, kind, cast] of known?.from ?? []) {
      // What only decides about its value ("case when paid then …") is told, and not followed either.
      if (kind === "inspect" && !withInspected) continue;
      edge({ node: from, column: name }, at, kind, cast);
      meet({ node: from, column: name }, kind === "inspect" ? "inspected" : "above", kind === "inspect" ? undefined : above);
    }
    if (withInspected && known?.from?.length > 0) {
      for (const [from, name] of nodes[at.node].inspected ?? []) {
        edge({ node: from, column: name }, { node: at.node }, "inspect");
        meet({ node: from, column: name }, "inspected");
      }
    }
  }
  const below = [{ node, column }];
  while (below.length > 0) {
    const at = below.pop();
    const key = columnKey(at.node, at.column);
    for (const reader of downstream.columns.get(key) ?? []) {
      if (reader.kind === "inspect" && !withInspected) continue;
      edge(at, { node: reader.node, column: reader.column }, reader.kind, reader.cast);
      meet({ node: reader.node, column: reader.column }, "below", reader.kind === "inspect" ? undefined : below);
    }
    if (withInspected) for (const reader of downstream.inspectors.get(key) ?? []) edge(at, { node: reader }, "inspect");
  }
  return found;
}
