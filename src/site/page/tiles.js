// A large scene as tiles: pictures of its parts, each drawn once for a size, so that moving it is only moving pictures.

const TILE = 512;
/** The most tiles that are kept. */
const KEPT = 96;

class Tiles {
  constructor() {
    this.kept = new Map();
    this.scale = 0;
    this.stale = undefined;
  }

  /** Nothing that was drawn holds any more. */
  forget() {
    this.kept.clear();
    this.stale = undefined;
  }

  /** Draws a scene from its tiles; says whether some are still missing. At most one tile is drawn anew in a call. */
  draw(context, scene, view, ratio, options) {
    if (this.scale !== view.scale) {
      // While it zooms, the old tiles are stretched until the new ones are there.
      if (this.kept.size > 0) this.stale = { kept: this.kept, scale: this.scale };
      this.kept = new Map();
      this.scale = view.scale;
    }
    const size = TILE / view.scale;
    const [left, top] = [Math.floor(view.x / size), Math.floor(view.y / size)];
    const [right, bottom] = [Math.floor((view.x + view.width / view.scale) / size), Math.floor((view.y + view.height / view.scale) / size)];
    const missing = [];
    for (let row = top; row <= bottom; row++) {
      for (let column = left; column <= right; column++) {
        const key = `${column} ${row}`;
        if (!this.kept.has(key)) missing.push([column, row, key]);
      }
    }
    if (missing.length > 0 && this.stale) this.stretched(context, view, ratio);
    const middle = [(left + right) / 2, (top + bottom) / 2];
    missing.sort((one, other) => Math.hypot(one[0] - middle[0], one[1] - middle[1]) - Math.hypot(other[0] - middle[0], other[1] - middle[1]));
    // What will come into view next is drawn when there is nothing else to do.
    const next = missing[0] ?? this.around(left, top, right, bottom);
    if (next) this.make(next, scene, view.scale, ratio, options);
    for (let row = top; row <= bottom; row++) {
      for (let column = left; column <= right; column++) {
        const tile = this.kept.get(`${column} ${row}`);
        if (tile) context.drawImage(tile.canvas, Math.round((column * size - view.x) * view.scale * ratio), Math.round((row * size - view.y) * view.scale * ratio));
      }
    }
    if (missing.length <= 1) this.stale = undefined;
    return missing.length > 1 || Boolean(next && missing.length === 0);
  }

  around(left, top, right, bottom) {
    for (let row = top - 1; row <= bottom + 1; row++) {
      for (let column = left - 1; column <= right + 1; column++) {
        const key = `${column} ${row}`;
        if (!this.kept.has(key)) return [column, row, key];
      }
    }
    return undefined;
  }

  make([column, row, key], scene, scale, ratio, options) {
    const size = TILE / scale;
    const area = [column * size, row * size, (column + 1) * size, (row + 1) * size];
    const canvas = document.createElement("canvas");
    canvas.width = canvas.height = TILE * ratio;
    const context = canvas.getContext("2d");
    context.scale(scale * ratio, scale * ratio);
    context.translate(-area[0], -area[1]);
    paint(context, scene, { ...options, scale, area });
    this.kept.set(key, { canvas });
    while (this.kept.size > KEPT) this.kept.delete(this.kept.keys().next().value);
  }

  stretched(context, view, ratio) {
    const size = TILE / this.stale.scale;
    const shown = size * view.scale * ratio;
    for (const [key, tile] of this.stale.kept) {
      const [column, row] = key.split(" ").map(Number);
      context.drawImage(tile.canvas, (column * size - view.x) * view.scale * ratio, (row * size - view.y) * view.scale * ratio, shown, shown);
    }
  }
}
