// "Varints" of docs/key-format.md: elements of different lengths.

import type { Stream } from "#platform";
import type { Reader } from "./chunks.js";
import { BLOCK, swap, varintMask } from "./elements.js";
import { WrongModel } from "./errors.js";
import type { SealedTensor } from "./payload.js";
import type { Bytes } from "./wire.js";

/** Keystream of a block, whatever the kind. */
const SIZE = BLOCK * 16;

/** Decrypts a tensor whose elements are stored as varints. It has at most 64 MiB. */
export async function* varints(t: SealedTensor, stream: Stream, reader: Reader): AsyncGenerator<Bytes> {
  const x = await reader.exactly(t.varints);
  const starts = boundaries(x, t.count);
  const mask = varintMask(t.kind);
  for (let first = 0; first < t.count; first += BLOCK) {
    const n = Math.min(BLOCK, t.count - first);
    const z = await stream((first / BLOCK) * SIZE, SIZE);
    const block = starts.subarray(first, first + n + 1);
    decrypt(x, block, new Uint32Array(z.buffer, z.byteOffset + 8 * BLOCK, 2 * n), mask);
    unpermute(x, block, new Uint32Array(z.buffer, z.byteOffset, 2 * n));
    z.fill(0);
  }
  yield x;
}

/** Where each varint begins, and where the last one ends. */
function boundaries(x: Bytes, count: number): Uint32Array {
  const starts = new Uint32Array(count + 1);
  let n = 0;
  for (let i = 0; i < x.length; i++) {
    if (x[i] & 0x80) {
      if (i - starts[n] >= 9)
        throw new WrongModel("a tensor of the model cannot be read: a number is too long");
    } else if (++n <= count) starts[n] = i + 1;
    else break;
  }
  if (n !== count || starts[count] !== x.length) {
    throw new WrongModel("a tensor of the model has another number of elements than the key says");
  }
  return starts;
}

/** Decrypts varints where they are: seven bits of the mask in each byte. */
function decrypt(x: Bytes, starts: Uint32Array, z: Uint32Array, maskOf: ReturnType<typeof varintMask>): void {
  const mask = new Uint32Array(2);
  for (let i = 0; i + 1 < starts.length; i++) {
    let low = 0;
    let high = 0;
    for (let at = starts[i], shift = 0; at < starts[i + 1]; at++, shift += 7) {
      const seven = x[at] & 0x7f;
      if (shift < 32) low |= seven << shift;
      if (shift > 25) high |= shift < 32 ? seven >>> (32 - shift) : seven << (shift - 32);
    }
    maskOf(low, high, mask);
    low = z[2 * i] & mask[0];
    high = z[2 * i + 1] & mask[1];
    for (let at = starts[i]; at < starts[i + 1]; at++) {
      x[at] ^= low & 0x7f;
      low = (low >>> 7) | (high << 25);
      high >>>= 7;
    }
  }
}

/** Puts the varints of a block back to where they were, with their lengths. */
function unpermute(x: Bytes, starts: Uint32Array, random: Uint32Array): void {
  const n = starts.length - 1;
  const order = Uint16Array.from({ length: n }, (_, i) => i);
  swap(order, random);
  const before = x.slice(starts[0], starts[n]);
  let at = starts[0];
  for (const i of order) {
    x.set(before.subarray(starts[i] - starts[0], starts[i + 1] - starts[0]), at);
    at += starts[i + 1] - starts[i];
  }
}
