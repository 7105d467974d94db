// Measures a page of the documentation in Chromium, with software rendering: node measure.mjs PAGE
//
// first_view      milliseconds until the first contents are painted (First Contentful Paint), the median of 3 openings
// search          milliseconds from a key to the list of results, the slowest of several words
// pan_all         frames a second (requestAnimationFrame) while the whole graph is moved to and fro for 5 seconds
// pan_near        the same, three times as large; pan_close, nine times; each the median of 3
// drawn_…         how many nodes were in view at the end of each
// missing_layers  columns of the layout that show no node in a picture of the whole graph

import { createRequire } from "node:module";
import { resolve } from "node:path";
import { pathToFileURL } from "node:url";

const { chromium } = createRequire(import.meta.url)(resolve(process.env.SUIRO_PLAYWRIGHT, "index.js"));
const address = pathToFileURL(resolve(process.argv[2])).href;
const median = (values) => [...values].sort((one, other) => one - other)[values.length >> 1];
const figures = {};

const browser = await chromium.launch({ executablePath: process.env.SUIRO_CHROMIUM ?? "/usr/bin/chromium", args: ["--no-sandbox", "--disable-gpu"], proxy: { server: "http://127.0.0.1:9" } });
const open = async (hash) => {
  const page = await browser.newPage({ viewport: { width: 1360, height: 860 } });
  await page.goto(`${address}${hash}`);
  await page.waitForFunction(() => document.body.dataset.ready && performance.getEntriesByName("first-contentful-paint").length > 0);
  return page;
};

const views = [];
for (let opening = 0; opening < 3; opening++) {
  const page = await open("#/");
  views.push(await page.evaluate(() => performance.getEntriesByName("first-contentful-paint")[0].startTime));
  await page.close();
}
figures.first_view = Math.round(median(views));

const searching = await open("#/");
let slowest = 0;
for (const words of ["c", "co", "core_01234", "gross_amount", "happened exists", "no such word", "source_00077", "partition by entity"]) {
  await searching.locator("#search").fill(words);
  await searching.waitForTimeout(100);
  slowest = Math.max(slowest, Number(await searching.locator("#results").getAttribute("data-milliseconds")));
}
figures.search = slowest;
await searching.close();

const page = await open("#/graph?whole=yes");
await page.waitForTimeout(2000);
figures.missing_layers = await page.evaluate(() => {
  const graph = window.suiroGraph;
  const canvas = document.querySelector("main .graph canvas");
  const { data, width, height } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
  const content = JSON.parse(document.querySelector("#content").textContent);
  const lefts = [...new Set(content.nodes.filter((node) => node.at).map((node) => node.at[0]))];
  const style = getComputedStyle(document.documentElement);
  const colours = ["model", "source", "seed", "exposure"].map((kind) => style.getPropertyValue(`--${kind}`).trim().match(/\w\w/g).map((part) => parseInt(part, 16)));
  const shows = (left) => {
    const x = Math.round((left + 95 - graph.view.x) * graph.view.scale * (width / graph.view.width));
    for (let y = 0; y < height; y++) {
      const at = 4 * (y * width + x);
      if (colours.some(([r, g, b]) => Math.abs(data[at] - r) + Math.abs(data[at + 1] - g) + Math.abs(data[at + 2] - b) < 12)) return true;
    }
    return false;
  };
  return lefts.filter((left) => !shows(left)).length;
});

const pan = (dx, dy) =>
  page.evaluate(
    ([dx, dy]) =>
      new Promise((done) => {
        const graph = window.suiroGraph;
        const began = performance.now();
        let frames = 0;
        const step = (now) => {
          frames++;
          if (now - began > 5000) return done([frames / ((now - began) / 1000), graph.stats.drawn]);
          const back = Math.floor((now - began) / 1250) % 2 === 1 ? -1 : 1;
          graph.pan(dx * back, dy * back);
          requestAnimationFrame(step);
        };
        requestAnimationFrame(step);
      }),
    [dx, dy],
  );
for (const [name, dx, dy] of [["all", 6, 3], ["near", 12, 6], ["close", 14, 7]]) {
  if (name !== "all") await page.evaluate(() => window.suiroGraph.zoom(3));
  await page.waitForTimeout(500);
  const runs = [];
  for (let run = 0; run < 3; run++) runs.push(await pan(dx, dy));
  figures[`pan_${name}`] = Math.round(10 * median(runs.map(([rate]) => rate))) / 10;
  figures[`drawn_${name}`] = runs.at(-1)[1];
}
await browser.close();
console.log(JSON.stringify(figures));
