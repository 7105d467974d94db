// The first page: what the project is, how its water flows, and what needs a look.

/** The schemas as pools and who reads whom between them as channels, from the left to the right. */
function watercourse() {
  const pools = new Map();
  for (const node of drawn) {
    const name = node.kind === "source" ? "sources" : node.kind === "exposure" ? "exposures" : (node.schema ?? "");
    if (!pools.has(name)) pools.set(name, { name, nodes: [], kinds: new Set() });
    pools.get(name).nodes.push(node);
    pools.get(name).kinds.add(node.kind);
  }
  const list = [...pools.values()];
  if (list.length < 2 || list.length > 24) return undefined;
  const place = new Map(list.map((pool, number) => [pool.name, number]));
  const poolOf = (node) => place.get(node.kind === "source" ? "sources" : node.kind === "exposure" ? "exposures" : (node.schema ?? ""));
  const flows = new Map();
  for (const node of drawn) {
    for (const read of node.reads) {
      const [from, to] = [poolOf(nodes[read]), poolOf(node)];
      if (from === to) continue;
      const key = from * 1000 + to;
      if (!flows.has(key)) flows.set(key, { from, to, weight: 0 });
      flows.get(key).weight++;
    }
  }
  // A few edges against the stream do not turn it.
  const edges = [...flows.values()].filter((flow) => flow.weight >= (flows.get(flow.to * 1000 + flow.from)?.weight ?? 0));
  const most = Math.max(...edges.map((edge) => edge.weight), 1);
  const items = list.map((pool) => ({ width: 150, height: 44 + 26 * Math.sqrt(pool.nodes.length / Math.max(...list.map((other) => other.nodes.length))), hint: 0, rows: [], pool }));
  const saved = BOX.gapX;
  BOX.gapX = 96;
  arrange(items, edges);
  BOX.gapX = saved;
  const [left, top, right, bottom] = boundsOf(items);
  const [width, height] = [right - left + 8, bottom - top + 24];
  const svg = h("svg", { viewBox: `${left - 4} ${top - 12} ${width} ${height}`, class: "course", role: "img", "aria-label": `How data flows: ${list.map((pool) => `${pool.name}, ${counted(pool.nodes.length, "node")}`).join("; ")}` });
  svg.style.maxWidth = `${Math.max(width * 1.35, 320)}px`;
  const scene = { items, edges };
  for (const edge of edges) {
    const points = pointsOf(scene, edge);
    let d = `M${points[0]} ${points[1]}`;
    for (let at = 2; at < points.length; at += 2) {
      const reach = Math.abs(points[at] - points[at - 2]) / 2;
      d += ` C${points[at - 2] + reach} ${points[at - 1]} ${points[at] - reach} ${points[at + 1]} ${points[at]} ${points[at + 1]}`;
    }
    const thick = 3 + 17 * Math.sqrt(edge.weight / most);
    svg.append(h("path", { d, class: "stream", "stroke-width": thick }));
    svg.append(h("path", { d, class: "current", "stroke-width": Math.max(1, thick / 6) }));
  }
  for (const { pool, x, y, height: high, width: wide } of items) {
    const kind = pool.kinds.has("model") ? "model" : [...pool.kinds][0];
    const query = pool.name === "sources" || pool.name === "exposures" ? { kind: pool.name.slice(0, -1) } : { group: "schema", open: pool.name };
    const link = document.createElementNS("http://www.w3.org/2000/svg", "a");
    link.setAttribute("href", writeRoute({ path: ["graph"], query }));
    link.setAttribute("class", `pool k-${kind}`);
    link.setAttribute("aria-label", `${pool.name}, ${counted(pool.nodes.length, "node")}`);
    const words = [...pool.kinds].sort((one, other) => KINDS.indexOf(one) - KINDS.indexOf(other));
    const sub = words.map((word) => counted(pool.nodes.filter((node) => node.kind === word).length, word)).join(", ");
    link.append(
      h("rect", { x, y: y - high / 2, width: wide, height: high, rx: 12 }),
      h("text", { x: x + wide / 2, y: y - 3, class: "name" }, pool.name.length > 19 ? `${pool.name.slice(0, 18)}…` : pool.name),
      h("text", { x: x + wide / 2, y: y + 14, class: "sub" }, sub.length > 26 ? counted(pool.nodes.length, "node") : sub),
    );
    svg.append(link);
  }
  return h("div", { class: "watercourse" }, svg);
}

function figure(number, word, href, tone) {
  return h("a", { class: `figure ${tone ?? ""}`, href }, h("b", {}, count(number)), h("span", {}, word));
}

/** A list of nodes that need something, at most a few of them. */
function needs(title, list, why, all) {
  const few = list.slice(0, 8);
  return h(
    "section",
    { class: "card" },
    h("h2", {}, title, " ", h("span", { class: "tally" }, count(list.length))),
    list.length === 0 ? empty(why) : h("ul", { class: "plain" }, few.map((node) => h("li", {}, nodeLink(node), h("small", {}, node.path ?? "")))),
    list.length > few.length ? h("a", { class: "all", href: all }, `All ${count(list.length)}`) : null,
  );
}

/** The nodes that the last run spent its time on. */
function timeCard() {
  const timed = nodes.filter((node) => (lastDone(node)?.seconds ?? 0) > 0);
  if (timed.length === 0) return null;
  const seconds = (node) => lastDone(node).seconds;
  const top = timed.sort((one, other) => seconds(other) - seconds(one)).slice(0, 6);
  return h(
    "section",
    { class: "card" },
    h("h2", {}, "Where the time goes"),
    h(
      "ul",
      { class: "plain times" },
      top.map((node) => {
        const bar = h("i", { "aria-hidden": "true" });
        bar.style.width = `${(100 * seconds(node)) / seconds(top[0])}%`;
        const rows = node.kind === "test" ? undefined : lastDone(node).rows;
        return h("li", {}, nodeLink(node), h("small", {}, rows === undefined ? "" : `${counted(rows, "row")}, `, duration(seconds(node))), bar);
      }),
    ),
  );
}

