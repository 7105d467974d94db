// Draws a scene on a canvas: boxes with words when they are near, coloured marks when they are far.

const FONT = 'Inter, ui-sans-serif, system-ui, "Segoe UI", Roboto, "Noto Sans", "Hiragino Sans", "Noto Sans CJK JP", sans-serif';
const MONO = 'ui-monospace, "SF Mono", "Cascadia Mono", "JetBrains Mono", Menlo, "DejaVu Sans Mono", monospace';

/** From here on words can be read. */
const READABLE = 0.5;
/** Below this, boxes are marks and edges are lines. */
const FAR = 0.3;

/** The colours of the page, as the canvas takes them. */
function palette() {
  const style = getComputedStyle(document.documentElement);
  const value = (name) => style.getPropertyValue(name).trim();
  const colours = {};
  for (const name of ["surface", "raised", "ink", "muted", "faint", "line", "edge", "water", "water-soft", "ok", "warn", "fail", "idle", "source", "seed", "model", "exposure", "copy", "transform", "inspect", "canvas"]) colours[name] = value(`--${name}`);
  return colours;
}

const measured = new Map();

/** The text, cut so that it fits. */
function fitted(context, text, font, width) {
  const key = `${font}\u0000${width}\u0000${text}`;
  let found = measured.get(key);
  if (found === undefined) {
    context.font = font;
    found = text;
    if (context.measureText(text).width > width) {
      let low = 1;
      let high = text.length;
      while (low < high) {
        const middle = (low + high + 1) >> 1;
        if (context.measureText(`${text.slice(0, middle)}…`).width <= width) low = middle;
        else high = middle - 1;
      }
      found = `${text.slice(0, low)}…`;
    }
    measured.set(key, found);
  }
  return found;
}

/** Draws what of a scene lies within `area` ([left, top, right, bottom], in units of the scene). */
function paint(context, scene, { colours, scale, area, lit }) {
  const isIn = (left, top, right, bottom) => right >= area[0] && left <= area[2] && bottom >= area[1] && top <= area[3];
  const isLit = (item) => !lit || lit.items.has(item.key);
  context.lineJoin = "round";
  paintEdges(context, scene, { colours, scale, lit, isIn });
  let count = 0;
  if (scale < FAR) {
    // One colour after the other: changing colours is what takes time here.
    const marks = new Map();
    for (const item of scene.items) {
      if (!isIn(item.x, item.y - item.height / 2, item.x + item.width, item.y + item.height / 2)) continue;
      count++;
      const alarming = item.health === "fail" || item.health === "warn";
      const name = `${isLit(item) ? 1 : 0}${alarming ? item.health : item.kind}`;
      if (!marks.has(name)) marks.set(name, []);
      marks.get(name).push(item);
    }
    for (const [name, items] of [...marks].sort()) {
      context.globalAlpha = name[0] === "1" ? 1 : 0.2;
      context.fillStyle = colours[name.slice(1)];
      for (const item of items) context.fillRect(item.x, item.y - item.height / 2, item.width, item.height);
    }
    context.globalAlpha = 1;
    return count;
  }
  for (const item of scene.items) {
    if (!isIn(item.x - 8, item.y - item.height / 2 - 8, item.x + item.width + 8, item.y + item.height / 2 + 8)) continue;
    count++;
    context.globalAlpha = isLit(item) ? 1 : 0.28;
    paintBox(context, item, colours, scale, lit?.chosen === item.key);
  }
  context.globalAlpha = 1;
  return count;
}

function curve(context, points) {
  context.moveTo(points[0], points[1]);
  for (let at = 2; at < points.length; at += 2) {
    const [x0, y0, x1, y1] = [points[at - 2], points[at - 1], points[at], points[at + 1]];
    const reach = x1 > x0 ? (x1 - x0) / 2 : Math.min(240, Math.abs(x1 - x0) / 2 + 40);
    if (y0 === y1 && x1 > x0) context.lineTo(x1, y1);
    else context.bezierCurveTo(x0 + reach, y0, x1 - reach, y1, x1, y1);
  }
}

