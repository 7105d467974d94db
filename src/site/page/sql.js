// SQL in colours, with links where it names relations.

const KEYWORDS = new Set(
  `all and any array as asc asof between by case cast columns copy create cross current cube date delete desc distinct
  else end escape except exclude exists extract false fetch filter first following for from full group grouping
  groups having ilike in inner insert intersect interval into is join last lateral left like limit materialized natural
  not null nulls offset on or order ordinality outer over partition pivot positional preceding qualify range
  recursive replace returning right rollup row rows sample select semi sets similar some struct symmetric table
  tablesample then ties time timestamp to true try_cast unbounded union unique unpivot update using values when where
  window with within without`.split(/\s+/),
);

const TOKEN = new RegExp(
  [
    /(?<comment>--[^\n]*|\/\*[^]*?\*\/)/,
    /(?<template>\{\{[^]*?\}\}|\{%[^]*?%\}|\{#[^]*?#\})/,
    /(?<string>[eE]?'(?:[^']|'')*'|\$(?<tag>\w*)\$[^]*?\$\k<tag>\$)/,
    /(?<quoted>"(?:[^"]|"")*")/,
    /(?<number>\b\d+(?:\.\d+)?(?:[eE][-+]?\d+)?\b)/,
    /(?<call>[\p{L}_][\p{L}\p{N}_]*(?=\s*\())/,
    /(?<word>[\p{L}_][\p{L}\p{N}_]*)/,
  ].map((part) => part.source).join("|"),
  "gu",
);

/** The classes of a text's tokens: [[start, end, class]]. */
function tokens(text) {
  const found = [];
  for (const match of text.matchAll(TOKEN)) {
    const groups = match.groups;
    let kind = Object.keys(groups).find((name) => name !== "tag" && groups[name] !== undefined);
    const word = match[0].toLowerCase();
    if ((kind === "word" || kind === "call") && KEYWORDS.has(word)) kind = "keyword";
    if (kind !== "word") found.push([match.index, match.index + match[0].length, kind]);
  }
  return found;
}

/** A block of SQL with numbered lines. `links` are [start, end, node]; `mark` is a place to scroll to. */
function sqlBlock(text, links, label) {
  const code = h("code");
  const paint = (part, kind) => (kind ? code.append(h("span", { class: `t-${kind}` }, part)) : code.append(part));
  const paintRange = (start, end, colours) => {
    let at = start;
    for (const [from, to, kind] of colours) {
      if (to <= at || from >= end) continue;
      if (from > at) paint(text.slice(at, from));
      paint(text.slice(Math.max(from, at), Math.min(to, end)), kind);
      at = Math.min(to, end);
    }
    if (at < end) paint(text.slice(at, end));
  };
  const colours = tokens(text);
  let at = 0;
  let colour = 0;
  const upTo = (end) => {
    while (colour < colours.length && colours[colour][1] <= at) colour++;
    let last = colour;
    while (last < colours.length && colours[last][0] < end) last++;
    paintRange(at, end, colours.slice(colour, last));
    at = end;
  };
  for (const [start, end, index] of links ?? []) {
    upTo(start);
    const node = nodes[index];
    code.append(h("a", { href: address(node), class: `relation k-${node.kind}`, title: `${node.kind} ${node.name}` }, text.slice(start, end)));
    at = end;
  }
  upTo(text.length);
  const lines = text.replace(/\n$/, "").split("\n").length;
  const numbers = h("span", { class: "lines", "aria-hidden": "true" }, Array.from({ length: lines }, (_, line) => `${line + 1}\n`).join(""));
  const copy = h("button", { class: "quiet copy", type: "button", "aria-label": `Copy ${label}`, onclick: () => copyText(copy, text) }, icon("copy"), h("span", {}, "Copy"));
  return h("div", { class: "sql" }, copy, h("pre", { tabindex: "0", "aria-label": label }, numbers, code));
}

function copyText(button, text) {
  const done = () => {
    const word = find("span", button);
    const before = word?.textContent;
    if (word) word.textContent = "Copied";
    announce("Copied");
    setTimeout(() => word && (word.textContent = before), 1500);
  };
  if (navigator.clipboard) navigator.clipboard.writeText(text).then(done, () => {});
}
