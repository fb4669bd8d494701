// Browsers, and what else has the interfaces of the web.

import { ctr } from "@noble/ciphers/aes.js";
import { scryptAsync } from "@noble/hashes/scrypt.js";
import { sha256 as nobleSha256 } from "@noble/hashes/sha2.js";
import { AdvparamsError } from "../errors.js";
import type { Bytes } from "../wire.js";
import { subtleCtr, type Fetched, type Hash, type Stream } from "./common.js";

export { parts, type Fetched, type Hash, type Stored, type Stream } from "./common.js";

/** A text is never a path. */
export const HAS_PATHS = false;

/** WebCrypto makes digests of what is in memory in another thread, and only of all of it. */
export const DIGESTS_APART = true;

// Pages that do not come from https or localhost have no WebCrypto.
const subtle = globalThis.crypto?.subtle;

export async function aesCtr(key: Uint8Array): Promise<Stream> {
  if (subtle) return subtleCtr(key);
  const own = key.slice();
  return async (at, n) => {
    await pause();
    const counter = new Uint8Array(16);
    new DataView(counter.buffer).setBigUint64(8, BigInt(at / 16));
    return ctr(own, counter).encrypt(new Uint8Array(n)) as Bytes;
  };
}

/** A page writes no files. */
export function quieten(): void {}

/** Lets the page draw and answer. */
export function pause(): Promise<void> {
  return new Promise((resolve) => {
    // setTimeout would wait for at least 4 ms after a few turns.
    const { port1, port2 } = new MessageChannel();
    port1.onmessage = () => {
      port1.close();
      resolve();
    };
    port2.postMessage(0);
  });
}

export function hash(): Hash {
  return nobleSha256.create();
}

/** The SHA-256 of bytes in memory, in another thread where there is WebCrypto. */
export async function sha256(data: Uint8Array): Promise<Uint8Array> {
  if (subtle) return new Uint8Array(await subtle.digest("SHA-256", data as Bytes));
  const h = hash();
  for (let at = 0; at < data.length; at += 1 << 20) {
    h.update(data.subarray(at, at + (1 << 20)));
    await pause();
  }
  return h.digest();
}

/** scrypt with r = 8 and p = 1. */
export function scrypt(passphrase: Uint8Array, salt: Uint8Array, logN: number): Promise<Uint8Array> {
  return scryptAsync(passphrase, salt, {
    N: 2 ** logN,
    r: 8,
    p: 1,
    dkLen: 32,
    maxmem: 2 ** (logN + 10) + 2 ** 24,
  });
}

/** Fetches a URL, which may be relative to that of the page. */
export function locate(where: string | URL): Promise<Fetched> {
  return fetched(absolute(where));
}

/** Fetches a data file that lies beside a model, by its name in the key. */
export function beside(model: string | URL, name: Bytes): Promise<Fetched> {
  return fetchedBeside(absolute(model), name);
}

function absolute(where: string | URL): URL {
  return new URL(where, globalThis.document?.baseURI ?? globalThis.location?.href);
}

export function fetchedBeside(model: URL, name: Bytes): Promise<Fetched> {
  // A slash separates folders. All else is encoded, so that no name leads elsewhere.
  const path = Array.from(name, (b) => (b === 0x2f ? "/" : `%${b.toString(16).padStart(2, "0")}`)).join("");
  return fetched(new URL("./" + path, model));
}

/** What a URL has, in memory. */
export async function fetched(url: URL): Promise<Fetched> {
  let response: Response;
  try {
    response = await fetch(url);
  } catch (e) {
    throw new AdvparamsError(
      `${url} cannot be fetched: ${(e as Error).message}`,
      "check the address and the network",
      {
        cause: e,
      },
    );
  }
  if (!response.ok) {
    throw new AdvparamsError(`${url} cannot be fetched: status ${response.status}`, "check the address");
  }
  return { label: url.href, blob: await response.blob() };
}
