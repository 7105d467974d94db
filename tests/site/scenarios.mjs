// What people do with the page, and what has to come of it.

import assert from "node:assert/strict";

const go = async (page, hash) => {
  await page.evaluate((to) => (location.hash = to), hash);
  await page.waitForTimeout(60);
};
const title = (page) => page.locator("main h1").first().innerText();
const graph = (page) => page.locator("main .graph");
const items = async (page) => Number(await graph(page).getAttribute("data-items"));
const told = (page) => page.locator("#announcer").innerText();

export async function opens_every_page_and_asks_nobody(open) {
  const page = await open();
  assert.equal(await title(page), "fruit_shop");
  assert.match(await page.locator(".overview").innerText(), /The shop sells fruit/);
  assert.match(await page.locator(".card.run").innerText(), /all done/);
  const addresses = await page.evaluate(() => {
    const data = JSON.parse(document.querySelector("#content").textContent);
    const all = [...data.nodes.map((node) => `#/${node.kind}/${encodeURIComponent(node.name)}`), ...data.macros.map((macro) => `#/macro/${macro.name}`)];
    return [...all, ...["model", "seed", "source", "exposure", "test", "macro"].map((kind) => `#/list/${kind}`), "#/graph", "#/graph?group=folder", "#/graph?group=schema&path=models/core", "#/"];
  });
  assert.ok(addresses.length > 30);
  for (const address of addresses) {
    await go(page, address);
    assert.notEqual(await title(page), "Nothing has this address", address);
  }
  await go(page, "#/model/core.orders");
  assert.match(await page.locator("main").innerText(), /Orders with their totals/);
  assert.match(await page.locator("#runs").innerText(), /built/, "the last runs are told");
  await go(page, "#/model/no_such_model");
  assert.equal(await title(page), "Nothing has this address");
  await go(page, "#/model/orders");
  assert.match(await page.locator("main").innerText(), /2 models have this name/);
}

export async function search_finds_names_columns_descriptions_and_sql(open) {
  const page = await open();
  for (const [words, first] of [
    ["daily", "daily_sales"],
    ["month_to_date_yen", "daily_sales"],
    ["incremental totals", "core.orders"],
    ["three digits hyphen", "raw.customers"],
    ["longest_chain", "referrals"],
    ["everybody looks", "Sales board"],
    ["yen discount", "yen"],
  ]) {
    await page.keyboard.press("/");
    await page.locator("#search").fill(words);
    const found = page.locator("#results [role=option]").first().locator("b");
    assert.equal(await found.innerText(), first, words);
    const spent = Number(await page.locator("#results").getAttribute("data-milliseconds"));
    assert.ok(spent < 50, `${words}: ${spent} ms`);
    await page.keyboard.press("Escape");
  }
  await page.locator("#search").fill("no such thing anywhere");
  assert.match(await page.locator("#results").innerText(), /Nothing has/);
  await page.locator("#search").fill("best_fr");
  await page.keyboard.press("Enter");
  await page.waitForFunction(() => location.hash === "#/model/best_fruits");
  assert.equal(await title(page), "best_fruits");
}