function runCard() {
  const run = content.run;
  if (!run) {
    return h("section", { class: "card run" }, h("h2", {}, "Last run"), h("p", { class: "empty" }, "No run yet. ", h("code", {}, "suiro build"), " makes one, and the next ", h("code", {}, "suiro docs generate"), " tells of it here."));
  }
  const order = ["built", "described", "pass", "unchanged", "warn", "fail", "failed", "staged", "superseded", "skipped", "cancelled", "not_started"];
  const tone = { built: "ok", described: "ok", pass: "ok", unchanged: "idle", superseded: "warn", warn: "warn", staged: "warn", skipped: "warn", cancelled: "warn", not_started: "warn" };
  const counts = order.filter((word) => run.counts[word]);
  const sum = counts.reduce((total, word) => total + run.counts[word], 0);
  const bar = h("div", { class: "share", "aria-hidden": "true" });
  for (const word of counts) {
    const part = h("i", { class: `h-${tone[word] ?? "fail"}` });
    part.style.flexGrow = run.counts[word] / sum;
    bar.append(part);
  }
  return h(
    "section",
    { class: "card run" },
    h("h2", {}, "Last run"),
    h("p", { class: "when" }, healthMark(run.exit === 0 ? "ok" : "fail", run.exit === 0 ? "all done" : `ended with status ${run.exit}`), ` ${timeOfRun(run.run)} on ${run.target}, ${duration(run.seconds)}`),
    bar,
    h("p", { class: "counts" }, counts.map((word) => h("span", { class: `health h-${tone[word] ?? "fail"}` }, h("i", { "aria-hidden": "true" }), `${count(run.counts[word])} ${word.replace("_", " ")}`))),
    run.problems.length > 0
      ? h(
          "ul",
          { class: "problems" },
          run.problems.slice(0, 5).map((problem) => h("li", { class: problem.severity === "error" ? "h-fail" : "h-warn" }, h("code", {}, problem.code), " ", problem.message)),
        )
      : null,
  );
}

function startPage() {
  const models = ofKind("model");
  const tests = ofKind("test");
  const failing = nodes.filter((node) => node.kind === "test" && health(node) === "fail");
  const broken = nodes.filter((node) => node.kind !== "test" && (node.error || lastOutcome(node)?.status === "failed"));
  const undocumented = models.filter((node) => !isDocumented(node));
  const columns = models.flatMap((node) => node.columns);
  const described = columns.filter((column) => column.description).length;
  const orphans = drawn.filter(isOrphan);
  const course = watercourse();
  const share = models.length === 0 ? 1 : (models.length - undocumented.length) / models.length;
  const meter = h("i", {});
  meter.style.width = `${share * 100}%`;
  return [
    h(
      "header",
      { class: "hero" },
      h("h1", {}, content.project),
      h("p", { class: "lead" }, `${content.dialect}, target `, h("b", {}, content.target)),
      h(
        "div",
        { class: "figures" },
        KINDS.filter((kind) => ofKind(kind).length > 0).map((kind) => figure(ofKind(kind).length, ofKind(kind).length === 1 ? kind : PLURALS[kind], `#/list/${kind}`, `k-${kind}`)),
      ),
      course ? [course, h("p", { class: "caption" }, "Schemas, and how much of one is read by the next. ", h("a", { href: "#/graph" }, "Open the graph"))] : h("p", {}, h("a", { href: "#/graph", class: "button" }, icon("graph"), "Open the graph")),
    ),
    content.overview ? h("section", { class: "overview" }, prose(content.overview)) : null,
    h(
      "div",
      { class: "cards" },
      runCard(),
      h(
        "section",
        { class: "card" },
        h("h2", {}, "Failing ", h("span", { class: "tally" }, count(failing.length + broken.length))),
        failing.length + broken.length === 0
          ? empty(content.run ? `Nothing; ${counted(tests.length, "test")} in all.` : "Nothing was run yet.")
          : h(
              "ul",
              { class: "plain" },
              [...broken, ...failing].slice(0, 10).map((node) => {
                const rows = node.runs[0]?.rows;
                return h("li", {}, nodeLink(node), h("small", {}, node.error ? h("code", {}, node.error) : node.kind === "test" && rows !== undefined ? counted(rows, "failing row") : "failed"));
              }),
            ),
        failing.length + broken.length > 10 ? h("a", { class: "all", href: "#/list/test?status=fail" }, "All") : null,
      ),
      h(
        "section",
        { class: "card" },
        h("h2", {}, "Documented"),
        h("div", { class: "meter", role: "img", "aria-label": `${Math.round(share * 100)} per cent of the models have a description` }, meter),
        h("p", {}, `${count(models.length - undocumented.length)} of ${counted(models.length, "model")}`, columns.length > 0 ? `, ${count(described)} of ${counted(columns.length, "column")}` : ""),
        undocumented.length > 0 ? [h("h3", {}, "Without a description"), h("ul", { class: "plain" }, undocumented.slice(0, 6).map((node) => h("li", {}, nodeLink(node), h("small", {}, node.path ?? ""))))] : null,
        undocumented.length > 6 ? h("a", { class: "all", href: "#/list/model?documented=no" }, `All ${count(undocumented.length)}`) : null,
      ),
      timeCard(),
      needs("Read by nobody", orphans, "Every source and seed is read by a model.", "#/list/source"),
    ),
  ];
}
