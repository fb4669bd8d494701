// Node.js.

import {
  createCipheriv,
  createHash,
  createSecretKey,
  scrypt as nodeScrypt,
  type ScryptOptions,
} from "node:crypto";
import { open, stat } from "node:fs/promises";
import { dirname } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { CHUNK } from "../chunks.js";
import { AdvparamsError } from "../errors.js";
import type { Bytes } from "../wire.js";
import { type Fetched, type Hash, type Stored, type Stream } from "./common.js";

export { parts, type Fetched, type Hash, type Stored, type Stream } from "./common.js";

/** Texts that are no content themselves are paths. */
export const HAS_PATHS = true;

/** Digests of what is in memory are made as it passes: that costs less than copies for a thread. */
export const DIGESTS_APART = false;

/** AES-256-CTR of Node.js, which copies less than that of WebCrypto. */
export async function aesCtr(key: Uint8Array): Promise<Stream> {
  const own = createSecretKey(key);
  let zeros = new Uint8Array(0);
  return async (at, n) => {
    if (zeros.length < n) zeros = new Uint8Array(n);
    const counter = Buffer.alloc(16);
    counter.writeBigUInt64BE(BigInt(at / 16), 8);
    return createCipheriv("aes-256-ctr", own, counter).update(zeros.subarray(0, n)) as Bytes;
  };
}

/** Has onnxruntime-node, which is loaded with the first session, collect no events in a file. */
export function quieten(): void {
  process.env.ORT_DISABLE_TELEMETRY ??= "1";
}

/** Lets others of this thread work. */
export function pause(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

export function hash(): Hash {
  return createHash("sha256");
}

export async function sha256(data: Uint8Array): Promise<Uint8Array> {
  return createHash("sha256").update(data).digest();
}

const scryptAsync = promisify<Uint8Array, Uint8Array, number, ScryptOptions, Buffer>(nodeScrypt);

/** scrypt with r = 8 and p = 1. */
export function scrypt(passphrase: Uint8Array, salt: Uint8Array, logN: number): Promise<Uint8Array> {
  return scryptAsync(passphrase, salt, 32, { N: 2 ** logN, r: 8, p: 1, maxmem: 2 ** (logN + 10) + 2 ** 24 });
}

/** Opens a path or a URL of a file. */
export async function locate(where: string | URL): Promise<Stored | Fetched> {
  if (where instanceof URL && where.protocol !== "file:") {
    const { fetched } = await import("./web.js");
    return fetched(where);
  }
  return file(where instanceof URL ? fileURLToPath(where) : where);
}

/** Opens a data file that lies beside a model, by its name in the key. */
export async function beside(model: string | URL, name: Bytes): Promise<Stored | Fetched> {
  if (model instanceof URL && model.protocol !== "file:") {
    const { fetchedBeside } = await import("./web.js");
    return fetchedBeside(model, name);
  }
  if (process.platform === "win32") {
    const text = new TextDecoder().decode(name);
    if (/[\\:*?"<>|]/.test(text)) {
      throw new AdvparamsError(
        `this system cannot have a file ${JSON.stringify(text)}`,
        "unlock on another system",
      );
    }
  }
  const folder = dirname(model instanceof URL ? fileURLToPath(model) : model);
  // Names of files are bytes, which need not be UTF-8.
  return file(Buffer.concat([Buffer.from(folder + "/"), name]));
}

async function file(path: string | Buffer): Promise<Stored> {
  const { size } = await stat(path);
  async function* chunks(): AsyncGenerator<Bytes> {
    const handle = await open(path, "r");
    try {
      for (;;) {
        const buffer = new Uint8Array(CHUNK);
        const { bytesRead } = await handle.read(buffer, 0, CHUNK);
        if (bytesRead === 0) return;
        yield buffer.subarray(0, bytesRead);
      }
    } finally {
      await handle.close();
    }
  }
  return { label: path.toString(), size, chunks };
}
