// Search as you type: names first, then columns, descriptions, and SQL.

/** Where a word was found, the best place first, and how much it counts. */
const PLACES = [
  ["name", 100],
  ["column", 40],
  ["description", 20],
  ["sql", 8],
];

const strip = (html) => html.replace(/<[^>]*>/g, " ").replace(/&lt;/g, "<").replace(/&gt;/g, ">").replace(/&quot;/g, '"').replace(/&amp;/g, "&").replace(/\s+/g, " ").trim();

const index = {
  entries: undefined,

  /** Everything in lower case, once. */
  build() {
    if (this.entries) return this.entries;
    const columns = (node) => node.columns.map((column) => `${column.name} ${column.description ? strip(column.description) : ""}`).join("\n");
    this.entries = [
      ...nodes.map((node) => ({
        node,
        kind: node.kind,
        title: node.title,
        name: node.name.toLowerCase(),
        texts: [
          `${node.title} ${node.relation ?? ""}`.toLowerCase(),
          columns(node).toLowerCase(),
          [node.description ? strip(node.description) : "", node.tags.join(" "), node.owner ?? "", node.path ?? ""].join(" ").toLowerCase(),
          undefined,
        ],
      })),
      ...macros.map((macro, number) => ({
        macro: number,
        kind: "macro",
        title: macro.name,
        name: macro.name.toLowerCase(),
        texts: [macro.name.toLowerCase(), "", "", macro.text.toLowerCase()],
      })),
    ];
    return this.entries;
  },

  sql(entry) {
    if (entry.texts[3] === undefined) {
      const node = entry.node;
      const text = written(node) ?? (node.kind === "test" ? node.compiled?.text : "");
      if (text === undefined) return "";
      entry.texts[3] = (text ?? "").toLowerCase();
    }
    return entry.texts[3];
  },
};

/** What fits the words of `text`, the best first: [{entry, place, score}]. Each word has to be found somewhere. */
function search(text, most = 60) {
  const words = text.toLowerCase().split(/\s+/).filter(Boolean);
  if (words.length === 0) return [];
  const found = [];
  for (const entry of index.build()) {
    let score = 0;
    let worst = 0;
    for (const word of words) {
      let place = 0;
      while (place < 4 && !(place === 3 ? index.sql(entry) : entry.texts[place]).includes(word)) place++;
      if (place === 4) {
        score = 0;
        break;
      }
      worst = Math.max(worst, place);
      score += PLACES[place][1];
      if (place === 0) {
        if (entry.name === word) score += 100;
        else if (entry.name.startsWith(word)) score += 40;
        else if (new RegExp(`(^|[_.\\s])${word.replace(/[.*+?^${}()|[\]\\]/g, "\\$&")}`).test(entry.name)) score += 20;
      }
    }
    if (score > 0) {
      if (entry.kind === "test") score *= 0.25;
      found.push({ entry, place: PLACES[worst][0], score });
    }
  }
  found.sort((one, other) => other.score - one.score || (one.entry.name < other.entry.name ? -1 : 1));
  found.total = found.length;
  if (found.length > most) found.length = most;
  return found;
}

/** The part of a text around what was searched for, with the words marked. */
function excerpt(text, words, around = 40) {
  const lower = text.toLowerCase();
  const at = Math.max(0, Math.min(...words.map((word) => lower.indexOf(word)).filter((place) => place >= 0)));
  const start = Number.isFinite(at) ? Math.max(0, at - around) : 0;
  const part = `${start > 0 ? "…" : ""}${text.slice(start, start + 3 * around).replace(/\s+/g, " ")}`;
  return marked(part, words);
}

function marked(text, words) {
  const pieces = [];
  const lower = text.toLowerCase();
  let at = 0;
  while (at < text.length) {
    let next = text.length;
    let length = 0;
    for (const word of words) {
      const place = lower.indexOf(word, at);
      if (place >= 0 && place < next) [next, length] = [place, word.length];
    }
    if (next > at) pieces.push(text.slice(at, next));
    if (length > 0) pieces.push(h("mark", {}, text.slice(next, next + length)));
    at = next + Math.max(length, next === text.length ? 1 : 0);
  }
  return pieces;
}

