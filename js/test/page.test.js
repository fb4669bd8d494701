// The example's page in Chromium: wrong before it has the key, right afterwards.

import assert from "node:assert/strict";
import { createRequire } from "node:module";
import { createReadStream } from "node:fs";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { Readable } from "node:stream";
import { test } from "node:test";
import { Decrypter, Encrypter } from "age-encryption";
import { buildPage } from "../example/build.js";
import { batch, cut, digits, unpacked } from "../example/data.js";
import { serve } from "../example/serve.js";
import { browser } from "./browser.js";
import { workshop } from "./command.js";

const ort = createRequire(import.meta.url)("onnxruntime-node");

/** What onnxruntime makes of a model's samples, in this process. */
async function answers(path, samples) {
  const session = await ort.InferenceSession.create(path);
  const input = new ort.Tensor("float32", batch(samples), [samples.length, 1, 28, 28]);
  const outputs = await session.run({ [session.inputNames[0]]: input });
  return digits(outputs[session.outputNames[0]].data, samples.length);
}

/** How many answers differ. Runtimes may round differently where two classes are as likely. */
function differ(a, b) {
  assert.equal(a.length, b.length);
  return a.filter((v, i) => v !== b[i]).length;
}

test("the page is wrong without the key and right with it", { timeout: 300_000 }, async (t) => {
  const started = await browser(t);
  const shop = started && (await workshop(t));
  if (!shop) return;
  await shop.run("demo", "demo");
  const demo = join(shop.folder, "demo");
  const out = join(shop.folder, "page");
  await buildPage(demo, out);
  const server = await serve({ "": out }, 0);
  t.after(() => server.close());

  const read = (name) => unpacked(Readable.toWeb(createReadStream(join(demo, "data", name))));
  const samples = cut(await read("t10k-images-idx3-ubyte.gz"));
  const truth = [...(await read("t10k-labels-idx1-ubyte.gz")).subarray(8)];
  assert.equal(samples.length, 4000);
  const right = (list) => list.length - differ(list, truth);
  const before = await answers(join(demo, "locked.onnx"), samples);
  const after = await answers(join(demo, "glyphs.onnx"), samples);
  // As `advparams demo` says.
  assert.ok(right(before) < 0.1 * 4000 && right(after) > 0.95 * 4000);

  const page = await started.newPage({ viewport: { width: 900, height: 410 } });
  const problems = [];
  page.on("pageerror", (e) => problems.push(e));
  page.on("requestfailed", (r) => problems.push(r.url()));
  const asked = [];
  page.on("request", (r) => asked.push(new URL(r.url()).host));
  await page.goto(`http://localhost:${server.address().port}/`);

  /** Waits for a half of the page to be filled, and compares all that it says. */
  async function check(half, want) {
    await page.waitForSelector(`#${half}[data-answers]`);
    const got = JSON.parse(await page.getAttribute(`#${half}`, "data-answers"));
    assert.ok(differ(got, want) <= 4, `${differ(got, want)} of 4,000 answers differ`);
    const percent = ((100 * right(got)) / 4000).toFixed(2);
    assert.equal(await page.textContent(`#${half} .score`), `${percent} % of 4000 digits right`);
    const shown = await page.$$eval(`#${half} li`, (items) =>
      items.map((li) => [li.textContent, li.className]),
    );
    assert.ok(shown.length >= 20);
    shown.forEach(([text, kind], i) => {
      assert.equal(text, got[i].toString(16).toUpperCase());
      assert.equal(kind, got[i] === truth[i] ? "right" : "wrong");
    });
  }

  async function picture(name) {
    const folder = process.env.SCREENSHOTS;
    if (folder) await page.screenshot({ path: join(folder, `${name}.png`) });
  }

  await check("locked", before);
  assert.equal(await page.getAttribute("#unlocked", "data-answers"), null);
  await picture("page-before");

  const identity = /AGE-SECRET-KEY-1\w+/.exec(await readFile(join(demo, "me.txt"), "utf8"))[0];
  const key = await readFile(join(demo, "glyphs.key"));
  const upload = (name, buffer) =>
    page.setInputFiles("#key", { name, mimeType: "application/octet-stream", buffer });
  await upload("glyphs.key", key);
  await page.fill("#identity", "AGE-SECRET-KEY-1" + "Q".repeat(58));
  await page.click("button");
  await page.waitForFunction(() => document.querySelector("#message").textContent.includes("cannot be read"));
  assert.equal(await page.getAttribute("#unlocked", "data-answers"), null);

  await page.fill("#identity", identity);
  await page.click("button");
  await check("unlocked", after);
  assert.equal(await page.textContent("#message"), "");
  await picture("page-after");

  // The same key, sealed with a passphrase.
  const decrypter = new Decrypter();
  decrypter.addIdentity(identity);
  const encrypter = new Encrypter();
  encrypter.setPassphrase("correct horse battery staple");
  encrypter.setScryptWorkFactor(12);
  await page.reload();
  await page.waitForSelector("#locked[data-answers]");
  await upload("passphrase.key", Buffer.from(await encrypter.encrypt(await decrypter.decrypt(key))));
  await page.fill("#passphrase", "wrong");
  await page.click("button");
  await page.waitForFunction(() => document.querySelector("#message").textContent.includes("passphrase"));
  await page.fill("#passphrase", "correct horse battery staple");
  await page.click("button");
  await check("unlocked", after);

  assert.deepEqual(problems, []);
  assert.deepEqual([...new Set(asked)], [`localhost:${server.address().port}`], "a page that asks others");
});
