// All vectors of testdata/vectors that are about keys, and those of seal.

import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { cp, mkdtemp, readFile, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { test } from "node:test";
import * as advparams from "advparams";
import { Reader } from "../dist/chunks.js";
import { unseal } from "../dist/keystream.js";
import { CLASSES, UNKNOWN, VECTORS, vectors } from "./vectors.js";

const ROOT = new URL("../../", import.meta.url);
const seals = JSON.parse(await readFile(new URL("seal/testdata/vectors.json", ROOT), "utf8")).filter(
  (v) => v.sealed,
);

async function all(stream) {
  const parts = [];
  for await (const part of stream) parts.push(part);
  return Buffer.concat(parts);
}

test("there are vectors", async () => {
  assert.ok(vectors.length >= 250);
  const files = await readdir(VECTORS, { recursive: true });
  assert.deepEqual(new Set(files.filter((f) => f.endsWith(".key"))), new Set(vectors.map((v) => v.key)));
  assert.deepEqual(new Set(vectors.map((v) => v.error)), new Set([undefined, ...Object.keys(CLASSES)]));
  assert.deepEqual(new Set(vectors.map((v) => v.format ?? 0)), new Set([0, 1, 2, 3]));
  assert.equal(new Set(seals.map((v) => v.kind)).size, 14);
});

// How the files of a locked model can be given.
const WAYS = {
  "as paths": async (locked, key) => [locked, key, {}],
  "as bytes": async (locked, key) => [
    await readFile(locked),
    await readFile(key),
    { files: (name) => readFile(join(dirname(locked), name)) },
  ],
  "as blobs": async (locked, key) => [
    new Blob([await readFile(locked)]),
    new Blob([await readFile(key)]),
    { files: async (name) => new Blob([await readFile(join(dirname(locked), name))]) },
  ],
  "as streams": async (locked, key) => [
    new Blob([await readFile(locked)]).stream(),
    key,
    { files: async (name) => new Blob([await readFile(join(dirname(locked), name))]).stream() },
  ],
};

for (const vector of vectors) {
  test(`${vector.name}: ${vector.about}`, async (t) => {
    if (UNKNOWN.includes(vector.needs)) return t.skip(`${vector.needs} is not supported`);
    const scratch = await mkdtemp(join(tmpdir(), "advparams-"));
    t.after(() => rm(scratch, { recursive: true }));
    const source = new URL(".", new URL(vector.locked, VECTORS));
    await cp(source, scratch, { recursive: true });
    await rm(join(scratch, "original"), { recursive: true, force: true });
    const before = await readdir(scratch, { recursive: true });
    const locked = join(scratch, "locked.onnx");
    const file = new URL(vector.key, VECTORS);
    let identity = vector.identity && new URL(vector.identity, VECTORS);
    if (vector.passphrase) identity = new advparams.Passphrase(vector.passphrase);
    for (const [way, open] of Object.entries(WAYS)) {
      if (vector.error === "missing" && !before.includes("locked.onnx") && way !== "as paths") continue;
      const [model, key, options] = await open(locked, file);
      const unlocked = advparams.unlockFiles(model, key, identity, options);
      if (vector.error) {
        const refused = (e) => {
          assert.equal(e.name, CLASSES[vector.error], `${way}: ${e.stack}`);
          assert.ok(e.hint);
          return true;
        };
        await assert.rejects(unlocked, refused);
        const [again] = await open(locked, file);
        await assert.rejects(streams(again, key, identity, options), refused);
        continue;
      }
      const got = await unlocked;
      const [again] = await open(locked, file);
      const streamed = await streams(again, key, identity, options);
      const bytes = new Map([[got.name, got.model], ...got.files]);
      assert.deepEqual([...bytes.keys()].sort(), vector.files.map((f) => f.original).sort());
      for (const f of vector.files) {
        const original = await readFile(new URL(`original/${f.original}`, source));
        assert.equal(bytes.get(f.original).length, f.size);
        assert.equal(createHash("sha256").update(bytes.get(f.original)).digest("hex"), f.sha256, way);
        assert.ok(original.equals(bytes.get(f.original)), way);
        assert.ok(original.equals(streamed.get(f.original)), `${way}, streaming`);
      }
      assert.equal((await advparams.inspectKey(key, identity)).formatVersion, vector.format);
    }
    assert.deepEqual(await readdir(scratch, { recursive: true }), before);
  });
}

async function streams(model, key, identity, options) {
  const opened = await advparams.openModel(model, key, identity, options);
  const out = new Map();
  for (const file of opened.files) {
    const content = await all(file.stream());
    assert.equal(content.length, file.size);
    out.set(file.name, content);
  }
  opened.close();
  return out;
}

async function* inParts(data, size) {
  for (let at = 0; at < data.length; at += size) yield Uint8Array.from(data.subarray(at, at + size));
}

for (const v of seals) {
  test(`tensor of ${v.count} ${v.kind_name}, index ${v.index}`, async (t) => {
    if (v.index > 1000) return t.skip("an index that only a huge key has");
    const tensor = { file: 0, offset: 0, varints: 0, runs: [], exponents: v.exponents ?? [], kind: v.kind };
    const tensors = Array(v.index).fill({ ...tensor, count: 0 });
    tensors.push({ ...tensor, count: v.count, keepSigns: v.keep_signs });
    const bytes = (hex) => Uint8Array.from(Buffer.from(hex, "hex"));
    const keystream = { cipher: 1, seed: bytes(v.seed), salt: bytes(v.salt), tensors };
    for (const size of [1, 7, 1 << 20]) {
      const out = await all(unseal(keystream, 0, inParts(bytes(v.sealed), size)));
      assert.equal(out.toString("hex"), v.input);
    }
  });
}

test("a reader takes parts of any size", async () => {
  const data = Uint8Array.from({ length: 100 }, (_, i) => i);
  const reader = new Reader(inParts(data, 9));
  assert.deepEqual(await reader.exactly(20), data.slice(0, 20));
  assert.deepEqual(await reader.some(3), data.slice(20, 23));
  assert.deepEqual(await reader.some(100), data.slice(23, 27));
  assert.deepEqual(await reader.exactly(100), data.slice(27));
  assert.equal(await reader.some(1), undefined);
});

const PASSPHRASE = new advparams.Passphrase("correct horse battery staple");
for (const version of [1, 2, 3]) {
  test(`keys that version ${version} wrote`, async () => {
    const folder = new URL("key/testdata/", ROOT);
    const plain = await advparams.inspectKey(new URL(`v${version}.plain.key`, folder));
    const sealed = new URL(`v${version}.passphrase.key`, folder);
    const outside = await advparams.inspectKey(sealed);
    assert.deepEqual([outside.sealed, outside.opened, outside.recipients], [true, false, ["scrypt"]]);
    const opened = await advparams.inspectKey(sealed, PASSPHRASE);
    assert.equal(opened.formatVersion, version);
    for (const field of ["files", "summary", "tool", "created", "steps"]) {
      assert.deepEqual(opened[field], plain[field]);
    }
    const wrong = new advparams.Passphrase("wrong");
    await assert.rejects(advparams.inspectKey(sealed, wrong), advparams.WrongIdentity);
    const less = { maxWorkFactor: outside.workFactor - 1 };
    await assert.rejects(advparams.inspectKey(sealed, PASSPHRASE, less), advparams.TooMuchWork);
  });
}
