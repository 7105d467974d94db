// The frame around every page: header, contents, theme; and which page an address means.

function themeSwitch() {
  const root = document.documentElement;
  const read = () => {
    try {
      return localStorage.getItem("suiro-theme");
    } catch {
      return null;
    }
  };
  const isDark = () => (root.dataset.theme ? root.dataset.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches);
  const set = (theme) => {
    if (theme) root.dataset.theme = theme;
    else delete root.dataset.theme;
    dispatchEvent(new Event("recolour"));
  };
  set(read());
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => dispatchEvent(new Event("recolour")));
  return h(
    "button",
    {
      class: "quiet",
      type: "button",
      "aria-label": "Dark or light",
      title: "Dark or light",
      onclick: () => {
        const theme = isDark() ? "light" : "dark";
        try {
          localStorage.setItem("suiro-theme", theme);
        } catch {
          // A page that may not remember is dark or light until it is closed.
        }
        set(theme);
        announce(theme);
      },
    },
    icon("theme"),
  );
}

/** The mark: water between two banks. */
function mark() {
  return h(
    "svg",
    { viewBox: "0 0 32 32", class: "mark", "aria-hidden": "true" },
    h("path", { d: "M3 9c6 0 6 5 13 5s7-5 13-5", fill: "none", stroke: "currentColor", "stroke-width": "3.4", "stroke-linecap": "round" }),
    h("path", { d: "M3 17c6 0 6 5 13 5s7-5 13-5", fill: "none", stroke: "currentColor", "stroke-width": "2.2", "stroke-linecap": "round", opacity: ".65" }),
    h("path", { d: "M3 24c6 0 6 4 13 4s7-4 13-4", fill: "none", stroke: "currentColor", "stroke-width": "1.3", "stroke-linecap": "round", opacity: ".4" }),
  );
}

/** The contents: models by folder, the rest by kind. Folders are filled when they are opened. */
function contents() {
  const leaf = (node) => h("li", {}, h("a", { href: address(node), "data-address": `${node.kind}/${node.name}`, class: `k-${node.kind} h-${health(node)}`, title: node.name }, h("i", { class: "dot", "aria-hidden": "true" }), h("span", {}, node.short)));
  const branch = (title, size, fill, isOpen) => {
    const list = h("ul");
    let filled = false;
    const details = h("details", { open: isOpen }, h("summary", {}, h("span", {}, title), h("small", {}, count(size))), list);
    const once = () => {
      if (filled || !details.open) return;
      filled = true;
      list.append(...fill());
    };
    details.addEventListener("toggle", once);
    details.fill = once;
    once();
    return h("li", {}, details);
  };
  const tree = (list, depth) => {
    const folders = new Map();
    const here = [];
    for (const node of list) {
      const parts = folderOf(node).split("/");
      if (parts.length > depth && parts[depth]) {
        const name = parts[depth];
        if (!folders.has(name)) folders.set(name, []);
        folders.get(name).push(node);
      } else here.push(node);
    }
    return [...[...folders].sort(([one], [other]) => (one < other ? -1 : 1)).map(([name, inside]) => branch(name, inside.length, () => tree(inside, depth + 1), list.length <= 40)), ...here.map(leaf)];
  };
  const groups = [];
  const models = ofKind("model");
  if (models.length > 0) groups.push(["Models", models.length, () => tree(models, models.every((node) => folderOf(node).startsWith("models")) ? 1 : 0), true]);
  for (const [title, kind] of [["Seeds", "seed"], ["Sources", "source"], ["Exposures", "exposure"]]) {
    const list = ofKind(kind);
    if (list.length > 0) groups.push([title, list.length, () => (kind === "source" ? tree(list, 1) : list.map(leaf)), list.length <= 12]);
  }
  const other = [
    ofKind("test").length > 0 ? h("li", {}, h("a", { href: "#/list/test", "data-address": "list/test" }, h("span", {}, "Tests"), h("small", {}, count(ofKind("test").length)))) : null,
    macros.length > 0 ? h("li", {}, h("a", { href: "#/list/macro", "data-address": "list/macro" }, h("span", {}, "Macros"), h("small", {}, count(macros.length)))) : null,
  ];
  return h("nav", { id: "contents", "aria-label": "Contents" }, h("ul", { class: "tree" }, groups.map((group) => branch(...group)), other));
}

const main = h("main", { id: "main", tabindex: "-1" });