/** What a result shows below its title. */
function reason({ entry, place }, words) {
  const node = entry.node;
  if (!node) return excerpt(macros[entry.macro].text, words);
  if (place === "column") {
    const hit = node.columns.find((column) => words.some((word) => column.name.toLowerCase().includes(word)));
    const text = hit ? hit.name : node.columns.map((column) => strip(column.description ?? "")).join(" ");
    return ["column ", ...excerpt(text, words)];
  }
  if (place === "description") return excerpt([node.description ? strip(node.description) : "", node.tags.join(", "), node.owner ?? "", node.path ?? ""].filter(Boolean).join(" · "), words);
  if (place === "sql") return h("code", {}, excerpt(written(node) ?? node.compiled?.text ?? "", words));
  return node.path ?? node.relation ?? "";
}

const addressOf = (entry) => (entry.node ? address(entry.node) : `#/macro/${encodeURIComponent(entry.title)}`);

/** The field in the header and the list below it: a combobox, as screen readers know it. */
function searchBox() {
  const list = h("ul", { id: "results", role: "listbox", "aria-label": "Search results", hidden: true });
  const field = h("input", {
    id: "search",
    type: "search",
    placeholder: "Search models, columns, SQL",
    autocomplete: "off",
    spellcheck: "false",
    role: "combobox",
    "aria-label": "Search models, columns, descriptions and SQL",
    "aria-controls": "results",
    "aria-expanded": "false",
    "aria-autocomplete": "list",
  });
  let chosen = -1;
  const options = () => [...list.querySelectorAll("[role=option]")];
  const choose = (next) => {
    const all = options();
    if (all.length === 0) return;
    chosen = (next + all.length) % all.length;
    all.forEach((option, number) => option.setAttribute("aria-selected", String(number === chosen)));
    field.setAttribute("aria-activedescendant", all[chosen].id);
    all[chosen].scrollIntoView({ block: "nearest" });
  };
  const close = () => {
    list.hidden = true;
    chosen = -1;
    field.setAttribute("aria-expanded", "false");
    field.removeAttribute("aria-activedescendant");
  };
  const update = () => {
    const started = performance.now();
    const words = field.value.toLowerCase().split(/\s+/).filter(Boolean);
    const found = search(field.value, 40);
    list.replaceChildren(
      ...found.map((hit, number) =>
        h(
          "li",
          { role: "option", id: `result-${number}`, "aria-selected": "false", onclick: () => go(hit) },
          h("span", { class: `kind k-${hit.entry.kind}` }, hit.entry.kind),
          h("span", { class: "what" }, h("b", {}, marked(hit.entry.title, words)), h("small", {}, reason(hit, words))),
        ),
      ),
    );
    if (words.length > 0 && found.length === 0) list.append(h("li", { class: "nothing" }, `Nothing has “${field.value}”`));
    if (found.total > found.length) list.append(h("li", { class: "nothing" }, `${count(found.total - found.length)} more; another word narrows it down`));
    list.hidden = words.length === 0;
    field.setAttribute("aria-expanded", String(!list.hidden));
    chosen = -1;
    field.removeAttribute("aria-activedescendant");
    if (words.length > 0) announce(counted(found.total ?? 0, "result"));
    list.dataset.milliseconds = (performance.now() - started).toFixed(1);
  };
  const go = (hit) => {
    close();
    field.blur();
    location.hash = addressOf(hit.entry);
  };
  field.addEventListener("input", update);
  field.addEventListener("focus", () => {
    index.build();
    if (content.parts) texts.all().then(() => field.value && update());
    if (field.value) update();
  });
  field.addEventListener("keydown", (event) => {
    if (event.key === "ArrowDown") choose(chosen + 1);
    else if (event.key === "ArrowUp") choose(chosen - 1);
    else if (event.key === "Enter") options()[Math.max(chosen, 0)]?.click();
    else if (event.key === "Escape") field.value ? ((field.value = ""), update()) : field.blur();
    else return;
    event.preventDefault();
  });
  const box = h("div", { class: "searchbox", role: "search" }, icon("search"), field, h("kbd", { "aria-hidden": "true" }, "/"), list);
  document.addEventListener("pointerdown", (event) => !box.contains(event.target) && close());
  return box;
}
