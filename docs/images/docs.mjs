// Makes the pictures of the documentation: node docs/images/docs.mjs SHOP [MIMIC]
//
// SHOP and MIMIC are pages that `suiro docs generate` wrote. `bash .ci/setup --tests` brings what it needs; the letters are
// those of the fonts Inter and JetBrains Mono, where they are installed.

import { createRequire } from "node:module";
import { dirname, resolve } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";

const here = dirname(fileURLToPath(import.meta.url));
const driver = process.env.SUIRO_PLAYWRIGHT ?? resolve(here, "../../.cargo/playwright-core");
const { chromium } = createRequire(import.meta.url)(resolve(driver, "index.js"));
const [shop, mimic] = process.argv.slice(2);

const PICTURES = [
  ["docs-start", shop, "#/", {}],
  ["docs-model", shop, "#/model/core.orders", {}],
  ["docs-column", shop, "#/graph?focus=model/core.order_items&column=amount_yen", {}],
  ["docs-graph", shop, "#/graph", { colorScheme: "dark" }],
  ["docs-mimic", mimic, "#/graph?focus=model/sofa&up=2&down=1", {}],
];

const browser = await chromium.launch({ executablePath: process.env.SUIRO_CHROMIUM ?? "/usr/bin/chromium", args: ["--no-sandbox", "--disable-gpu"] });
for (const [name, file, hash, options] of PICTURES.filter(([, file]) => file)) {
  const page = await browser.newPage({ viewport: { width: 1280, height: 800 }, colorScheme: "light", ...options });
  await page.goto(`${pathToFileURL(resolve(file)).href}${hash}`);
  await page.waitForFunction(() => document.body.dataset.ready);
  await page.waitForTimeout(600);
  await page.screenshot({ path: resolve(here, `${name}.png`) });
  await page.close();
}
await browser.close();
