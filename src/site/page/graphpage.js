// The page of the graph: what is shown is all in the address.

function stateOf(query) {
  const focus = query.focus ? byAddress.get(query.focus) : undefined;
  const number = (text, otherwise) => (/^\d+$/.test(text ?? "") ? Number(text) : otherwise);
  return {
    focus,
    up: number(query.up, 2),
    down: number(query.down, 2),
    column: focus ? query.column : undefined,
    tag: query.tag,
    owner: query.owner,
    path: query.path,
    status: query.status,
    kind: query.kind,
    group: query.group,
    open: new Set((query.open ?? "").split(",").filter(Boolean)),
    inspected: query.inspected !== "no",
    whole: query.whole === "yes",
  };
}

/** Where the graph of a large project opens: beside what fails, else beside what most depends on. */
function landmark() {
  const models = ofKind("model");
  const weight = (node) => (health(node) === "fail" ? 1e6 : 0) + Math.min(node.reads.length, 8) * Math.min(node.readers.length, 8) + Math.min(node.readers.length, 8);
  return models.reduce((best, node) => (best === undefined || weight(node) > weight(best) ? node : best), undefined) ?? drawn[0];
}

function select(label, key, value, choices) {
  const known = choices.filter(Boolean);
  if (known.length === 0) return null;
  const list = h("select", { "aria-label": label, onchange: () => amend({ [key]: list.value }) }, h("option", { value: "" }, label), known.map(([choice, text]) => h("option", { value: choice, selected: choice === value }, text ?? choice)));
  if (value) list.classList.add("set");
  return list;
}

function stepper(label, key, value) {
  const change = (by) => amend({ [key]: String(Math.max(0, Math.min(30, value + by))) });
  return h(
    "span",
    { class: "stepper", role: "group", "aria-label": label },
    h("button", { type: "button", "aria-label": `${label}: less`, onclick: () => change(-1), disabled: value === 0 }, icon("minus")),
    h("output", {}, `${label} ${value}`),
    h("button", { type: "button", "aria-label": `${label}: more`, onclick: () => change(1) }, icon("plus")),
  );
}

const distinct = (values) => [...new Set(values.filter(Boolean))].sort();

/** A field that finds a node and shows it. */
function finder(graph, scene) {
  const list = h("datalist", { id: "graph-nodes" });
  const field = h("input", { type: "search", list: "graph-nodes", placeholder: "Find in the graph", "aria-label": "Find in the graph", autocomplete: "off" });
  const fill = () => {
    const word = field.value.toLowerCase();
    const found = search(word, 12).filter((hit) => hit.entry.node && hit.entry.kind !== "test");
    list.replaceChildren(...found.map((hit) => h("option", { value: hit.entry.node.name })));
  };
  const go = () => {
    const node = drawn.find((candidate) => candidate.name === field.value) ?? search(field.value, 12).find((hit) => hit.entry.node && hit.entry.kind !== "test")?.entry.node;
    if (!node) return;
    if (scene.items.some((item) => item.key === node.index)) graph.center(node.index);
    else amend({ focus: `${node.kind}/${node.name}`, column: undefined, whole: undefined });
  };
  field.addEventListener("input", fill);
  field.addEventListener("change", go);
  return h("span", { class: "finder" }, icon("search"), field, list);
}