/** The page that the address means. */
function show() {
  const { path, query } = readRoute();
  const [kind, name] = path;
  let title;
  let page;
  const isGraph = kind === "graph";
  if (kind === undefined) [title, page] = ["", startPage()];
  else if (isGraph) [title, page] = ["Graph", graphPage(query)];
  else if (kind === "list" && (PLURALS[name] ?? name === "macro")) [title, page] = [PLURALS[name], listPage(name, query)];
  else if (kind === "macro" && macros.some((macro) => macro.name === name)) [title, page] = [name, macroPage(macros.find((macro) => macro.name === name))];
  else if (byAddress.has(`${kind}/${path.slice(1).join("/")}`)) {
    const node = byAddress.get(`${kind}/${path.slice(1).join("/")}`);
    [title, page] = [node.title, nodePage(node, query)];
  } else if (byShortAddress.has(`${kind}/${path.slice(1).join("/")}`)) {
    const several = byShortAddress.get(`${kind}/${path.slice(1).join("/")}`);
    if (several.length === 1) {
      const node = several[0];
      [title, page] = [node.title, nodePage(node, query)];
    } else {
      title = path.at(-1);
      page = [h("header", { class: "title" }, h("h1", {}, title), h("p", {}, `${counted(several.length, kind)} have this name.`)), h("ul", { class: "plain" }, several.map((node) => h("li", {}, nodeLink(node, query.column), h("small", {}, node.path ?? ""))))];
    }
  } else {
    const near = search(path.at(-1) ?? "", 6);
    [title, page] = [
      "Not here",
      [
        h("header", { class: "title" }, h("h1", {}, "Nothing has this address")),
        h("p", {}, `There is no ${path.join(" ")} in this project; it may have been renamed.`),
        near.length > 0 ? h("ul", { class: "plain" }, near.map((hit) => h("li", {}, hit.entry.node ? nodeLink(hit.entry.node) : hit.entry.title))) : null,
        h("p", {}, h("a", { href: "#/", class: "button" }, "To the start")),
      ],
    ];
  }
  document.body.classList.toggle("on-graph", isGraph);
  main.className = isGraph ? "is-graph" : "";
  main.replaceChildren(...[page].flat(3).filter((part) => part !== null && part !== undefined));
  document.title = `${title ? `${title} · ` : ""}${content.project}`;
  document.body.classList.remove("contents-open");
  const at = kind === "list" ? `list/${name}` : `${kind}/${path.slice(1).join("/")}`;
  for (const link of document.querySelectorAll("#contents [aria-current]")) link.removeAttribute("aria-current");
  reveal(at);
  for (const link of document.querySelectorAll("nav.main a")) {
    const here = link.getAttribute("href") === (isGraph ? "#/graph" : kind === undefined ? "#/" : "");
    if (here) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
}

/** Opens the folders of the contents down to a node, and marks it. */
function reveal(at) {
  const node = byAddress.get(at);
  const contentsList = find("#contents");
  if (node && !contentsList.querySelector(`[data-address="${CSS.escape(at)}"]`)) {
    const words = [{ model: "Models", seed: "Seeds", source: "Sources", exposure: "Exposures" }[node.kind], ...folderOf(node).split("/")];
    for (let round = 0; round < 12; round++) {
      const next = [...contentsList.querySelectorAll("details:not([open]) > summary > span:first-child")].find((span) => words.includes(span.textContent));
      if (!next) break;
      const details = next.closest("details");
      details.open = true;
      details.fill();
      if (contentsList.querySelector(`[data-address="${CSS.escape(at)}"]`)) break;
    }
  }
  const link = contentsList.querySelector(`[data-address="${CSS.escape(at)}"]`);
  if (link) {
    link.setAttribute("aria-current", "page");
    link.scrollIntoView({ block: "nearest" });
  }
}

function shell() {
  const menu = h("button", { class: "quiet menu", type: "button", "aria-label": "Contents", "aria-controls": "contents", onclick: () => document.body.classList.toggle("contents-open") }, icon("menu"));
  document.body.prepend(
    h("a", { class: "skip", href: "#main", onclick: (event) => (event.preventDefault(), main.focus()) }, "To the page"),
    h(
      "header",
      { class: "top" },
      menu,
      h("a", { class: "brand", href: "#/", "aria-label": `${content.project}: start` }, mark(), h("span", {}, content.project)),
      searchBox(),
      h("nav", { class: "main", "aria-label": "Main" }, h("a", { href: "#/" }, icon("home"), h("span", {}, "Start")), h("a", { href: "#/graph" }, icon("graph"), h("span", {}, "Graph"))),
      themeSwitch(),
    ),
    h("div", { class: "frame" }, contents(), main),
    h("p", { id: "announcer", class: "visually-hidden", role: "status", "aria-live": "polite" }),
  );
  document.addEventListener("keydown", (event) => {
    const typing = /^(INPUT|SELECT|TEXTAREA)$/.test(document.activeElement?.tagName ?? "");
    if ((event.key === "/" && !typing) || (event.key === "k" && (event.ctrlKey || event.metaKey))) {
      event.preventDefault();
      find("#search").focus();
      find("#search").select();
    }
  });
}

shell();
show();
addEventListener("hashchange", () => {
  show();
  const { query } = readRoute();
  const row = query.column && document.getElementById(`column-${query.column}`);
  if (!main.classList.contains("is-graph")) {
    if (row && find("#lineage")) find("#lineage").scrollIntoView({ block: "start" });
    else scrollTo(0, 0);
  }
  main.focus({ preventScroll: true });
});
document.body.dataset.ready = Math.round(performance.now());