export async function links_lead_to_what_they_name(open) {
  const page = await open("#/model/core.orders");
  const relations = page.locator("#sql a.relation");
  assert.deepEqual(await relations.allInnerTexts(), ["order_items", "staging.orders"]);
  await page.getByRole("tab", { name: "Compiled" }).first().click();
  assert.deepEqual(await relations.allInnerTexts(), ['"core"."order_items"', '"staging"."orders"']);
  await relations.first().click();
  assert.equal(await title(page), "core.order_items");
  await page.goBack();
  assert.equal(await title(page), "core.orders");
  await page.locator("#neighbours").getByText("daily_sales").click();
  assert.equal(await title(page), "daily_sales");
  await go(page, "#/exposure/sales_board");
  await page.locator(".prose a", { hasText: "orders" }).click();
  assert.equal(await title(page), "core.orders");
  await page.locator("#tests a.node").first().click();
  assert.match(page.url(), /#\/test\//);
  await page.locator("#contents a", { hasText: "referrals" }).click();
  assert.equal(await title(page), "referrals");
  assert.equal(await page.locator("#contents a[aria-current]").innerText(), "referrals");
}

// The page follows its address a moment later.
async function hasItems(page, count) {
  for (let tries = 0; tries < 100 && (await items(page)) !== count; tries++) await page.waitForTimeout(20);
  assert.equal(await items(page), count);
}

export async function the_graph_shows_a_neighbourhood(open) {
  const page = await open("#/graph");
  await hasItems(page, 15);
  await go(page, "#/graph?focus=model/core.orders&up=1&down=1");
  await hasItems(page, 6);
  await page.getByRole("button", { name: "above: more" }).click();
  await page.waitForFunction(() => /up=2/.test(location.hash));
  await hasItems(page, 9);
  await page.getByRole("button", { name: "below: less" }).click();
  await page.waitForFunction(() => /down=0/.test(location.hash));
  await hasItems(page, 6);
  await page.getByRole("combobox", { name: "Path" }).selectOption("models/core");
  await page.waitForFunction(() => /path=/.test(location.hash));
  await hasItems(page, 2);
  await page.getByRole("button", { name: "Whole project" }).click();
  await page.waitForFunction(() => /whole=yes/.test(location.hash));
  await hasItems(page, 15);
  await page.getByLabel("Find in the graph").fill("referr");
  await page.keyboard.press("Enter");
  assert.match(await page.locator(".graph-panel").innerText(), /referrals/);
  await go(page, "#/graph?owner=Ann");
  await hasItems(page, 1);
}

export async function the_keyboard_is_enough(open) {
  const page = await open("#/graph?focus=model/core.orders");
  for (let presses = 0; presses < 40 && !(await graph(page).evaluate((element) => element === document.activeElement)); presses++) await page.keyboard.press("Tab");
  assert.ok(await graph(page).evaluate((element) => element === document.activeElement), "the graph can be reached");
  await page.keyboard.press("ArrowRight");
  assert.match(await told(page), /^model (best_fruits|daily_sales|customers), table, reads/);
  await page.keyboard.press("ArrowLeft");
  assert.match(await told(page), /^model (orders|order_items|fruits)/);
  await page.keyboard.press("Enter");
  await page.waitForFunction(() => location.hash.startsWith("#/model/"));
  await page.keyboard.press("Control+k");
  assert.ok(await page.locator("#search").evaluate((element) => element === document.activeElement));
  await page.keyboard.type("orders");
  await page.keyboard.press("ArrowDown");
  await page.keyboard.press("ArrowDown");
  const second = await page.locator("#results [role=option] b").nth(1).innerText();
  await page.keyboard.press("Enter");
  await page.waitForTimeout(60);
  assert.equal(await title(page), second);
  await go(page, "#/model/core.orders");
  const tab = page.getByRole("tab").first();
  await tab.focus();
  await page.keyboard.press("ArrowRight");
  assert.equal(await page.getByRole("tab").nth(1).getAttribute("aria-selected"), "true");
}

export async function everything_has_a_name_for_screen_readers(open) {
  const page = await open();
  for (const hash of ["#/", "#/graph?focus=model/core.orders", "#/model/core.orders", "#/list/model"]) {
    await go(page, hash);
    const nameless = await page.evaluate(() =>
      [...document.querySelectorAll("button, a, input, select, [role=application], [role=tab], [role=img]")]
        .filter((element) => !(element.getAttribute("aria-label") || element.textContent.trim() || element.labels?.length))
        .map((element) => element.outerHTML.slice(0, 120)),
    );
    assert.deepEqual(nameless, [], hash);
    const headings = await page.evaluate(() => [...document.querySelectorAll("main h1, main h2, main h3")].map((element) => Number(element.tagName[1])));
    assert.equal(headings.filter((level) => level === 1).length, 1, `${hash}: one h1`);
    for (const landmark of ["main", "nav", "header"]) assert.ok((await page.locator(landmark).count()) > 0, `${hash}: ${landmark}`);
  }
}

/** The contrast of a text with what it stands on (WCAG 2.1). */
const contrasts = (page) =>
  page.evaluate(() => {
    const number = (text) => (/^color\(srgb/.test(text) ? text.match(/[\d.]+/g).slice(0, 4).map((part, at) => (at < 3 ? part * 255 : Number(part))) : text.match(/[\d.]+/g).map(Number));
    const light = ([r, g, b]) => {
      const part = (value) => ((value /= 255) <= 0.03928 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4);
      return 0.2126 * part(r) + 0.7152 * part(g) + 0.0722 * part(b);
    };
    const behind = (element) => {
      for (let at = element; at; at = at.parentElement) {
        const colour = number(getComputedStyle(at).backgroundColor);
        if (colour.length < 4 || colour[3] > 0.9) return colour;
      }
      return [255, 255, 255];
    };
    const low = [];
    for (const element of document.querySelectorAll("main *, header *, #contents *")) {
      const own = [...element.childNodes].some((child) => child.nodeType === 3 && child.textContent.trim());
      if (!own || element.closest("svg") || element.closest("[hidden], .lines, .visually-hidden, kbd, .hint") || element.offsetWidth === 0) continue;
      const [one, other] = [light(number(getComputedStyle(element).color)), light(behind(element))];
      const ratio = (Math.max(one, other) + 0.05) / (Math.min(one, other) + 0.05);
      if (ratio < 4.5) low.push(`${ratio.toFixed(2)} ${element.tagName}.${element.className} ${element.textContent.trim().slice(0, 30)}`);
    }
    return [...new Set(low)];
  });

export async function dark_light_narrow_and_paper(open) {
  for (const colorScheme of ["light", "dark"]) {
    const page = await open("#/", { colorScheme });
    const paper = () => page.evaluate(() => getComputedStyle(document.body).backgroundColor);
    const before = await paper();
    for (const hash of ["#/", "#/model/core.orders", "#/graph?focus=model/core.orders", "#/list/test"]) {
      await go(page, hash);
      assert.deepEqual(await contrasts(page), [], `${colorScheme} ${hash}`);
    }
    await page.getByRole("button", { name: "Dark or light" }).click();
    assert.notEqual(await paper(), before);
    await page.close();
  }
  const narrow = await open("#/", { viewport: { width: 390, height: 800 } });
  for (const hash of ["#/", "#/model/core.orders", "#/graph", "#/list/model", "#/list/test"]) {
    await go(narrow, hash);
    const wide = await narrow.evaluate(() => document.documentElement.scrollWidth);
    assert.ok(wide <= 390, `${hash} is ${wide} wide`);
  }
  await go(narrow, "#/");
  assert.ok(!(await narrow.locator("#contents").isVisible()));
  await narrow.getByRole("button", { name: "Contents" }).click();
  await narrow.locator("#contents a", { hasText: "referrals" }).click();
  assert.equal(await title(narrow), "referrals");
  const paper = await open("#/model/core.orders");
  await paper.emulateMedia({ media: "print" });
  assert.ok(!(await paper.locator(".top").isVisible()));
  assert.ok(await paper.locator("#sql pre").isVisible());
  const pdf = await paper.pdf();
  assert.ok(pdf.length > 10_000);
}

export async function what_users_wrote_stays_text(open) {
  const page = await open();
  const name = "</script><script>window.hacked = 5</script>";
  assert.equal(await title(page), "<script>window.hacked = 4;<b>");
  assert.equal(await page.title(), "<script>window.hacked = 4;<b>");
  for (const hash of ["#/", "#/graph", "#/list/model", "#/list/test", `#/model/${encodeURIComponent(name)}`, "#/model/reader", "#/graph?focus=model/reader", "#/graph?tag=%3C/script%3E"]) {
    await go(page, hash);
    const state = await page.evaluate(() => [window.hacked, document.querySelectorAll("script").length, document.querySelectorAll("main img, main script, main style, main b > b").length]);
    assert.deepEqual(state, [undefined, 2, 0], hash);
  }
  await go(page, `#/model/${encodeURIComponent(name)}`);
  assert.equal(await title(page), name);
  assert.match(await page.locator("#sql").innerText(), /<\/style> <\/script> <!--/);
  await go(page, "#/model/reader");
  const main = await page.locator("main").innerText();
  assert.ok(main.includes("<script>window.hacked = 1</script><img src=x onerror='window.hacked = 2'>"), main);
  assert.equal(await page.locator("main a[href^='javascript']").count(), 0);
  assert.equal(await page.locator(".prose a", { hasText: "a picture" }).getAttribute("href"), "https://example.org/x.png");
  assert.ok(main.includes("<i>owner</i>"));
  await page.keyboard.press("/");
  await page.locator("#search").fill("hacked");
  assert.ok((await page.locator("#results [role=option]").count()) >= 2);
  assert.equal(await page.evaluate(() => window.hacked), undefined);
}

export async function what_failed_is_told(open) {
  const page = await open();
  assert.match(await page.locator(".card.run").innerText(), /ended with status 65/);
  const failing = page.locator(".card:not(.run)", { hasText: "Failing" });
  assert.match(await failing.innerText(), /accepted_values.*\n?.*1 failing row/);
  await failing.locator("a.node").first().click();
  assert.match(page.url(), /#\/test\/accepted_values/);
  await go(page, "#/model/reader");
  assert.match(await page.locator(".badges").first().innerText(), /failing/);
}

export async function a_large_project_opens_on_a_neighbourhood(open) {
  const page = await open("#/graph");
  assert.ok((await items(page)) < 250, `${await items(page)} boxes`);
  await page.getByRole("button", { name: "Whole project" }).click();
  await page.waitForFunction(() => document.querySelector("main .graph").dataset.items === "600");
  await page.waitForFunction(() => Number(document.querySelector("main .graph").dataset.drawn) === 600);
  await page.getByRole("button", { name: "Larger" }).click();
  await page.getByRole("button", { name: "Larger" }).click();
  await page.getByRole("button", { name: "Larger" }).click();
  await page.waitForFunction(() => Number(document.querySelector("main .graph").dataset.drawn) < 600);
  await page.getByLabel("Find in the graph").fill("two_100");
  await page.keyboard.press("Enter");
  assert.match(await page.locator(".graph-panel").innerText(), /two_100/);
  await go(page, "#/graph?tag=report");
  assert.equal(await items(page), 200);
  await page.keyboard.press("/");
  await page.locator("#search").fill("needle199x");
  assert.equal(await page.locator("#results [role=option] b").first().innerText(), "one_199");
}

export async function groups_fold_and_unfold(open) {
  const page = await open("#/graph?group=folder");
  assert.equal(await items(page), 6);
  await go(page, "#/graph?group=folder&open=models/one/area_2");
  assert.equal(await items(page), 55);
  await go(page, "#/graph?group=instances&path=models/report");
  assert.equal(await items(page), 1);
  await graph(page).focus();
  await page.keyboard.press("ArrowRight");
  assert.match(await told(page), /report.*200 models.*folded/);
  await page.keyboard.press("Enter");
  await page.waitForFunction(() => document.querySelector("main .graph").dataset.items === "200");
}

export async function a_folder_of_files_is_the_same_page(open) {
  const page = await open("#/model/one_077");
  assert.match(await page.locator("#sql").innerText(), /needle77x/);
  await go(page, "#/model/two_003");
  await page.locator("#sql a.relation").first().click();
  assert.equal(await title(page), "one_003");
  await page.keyboard.press("/");
  await page.locator("#search").fill("needle199x");
  await page.waitForFunction(() => document.querySelector("#results [role=option] b")?.textContent === "one_199");
}

export async function a_click_on_a_column_lights_its_edges(open) {
  const page = await open("#/model/core.order_items");
  await page.locator("#columns a.column", { hasText: "amount_yen" }).click();
  await page.waitForFunction(() => /column=amount_yen/.test(location.hash));
  const edges = async (kind) => (await page.locator(`.as-list li[data-kind=${kind}]`).allTextContents()).map((text) => text.replace(/ cast to.*/, ""));
  const all = { copy: await edges("copy"), transform: await edges("transform"), inspect: await edges("inspect") };
  const has = (kind, from, to) => assert.ok(all[kind].includes(`${from} ${kind} → ${to}`), `${from} → ${to}\n${JSON.stringify(all, null, 1)}`);
  has("copy", "raw.order_items.quantity", "staging.order_items.quantity");
  has("transform", "staging.order_items.quantity", "core.order_items.amount_yen");
  has("transform", "staging.fruits.price_yen", "core.order_items.amount_yen");
  has("transform", "core.order_items.amount_yen", "core.orders.amount_yen");
  has("transform", "core.orders.amount_yen", "daily_sales.month_to_date_yen");
  assert.ok(all.inspect.some((text) => / inspect → core\.order_items$/.test(text)), JSON.stringify(all.inspect));
  assert.ok(!all.copy.some((text) => text.includes("ordered_at")), "nothing else is lit");
  // The same on the canvas: each kind has its colour, and there are pixels of it.
  await go(page, "#/graph?focus=model/core.order_items&column=amount_yen");
  await page.waitForTimeout(300);
  const seen = await page.evaluate(() => {
    const canvas = document.querySelector("main .graph canvas");
    const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
    const style = getComputedStyle(document.documentElement);
    return ["copy", "transform", "inspect"].map((kind) => {
      const [r, g, b] = style.getPropertyValue(`--${kind}`).trim().match(/\w\w/g).map((part) => parseInt(part, 16));
      let count = 0;
      for (let at = 0; at < data.length; at += 4) if (Math.abs(data[at] - r) + Math.abs(data[at + 1] - g) + Math.abs(data[at + 2] - b) < 24) count++;
      return count;
    });
  });
  assert.ok(seen.every((count) => count > 20), `copy, transform, inspect: ${seen}`);
  const before = await items(page);
  await page.getByLabel("filters and joins").uncheck();
  await page.waitForFunction(() => /inspected=no/.test(location.hash));
  assert.ok((await items(page)) <= before);
  assert.equal(await page.locator(".as-list li[data-kind=inspect]").count(), 0);
}

export async function what_is_served_follows_its_files(open, complaints, { edit }) {
  const page = await open("#/model/best_fruits");
  assert.match(await page.locator(".lead").innerText(), /Fruits by sales/);
  await edit("models/mart/mart.yml", (text) => text.replace("Fruits by sales, the best first.", "Edited a moment ago."));
  await page.locator(".lead", { hasText: "Edited a moment ago." }).waitFor();
  assert.match(page.url(), /#\/model\/best_fruits$/, "it stays where it was");
  // What does not compile leaves the page as it is, until it does again.
  await edit("models/mart/mart.yml", (text) => `${text}\n  - [\n`);
  await page.waitForTimeout(1500);
  assert.match(await page.locator(".lead").innerText(), /Edited a moment ago/);
}
