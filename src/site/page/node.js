// The page of a model, seed, source, exposure or test.

const NEAR = 2;
const MANY_NEAR = 18;

/** Facts beside the page: pairs of a word and what it is. */
function facts(node) {
  const rows = [];
  const fact = (word, ...what) => what.flat().some((part) => part !== undefined && part !== null) && rows.push(h("dt", {}, word), h("dd", {}, ...what));
  if (node.relation) {
    const copy = h("button", { class: "quiet copy", type: "button", "aria-label": `Copy ${node.relation}`, onclick: () => copyText(copy, node.relation) }, icon("copy"));
    fact("In the database", h("code", {}, node.relation), copy);
  }
  if (node.owner) fact("Owner", h("a", { href: writeRoute({ path: ["graph"], query: { owner: node.owner } }) }, node.owner));
  if (node.tags.length > 0) fact("Tags", node.tags.map((tag) => h("a", { class: "tag", href: writeRoute({ path: ["graph"], query: { tag } }) }, tag)));
  if (node.path) fact("File", h("code", { class: "path" }, pathText(node.path)));
  if (node.instance_of) fact("Made from", h("code", {}, node.instance_of), node.instance === undefined ? null : h("pre", { class: "small" }, plain(node.instance)));
  if (node.location) fact("Read from", h("code", { class: "path" }, node.location));
  if (node.config.url && /^https?:\/\//i.test(node.config.url)) fact("Where", h("a", { href: node.config.url, rel: "noreferrer" }, node.config.url));
  if (node.config.maturity) fact("Maturity", node.config.maturity);
  const last = node.runs[0];
  if (last) {
    fact("Last run", healthMark(health({ ...node, health: undefined, tests: [] }), last.status.replace("_", " ")), h("small", {}, ` ${timeOfRun(last.run)}`));
    const done = lastDone(node);
    if (done && done !== last) fact("Last made", timeOfRun(done.run));
    if (done?.rows !== undefined) fact(node.kind === "test" ? "Failing rows" : "Rows", count(done.rows));
    const timed = node.runs.filter((run) => run.seconds > 0);
    if (done?.seconds > 0) fact("Time", duration(done.seconds), timed.length > 1 ? runBars(timed) : null);
    if (last.culprit) fact("Because of", h("code", {}, last.culprit));
  }
  if (node.macros?.length > 0) fact("Macros", node.macros.map((number) => h("a", { class: "tag", href: `#/macro/${encodeURIComponent(macros[number].name)}` }, macros[number].name)));
  return rows.length > 0 ? h("dl", { class: "facts" }, rows) : null;
}

/** The neighbourhood of a node, or the way of one of its columns, as a small graph. */
function neighbourhood(node, column) {
  // As far as it can be taken in at a glance.
  const far = [[NEAR, NEAR], [NEAR, 1], [1, NEAR], [1, 1]].find(([up, down]) => 1 + reach(node.index, up, "reads").size + reach(node.index, down, "readers").size <= MANY_NEAR) ?? [1, 1];
  const state = { focus: node, up: far[0], down: far[1], column };
  const scene = sceneOf(state);
  const graph = graphView({
    label: column ? `Lineage of ${node.name}.${column}` : `What ${node.name} reads and who reads it`,
    compact: true,
    focus: node,
    onchoose: (item) => item?.node && item.node !== node && !scene.traced && (location.hash = address(item.node)),
    onopen: (item) => item.node && (location.hash = address(item.node)),
    oncolumn: (other, name) => (location.hash = address(other, name)),
  });
  const tallest = Math.max(...scene.items.map((item) => item.y + item.height / 2)) - Math.min(...scene.items.map((item) => item.y - item.height / 2));
  graph.element.style.height = `${Math.round(Math.min(460, Math.max(120, tallest * 0.9 + 40)))}px`;
  graph.show(scene, node.index);
  const query = { focus: `${node.kind}/${node.name}`, up: far[0], down: far[1], column };
  return [
    h("div", { class: "beside-title" }, column ? h("a", { class: "button small", href: address(node) }, icon("close"), "Whole model") : null, h("a", { class: "button small", href: writeRoute({ path: ["graph"], query }) }, icon("open"), "Open in the graph")),
    h("div", { class: "graph-frame" }, graph.element),
    scene.traced ? [lineageLegend(), lineageList(scene.traced)] : null,
  ];
}

function columnTable(node, column) {
  const unsure = node.unsure ? h("p", { class: "caption" }, "Not all of its lineage could be told: ", node.unsure) : null;
  const testsOf = (name) => node.tests.map((test) => nodes[test]).filter((test) => test.test?.column === name);
  const lineage = node.columns.some((known) => known.from);
  const sources = (known) =>
    (known.from ?? []).map(([from, name, kind, cast]) => h("a", { class: `from l-${kind}`, href: address(nodes[from], name), title: `${kind}${cast ? `, cast to ${cast}` : ""}` }, `${nodes[from].title}.${name}`));
  const columns = [
    {
      title: "Column",
      value: (known) => known.name,
      cell: (known) => h("a", { class: "column", href: address(node, known.name), "aria-current": known.name === column ? "true" : null, "aria-label": `${known.name}: show its lineage` }, known.name),
    },
    { title: "Type", class: "type", value: (known) => known.type, cell: (known) => (known.type ? h("code", {}, known.type) : h("span", { class: "unknown", title: "not known without a connection" }, "–")) },
    {
      title: "Description",
      cell: (known) => [
        known.description ? prose(known.description) : null,
        known.inherited ? h("small", { class: "inherited" }, "from ", h("a", { href: address(nodes[known.inherited[0]], known.inherited[1]) }, `${nodes[known.inherited[0]].title}.${known.inherited[1]}`)) : null,
        (known.tags ?? []).map((tag) => h("span", { class: "tag" }, tag)),
        known.meta ? h("small", { class: "meta" }, Object.entries(known.meta).map(([key, value]) => `${key}: ${plain(value)}`).join(", ")) : null,
      ],
    },
    { title: "Tests", class: "tests", cell: (known) => testsOf(known.name).map((test) => h("a", { class: `test h-${health(test)}`, href: address(test), title: `${test.name}: ${HEALTH_WORDS[health(test)]}` }, test.test.template ?? "test")) },
  ];
  if (lineage) columns.splice(3, 0, { title: "From", class: "sources", cell: (known) => sources(known) });
  return [table(columns, node.columns, { most: 500, row: (known) => ({ class: known.name === column ? "chosen" : null, id: `column-${known.name}` }) }), unsure];
}

function sqlSection(node) {
  const place = h("div", { class: "tabs" });
  const fill = () => {
    const kinds = [];
    const text = written(node);
    if (text !== undefined) kinds.push(["As written", text, node.links]);
    if (node.compiled) kinds.push([node.increment ? "Compiled, whole" : "Compiled", node.compiled.text, node.compiled.links]);
    if (node.increment) kinds.push(["Compiled, increment", node.increment.text, node.increment.links]);
    if (kinds.length === 0) {
      place.replaceChildren(empty(node.error ? `It cannot be read: ${node.error}` : "It has no SQL."));
      return;
    }
    const panel = h("div", { role: "tabpanel", id: "sql-panel" });
    const buttons = kinds.map(([title], number) => h("button", { role: "tab", type: "button", "aria-controls": "sql-panel", onclick: () => open(number) }, title));
    const open = (number) => {
      buttons.forEach((button, other) => {
        button.setAttribute("aria-selected", String(other === number));
        button.tabIndex = other === number ? 0 : -1;
      });
      panel.replaceChildren(sqlBlock(kinds[number][1], kinds[number][2], `SQL of ${node.name}, ${kinds[number][0].toLowerCase()}`));
    };
    const list = h("div", { role: "tablist", "aria-label": "SQL" }, buttons);
    list.addEventListener("keydown", (event) => {
      const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
      if (!step) return;
      const next = (buttons.findIndex((button) => button.getAttribute("aria-selected") === "true") + step + buttons.length) % buttons.length;
      open(next);
      buttons[next].focus();
      event.preventDefault();
    });
    place.replaceChildren(list, panel);
    open(0);
  };
  texts.of(node).then(fill, (error) => place.replaceChildren(empty(error.message)));
  return place;
}

function testTable(list) {
  return table(
    [
      { title: "Test", value: (test) => test.name, cell: (test) => nodeLink(test) },
      { title: "What", value: (test) => test.test?.template ?? test.test?.type, cell: (test) => h("code", {}, test.test?.template ?? test.test?.type ?? "") },
      { title: "Column", value: (test) => test.test?.column, cell: (test) => (test.test?.column ? h("code", {}, test.test.column) : "") },
      { title: "Severity", value: (test) => test.test?.severity, cell: (test) => test.test?.severity ?? "" },
      { title: "Result", value: (test) => health(test), cell: (test) => healthMark(health(test), test.runs[0]?.status ?? "not run") },
      { title: "Failing rows", class: "number", value: (test) => lastDone(test)?.rows, cell: (test) => (lastDone(test)?.rows === undefined ? "" : count(lastDone(test).rows)) },
    ],
    list,
  );
}

function readerList(title, list, why) {
  return h("div", { class: "card" }, h("h3", {}, title, " ", h("span", { class: "tally" }, count(list.length))), list.length === 0 ? empty(why) : h("ul", { class: "plain" }, list.slice(0, 60).map((other) => h("li", {}, nodeLink(other), h("small", {}, form(other))))), list.length > 60 ? h("p", {}, `and ${count(list.length - 60)} more`) : null);
}

function unitTest(unit) {
  const rowsTable = (rows) => {
    if (!Array.isArray(rows.rows)) return h("pre", {}, rows.sql ?? "");
    const names = [...new Set(rows.rows.flatMap((row) => Object.keys(row)))];
    return table(names.map((name) => ({ title: name, cell: (row) => (row[name] === null || row[name] === undefined ? h("span", { class: "unknown" }, "NULL") : plain(row[name])) })), rows.rows);
  };
  return [
    Object.entries(unit.given).map(([read, rows]) => [h("h3", {}, "Given ", nodeLink(nodes[read])), rowsTable(rows)]),
    h("h3", {}, "Expected of ", nodeLink(nodes[unit.model])),
    rowsTable(unit.expect),
  ];
}

const HIDDEN_CONFIG = new Set(["url", "maturity", "type", "source"]);

function configSection(node) {
  const rows = Object.entries(node.config).filter(([key]) => !HIDDEN_CONFIG.has(key) || node.kind === "model");
  if (rows.length === 0) return null;
  return section("Configuration", "configuration", table([{ title: "Key", cell: ([key]) => h("code", {}, key) }, { title: "Value", cell: ([, value]) => h("pre", { class: "small" }, plain(value)) }], rows));
}

function nodePage(node, query) {
  const column = node.columns.find((known) => known.name === query.column)?.name ?? query.column;
  const reads = node.reads.map((read) => nodes[read]);
  const readers = node.readers.map((reader) => nodes[reader]);
  const exposures = [...reach(node.index, 99, "readers").keys()].map((number) => nodes[number]).filter((other) => other.kind === "exposure");
  const isTest = node.kind === "test";
  return [
    trail([PLURALS[node.kind], `#/list/${node.kind}`], folderOf(node) ? [folderOf(node).replace(/^models\//, ""), writeRoute({ path: ["graph"], query: { path: folderOf(node) } })] : null),
    h(
      "header",
      { class: "title" },
      h("h1", {}, node.title),
      h("p", { class: "badges" }, badge(node.kind, node.kind), node.kind === "model" ? badge("form", form(node)) : null, node.kind === "exposure" ? badge("form", form(node)) : null, isTest ? badge("form", node.test?.template ?? node.test?.type) : null, healthMark(health(node))),
      node.error ? h("p", { class: "error" }, "It cannot be built: ", h("code", {}, node.error), `, “suiro explain ${node.error}” says why.`) : null,
    ),
    h(
      "div",
      { class: "with-facts" },
      h("div", { class: "lead" }, node.description ? prose(node.description) : h("p", { class: "empty" }, "No description."), node.source_description ? [h("h3", {}, "The source"), prose(node.source_description)] : null),
      facts(node),
    ),
    isTest ? null : section(column ? `Lineage of ${column}` : "Lineage", "lineage", neighbourhood(node, column)),
    node.columns.length > 0 ? section("Columns", "columns", columnTable(node, column)) : null,
    node.test?.unit ? section("Rows", "rows", unitTest(node.test.unit)) : null,
    node.file !== undefined || node.compiled || node.part !== undefined ? section("SQL", "sql", sqlSection(node)) : null,
    isTest
      ? section("Reads", "reads", h("ul", { class: "plain" }, reads.map((other) => h("li", {}, nodeLink(other), h("small", {}, form(other))))))
      : section(
          "Neighbours",
          "neighbours",
          h(
            "div",
            { class: "cards" },
            node.kind === "source" || node.kind === "seed" ? null : readerList("Reads", reads, "It reads nothing of the project."),
            node.kind === "exposure" ? null : readerList("Read by", readers, "Nobody reads it."),
            exposures.length > 0 ? readerList("Used in", exposures, "") : null,
          ),
        ),
    node.tests.length > 0 ? section("Tests", "tests", testTable(node.tests.map((test) => nodes[test]))) : null,
    node.runs.length > 1
      ? section(
          "Runs",
          "runs",
          table(
            [
              { title: "Run", cell: (run) => timeOfRun(run.run) },
              { title: "Result", cell: (run) => run.status.replace("_", " ") },
              { title: "Rows", class: "number", cell: (run) => (run.rows === undefined ? "" : count(run.rows)) },
              { title: "Time", class: "number", cell: (run) => duration(run.seconds) },
            ],
            node.runs,
          ),
        )
      : null,
    configSection(node),
  ];
}

function macroPage(macro) {
  const number = macros.indexOf(macro);
  const callers = nodes.filter((node) => node.macros?.includes(number));
  return [
    trail(["macros", "#/list/macro"], [macro.path]),
    h("header", { class: "title" }, h("h1", {}, macro.name), h("p", { class: "badges" }, badge("macro"), macro.built_in ? badge("form", "comes with suiro") : null)),
    section("Text", "text", sqlBlock(macro.text, [], `Text of the macro ${macro.name}`)),
    section("Called by", "callers", callers.length > 0 ? h("ul", { class: "plain" }, callers.map((node) => h("li", {}, nodeLink(node), h("small", {}, node.path ?? "")))) : empty("No model calls it directly.")),
  ];
}
