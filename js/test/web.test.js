// The package in Chromium: all vectors, with WebCrypto and without, and a page that is not blocked.

import assert from "node:assert/strict";
import { build } from "esbuild";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { serve } from "../example/serve.js";
import { browser } from "./browser.js";
import { sealedFile } from "./plainkey.js";
import { CLASSES, UNKNOWN, VECTORS, vectors } from "./vectors.js";

/** A page with the package as the variable advparams, from a host with WebCrypto or without. */
async function open(t, host = "localhost") {
  const started = await browser(t, "--host-resolver-rules=MAP plain.test 127.0.0.1");
  if (!started) return undefined;
  const folder = await mkdtemp(join(tmpdir(), "advparams-"));
  t.after(() => rm(folder, { recursive: true }));
  const contents = 'export * from "advparams";';
  await build({
    stdin: { contents, resolveDir: fileURLToPath(new URL("..", import.meta.url)) },
    bundle: true,
    format: "iife",
    globalName: "advparams",
    keepNames: true,
    outfile: join(folder, "package.js"),
    logLevel: "warning",
  });
  await writeFile(join(folder, "index.html"), '<!doctype html><script src="package.js"></script>');
  const server = await serve({ "": folder, vectors: fileURLToPath(VECTORS), folder }, 0);
  t.after(() => server.close());
  const page = await started.newPage();
  await page.goto(`http://${host}:${server.address().port}/`);
  return { page, folder };
}

for (const [host, subtle] of [
  ["localhost", true],
  ["plain.test", false],
]) {
  test(`all vectors ${subtle ? "with" : "without"} WebCrypto`, async (t) => {
    const opened = await open(t, host);
    if (!opened) return;
    const { page } = opened;
    assert.equal(await page.evaluate(() => globalThis.crypto.subtle !== undefined), subtle);
    const known = vectors.filter((v) => !UNKNOWN.includes(v.needs));
    const got = await page.evaluate(async (vectors) => {
      const { Passphrase, unlockFiles } = globalThis.advparams;
      const load = async (path) => (await fetch(`/vectors/${path}`)).bytes();
      const out = [];
      for (const v of vectors) {
        let identity = v.identity && (await load(v.identity));
        if (v.passphrase) identity = new Passphrase(v.passphrase);
        try {
          const u = await unlockFiles(`/vectors/${v.locked}`, `/vectors/${v.key}`, identity);
          const files = { [u.name]: u.model, ...Object.fromEntries(u.files) };
          const equal = [];
          for (const f of v.files ?? []) {
            const want = await load(v.locked.replace(/[^/]*$/, `original/${f.original}`));
            const has = files[f.original];
            equal.push(has?.length === want.length && has.every((b, i) => b === want[i]));
          }
          out.push({ equal, count: Object.keys(files).length });
        } catch (e) {
          out.push({ name: e.name, hint: e.hint, problem: e.stack });
        }
      }
      return out;
    }, known);
    known.forEach((v, i) => {
      if (!subtle && v.identity && got[i].problem?.includes("no WebCrypto")) {
        assert.match(v.name, /sealed/);
        assert.equal(got[i].name, "AdvparamsError");
        return;
      }
      if (v.error) {
        // That a file is not there is what the server says.
        const want = v.error === "missing" ? "AdvparamsError" : CLASSES[v.error];
        assert.equal(got[i].name, want, `${v.name}: ${got[i].problem}`);
        assert.ok(got[i].hint, v.name);
        return;
      }
      assert.equal(got[i].problem, undefined, v.name);
      assert.deepEqual(got[i], { equal: v.files.map(() => true), count: v.files.length }, v.name);
    });
  });
}

test("the page answers while a large file is unlocked", async (t) => {
  const opened = await open(t);
  if (!opened) return;
  const { page, folder } = opened;
  const { locked, key, original } = await sealedFile(8 * 2 ** 20); // 32 MiB
  await writeFile(join(folder, "locked.onnx"), locked);
  await writeFile(join(folder, "model.key"), key);
  await writeFile(join(folder, "model.onnx"), original);
  const { turns, equal, size } = await page.evaluate(async () => {
    const load = async (name) => new Uint8Array(await (await fetch("/folder/" + name)).arrayBuffer());
    const [locked, key, original] = [
      await load("locked.onnx"),
      await load("model.key"),
      await load("model.onnx"),
    ];
    let turns = 0;
    const timer = setInterval(() => turns++, 0);
    const model = await globalThis.advparams.unlock(locked, key);
    clearInterval(timer);
    return { turns, size: model.length, equal: model.every((b, i) => b === original[i]) };
  });
  assert.ok(equal);
  assert.equal(size, 32 * 2 ** 20);
  // How many there are depends on the machine. A page that does not answer has one or two, from
  // before and after the work.
  assert.ok(turns >= 4, `${turns} turns of a timer`);
});

test("files that a user chose, in streams", async (t) => {
  const opened = await open(t);
  if (!opened) return;
  const { page, folder } = opened;
  const { locked, key, original } = await sealedFile(10_000);
  await writeFile(join(folder, "locked.onnx"), locked);
  await writeFile(join(folder, "model.key"), key);
  await page.setContent('<input type="file" multiple id="files"><script src="package.js"></script>');
  await page.setInputFiles("#files", [join(folder, "locked.onnx"), join(folder, "model.key")]);
  const got = await page.evaluate(async () => {
    const [model, key] = document.querySelector("#files").files;
    const opened = await globalThis.advparams.openModel(model, key);
    return Array.from(new Uint8Array(await new Response(opened.files[0].stream()).arrayBuffer()));
  });
  assert.ok(original.equals(Buffer.from(got)));
});
