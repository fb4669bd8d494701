// What Node.js and browsers have in common: the platforms differ in where the rest comes from.

import type { Bytes } from "../wire.js";

/** Makes n bytes of keystream from a byte on that is a multiple of 16. */
export type Stream = (at: number, n: number) => Promise<Bytes>;

/** A SHA-256 of bytes that come one after another. */
export interface Hash {
  update(data: Uint8Array): void;
  digest(): Uint8Array;
}

/** A file that can be read from its beginning, more than once. */
export interface Stored {
  /** For messages. */
  label: string;
  size: number;
  /** Parts of the file that its reader may change. */
  chunks(): AsyncIterable<Bytes>;
}

/** AES-256-CTR of WebCrypto, which works in threads of its own. */
export async function subtleCtr(key: Uint8Array): Promise<Stream> {
  const secret = await crypto.subtle.importKey("raw", key as Bytes, "AES-CTR", false, ["encrypt"]);
  let zeros: Bytes = new Uint8Array(0);
  return async (at, n) => {
    if (zeros.length < n) zeros = new Uint8Array(n);
    const counter = new Uint8Array(16);
    new DataView(counter.buffer).setBigUint64(8, BigInt(at / 16));
    const made = await crypto.subtle.encrypt(
      { name: "AES-CTR", counter, length: 64 },
      secret,
      zeros.subarray(0, n),
    );
    return new Uint8Array(made);
  };
}

/** Content that was fetched, and from where. */
export interface Fetched {
  label: string;
  blob: Blob;
}

/** Parts of a stream. */
export async function* parts(stream: ReadableStream<Uint8Array>): AsyncGenerator<Bytes> {
  const reader = stream.getReader();
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      yield value as Bytes;
    }
  } finally {
    await reader.cancel().catch(() => {});
  }
}
