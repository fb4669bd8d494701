// Patches, splices and tensors as a file passes in parts of any size, and what streams promise.

import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import * as advparams from "advparams";
import { edit } from "../dist/edits.js";
import { encoded } from "../dist/wire.js";
import { data, generator, number, plainKey, sealedFile } from "./plainkey.js";

test("patches and splices in parts of any size", async () => {
  for (let seed = 1; seed <= 300; seed++) {
    const random = generator(seed);
    const data = Uint8Array.from({ length: random(200) }, () => random(256));
    const want = [...data].map((b) => [b]); // what takes the place of each byte
    want.push([]);
    const patches = [];
    const splices = [];
    for (let at = 0; at < data.length; at += 1 + random(20)) {
      const width = [1, 2, 4, 8][random(4)];
      const stride = width + random(3);
      const count = 1 + random(3);
      const end = at + (count - 1) * stride + width;
      if (end <= data.length && random(2)) {
        const starts = Float64Array.from({ length: count }, (_, i) => at + i * stride);
        const flip = random(2) === 0;
        const [flipLow, flipHigh] = [
          random(2 ** 32) >>> (width < 4 ? 32 - 8 * width : 0),
          width === 8 ? random(2 ** 32) : 0,
        ];
        const originals = Uint8Array.from({ length: flip ? 0 : count * width }, () => random(256));
        patches.push({ file: 0, width, stride, starts, originals, flipLow, flipHigh });
        for (let i = 0; i < count; i++) {
          for (let k = 0; k < width; k++) {
            const mask = k < 4 ? flipLow >>> (8 * k) : flipHigh >>> (8 * (k - 4));
            const byte = starts[i] + k;
            want[byte] = [flip ? data[byte] ^ (mask & 255) : originals[i * width + k]];
          }
        }
        at = end;
      } else {
        const length = Math.min(random(30), data.length - at);
        const original = Uint8Array.from({ length: random(5) }, () => random(256));
        splices.push({ file: 0, offset: at, length, original });
        for (let i = 0; i < length; i++) want[at + i] = [];
        want[at] = [...original, ...want[at]];
        at += length;
      }
    }
    if (random(2)) {
      splices.push({ file: 0, offset: data.length, length: 0, original: Uint8Array.of(1, 2) });
      want[data.length] = [1, 2];
    }
    patches.reverse();
    for (const size of [1, 3, 64, 1000]) {
      async function* parts() {
        for (let at = 0; at < data.length; at += size) yield data.slice(at, at + size);
      }
      const got = [];
      for await (const part of edit(patches, splices, 0, parts())) got.push(...part);
      assert.deepEqual(got, want.flat(), `seed ${seed}, parts of ${size}`);
    }
  }
});

/** A plain key of format 2 that turns over bytes of a file. */
function flipKey(before, after, positions) {
  const distances = positions.map((p, i) => encoded(i > 0 ? p - positions[i - 1] : p));
  return plainKey(
    2,
    before,
    after,
    data(7, number(4, 1), number(5, 1), data(6, ...distances), number(8, 0xff)),
  );
}

function lock(size, positions) {
  const before = Buffer.alloc(size);
  for (let i = 0; i < size; i += 997) before[i] = i;
  const after = Buffer.from(before);
  for (const p of positions) after[p] ^= 0xff;
  return { before, after, key: flipKey(before, after, positions) };
}

test("a file of many parts", async (t) => {
  const scratch = await mkdtemp(join(tmpdir(), "advparams-"));
  t.after(() => rm(scratch, { recursive: true }));
  const size = 5 * 2 ** 20 + 3;
  const { before, after, key } = lock(size, [0, 2 ** 20 - 1, 2 ** 20, 3 * 2 ** 20 + 5, size - 1]);
  const path = join(scratch, "locked.onnx");
  await writeFile(path, after);
  assert.ok(before.equals(await advparams.unlock(path, key)));
  assert.ok(before.equals(await advparams.unlock(after, key)));
  const opened = await advparams.openModel(path, key);
  let largest = 0;
  const parts = [];
  for await (const part of opened.files[0].stream()) {
    largest = Math.max(largest, part.buffer.byteLength);
    parts.push(part);
  }
  assert.ok(before.equals(Buffer.concat(parts)));
  assert.ok(largest <= 2 ** 21, `a part of ${largest} bytes`);
  // A reader that has seen enough frees the file.
  const reader = opened.files[0].stream().getReader();
  await reader.read();
  await reader.cancel();
  opened.close();
  await assert.rejects(opened.files[0].bytes(), /closed/);
});

test("a large sealed file", async () => {
  const { locked, original, key } = await sealedFile(3 * 2 ** 20 + 5);
  assert.ok(original.equals(await advparams.unlock(locked, key)));
  assert.ok(original.equals(await advparams.unlock(new Blob([locked]).stream(), key)));
  assert.ok(!original.equals(locked));
});

test("what was given is not changed", async () => {
  const { before, after, key } = lock(1000, [1, 2, 3]);
  const given = Buffer.from(after);
  assert.ok(before.equals(await advparams.unlock(given, key)));
  assert.ok(given.equals(after));
  const chunk = new Uint8Array(after);
  const stream = new ReadableStream({
    start(to) {
      to.enqueue(chunk);
      to.close();
    },
  });
  assert.ok(before.equals(await advparams.unlock(stream, key)));
  assert.ok(after.equals(chunk));
});

test("nothing comes out of a file that the key is not for", async () => {
  const { after, key } = lock(3 * 2 ** 20, [5]);
  after[after.length - 1] ^= 1;
  const opened = await advparams.openModel(after, key);
  const reader = opened.files[0].stream().getReader();
  await assert.rejects(reader.read(), advparams.WrongModel);
});

test("a stream of another file fails before its end", async () => {
  for (const change of [(d) => d.subarray(1), (d) => Buffer.concat([d, d]), (d) => d.fill(1, d.length - 1)]) {
    const { after, key } = lock(3 * 2 ** 20, [5]);
    const opened = await advparams.openModel(new Blob([change(after)]).stream(), key);
    await assert.rejects(async () => {
      for await (const part of opened.files[0].stream()) assert.ok(part);
    }, advparams.WrongModel);
  }
});

test("a damaged key shows at the end", async () => {
  const { before, after } = lock(1000, [7]);
  const key = flipKey(before, after, [8]);
  const opened = await advparams.openModel(after, key);
  await assert.rejects(async () => {
    for await (const part of opened.files[0].stream()) assert.equal(part.length, 1000);
  }, advparams.DamagedKey);
});

test("the original instead of the locked model", async () => {
  const { before, key } = lock(1000, [7]);
  await assert.rejects(advparams.unlock(before, key), /it is the original already/);
});
