// "Elements", "Exponents" and "Permutation" of docs/key-format.md.
//
// Elements are in typed arrays of their width; those of 8 bytes are two words of 32 bits, the
// low one first. All of it is little-endian, as is every processor that runs JavaScript engines
// in practice; unlock.ts makes sure.

import { E4M3FN, E4M3FNUZ, E5M2FNUZ, E8M0, FLOAT64, INT32, INT64, KINDS, UINT64 } from "./kinds.js";
import type { Bytes } from "./wire.js";

/** Elements in a permuted block. */
export const BLOCK = 4096;

/** Decrypts the elements of a block where they are; z is its keystream. */
export type Decrypt = (x: Bytes, z: Bytes) => void;

/** Makes the function that decrypts elements of a kind. It does not move them. */
export function decrypter(kind: number, keepSigns: boolean, exponents: readonly number[]): Decrypt {
  const { width } = KINDS[kind]!;
  if (kind === E8M0) return () => {}; // permuted only
  if (kind === FLOAT64) return (x, z) => float64(words(x), words(z), keepSigns);
  if (kind >= INT64 && width === 8) {
    return (x, z) => int64(words(x), words(z), kind === INT64, keepSigns);
  }
  if (kind >= INT32 && kind <= UINT64) {
    return (x, z) => int32(words(x), words(z), kind === INT32, keepSigns);
  }
  if (width === 4) {
    const back = exponents.length > 0 ? exponentTable(kind, exponents) : undefined;
    return (x, z) => float32(words(x), words(z), keepSigns, back);
  }
  // 8 and 16 bits: what becomes of every code is in tables.
  const [start, mask] = codes(kind, keepSigns, exponents);
  if (width === 2) return (x, z) => byTable(halves(x), halves(z), start, mask);
  return (x, z) => byTable(x, z, start, mask);
}

function words(data: Bytes): Uint32Array {
  return new Uint32Array(data.buffer, data.byteOffset, data.length >> 2);
}

function halves(data: Bytes): Uint16Array {
  return new Uint16Array(data.buffer, data.byteOffset, data.length >> 1);
}

/** All bits below the leading one of 32 bits; 0 for 0. */
function below(v: number): number {
  return v === 0 ? 0 : 0x7fffffff >>> Math.clz32(v);
}

function float32(x: Uint32Array, z: Uint32Array, keepSigns: boolean, back: Uint16Array | undefined): void {
  const sign = keepSigns ? 0 : 0x80000000;
  const usual = sign | 0x007fffff;
  for (let i = 0; i < x.length; i++) {
    let v = x[i];
    if (back) v = (v & 0x807fffff) | (back[(v >>> 23) & 0xff] << 23);
    const e = v & 0x7f800000;
    if (e !== 0 && e !== 0x7f800000) v ^= z[i] & usual;
    else if (e === 0 && (v & 0x007fffff) !== 0) v ^= z[i] & (sign | below(v & 0x007fffff));
    x[i] = v;
  }
}

function float64(x: Uint32Array, z: Uint32Array, keepSigns: boolean): void {
  const sign = keepSigns ? 0 : 0x80000000;
  for (let i = 0; i < x.length; i += 2) {
    const high = x[i + 1];
    const e = high & 0x7ff00000;
    const m = high & 0x000fffff;
    if (e !== 0 && e !== 0x7ff00000) {
      x[i] ^= z[i];
      x[i + 1] ^= z[i + 1] & (sign | 0x000fffff);
    } else if (e === 0 && (m !== 0 || x[i] !== 0)) {
      const low = m !== 0 ? 0xffffffff : below(x[i]);
      x[i] ^= z[i] & low;
      x[i + 1] ^= z[i + 1] & (sign | below(m));
    }
  }
}

function int32(x: Uint32Array, z: Uint32Array, signed: boolean, keepSigns: boolean): void {
  const turn = signed && !keepSigns;
  for (let i = 0; i < x.length; i++) {
    const v = signed && x[i] >>> 31 ? ~x[i] : x[i];
    if (v === 0) continue;
    let out = x[i] ^ (z[i] & below(v));
    if (turn && z[i] >>> 31) out = ~out;
    x[i] = out;
  }
}

function int64(x: Uint32Array, z: Uint32Array, signed: boolean, keepSigns: boolean): void {
  const turn = signed && !keepSigns;
  for (let i = 0; i < x.length; i += 2) {
    const negative = signed && x[i + 1] >>> 31;
    const high = negative ? ~x[i + 1] : x[i + 1];
    const low = negative ? ~x[i] : x[i];
    if (high === 0 && low === 0) continue;
    const all = turn && z[i + 1] >>> 31 ? 0xffffffff : 0;
    x[i] ^= (z[i] & (high !== 0 ? 0xffffffff : below(low))) ^ all;
    x[i + 1] ^= (z[i + 1] & below(high)) ^ all;
  }
}

