// Pieces that several pages are made of.

const badge = (kind, text = kind) => h("span", { class: `badge k-${kind}` }, text);

/** A node as a link, with the colour of its kind. */
function nodeLink(node, column) {
  return h("a", { class: `node k-${node.kind}`, href: address(node, column), title: node.relation ?? node.name }, h("i", { class: "dot", "aria-hidden": "true" }), node.title, column ? `.${column}` : null);
}

function healthMark(word, text = HEALTH_WORDS[word]) {
  return h("span", { class: `health h-${word}` }, h("i", { "aria-hidden": "true" }), text);
}

/** Markdown that the program turned into HTML. */
const prose = (html) => h("div", { class: "prose", html });

function section(title, id, ...content) {
  const anchor = h("button", { class: "anchor", type: "button", "aria-label": `Go to ${title}`, onclick: () => find(`#${id}`).scrollIntoView() }, title);
  return h("section", { id, "aria-label": title }, h("h2", {}, anchor), content);
}

/** A table: columns are {title, class, cell(row), value(row)}; those with a value can be sorted by. */
function table(columns, rows, options = {}) {
  let by;
  let down = false;
  const body = h("tbody");
  const shown = options.most ?? 200;
  let most = shown;
  const more = h("button", { class: "more", type: "button", onclick: () => ((most += 1000), fill()) });
  const heads = columns.map((column) => {
    const head = h("th", { scope: "col", class: column.class });
    if (!column.value) head.append(column.title);
    else {
      head.append(
        h(
          "button",
          {
            type: "button",
            onclick: () => {
              down = by === column ? !down : Boolean(column.down);
              by = column;
              heads.forEach((other) => other.removeAttribute("aria-sort"));
              head.setAttribute("aria-sort", down ? "descending" : "ascending");
              fill();
            },
          },
          column.title,
        ),
      );
    }
    return head;
  });
  const fill = () => {
    const sorted = by
      ? [...rows].sort((one, other) => {
          const [first, second] = [by.value(one), by.value(other)];
          const order = first === second ? 0 : first === undefined ? 1 : second === undefined ? -1 : first < second ? -1 : 1;
          return down && first !== undefined && second !== undefined ? -order : order;
        })
      : rows;
    body.replaceChildren(...sorted.slice(0, most).map((row) => h("tr", options.row?.(row) ?? {}, columns.map((column) => h("td", { class: column.class, "data-title": column.title }, column.cell(row))))));
    more.hidden = rows.length <= most;
    more.textContent = `Show more of ${count(rows.length)}`;
  };
  fill();
  return h("div", { class: "scroll" }, h("table", {}, h("thead", {}, h("tr", {}, heads)), body), more);
}

const empty = (text) => h("p", { class: "empty" }, text);

/** The name of a place in the project, as a trail of links. */
function trail(...steps) {
  return h("nav", { class: "trail", "aria-label": "Where this is" }, h("ol", {}, steps.filter(Boolean).map(([text, href]) => h("li", {}, href ? h("a", { href }, text) : text))));
}

/** Rows and time of the last runs, as small bars. */
function runBars(runs) {
  const times = runs.map((run) => run.seconds ?? 0);
  const longest = Math.max(...times, 0.001);
  return h(
    "span",
    { class: "bars", role: "img", "aria-label": `Time of the last ${runs.length} runs, newest last: ${[...times].reverse().map(duration).join(", ")}` },
    [...runs].reverse().map((run) => {
      const bar = h("i", { class: `h-${run.status === "built" || run.status === "pass" ? "ok" : run.status === "warn" ? "warn" : "fail"}`, title: `${timeOfRun(run.run)}: ${run.status}, ${duration(run.seconds)}` });
      bar.style.height = `${Math.max(10, (100 * (run.seconds ?? 0)) / longest)}%`;
      return bar;
    }),
  );
}

/** What the kinds of lines of column lineage mean. */
function lineageLegend() {
  const words = { copy: "copied as it is", transform: "made of it", inspect: "filtered, joined, grouped or ordered by" };
  return h(
    "ul",
    { class: "legend" },
    LINEAGE_KINDS.map((kind) =>
      h(
        "li",
        {},
        h("svg", { viewBox: "0 0 34 8", class: `stroke l-${kind}`, "aria-hidden": "true" }, h("path", { d: "M1 4h32", fill: "none", stroke: "currentColor", "stroke-width": kind === "inspect" ? 1.6 : 2.2, "stroke-dasharray": kind === "inspect" ? "2 4" : kind === "transform" ? "8 3" : "none" })),
        h("b", {}, kind),
        ` ${words[kind]}`,
      ),
    ),
  );
}

/** The edges of a column's lineage as a list, for those who do not look at the drawing, and for print. */
function lineageList(traced) {
  const name = ({ node, column }) => h("a", { href: address(nodes[node], column), class: `node k-${nodes[node].kind}` }, `${nodes[node].name}${column ? `.${column}` : ""}`);
  const rows = [...traced.edges].sort((one, other) => LINEAGE_KINDS.indexOf(one.kind) - LINEAGE_KINDS.indexOf(other.kind));
  return h(
    "details",
    { class: "as-list" },
    h("summary", {}, `The same as a list: ${counted(traced.edges.length, "edge")}`),
    h(
      "ul",
      {},
      rows.map((edge) => h("li", { "data-kind": edge.kind }, name(edge.from), h("span", { class: `l-${edge.kind}` }, ` ${edge.kind} → `), name(edge.to), edge.cast ? h("small", {}, ` cast to ${edge.cast}`) : null)),
    ),
  );
}
