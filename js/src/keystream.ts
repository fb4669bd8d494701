// "Decrypting tensors" of docs/key-format.md: the tensors of a file, as it passes.

import { hkdf } from "@noble/hashes/hkdf.js";
import { sha256 } from "@noble/hashes/sha2.js";
import { aesCtr, type Stream } from "#platform";
import { Reader, type Chunks } from "./chunks.js";
import { BLOCK, decrypter, unpermute } from "./elements.js";
import { BYTE, KINDS } from "./kinds.js";
import type { Keystream, SealedTensor } from "./payload.js";
import { varints } from "./varints.js";
import type { Bytes } from "./wire.js";

/** Bytes of keystream that are made at a time. Making them is work for another thread. */
const STREAM = 3 << 19;

/** Decrypts the tensors of one file. */
export async function* unseal(keystream: Keystream, file: number, chunks: Chunks): AsyncGenerator<Bytes> {
  const reader = new Reader(chunks);
  let at = 0;
  for (const [index, tensor] of keystream.tensors.entries()) {
    if (tensor.file !== file || tensor.count === 0) continue;
    while (at < tensor.offset) {
      const part = await reader.some(tensor.offset - at);
      if (!part) return;
      at += part.length;
      yield part;
    }
    const key = tensorKey(keystream, index, tensor);
    const stream = await aesCtr(key);
    key.fill(0);
    for await (const part of decrypt(tensor, stream, reader)) {
      at += part.length;
      yield part;
    }
  }
  for (;;) {
    const part = await reader.some(Infinity);
    if (!part) return;
    yield part;
  }
}

/** The key of a tensor's keystream. */
function tensorKey(keystream: Keystream, index: number, t: SealedTensor): Uint8Array {
  const intro = new TextEncoder().encode("advparams seal 1\0");
  const info = new Uint8Array(intro.length + 18);
  info.set(intro);
  const view = new DataView(info.buffer, intro.length);
  view.setBigUint64(0, BigInt(index), true);
  view.setBigUint64(8, BigInt(t.count), true);
  view.setUint8(16, t.kind);
  view.setUint8(17, Number(t.keepSigns));
  return hkdf(sha256, keystream.seed, keystream.salt, info, 32);
}

function decrypt(t: SealedTensor, stream: Stream, reader: Reader): AsyncGenerator<Bytes> {
  if (t.varints) return varints(t, stream, reader);
  return t.kind === BYTE ? bytes(t, stream, reader) : blocks(t, stream, reader);
}

async function* bytes(t: SealedTensor, stream: Stream, reader: Reader): AsyncGenerator<Bytes> {
  for (let at = 0; at < t.count; at += STREAM) {
    const n = Math.min(STREAM, t.count - at);
    const [x, z] = await Promise.all([reader.exactly(n), stream(at, n)]);
    for (let i = 0; i < x.length; i++) x[i] ^= z[i];
    yield x;
    if (x.length < n) return;
  }
}

async function* blocks(t: SealedTensor, stream: Stream, reader: Reader): AsyncGenerator<Bytes> {
  const { width } = KINDS[t.kind]!;
  const own = decrypter(t.kind, t.keepSigns, t.exponents);
  const size = BLOCK * (8 + width); // keystream of a block
  const group = Math.floor(STREAM / size);
  const last = Math.ceil(t.count / BLOCK);
  const make = (block: number) => stream(block * size, Math.min(group, last - block) * size);
  let next = make(0);
  for (let block = 0; block < last; block += group) {
    const elements = Math.min(group * BLOCK, t.count - block * BLOCK);
    const [x, z] = await Promise.all([reader.exactly(elements * width), next]);
    if (x.length < elements * width) {
      yield x;
      return;
    }
    if (block + group < last) next = make(block + group); // meanwhile
    for (let b = 0; b * BLOCK < elements; b++) {
      const n = Math.min(BLOCK, elements - b * BLOCK);
      const part = x.subarray(b * BLOCK * width, (b * BLOCK + n) * width);
      const words = b * size;
      const masks = words + 8 * BLOCK;
      own(part, z.subarray(masks, masks + n * width));
      unpermute(part, width, z.subarray(words, words + 8 * n));
    }
    z.fill(0);
    yield x;
  }
}
