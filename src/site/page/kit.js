// Elements, words and numbers.
//
// Every text that a user wrote becomes a text node here. The one exception is `html`, for descriptions: the program made
// them from Markdown, and lets nothing through but a few harmless elements.

const find = (selector, within = document) => within.querySelector(selector);

/** An element: h("a", {href, class: "x", onclick}, "text", child, [children], null). */
function h(tag, attributes, ...children) {
  const svg = tag === "svg" || tag === "path" || tag === "circle" || tag === "rect" || tag === "g" || tag === "text";
  const element = svg ? document.createElementNS("http://www.w3.org/2000/svg", tag) : document.createElement(tag);
  for (const [key, value] of Object.entries(attributes ?? {})) {
    if (value === null || value === undefined || value === false) continue;
    if (key.startsWith("on")) element.addEventListener(key.slice(2), value);
    else if (key === "html") element.innerHTML = value;
    else element.setAttribute(key, value === true ? "" : value);
  }
  add(element, children);
  return element;
}

function add(element, children) {
  for (const child of children) {
    if (child === null || child === undefined || child === false) continue;
    if (Array.isArray(child)) add(element, child);
    else element.append(child);
  }
}

/** Puts these in the place of what an element holds. */
function fill(element, ...children) {
  element.replaceChildren();
  add(element, children);
}

const ICONS = {
  search: "M10.5 4a6.5 6.5 0 1 0 0 13 6.5 6.5 0 0 0 0-13ZM15.5 15.5 20 20",
  menu: "M4 7h16M4 12h16M4 17h16",
  theme: "M12 4a8 8 0 1 0 0 16 8 8 0 0 0 0-16ZM12 4v16M12 8h6.5M12 12h8M12 16h6.5",
  graph: "M4 6h5v4H4zM15 4h5v4h-5zM15 16h5v4h-5zM9 8c4 0 2-2 6-2M9 8c4 0 2 10 6 10",
  home: "M4 11l8-7 8 7v9h-5v-6H9v6H4z",
  copy: "M9 9h10v11H9zM5 15V4h10v2",
  open: "M9 5H5v14h14v-4M13 5h6v6M19 5l-9 9",
  fit: "M4 9V4h5M15 4h5v5M20 15v5h-5M9 20H4v-5",
  plus: "M12 5v14M5 12h14",
  minus: "M5 12h14",
  close: "M6 6l12 12M18 6L6 18",
  chevron: "M9 6l6 6-6 6",
};

function icon(name) {
  return h(
    "svg",
    { viewBox: "0 0 24 24", class: "icon", "aria-hidden": "true" },
    h("path", { d: ICONS[name], fill: "none", stroke: "currentColor", "stroke-width": "1.7", "stroke-linejoin": "round", "stroke-linecap": "round" }),
  );
}

const numberFormat = new Intl.NumberFormat("en");

const count = (number) => numberFormat.format(number);

/** "1 model", "2 models". */
const counted = (number, word) => `${count(number)} ${word}${number === 1 ? "" : /(s|x)$/.test(word) ? "es" : "s"}`;

/** "0.03 s", "12 s", "3 min 20 s". */
function duration(seconds) {
  if (seconds === undefined || seconds === null) return "";
  if (seconds < 10) return `${seconds.toFixed(2)} s`;
  if (seconds < 100) return `${Math.round(seconds)} s`;
  const minutes = Math.floor(seconds / 60);
  return minutes < 60 ? `${minutes} min ${Math.round(seconds % 60)} s` : `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}

/** The time that the name of a run begins with: 20261123T164448-53d3bc. */
function timeOfRun(run) {
  const found = /^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)/.exec(run ?? "");
  return found ? `${found[1]}-${found[2]}-${found[3]} ${found[4]}:${found[5]}` : run;
}

/** A value of configuration as people write it. */
function plain(value) {
  if (typeof value === "string") return value;
  if (Array.isArray(value) && value.every((item) => typeof item !== "object")) return value.join(", ");
  const short = JSON.stringify(value);
  return short.length <= 60 ? short : JSON.stringify(value, null, 2);
}

/** A path that may be broken behind each of its folders. */
const pathText = (path) => path.split("/").flatMap((part, at, all) => (at < all.length - 1 ? [`${part}/`, h("wbr")] : [part]));

/** Waits until nobody has called for a while. */
function settled(milliseconds, action) {
  let timer;
  return (...values) => {
    clearTimeout(timer);
    timer = setTimeout(() => action(...values), milliseconds);
  };
}

/** Says something to those who listen to the page instead of looking at it. */
function announce(text) {
  const region = find("#announcer");
  if (region && region.textContent !== text) region.textContent = text;
}

const reducedMotion = () => matchMedia("(prefers-reduced-motion: reduce)").matches;
