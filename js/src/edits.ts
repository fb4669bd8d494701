// Patches and splices, as a file passes. All offsets are those of the file before.

import type { Chunks } from "./chunks.js";
import type { Patch, Splice } from "./payload.js";
import type { Bytes } from "./wire.js";

/** Puts back elements and byte ranges of one file. */
export async function* edit(
  patches: readonly Patch[],
  splices: readonly Splice[],
  file: number,
  chunks: Chunks,
): AsyncGenerator<Bytes> {
  const elements = new Elements(patches.filter((p) => p.file === file));
  const cuts = splices.filter((s) => s.file === file);
  let at = 0; // of the chunk
  let next = 0; // splice
  let skip = 0; // bytes of the file that a splice still removes
  for await (const chunk of chunks) {
    elements.apply(chunk, at);
    let rest = chunk;
    for (;;) {
      const skipped = Math.min(skip, rest.length);
      rest = rest.subarray(skipped);
      at += skipped;
      skip -= skipped;
      const cut = cuts[next];
      // A splice at the end of the chunk may remove bytes of the next.
      if (skip > 0 || !cut || cut.offset > at + rest.length) break;
      const kept = rest.subarray(0, cut.offset - at);
      if (kept.length > 0) yield kept;
      if (cut.original.length > 0) yield cut.original.slice() as Bytes;
      rest = rest.subarray(kept.length);
      at += kept.length;
      skip = cut.length;
      next++;
    }
    at += rest.length;
    if (rest.length > 0) yield rest;
  }
  for (const cut of cuts.slice(next)) yield cut.original.slice() as Bytes; // of an empty file
}

/** Elements of patches, in the order of the file. */
class Elements {
  private readonly waiting: { patch: Patch; next: number }[];
  private active: { patch: Patch; next: number }[] = [];

  constructor(patches: Patch[]) {
    this.waiting = patches
      .filter((p) => p.starts.length > 0)
      .sort((a, b) => b.starts[0] - a.starts[0])
      .map((patch) => ({ patch, next: 0 }));
  }

  /** Puts back what lies in a chunk that begins at a byte of the file. */
  apply(chunk: Bytes, at: number): void {
    const end = at + chunk.length;
    while (this.waiting.length > 0 && this.waiting[this.waiting.length - 1].patch.starts[0] < end) {
      this.active.push(this.waiting.pop()!);
    }
    for (const a of this.active) a.next = put(a.patch, a.next, chunk, at);
    this.active = this.active.filter((a) => a.next < a.patch.starts.length);
  }
}

/** Puts back elements from one on, and returns the first that does not end in this chunk. */
function put(p: Patch, from: number, chunk: Bytes, at: number): number {
  const end = at + chunk.length;
  for (let i = from; i < p.starts.length; i++) {
    const start = p.starts[i];
    for (let k = Math.max(0, at - start); k < p.width && start + k < end; k++) {
      if (p.originals.length > 0) chunk[start + k - at] = p.originals[i * p.width + k];
      else chunk[start + k - at] ^= (k < 4 ? p.flipLow >>> (8 * k) : p.flipHigh >>> (8 * k - 32)) & 0xff;
    }
    if (start + p.width > end) return i;
  }
  return p.starts.length;
}
