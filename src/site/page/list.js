// All nodes of a kind, as a table that can be sorted.

function listPage(kind, query) {
  if (kind === "macro") {
    return [
      h("header", { class: "title" }, h("h1", {}, "Macros")),
      table(
        [
          { title: "Macro", value: (macro) => macro.name, cell: (macro) => h("a", { href: `#/macro/${encodeURIComponent(macro.name)}` }, macro.name) },
          { title: "File", value: (macro) => macro.path, cell: (macro) => h("code", { class: "path" }, macro.path) },
          { title: "Called by", class: "number", value: (macro) => callers(macro), cell: (macro) => count(callers(macro)) },
        ],
        macros,
      ),
    ];
  }
  let list = ofKind(kind);
  if (query.documented === "no") list = list.filter((node) => !isDocumented(node));
  if (query.status) list = list.filter((node) => health(node) === query.status);
  const title = PLURALS[kind] ? PLURALS[kind][0].toUpperCase() + PLURALS[kind].slice(1) : kind;
  const said = query.documented === "no" ? " without a description" : query.status ? `, ${HEALTH_WORDS[query.status] ?? query.status}` : "";
  const head = h("header", { class: "title" }, h("h1", {}, title, said), h("p", {}, counted(list.length, kind)));
  if (kind === "test") return [head, testTable(list)];
  const columns = [
    { title: "Name", value: (node) => node.title, cell: (node) => nodeLink(node) },
    { title: "Kind", value: form, cell: (node) => form(node) },
    { title: "Schema", value: (node) => node.schema, cell: (node) => node.schema ?? "" },
    { title: "Description", class: "wide", cell: (node) => (node.description ? h("span", { class: "clip" }, strip(node.description)) : h("span", { class: "unknown" }, "–")) },
    { title: "Owner", value: (node) => node.owner, cell: (node) => node.owner ?? "" },
    { title: "Tests", class: "number", value: (node) => node.tests.length, down: true, cell: (node) => node.tests.length || "" },
    { title: "Rows", class: "number", value: (node) => lastDone(node)?.rows, down: true, cell: (node) => (lastDone(node)?.rows === undefined ? "" : count(lastDone(node).rows)) },
    { title: "Time", class: "number", value: (node) => lastDone(node)?.seconds, down: true, cell: (node) => duration(lastDone(node)?.seconds) },
    { title: "State", value: (node) => health(node), cell: (node) => healthMark(health(node)) },
  ];
  const used = columns.filter((column) => !["Owner", "Tests", "Rows", "Time", "Schema"].includes(column.title) || list.some((node) => column.cell(node) !== ""));
  return [head, list.length > 0 ? table(used, list) : empty("There are none.")];
}

const callers = (macro) => nodes.filter((node) => node.macros?.includes(macros.indexOf(macro))).length;
