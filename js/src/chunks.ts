// Files as chunks of bytes, one after another.

import { pause } from "#platform";
import type { Bytes } from "./wire.js";

/** Consecutive parts of a file. Whoever takes one may change it. */
export type Chunks = AsyncIterable<Bytes>;

/** Bytes of a chunk, as a rule. */
export const CHUNK = 1 << 20;

const TURN = 8; // milliseconds of work before others get a turn

/** Copies bytes into chunks, and lets a page draw and answer in between. */
export async function* chunksOf(data: Uint8Array): AsyncGenerator<Bytes> {
  let since = performance.now();
  for (let at = 0; at < data.length; at += CHUNK) {
    // Not slice: that of Node's Buffer does not copy.
    yield new Uint8Array(data.subarray(at, at + CHUNK));
    if (performance.now() - since < TURN) continue;
    await pause();
    since = performance.now();
  }
}

/** Takes chunks apart in other places than they come in. */
export class Reader {
  private readonly source: AsyncIterator<Bytes>;
  private current: Bytes = new Uint8Array(0);

  constructor(chunks: Chunks) {
    this.source = chunks[Symbol.asyncIterator]();
  }

  /** The next bytes, at least one and at most `limit`; undefined at the end. */
  async some(limit: number): Promise<Bytes | undefined> {
    while (this.current.length === 0) {
      const next = await this.source.next();
      if (next.done) return undefined;
      this.current = next.value;
    }
    const taken = this.current.subarray(0, limit);
    this.current = this.current.subarray(taken.length);
    return taken;
  }

  /** The next n bytes, in memory of their own; fewer at the end. */
  async exactly(n: number): Promise<Bytes> {
    // The memory grows as the bytes come: nothing has shown yet that there are n of them.
    const parts: Bytes[] = [];
    let has = 0;
    while (has < n) {
      const part = await this.some(n - has);
      if (!part) break;
      parts.push(part);
      has += part.length;
    }
    const out = new Uint8Array(has);
    let at = 0;
    for (const part of parts) {
      out.set(part, at);
      at += part.length;
    }
    return out;
  }
}
