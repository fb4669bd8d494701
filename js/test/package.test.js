// The package as npm installs it, in an empty folder.

import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { cp, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

const run = promisify(execFile);
const HERE = fileURLToPath(new URL("..", import.meta.url));
const VECTOR = fileURLToPath(new URL("../../testdata/vectors/keys/float32/", import.meta.url));

test("packed, installed and used", { timeout: 300_000 }, async (t) => {
  const folder = await mkdtemp(join(tmpdir(), "advparams-"));
  t.after(() => rm(folder, { recursive: true }));
  const pack = ["pack", "--json", "--ignore-scripts", "--pack-destination", folder];
  const [packed] = JSON.parse((await run("npm", pack, { cwd: HERE })).stdout);
  const names = packed.files.map((f) => f.path);
  for (const name of [
    "README.md",
    "package.json",
    "dist/index.js",
    "dist/index.d.ts",
    "dist/platform/web.js",
  ]) {
    assert.ok(names.includes(name), name);
  }
  assert.deepEqual(
    names.filter((n) => !/^(dist\/[\w/]+\.(js|d\.ts)|README\.md|LICENSE|package\.json)$/.test(n)),
    [],
  );
  const app = join(folder, "app");
  await cp(VECTOR, app, { recursive: true });
  await writeFile(
    join(app, "package.json"),
    JSON.stringify({ name: "app", version: "1.0.0", type: "module" }),
  );
  try {
    await run("npm", ["install", "--no-audit", "--prefer-offline", join(folder, packed.filename)], {
      cwd: app,
    });
  } catch (e) {
    if (/ENOTFOUND|EAI_AGAIN|ETIMEDOUT|ECONNREFUSED/.test(e.stderr)) return t.skip("no network");
    throw e;
  }
  const program = `
    import { readFile } from "node:fs/promises";
    import { unlock, inspectKey, WrongModel } from "advparams";
    const model: Uint8Array = await unlock("locked.onnx", "model.key");
    const info = await inspectKey("model.key");
    const original: Uint8Array = await readFile("original/model.onnx");
    let wrong: unknown;
    await unlock(original, "model.key").catch((e) => (wrong = e));
    console.log(Buffer.compare(model, original), info.formatVersion, info.files[0].name, wrong instanceof WrongModel);
  `;
  await writeFile(join(app, "main.ts"), program);
  const types = fileURLToPath(new URL("../node_modules/@types", import.meta.url));
  const options = [
    "--module",
    "nodenext",
    "--target",
    "es2022",
    "--strict",
    "--types",
    "node",
    "--typeRoots",
    types,
  ];
  const tsc = fileURLToPath(new URL("../node_modules/typescript/bin/tsc", import.meta.url));
  await run(process.execPath, [tsc, ...options, "main.ts"], { cwd: app }).catch((e) => assert.fail(e.stdout));
  const { stdout, stderr } = await run(process.execPath, ["main.js"], { cwd: app });
  assert.equal(stdout, "0 3 model.onnx true\n");
  assert.equal(stderr, "");
});

test("the lock file names versions and digests, and no addresses", async () => {
  const lock = JSON.parse(await readFile(join(HERE, "package-lock.json"), "utf8"));
  for (const [path, entry] of Object.entries(lock.packages)) {
    assert.equal(entry.resolved, undefined, path);
    assert.ok(path === "" || entry.integrity, path);
  }
});
