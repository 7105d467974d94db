// Opens a page in Chromium and carries out one scenario: node run.mjs SCENARIO PAGE
//
// Whatever the page says on the console above a note, and whatever it asks for besides its own files, fails the
// scenario. The proxy is a port that nobody listens at.

import { readFile, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { dirname, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import * as scenarios from "./scenarios.mjs";

const [scenario, file] = process.argv.slice(2);
const { chromium } = createRequire(import.meta.url)(resolve(process.env.SUIRO_PLAYWRIGHT, "index.js"));

const served = /^http:/.test(file);
const start = served ? file.replace(/\/$/, "") : pathToFileURL(resolve(file)).href;
const folder = served ? start : pathToFileURL(dirname(resolve(file))).href;
const project = process.env.SUIRO_PROJECT;
const edit = async (path, change) => writeFile(resolve(project, path), change(await readFile(resolve(project, path), "utf8")));
const browser = await chromium.launch({
  executablePath: process.env.SUIRO_CHROMIUM ?? "/usr/bin/chromium",
  args: ["--no-sandbox", "--disable-gpu"],
  // A page that is served may talk to its server, and to nobody else.
  proxy: { server: "http://127.0.0.1:9", bypass: served ? "127.0.0.1" : undefined },
});
const complaints = [];
const open = async (hash = "#/", options = {}) => {
  const page = await browser.newPage({ viewport: { width: 1280, height: 800 }, ...options });
  page.setDefaultTimeout(10_000);
  page.on("console", (message) => ["error", "warning"].includes(message.type()) && complaints.push(`console: ${message.text()}`));
  page.on("pageerror", (error) => complaints.push(`error: ${error.stack}`));
  page.on("dialog", (dialog) => (complaints.push(`dialog: ${dialog.message()}`), dialog.dismiss()));
  page.on("request", (request) => {
    const url = request.url();
    if (!url.startsWith(`${folder}/`) && !url.startsWith("data:")) complaints.push(`request: ${url}`);
  });
  await page.goto(`${start}${served ? "/" : ""}${hash}`);
  await page.waitForFunction(() => document.body.dataset.ready);
  return page;
};

let failure;
try {
  await scenarios[scenario](open, complaints, { edit });
} catch (error) {
  failure = error.stack;
}
await browser.close();
for (const complaint of complaints) console.log(complaint);
if (failure) console.log(failure);
process.exit(failure || complaints.length > 0 ? 1 : 0);