function byTable<A extends Uint8Array | Uint16Array>(
  x: A,
  z: A,
  start: Uint16Array,
  mask: Uint16Array,
): void {
  for (let i = 0; i < x.length; i++) {
    const v = start[x[i]];
    x[i] = v ^ (z[i] & mask[v]);
  }
}

/** The exponent that was there before, for each that is there. */
function exponentTable(kind: number, exponents: readonly number[]): Uint16Array {
  const back = Uint16Array.from({ length: 2 ** KINDS[kind]!.exponent }, (_, e) => e);
  exponents.forEach((e, k) => (back[e] = k + 1));
  return back;
}

/** For every code of a float of 8 or 16 bits: itself with its exponent put back, and its mask. */
function codes(kind: number, keepSigns: boolean, exponents: readonly number[]): [Uint16Array, Uint16Array] {
  const { width, mantissa } = KINDS[kind]!;
  const back = exponentTable(kind, exponents);
  const all = { length: 2 ** (8 * width) };
  const m = (1 << mantissa) - 1;
  const others = ~((back.length - 1) << mantissa);
  return [
    Uint16Array.from(all, (_, v) => (v & others) | (back[(v >> mantissa) & (back.length - 1)] << mantissa)),
    Uint16Array.from(all, (_, v) => narrowMask(v, kind, keepSigns, m)),
  ];
}

/** The bits of a float of 8 or 16 bits that are encrypted. */
function narrowMask(v: number, kind: number, keepSigns: boolean, m: number): number {
  const { width, mantissa, exponent } = KINDS[kind]!;
  const sign = keepSigns ? 0 : 1 << (8 * width - 1);
  const ones = (1 << exponent) - 1;
  const e = (v >> mantissa) & ones;
  if (e !== 0 && (e !== ones || kind === E4M3FNUZ || kind === E5M2FNUZ)) return sign | m;
  let free = 0;
  if (e === 0) free = v & m;
  else if (kind === E4M3FN) free = m - (v & m); // NaN is where the mantissa is all ones
  return free === 0 ? 0 : sign | below(free);
}

/** The mask of an element that is stored as a varint, in two halves. */
export function varintMask(kind: number): (low: number, high: number, out: Uint32Array) => void {
  if (kind === E8M0) return (_low, _high, out) => out.fill(0);
  const { width, mantissa } = KINDS[kind]!;
  if (mantissa > 0) {
    const [, mask] = codes(kind, true, []);
    return (low, _high, out) => {
      out[0] = mask[low & (mask.length - 1)];
      out[1] = 0;
    };
  }
  const always = width === 1 ? 0x7f : 0;
  return (low, high, out) => {
    const inverse = high >>> 31 ? 0xffffffff : 0;
    const [l, h] = [low ^ inverse, high ^ inverse];
    out[0] = (h !== 0 ? 0xffffffff : below(l)) | always;
    out[1] = below(h);
  };
}

/** Makes the swaps of a block, so that elements are where they were. `random` has 8 bytes for each. */
export function unpermute(x: Bytes, width: number, random: Bytes): void {
  const r = words(random);
  if (width === 1) swap(x, r);
  else if (width === 2) swap(halves(x), r);
  else if (width === 4) swap(words(x), r);
  else swapPairs(words(x), r);
}

/** The place to swap element i with, from the halves of its word; exact in doubles. */
function place(low: number, high: number, i: number): number {
  return ((high * (i + 1) + (((low * (i + 1)) / 2 ** 32) | 0)) / 2 ** 32) | 0;
}

export function swap<A extends Uint8Array | Uint16Array | Uint32Array>(x: A, r: Uint32Array): void {
  for (let i = 1; i < x.length; i++) {
    const j = place(r[2 * i], r[2 * i + 1], i);
    const v = x[i];
    x[i] = x[j];
    x[j] = v;
  }
}

function swapPairs(x: Uint32Array, r: Uint32Array): void {
  for (let i = 1; 2 * i < x.length; i++) {
    const j = place(r[2 * i], r[2 * i + 1], i);
    const low = x[2 * i];
    const high = x[2 * i + 1];
    x[2 * i] = x[2 * j];
    x[2 * i + 1] = x[2 * j + 1];
    x[2 * j] = low;
    x[2 * j + 1] = high;
  }
}
