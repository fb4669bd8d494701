// Where models, keys and data files come from.

import { HAS_PATHS, beside, locate, parts, type Fetched, type Stored } from "#platform";
import { CHUNK, chunksOf } from "./chunks.js";
import { AdvparamsError } from "./errors.js";
import type { Bytes } from "./wire.js";

/**
 * A file: its content as bytes, a Blob or File, or where it is. In Node.js a text is a path, in
 * a browser an address that is fetched. A URL is either.
 */
export type Source = string | URL | Uint8Array | ArrayBuffer | Blob;

/** A file of a model, which may also come as a stream. A stream can be read once. */
export type ModelSource = Source | ReadableStream<Uint8Array>;

/** Data files of a model by their names in the key, or a function that finds them. */
export type DataFiles = Record<string, ModelSource> | ((name: string) => ModelSource | Promise<ModelSource>);

/** A file that can be read. */
export interface Input {
  label: string;
  /** Bytes; undefined: not known before the end. */
  size: number | undefined;
  /** Whether it can be read again. */
  again: boolean;
  chunks(): AsyncIterable<Bytes>;
  /** All of it, if it is in memory already or can be without harm. Nobody may change it. */
  whole?(): Promise<Uint8Array>;
}

const LARGEST_BLOB = 2 ** 30; // that is read into memory at once

/** Opens a source. */
export async function input(source: ModelSource, what: string): Promise<Input> {
  if (typeof source === "string" || source instanceof URL) return located(await locate(source));
  if (source instanceof ArrayBuffer) source = new Uint8Array(source);
  if (source instanceof Uint8Array) {
    // WebCrypto takes no memory that threads share.
    const data = source.buffer instanceof ArrayBuffer ? source : new Uint8Array(source);
    return {
      label: what,
      size: data.length,
      again: true,
      chunks: () => chunksOf(data),
      whole: async () => data,
    };
  }
  if (source instanceof Blob) return blob(source, source instanceof File && source.name ? source.name : what);
  if (source instanceof ReadableStream) {
    const stream = source;
    return { label: what, size: undefined, again: false, chunks: () => owned(parts(stream)) };
  }
  throw new TypeError(`${what} is not a path, URL, Blob, stream or bytes`);
}

function located(found: Stored | Fetched): Input {
  return "blob" in found ? blob(found.blob, found.label) : { ...found, again: true };
}

function blob(data: Blob, label: string): Input {
  async function* chunks(): AsyncGenerator<Bytes> {
    for (let at = 0; at < data.size; at += CHUNK) {
      yield new Uint8Array(await data.slice(at, at + CHUNK).arrayBuffer());
    }
  }
  const read: Input = { label, size: data.size, again: true, chunks };
  if (data.size <= LARGEST_BLOB) read.whole = async () => new Uint8Array(await data.arrayBuffer());
  return read;
}

/** The parts of a stream belong to whoever made it: copies may be changed. */
async function* owned(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<Bytes> {
  for await (const chunk of chunks) yield* chunksOf(chunk);
}

/** Opens a data file: one that is given, or else one that lies beside the model. */
export async function dataInput(
  model: ModelSource,
  files: DataFiles | undefined,
  name: string,
  raw: Bytes,
): Promise<Input> {
  const given = typeof files === "function" ? await files(name) : own(files, name);
  if (given !== undefined) return input(given, name);
  if (typeof model === "string" || model instanceof URL) return located(await beside(model, raw));
  throw new AdvparamsError(
    `the model has the data file ${JSON.stringify(name)}, which is not given`,
    "give data files by their names as the option files",
  );
}

function own(files: Record<string, ModelSource> | undefined, name: string): ModelSource | undefined {
  return files && Object.hasOwn(files, name) ? files[name] : undefined;
}

/** Reads a file of a limited size. A text that `isContent` is content itself. */
export async function readAll(
  source: Source,
  what: string,
  limit: number,
  isContent: (text: string) => boolean,
): Promise<Bytes> {
  if (typeof source === "string" && isContent(source)) return new TextEncoder().encode(source) as Bytes;
  const from = await input(source, what);
  const whole = [];
  let size = 0;
  for await (const chunk of from.chunks()) {
    size += chunk.length;
    if (size > limit)
      throw new AdvparamsError(`${from.label} has more than ${limit} bytes`, `check which file it is`);
    whole.push(chunk);
  }
  const out = new Uint8Array(size);
  let at = 0;
  for (const chunk of whole) {
    out.set(chunk, at);
    at += chunk.length;
  }
  return out;
}

export { HAS_PATHS };