function graphPage(query) {
  const state = stateOf(query);
  const isFiltered = state.focus || state.tag || state.owner || state.path || state.status || state.kind || state.group;
  if (!isFiltered && !state.whole && drawn.length > MANY) state.focus = landmark();
  const scene = sceneOf(state);
  const panel = h("aside", { class: "graph-panel", "aria-label": "Chosen in the graph" });
  const graph = graphView({
    label: `Graph: ${counted(scene.items.length, "box")}, ${counted(scene.edges.length, "edge")}`,
    focus: state.focus,
    inset: () => (panel.hidden || panel.offsetWidth > innerWidth / 2 ? 0 : panel.offsetWidth + 20),
    onchoose: (item) => fillPanel(item),
    onopen: (item) => (item.group ? unfold(item) : (location.hash = address(item.node))),
    oncolumn: (node, column) => amend({ focus: `${node.kind}/${node.name}`, column, whole: undefined }),
  });
  const unfold = (item) => amend({ open: [...state.open, item.group].join(",") });
  const fillPanel = (item) => {
    panel.hidden = !item;
    if (!item) return;
    if (item.group) {
      fill(panel, h("h2", {}, item.group), h("p", {}, item.sub), h("button", { class: "button", type: "button", onclick: () => unfold(item) }, "Unfold"));
      return;
    }
    const node = item.node;
    fill(
      panel,
      h("button", { class: "quiet close", type: "button", "aria-label": "Close", onclick: () => graph.choose(undefined) }, icon("close")),
      h("p", { class: "badges" }, badge(node.kind), node.kind === "model" ? badge("form", form(node)) : null, healthMark(health(node))),
      h("h2", {}, h("a", { href: address(node) }, node.title)),
      node.description ? prose(node.description) : empty("No description."),
      h(
        "p",
        { class: "actions" },
        h("a", { class: "button small", href: address(node) }, "Open"),
        h("button", { class: "button small", type: "button", onclick: () => amend({ focus: `${node.kind}/${node.name}`, column: undefined, whole: undefined }) }, "Focus"),
      ),
      node.columns.length > 0
        ? [
            h("h3", {}, "Columns"),
            h(
              "ul",
              { class: "columns" },
              node.columns.map((column) => h("li", {}, h("button", { type: "button", class: column.name === state.column ? "chosen" : null, onclick: () => amend({ focus: `${node.kind}/${node.name}`, column: column.name, whole: undefined }), "aria-label": `Lineage of ${column.name}` }, column.name), h("small", {}, column.type ?? ""))),
            ),
          ]
        : null,
    );
  };
  panel.hidden = true;
  if (state.focus) fillPanel(scene.items.find((item) => item.key === state.focus.index));
  graph.show(scene, state.focus?.index);
  const folders = distinct(drawn.map(folderOf));
  const tools = h(
    "div",
    { class: "tools", role: "toolbar", "aria-label": "What the graph shows" },
    finder(graph, scene),
    state.focus
      ? h("span", { class: "chip" }, h("a", { href: address(state.focus) }, state.focus.title), state.column ? h("b", {}, `.${state.column}`) : null, h("button", { type: "button", "aria-label": "No focus", onclick: () => amend({ focus: undefined, column: undefined, up: undefined, down: undefined, whole: "yes" }) }, icon("close")))
      : null,
    state.focus && !state.column ? [stepper("above", "up", state.up), stepper("below", "down", state.down)] : null,
    state.column
      ? [
          h("label", { class: "check" }, h("input", { type: "checkbox", checked: state.inspected, onchange: (event) => amend({ inspected: event.target.checked ? undefined : "no" }) }), "filters and joins"),
          h("button", { type: "button", class: "button small", onclick: () => amend({ column: undefined }) }, "All columns"),
        ]
      : [
          select("Tag", "tag", state.tag, distinct(drawn.flatMap((node) => node.tags)).map((tag) => [tag])),
          select("Owner", "owner", state.owner, distinct(drawn.map((node) => node.owner)).map((owner) => [owner])),
          select("Path", "path", state.path, folders.length > 1 ? folders.map((folder) => [folder]) : []),
          select("Status", "status", state.status, content.run || nodes.some((node) => node.error) ? ["fail", "warn", "ok", "idle"].map((word) => [word, HEALTH_WORDS[word]]) : []),
          select("Fold by", "group", state.group, [["folder"], ["schema"], drawn.some((node) => node.instance_of) ? ["instances"] : null, drawn.some((node) => node.owner) ? ["owner"] : null]),
        ],
    isFiltered || state.focus ? h("button", { type: "button", class: "button small", onclick: () => (location.hash = "#/graph?whole=yes") }, "Whole project") : null,
  );
  const buttons = h(
    "div",
    { class: "zoom", role: "group", "aria-label": "Size" },
    h("button", { type: "button", "aria-label": "Larger", onclick: () => graph.zoom(1.35) }, icon("plus")),
    h("button", { type: "button", "aria-label": "Smaller", onclick: () => graph.zoom(1 / 1.35) }, icon("minus")),
    h("button", { type: "button", "aria-label": "All of it", onclick: () => graph.fit(true) }, icon("fit")),
  );
  const kinds = KINDS.filter((kind) => scene.items.some((item) => item.kind === kind));
  const legend = state.column
    ? lineageLegend()
    : h("ul", { class: "legend" }, kinds.map((kind) => h("li", { class: `k-${kind}` }, h("i", { class: "dot", "aria-hidden": "true" }), kind)), scene.edges.some((edge) => edge.only) ? h("li", {}, "dashed: read by increments only") : null);
  window.suiroGraph = graph;
  return [
    h("div", { class: "graph-page" }, h("h1", { class: "visually-hidden" }, "Graph"), tools, h("div", { class: "graph-frame" }, graph.element, buttons, panel, h("div", { class: "below" }, legend, h("span", { class: "size" }, `${counted(scene.items.length, "box")}, ${counted(scene.edges.length, "edge")}`))), scene.traced ? lineageList(scene.traced) : null),
  ];
}
