// Plain keys and large sealed files for tests, without the command.

import { createHash } from "node:crypto";
import { unseal } from "../dist/keystream.js";
import { encoded } from "../dist/wire.js";

export const sha256 = (data) => createHash("sha256").update(data).digest();

/** Numbers that look random and are the same in every run. */
export function generator(seed) {
  let s = seed;
  return (n) => {
    s = (Math.imul(s, 1664525) + 1013904223) >>> 0;
    return Math.floor((s / 2 ** 32) * n);
  };
}

/** Fields of protobuf: a number, and bytes. */
export const number = (n, value) => Buffer.concat([encoded(n << 3), encoded(value)]);
export const data = (n, ...values) => {
  const value = Buffer.concat(values.map((v) => Buffer.from(v)));
  return Buffer.concat([encoded((n << 3) | 2), encoded(value.length), value]);
};

/** A plain key with one file, and what a format has besides. */
export function plainKey(format, original, locked, ...more) {
  const file = data(
    6,
    ...[data(1, Buffer.from("model.onnx")), data(2, Buffer.from("locked.onnx"))],
    ...[
      number(3, original.length),
      number(4, locked.length),
      data(5, sha256(original)),
      data(6, sha256(locked)),
    ],
  );
  const payload = Buffer.concat([data(1, Buffer.from("advparams key")), number(2, format), file, ...more]);
  const intro = "advparams plain key 1: not encrypted, whoever reads this file can unlock the model\n";
  return Buffer.concat([Buffer.from(`${intro}sha256 ${sha256(payload).toString("hex")}\n`), payload]);
}

/** A sealed file of float32 that looks like weights, its original, and a plain key. */
export async function sealedFile(elements) {
  const random = generator(1);
  const locked = Float32Array.from({ length: elements }, () => random(2 ** 32) / 2 ** 32 - 0.5);
  const bytes = new Uint8Array(locked.buffer);
  const [seed, salt] = [new Uint8Array(32).fill(1), new Uint8Array(32).fill(2)];
  const tensor = {
    file: 0,
    offset: 0,
    kind: 2,
    count: elements,
    keepSigns: false,
    varints: 0,
    exponents: [],
  };
  const original = Buffer.alloc(bytes.length);
  let at = 0;
  // Sealing is not needed: what comes out of a file is as good an original as any.
  async function* parts() {
    yield bytes.slice();
  }
  for await (const part of unseal({ seed, salt, tensors: [tensor] }, 0, parts())) {
    original.set(part, at);
    at += part.length;
  }
  const stored = data(4, number(4, 2), number(5, elements));
  const keystream = data(4, number(1, 1), data(2, seed), data(3, salt), stored);
  const step = data(9, data(1, number(2, original.length), data(3, sha256(original))), keystream);
  return { locked: Buffer.from(bytes.buffer), original, key: plainKey(3, original, bytes, step) };
}
