// What the page knows: the nodes, and who reads whom, from the data that came with the page.

const content = JSON.parse(find("#content").textContent);
const nodes = content.nodes;
const macros = content.macros;

/** Kinds in the order of the water: what flows in, what is made of it, who drinks. */
const KINDS = ["source", "seed", "model", "exposure", "test"];
const PLURALS = { source: "sources", seed: "seeds", model: "models", exposure: "exposures", test: "tests", macro: "macros" };

for (let index = 0; index < nodes.length; index++) {
  const node = nodes[index];
  node.index = index;
  node.readers = [];
  node.tests = [];
  node.reads ??= [];
  node.columns ??= [];
  node.tags ??= [];
  node.runs ??= [];
  node.config ??= {};
  node.title = node.label ?? node.name;
  node.short = node.label ?? (node.relation && node.kind !== "test" ? node.relation.split(".").at(-1) : node.name);
}
for (const node of nodes) {
  if (node.kind === "test") {
    const on = node.on === undefined ? node.reads : [node.on];
    for (const tested of on) nodes[tested].tests.push(node.index);
  } else {
    for (const read of node.reads) nodes[read].readers.push(node.index);
  }
}

const byAddress = new Map(nodes.map((node) => [`${node.kind}/${node.name}`, node]));
/** Nodes by kind and the last part of their names, for addresses of people who leave the schema away. */
const byShortAddress = new Map();
for (const node of nodes) {
  const key = `${node.kind}/${node.short}`;
  byShortAddress.set(key, [...(byShortAddress.get(key) ?? []), node]);
}
const drawn = nodes.filter((node) => node.kind !== "test");
const ofKind = (kind) => nodes.filter((node) => node.kind === kind);

/** The address of a node's page, which people share. */
const address = (node, column) =>
  `#/${node.kind}/${encodeURIComponent(node.name)}${column ? `?column=${encodeURIComponent(column)}` : ""}`;

/** The folder that a node's file stands in; for a source, the source. */
function folderOf(node) {
  if (node.kind === "source") return `sources/${node.config.source ?? node.schema}`;
  const path = node.path ?? "";
  return path.includes("/") ? path.slice(0, path.lastIndexOf("/")) : "";
}

/** "view", "table", "seed", … */
const form = (node) => (node.kind === "model" ? node.materialized : node.kind === "exposure" ? (node.config.type ?? "exposure") : node.kind);

/** What became of a node in the last run of the project; nothing if it took no part. */
function lastOutcome(node) {
  const last = node.runs[0];
  return last && content.run && last.run === content.run.run ? last : undefined;
}

/** The last time that it was really made or tested: what is unchanged is not. */
const lastDone = (node) => node.runs.find((run) => run.rows !== undefined || run.seconds > 0);

/** "ok", "warn", "fail", "idle": of a model the worst of itself and its tests. */
function health(node) {
  if (node.health) return node.health;
  const word = (outcome) => {
    switch (outcome?.status) {
      case "failed":
      case "fail":
        return "fail";
      case "warn":
      case "skipped":
      case "staged":
      case "cancelled":
      case "not_started":
      case "superseded":
        return "warn";
      case undefined:
        return "idle";
      default:
        return "ok";
    }
  };
  const order = ["fail", "warn", "ok", "idle"];
  const all = [node.error ? "fail" : word(lastOutcome(node))];
  if (node.kind !== "test") all.push(...node.tests.map((test) => health(nodes[test])).filter((found) => found !== "ok"));
  node.health = order.find((found) => all.includes(found));
  return node.health;
}

const HEALTH_WORDS = { ok: "fine", warn: "needs a look", fail: "failing", idle: "not run" };

const isDocumented = (node) => Boolean(node.description);

/** Nothing in the project reads it, and it reads nothing: water that goes nowhere. */
function isOrphan(node) {
  if (node.readers.length > 0) return false;
  return node.kind === "source" || node.kind === "seed" || (node.kind === "model" && node.reads.length === 0);
}

/** Everything above or below a node, as far as `depth`, without itself. */
function reach(start, depth, along) {
  const found = new Map([[start, 0]]);
  let edge = [start];
  for (let distance = 1; distance <= depth && edge.length > 0; distance++) {
    const next = [];
    for (const index of edge) {
      for (const other of nodes[index][along]) {
        if (!found.has(other)) {
          found.set(other, distance);
          next.push(other);
        }
      }
    }
    edge = next;
  }
  found.delete(start);
  return found;
}

/** The written text of a node's file, and what stands in it; large projects load it when it is needed. */
const texts = {
  waiting: new Map(),
  async of(node) {
    await this.load(node.part);
    return node;
  },
  load(part) {
    if (part === undefined || part === null) return Promise.resolve();
    if (!this.waiting.has(part)) {
      this.waiting.set(
        part,
        new Promise((resolve, reject) => {
          const script = document.createElement("script");
          script.nonce = find("#content").nonce;
          script.src = `sql/${String(part).padStart(3, "0")}.js`;
          script.onload = () => resolve();
          script.onerror = () => reject(new Error(`${script.src} cannot be read`));
          document.head.append(script);
        }),
      );
    }
    return this.waiting.get(part);
  },
  all() {
    return Promise.all(Array.from({ length: content.parts ?? 0 }, (_, part) => this.load(part)));
  },
};

/** Called by each of the files that large projects keep their SQL in. */
window.suiroPart = (part) => {
  for (const [index, values] of part.nodes) Object.assign(nodes[index], values);
  for (const [index, text] of part.files) content.files[index].text = text;
};

const written = (node) => (node.file === undefined ? undefined : content.files[node.file].text);
