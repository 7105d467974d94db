// The graph as a thing to look at and to move: a canvas, the pointer, the keyboard.

/**
 * A graph in an element. `options`: {label, compact, onchoose(item), onopen(item), oncolumn(node, column)}.
 * Returns {show(scene, keep), choose(key), fit(), zoom(factor), stats, element}.
 */
function graphView(options) {
  const canvas = h("canvas", {});
  const hint = h("p", { class: "hint" }, options.compact ? "" : "Drag to move, scroll to zoom, click a box; arrows walk along the edges, Enter opens");
  const element = h(
    "div",
    { class: "graph", tabindex: "0", role: "application", "aria-roledescription": "graph", "aria-label": options.label },
    canvas,
    hint,
  );
  const context = canvas.getContext("2d");
  const view = { x: 0, y: 0, scale: 1, width: 0, height: 0 };
  const tiles = new Tiles();
  const stats = { items: 0, edges: 0, drawn: 0, frames: 0 };
  let scene = { items: [], edges: [] };
  let colours = palette();
  let chosenKey;
  let lit;
  let waiting = false;
  let moving;
  let isFitted = true;

  const ratio = () => Math.min(devicePixelRatio || 1, 2);
  const request = () => {
    if (!waiting) {
      waiting = true;
      requestAnimationFrame(draw);
    }
  };

  function draw() {
    waiting = false;
    stats.frames++;
    const dots = ratio();
    context.setTransform(1, 0, 0, 1, 0, 0);
    context.clearRect(0, 0, canvas.width, canvas.height);
    const area = [view.x, view.y, view.x + view.width / view.scale, view.y + view.height / view.scale];
    if (scene.items.length > MANY) {
      if (tiles.draw(context, scene, view, dots, { colours, lit })) request();
      stats.drawn = scene.items.filter((item) => item.x + item.width >= area[0] && item.x <= area[2] && item.y + 30 >= area[1] && item.y - 30 <= area[3]).length;
    } else {
      context.scale(view.scale * dots, view.scale * dots);
      context.translate(-view.x, -view.y);
      stats.drawn = paint(context, scene, { colours, lit, scale: view.scale, area });
    }
    element.dataset.drawn = stats.drawn;
  }

  function resize() {
    const { width, height } = element.getBoundingClientRect();
    if (width === 0) return;
    const isFirst = view.width === 0;
    view.width = width;
    view.height = height;
    canvas.width = Math.round(width * ratio());
    canvas.height = Math.round(height * ratio());
    if (isFirst || isFitted) fit();
    request();
  }

  /** What is lit when an item is chosen: it, everything above and below, and the edges on the way. */
  function light() {
    tiles.forget();
    lit = undefined;
    const at = scene.items.findIndex((item) => item.key === chosenKey);
    if (at < 0) return;
    if (scene.traced) {
      lit = { items: new Set(scene.items.map((item) => item.key)), edges: new Set(scene.edges), chosen: chosenKey };
      return;
    }
    const items = new Set([chosenKey]);
    const edges = new Set();
    const next = new Map();
    for (const edge of scene.edges) {
      for (const [here, there] of [[`a${edge.to}`, edge.from], [`b${edge.from}`, edge.to]]) {
        if (!next.has(here)) next.set(here, []);
        next.get(here).push([edge, there]);
      }
    }
    for (const side of ["a", "b"]) {
      const seen = new Set([at]);
      const open = [at];
      while (open.length > 0) {
        for (const [edge, there] of next.get(side + open.pop()) ?? []) {
          edges.add(edge);
          items.add(scene.items[there].key);
          if (!seen.has(there)) {
            seen.add(there);
            open.push(there);
          }
        }
      }
    }
    lit = { items, edges, chosen: chosenKey };
  }

  function choose(key, quietly) {
    if (chosenKey === key) return;
    chosenKey = key;
    light();
    request();
    const item = scene.items.find((candidate) => candidate.key === key);
    if (item && !quietly) announce(described(item));
    if (!quietly) options.onchoose?.(item);
  }

  function described(item) {
    if (item.group) return `${item.group}, ${item.sub}, folded`;
    const node = item.node;
    const rows = item.rows.map((row) => row.name).join(", ");
    return `${node.kind} ${item.label}, ${form(node)}, reads ${node.reads.length}, read by ${node.readers.length}, ${HEALTH_WORDS[item.health]}${rows ? `, columns ${rows}` : ""}`;
  }

  function moveTo(target) {
    cancelAnimationFrame(moving);
    if (reducedMotion() || scene.items.length > MANY) {
      Object.assign(view, target);
      request();
      return;
    }
    const start = { ...view };
    const began = performance.now();
    const step = (now) => {
      const part = Math.min(1, (now - began) / 220);
      const eased = 1 - (1 - part) ** 3;
      for (const key of Object.keys(target)) view[key] = start[key] + (target[key] - start[key]) * eased;
      draw();
      if (part < 1) moving = requestAnimationFrame(step);
    };
    moving = requestAnimationFrame(step);
  }

  /** All of it, as large as it may be. */
  function fit(smooth) {
    if (view.width === 0) return;
    const [left, top, right, bottom] = boundsOf(scene.items);
    const margin = options.compact ? 18 : 36;
    // On its own page, a line of words lies over the lower edge.
    const high = view.height - (options.compact ? 0 : 34);
    const wide = view.width - (options.inset?.() ?? 0);
    let scale = Math.min(options.compact ? 1 : 1.15, (wide - 2 * margin) / (right - left), (high - 2 * margin) / (bottom - top));
    let middle = [(left + right) / 2, (top + bottom) / 2];
    const item = scene.items.find((candidate) => candidate.key === chosenKey);
    if (options.compact && scale < 0.6 && item) {
      // Too much for the room that there is: what it is about, and the nearest around it, can be read.
      scale = 0.68;
      middle = [item.x + item.width / 2, item.y];
    }
    const target = { scale, x: middle[0] - wide / scale / 2, y: middle[1] - high / scale / 2 };
    isFitted = true;
    if (smooth) moveTo(target);
    else Object.assign(view, target);
    request();
  }

  function zoom(factor, x = view.width / 2, y = view.height / 2) {
    const scale = Math.max(0.01, Math.min(3, view.scale * factor));
    view.x += x / view.scale - x / scale;
    view.y += y / view.scale - y / scale;
    view.scale = scale;
    isFitted = false;
    request();
  }

  function center(item, scale = Math.max(view.scale, 0.8)) {
    isFitted = false;
    moveTo({ scale, x: item.x + item.width / 2 - view.width / scale / 2, y: item.y - view.height / scale / 2 });
  }

  function under(event) {
    const { left, top } = element.getBoundingClientRect();
    const x = view.x + (event.clientX - left) / view.scale;
    const y = view.y + (event.clientY - top) / view.scale;
    const slack = view.scale < FAR ? 3 / view.scale : 0;
    const item = scene.items.findLast((candidate) => x >= candidate.x - slack && x <= candidate.x + candidate.width + slack && Math.abs(y - candidate.y) <= candidate.height / 2 + slack);
    const row = item?.rows.length ? item.rows[Math.floor((y - (item.y - item.height / 2) - BOX.height) / BOX.row)] : undefined;
    return { item, row };
  }

  const pointers = new Map();
  let travelled = 0;
  element.addEventListener("pointerdown", (event) => {
    if (event.button !== 0) return;
    pointers.set(event.pointerId, event);
    element.setPointerCapture(event.pointerId);
    travelled = 0;
  });
  element.addEventListener("pointermove", (event) => {
    const before = pointers.get(event.pointerId);
    if (!before) {
      const { item } = under(event);
      element.style.cursor = item ? "pointer" : "grab";
      element.title = item ? (item.group ?? item.node.name) : "";
      return;
    }
    if (pointers.size === 1) {
      view.x -= (event.clientX - before.clientX) / view.scale;
      view.y -= (event.clientY - before.clientY) / view.scale;
      travelled += Math.abs(event.clientX - before.clientX) + Math.abs(event.clientY - before.clientY);
      isFitted = false;
    } else {
      const other = [...pointers.values()].find((candidate) => candidate.pointerId !== event.pointerId);
      const apart = (one) => Math.hypot(one.clientX - other.clientX, one.clientY - other.clientY);
      const { left, top } = element.getBoundingClientRect();
      zoom(apart(event) / Math.max(1, apart(before)), (event.clientX + other.clientX) / 2 - left, (event.clientY + other.clientY) / 2 - top);
      travelled += 100;
    }
    pointers.set(event.pointerId, event);
    request();
  });
  const release = (event) => {
    if (!pointers.delete(event.pointerId) || event.type === "pointercancel" || travelled > 5) return;
    const { item, row } = under(event);
    if (row && options.oncolumn) options.oncolumn(item.node, row.name);
    else if (!item) choose(undefined);
    else choose(item.key);
  };
  element.addEventListener("pointerup", release);
  element.addEventListener("pointercancel", release);
  element.addEventListener("dblclick", (event) => {
    const { item } = under(event);
    if (item) options.onopen?.(item);
  });
  element.addEventListener(
    "wheel",
    (event) => {
      // A small graph within a page scrolls with the page, unless a key is held.
      if (options.compact && !event.ctrlKey && !event.metaKey) return;
      event.preventDefault();
      const { left, top } = element.getBoundingClientRect();
      zoom(Math.exp(-event.deltaY * (event.deltaMode === 1 ? 0.05 : 0.0016)), event.clientX - left, event.clientY - top);
    },
    { passive: false },
  );
  element.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const at = scene.items.findIndex((item) => item.key === chosenKey);
    const item = scene.items[at];
    const nearest = (candidates) => candidates.sort((one, other) => Math.abs(one.y - item.y) - Math.abs(other.y - item.y))[0];
    const walk = {
      ArrowLeft: () => nearest(scene.edges.filter((edge) => edge.to === at).map((edge) => scene.items[edge.from])),
      ArrowRight: () => nearest(scene.edges.filter((edge) => edge.from === at).map((edge) => scene.items[edge.to])),
      ArrowUp: () => nearest(scene.items.filter((other) => other.x === item.x && other.y < item.y)),
      ArrowDown: () => nearest(scene.items.filter((other) => other.x === item.x && other.y > item.y)),
    }[event.key];
    if (walk) {
      const next = item ? walk() : (scene.items.find((candidate) => candidate.node === options.focus) ?? scene.items[0]);
      if (next) {
        choose(next.key);
        const [x, y] = [(next.x + next.width / 2 - view.x) * view.scale, (next.y - view.y) * view.scale];
        if (x < 60 || y < 40 || x > view.width - 60 || y > view.height - 40 || view.scale < 0.4) center(next);
      }
    } else if (event.key === "Enter" && item) options.onopen?.(item);
    else if (event.key === "+" || event.key === "=") zoom(1.3);
    else if (event.key === "-") zoom(1 / 1.3);
    else if (event.key === "0") fit(true);
    else if (event.key === "Escape" && item) choose(undefined);
    else return;
    event.preventDefault();
    event.stopPropagation();
  });

  const observer = new ResizeObserver(resize);
  observer.observe(element);
  const recolour = () => {
    colours = palette();
    tiles.forget();
    request();
  };
  addEventListener("recolour", recolour);

  return {
    element,
    stats,
    view,
    show(next, key) {
      scene = next;
      chosenKey = undefined;
      Object.assign(stats, { items: scene.items.length, edges: scene.edges.length });
      element.dataset.items = scene.items.length;
      element.dataset.edges = scene.edges.length;
      tiles.forget();
      choose(key, true);
      fit();
      light();
      request();
    },
    choose,
    center: (key) => {
      const item = scene.items.find((candidate) => candidate.key === key);
      if (item) {
        choose(key);
        center(item);
      }
    },
    fit,
    zoom,
    pan(x, y) {
      view.x += x / view.scale;
      view.y += y / view.scale;
      isFitted = false;
      request();
    },
    destroy() {
      observer.disconnect();
      removeEventListener("recolour", recolour);
    },
  };
}
