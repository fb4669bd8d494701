// All vectors of testdata/vectors that are about keys, and those of seal.

import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { cp, mkdtemp, readFile, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import * as advparams from "advparams";
import { Reader } from "../dist/chunks.js";
import { unseal } from "../dist/keystream.js";

const ROOT = new URL("../../", import.meta.url);
const KEYS = new URL("testdata/vectors/keys/", ROOT);
const DAMAGED = new URL("testdata/vectors/damaged-keys/", ROOT);

const json = async (url) => JSON.parse(await readFile(url, "utf8"));
const keys = (await json(new URL("index.json", KEYS))).vectors;
const damaged = (await json(new URL("index.json", DAMAGED))).vectors;
const seals = (await json(new URL("seal/testdata/vectors.json", ROOT))).filter((v) => v.sealed);

const CLASSES = {
  mismatch: advparams.WrongModel,
  missing: advparams.WrongModel,
  result: advparams.DamagedKey,
  damaged: advparams.DamagedKey,
  version: advparams.NewerKey,
  identity: advparams.WrongIdentity,
};

async function all(stream) {
  const parts = [];
  for await (const part of stream) parts.push(part);
  return Buffer.concat(parts);
}

function refused(error) {
  return (e) => {
    assert.ok(e instanceof CLASSES[error], `${e.stack} instead of ${error}`);
    assert.ok(e.hint);
    return true;
  };
}

test("there are vectors", async () => {
  const folders = (await readdir(KEYS, { withFileTypes: true })).filter((e) => e.isDirectory());
  assert.deepEqual(new Set(folders.map((e) => e.name)), new Set(keys.map((v) => v.folder)));
  const files = (await readdir(DAMAGED)).filter((name) => name.endsWith(".key"));
  assert.deepEqual(new Set(files), new Set(damaged.map((v) => v.file)));
  assert.ok(keys.length + damaged.length >= 150);
  assert.deepEqual(new Set(keys.map((v) => v.format)), new Set([1, 2, 3]));
  assert.equal(new Set(seals.map((v) => v.kind)).size, 14);
});

// How the files of a locked model can be given.
const WAYS = {
  "as paths": async (folder) => [join(folder, "locked.onnx"), join(folder, "model.key"), {}],
  "as bytes": async (folder) => [
    await readFile(join(folder, "locked.onnx")),
    await readFile(join(folder, "model.key")),
    { files: (name) => readFile(join(folder, name)) },
  ],
  "as blobs": async (folder) => [
    new Blob([await readFile(join(folder, "locked.onnx"))]),
    new Blob([await readFile(join(folder, "model.key"))]),
    { files: async (name) => new Blob([await readFile(join(folder, name))]) },
  ],
  "as streams": async (folder) => [
    new Blob([await readFile(join(folder, "locked.onnx"))]).stream(),
    join(folder, "model.key"),
    { files: async (name) => new Blob([await readFile(join(folder, name))]).stream() },
  ],
};

for (const vector of keys) {
  test(`key ${vector.folder}: ${vector.about}`, async (t) => {
    const scratch = await mkdtemp(join(tmpdir(), "advparams-"));
    t.after(() => rm(scratch, { recursive: true }));
    const source = new URL(vector.folder + "/", KEYS);
    await cp(source, scratch, { recursive: true });
    await rm(join(scratch, "original"), { recursive: true, force: true });
    const before = await readdir(scratch, { recursive: true });
    for (const [way, open] of Object.entries(WAYS)) {
      const [model, key, options] = await open(scratch);
      const unlocked = advparams.unlockFiles(model, key, undefined, options);
      if (vector.error) {
        await assert.rejects(unlocked, refused(vector.error), way);
        const [again] = await open(scratch);
        await assert.rejects(streams(again, key, options), refused(vector.error), `${way}, streaming`);
        continue;
      }
      const got = await unlocked;
      const [again] = await open(scratch);
      const streamed = await streams(again, key, options);
      const bytes = new Map([[got.name, got.model], ...got.files]);
      assert.equal(bytes.size, vector.files.length);
      for (const file of vector.files) {
        const original = await readFile(new URL("original/" + file.original, source));
        assert.equal(createHash("sha256").update(bytes.get(file.original)).digest("hex"), file.sha256, way);
        assert.ok(original.equals(bytes.get(file.original)), way);
        assert.ok(original.equals(streamed.get(file.original)), `${way}, streaming`);
      }
      assert.equal((await advparams.inspectKey(key)).formatVersion, vector.format);
    }
    assert.deepEqual(await readdir(scratch, { recursive: true }), before);
  });
}

async function streams(model, key, options) {
  const opened = await advparams.openModel(model, key, undefined, options);
  const out = new Map();
  for (const file of opened.files) {
    const content = await all(file.stream());
    assert.equal(content.length, file.size);
    out.set(file.name, content);
  }
  opened.close();
  return out;
}

const identity = await readFile(new URL("identity.txt", DAMAGED), "utf8");
for (const vector of damaged) {
  test(`refused ${vector.file}: ${vector.about}`, async () => {
    const key = new URL(vector.file, DAMAGED);
    await assert.rejects(advparams.inspectKey(key, identity), refused(vector.error));
    await assert.rejects(advparams.unlock(new Uint8Array(0), key, identity), refused(vector.error));
  });
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
