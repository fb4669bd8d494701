// Locked files become originals, part after part.

import { DIGESTS_APART, hash, sha256 } from "#platform";
import { chunksOf, type Chunks } from "./chunks.js";
import { edit } from "./edits.js";
import { AdvparamsError, DamagedKey, WrongModel } from "./errors.js";
import { unseal } from "./keystream.js";
import type { File, Payload } from "./payload.js";
import type { Input } from "./sources.js";
import type { Bytes } from "./wire.js";

/** The original of a file, in memory. */
export async function restore(payload: Payload, index: number, input: Input): Promise<Bytes> {
  const file = payload.files[index];
  checkSize(input, file);
  if (!input.whole || !DIGESTS_APART)
    return gather(restored(payload, index, input), input.size === undefined ? undefined : file.size);
  const locked = await input.whole();
  const before = sha256(locked); // meanwhile
  let original: Bytes | undefined;
  let failed: unknown;
  try {
    original = await gather(transform(payload, index, chunksOf(locked)), file.size);
  } catch (e) {
    failed = e;
  }
  checkLocked(input, file, locked.length, await before); // first: damage to a wrong file means nothing
  if (!original) throw failed;
  checkOriginal(input, file, original.length, await sha256(original));
  return original;
}

/**
 * The original of a file, as a stream. What can be read twice is compared with the key before
 * anything of it is given away; the outcome is compared at the end.
 */
export async function* stream(payload: Payload, index: number, input: Input): AsyncGenerator<Bytes> {
  const file = payload.files[index];
  checkSize(input, file);
  if (input.again) {
    const pass = new Pass(input, file);
    try {
      await pass.finish();
    } finally {
      await pass.stop();
    }
  }
  yield* restored(payload, index, input);
}

/** Restores a file and compares it with the key, before and after. */
async function* restored(payload: Payload, index: number, input: Input): AsyncGenerator<Bytes> {
  const file = payload.files[index];
  const pass = new Pass(input, file);
  const after = hash();
  let size = 0;
  try {
    try {
      for await (const part of transform(payload, index, pass)) {
        after.update(part);
        size += part.length;
        yield part;
      }
    } catch (e) {
      await pass.finish(); // that it is another file comes first
      throw e;
    }
    await pass.finish();
  } finally {
    await pass.stop();
  }
  checkOriginal(input, file, size, after.digest());
}

/** Applies the steps of a key, or its patches and splices, to one file. */
function transform(payload: Payload, index: number, chunks: Chunks): AsyncGenerator<Bytes> {
  if (payload.formatVersion < 3) return edit(payload.patches, payload.splices, index, chunks);
  let out = chunks as AsyncGenerator<Bytes>;
  const last = payload.steps.length - 1;
  for (const [n, step] of payload.steps.entries()) {
    out = step.keystream ? unseal(step.keystream, index, out) : edit(step.patches, step.splices, index, out);
    const result = step.results.find((r) => r.file === index);
    if (result && n < last) out = checked(out, result.sha256); // the last is the original
  }
  return out;
}

async function* checked(chunks: Chunks, digest: Bytes): AsyncGenerator<Bytes> {
  const seen = hash();
  for await (const part of chunks) {
    seen.update(part);
    yield part;
  }
  if (!same(seen.digest(), digest)) {
    throw new DamagedKey("damaged key: a step does not leave what the key says");
  }
}

/** Reads a locked file, and compares it with the key when it has been read. */
class Pass implements AsyncIterableIterator<Bytes> {
  private readonly source: AsyncIterator<Bytes>;
  private readonly seen = hash();
  private size = 0;
  private done = false;

  constructor(
    private readonly input: Input,
    private readonly file: File,
  ) {
    this.source = input.chunks()[Symbol.asyncIterator]();
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  async next(): Promise<IteratorResult<Bytes>> {
    if (this.done) return { done: true, value: undefined };
    const next = await this.source.next();
    if (next.done) {
      this.done = true;
      return next;
    }
    this.size += next.value.length;
    if (this.size > this.file.lockedSize) {
      await this.stop();
      throw mismatch(this.input, `it has more than ${this.file.lockedSize} bytes`);
    }
    this.seen.update(next.value);
    return next;
  }

  /** Reads what is left, and compares all. */
  async finish(): Promise<void> {
    while (!(await this.next()).done);
    checkLocked(this.input, this.file, this.size, this.seen.digest());
  }

  /** Frees the file if nobody wants the rest. */
  async stop(): Promise<void> {
    this.done = true;
    await this.source.return?.();
  }
}

/** Puts parts together. The size is not believed before it is known from the file. */
async function gather(parts: Chunks, size: number | undefined): Promise<Bytes> {
  if (size !== undefined) {
    const out = allocate(size);
    let at = 0;
    for await (const part of parts) {
      if (at + part.length > size)
        throw new DamagedKey("damaged key: a file becomes longer than the key says");
      out.set(part, at);
      at += part.length;
    }
    return out.subarray(0, at);
  }
  const all: Bytes[] = [];
  let total = 0;
  for await (const part of parts) {
    all.push(part);
    total += part.length;
  }
  const out = allocate(total);
  let at = 0;
  for (const part of all) {
    out.set(part, at);
    at += part.length;
  }
  return out;
}

function allocate(size: number): Bytes {
  try {
    return new Uint8Array(size);
  } catch (e) {
    throw new AdvparamsError(`a file of ${size} bytes does not fit into memory at once`, "use its stream", {
      cause: e,
    });
  }
}

function checkSize(input: Input, file: File): void {
  if (input.size !== undefined && input.size !== file.lockedSize) {
    throw mismatch(input, `it has ${input.size} bytes, not ${file.lockedSize}`);
  }
}

function checkLocked(input: Input, file: File, size: number, digest: Uint8Array): void {
  if (size !== file.lockedSize) throw mismatch(input, `it has ${size} bytes, not ${file.lockedSize}`);
  if (same(digest, file.lockedSha256)) return;
  if (same(digest, file.sha256)) throw mismatch(input, "it is the original already");
  throw mismatch(input, "its SHA-256 is another, so it is another model or was changed");
}

function checkOriginal(input: Input, file: File, size: number, digest: Uint8Array): void {
  if (size !== file.size || !same(digest, file.sha256)) {
    throw new DamagedKey(`damaged key: what it makes of ${input.label} is not the original`);
  }
}

function same(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((v, i) => v === b[i]);
}

function mismatch(input: Input, what: string): WrongModel {
  return new WrongModel(`${input.label} is not the file that the key is for: ${what}`);
}