function paintEdges(context, scene, { colours, scale, lit, isIn }) {
  const visible = (edge) => {
    const points = pointsOf(scene, edge);
    let [top, bottom, left, right] = [Infinity, -Infinity, Infinity, -Infinity];
    for (let at = 0; at < points.length; at += 2) {
      left = Math.min(left, points[at]);
      right = Math.max(right, points[at]);
      top = Math.min(top, points[at + 1]);
      bottom = Math.max(bottom, points[at + 1]);
    }
    const slack = right < left + 10 ? 120 : 4;
    return isIn(left - slack, top - slack, right + slack, bottom + slack);
  };
  const isLit = (edge) => !lit || lit.edges.has(edge);
  if (scale < FAR) {
    const faint = scene.edges.length > 4000 ? 0.22 : scene.edges.length > 800 ? 0.4 : 0.75;
    for (const now of lit ? [false, true] : [true]) {
      context.beginPath();
      for (const edge of scene.edges) {
        if (isLit(edge) !== now || !visible(edge)) continue;
        const points = pointsOf(scene, edge);
        context.moveTo(points[0], points[1]);
        for (let at = 2; at < points.length; at += 2) context.lineTo(points[at], points[at + 1]);
      }
      context.strokeStyle = now && lit ? colours.water : colours.edge;
      context.globalAlpha = now ? (lit ? 0.9 : faint) : faint * 0.4;
      context.lineWidth = (now && lit ? 1.5 : 1) / scale;
      context.stroke();
    }
    context.globalAlpha = 1;
    return;
  }
  // The more edges there are, the less each of them says.
  const loud = Math.max(0.13, Math.min(1, 140 / scene.edges.length));
  for (const now of lit ? [false, true] : [true]) {
    for (const edge of scene.edges) {
      if (isLit(edge) !== now || !visible(edge)) continue;
      const points = pointsOf(scene, edge);
      context.beginPath();
      curve(context, points);
      context.globalAlpha = now ? (lit || edge.kind ? 1 : loud) : 0.25 * loud;
      context.strokeStyle = edge.kind ? colours[edge.kind] : now && lit ? colours.water : colours.edge;
      context.lineWidth = (edge.kind === "inspect" ? 1.4 : edge.kind ? 2 : now && lit ? 2 : Math.min(1.4 + Math.log2(edge.weight ?? 1) * 0.7, 6)) * Math.max(1, 0.8 / scale);
      context.setLineDash(edge.kind === "inspect" ? [2, 5] : edge.kind === "transform" ? [9, 4] : edge.only ? [4, 4] : []);
      context.stroke();
      context.setLineDash([]);
      arrow(context, points.at(-2), points.at(-1), context.strokeStyle);
    }
  }
  context.globalAlpha = 1;
}

function arrow(context, x, y, colour) {
  context.fillStyle = colour;
  context.beginPath();
  context.moveTo(x, y);
  context.lineTo(x - 7, y - 4);
  context.lineTo(x - 7, y + 4);
  context.fill();
}

function paintBox(context, item, colours, scale, isChosen) {
  const { x, width, height } = item;
  const y = item.y - height / 2;
  const colour = colours[item.kind] ?? colours.model;
  if (item.group) {
    for (const shift of [6, 3]) {
      context.beginPath();
      context.roundRect(x + shift, y + shift, width, height, 9);
      context.fillStyle = colours.surface;
      context.fill();
      context.strokeStyle = colours.line;
      context.lineWidth = 1;
      context.stroke();
    }
  }
  context.beginPath();
  context.roundRect(x, y, width, height, 9);
  context.fillStyle = colours.surface;
  context.fill();
  context.lineWidth = isChosen ? 2.5 : 1.1;
  context.strokeStyle = isChosen ? colours.water : item.health === "fail" ? colours.fail : colours.line;
  context.stroke();
  // What it is: a band of its colour; an exposure drinks, so its band is on the right.
  context.fillStyle = colour;
  context.beginPath();
  if (item.kind === "exposure") context.roundRect(x + width - 6, y, 6, height, [0, 9, 9, 0]);
  else context.roundRect(x, y, 6, height, [9, 0, 0, 9]);
  context.fill();
  if (scale < READABLE * 0.8) return;
  context.textBaseline = "middle";
  const left = x + (item.kind === "exposure" ? 12 : 17);
  const room = width - 44;
  const head = `600 13px ${FONT}`;
  const label = fitted(context, item.label, head, room);
  context.font = head;
  context.fillStyle = colours.ink;
  context.fillText(label, left, y + 16);
  const small = `11px ${FONT}`;
  const sub = fitted(context, item.sub, small, room);
  context.font = small;
  context.fillStyle = colours.muted;
  context.fillText(sub, left, y + 32.5);
  if (item.health !== "idle") paintHealth(context, item, x + width - (item.kind === "exposure" ? 20 : 15), y + 16, colours);
  if (item.rows.length > 0) paintRows(context, item, y, colours);
}

/** Told apart by form as well as by colour: a dot, a triangle, a cross. */
function paintHealth(context, item, x, y, colours) {
  context.fillStyle = context.strokeStyle = colours[item.health];
  context.beginPath();
  if (item.health === "ok") {
    context.arc(x, y, 3.5, 0, 7);
    context.fill();
  } else if (item.health === "warn") {
    context.moveTo(x, y - 5);
    context.lineTo(x + 5.5, y + 4.5);
    context.lineTo(x - 5.5, y + 4.5);
    context.fill();
  } else {
    context.lineWidth = 2.4;
    context.moveTo(x - 4, y - 4);
    context.lineTo(x + 4, y + 4);
    context.moveTo(x + 4, y - 4);
    context.lineTo(x - 4, y + 4);
    context.stroke();
  }
}

function paintRows(context, item, top, colours) {
  context.strokeStyle = colours.line;
  context.lineWidth = 1;
  context.beginPath();
  context.moveTo(item.x + 6, top + BOX.height - 0.5);
  context.lineTo(item.x + item.width, top + BOX.height - 0.5);
  context.stroke();
  item.rows.forEach((row, number) => {
    const y = top + BOX.height + number * BOX.row;
    if (row.side === "start") {
      context.fillStyle = colours["water-soft"];
      context.beginPath();
      context.roundRect(item.x + 9, y + 1, item.width - 14, BOX.row - 2, 5);
      context.fill();
    }
    const font = `${row.side === "start" ? "600 " : ""}11.5px ${MONO}`;
    const text = fitted(context, row.name, font, item.width - 36);
    context.font = font;
    context.fillStyle = row.side === "inspected" ? colours.muted : colours.ink;
    context.fillText(text, item.x + 17, y + BOX.row / 2);
  });
}
