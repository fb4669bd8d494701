// The payload of a key, as docs/key-format.md specifies it: decoding.

import { DamagedKey, NewerKey } from "./errors.js";
import { BYTES, FIXED64, VARINT, Varints, WireError, fields, type Bytes, type Field } from "./wire.js";

/** The latest version of the format that this package reads. */
export const LATEST_FORMAT = 3;
const MAX_RECORDS = 2 ** 20;

/** What was done to a model, for people. */
export interface Summary {
  /** `minimal`, `sealed`; in older keys also `hardened`. */
  profile: string;
  /** Parameters of the model, and how many of them were changed. */
  parameters: number;
  changed: number;
  /** Samples that the accuracies were measured on; 0: not measured. */
  samples: number;
  /** Accuracies from 0 to 1, of the original and of the locked model. */
  accuracy: number;
  lockedAccuracy: number;
  /** Whether the samples were made up. */
  madeUp: boolean;
  /** How images were prepared, as a JSON object; empty: in the usual way, or there were none. */
  preprocess: string;
}

/** A file before and after locking. Names are relative, with slashes, and in no encoding. */
export interface File {
  name: Bytes;
  lockedName: Bytes;
  size: number;
  lockedSize: number;
  sha256: Bytes;
  lockedSha256: Bytes;
}

export interface Patch {
  file: number;
  offset: number;
  stride: number;
  width: number;
  /** Packed positions as they are stored; `starts` is made of them. */
  distances: Bytes[];
  originals: Bytes;
  /** The bits that differ, in two halves. */
  flipLow: number;
  flipHigh: number;
  /** Where the elements are in the file, ascending. */
  starts: Float64Array;
}

export interface Splice {
  file: number;
  offset: number;
  length: number;
  original: Bytes;
}

export interface Result {
  file: number;
  size: number;
  sha256: Bytes;
}

export interface SealedTensor {
  file: number;
  offset: number;
  kind: number;
  count: number;
  keepSigns: boolean;
  varints: number;
  runs: Bytes[];
  exponents: number[];
}

export interface Keystream {
  cipher: number;
  seed: Bytes;
  salt: Bytes;
  tensors: SealedTensor[];
}

export interface Step {
  results: Result[];
  patches: Patch[];
  splices: Splice[];
  keystream: Keystream | undefined;
}

export interface Payload {
  magic: string;
  formatVersion: number;
  tool: string;
  created: number;
  summary: Summary;
  files: File[];
  patches: Patch[];
  splices: Splice[];
  steps: Step[];
}

const EMPTY: Bytes = new Uint8Array(0);

/** Decodes a payload. Whether it makes sense is for validate.ts. */
export function decode(data: Bytes): Payload {
  checkVersion(data);
  const p: Payload = {
    magic: "",
    formatVersion: 0,
    tool: "",
    created: 0,
    summary: emptySummary(),
    files: [],
    patches: [],
    splices: [],
    steps: [],
  };
  new Decoder().payload(p, data);
  return p;
}

export function emptySummary(): Summary {
  return {
    profile: "",
    parameters: 0,
    changed: 0,
    samples: 0,
    accuracy: 0,
    lockedAccuracy: 0,
    madeUp: false,
    preprocess: "",
  };
}

/** Looks for magic and version before anything that depends on them is read. */
function checkVersion(data: Bytes): void {
  let magic = "";
  let version = 0;
  for (const f of fields(data)) {
    if (f.number === 1 && f.wire === BYTES) magic = new TextDecoder().decode(f.bytes);
    else if (f.number === 2 && f.wire === VARINT) version = f.low;
  }
  if (magic !== "advparams key") {
    throw new DamagedKey("damaged key: its payload does not begin as that of a key");
  }
  if (version < 1 || version > LATEST_FORMAT) {
    throw new NewerKey(`the key has format version ${version}; this package knows 1 to ${LATEST_FORMAT}`);
  }
}

/**
 * Reads fields into messages, as protobuf has it: a number that comes twice replaces the one
 * before, a message that comes twice is merged, packed and single numbers are the same.
 */
class Decoder {
  private records = 0;

  payload(p: Payload, data: Bytes): void {
    for (const f of fields(data)) {
      if (is(f, 1, BYTES)) p.magic = text(f);
      else if (is(f, 2, VARINT)) p.formatVersion = f.low;
      else if (is(f, 3, BYTES)) p.tool = text(f);
      else if (is(f, 4, VARINT)) p.created = signed(f);
      else if (is(f, 5, BYTES)) this.summary(p.summary, f.bytes);
      else if (is(f, 6, BYTES)) p.files.push(this.file(f.bytes));
      else if (is(f, 7, BYTES)) p.patches.push(this.patch(f.bytes));
      else if (is(f, 8, BYTES)) p.splices.push(this.splice(f.bytes));
      else if (is(f, 9, BYTES)) p.steps.push(this.step(f.bytes));
      else throw unknown("payload", f);
    }
  }

  /** The summary alone may have fields that are not known. */
  private summary(s: Summary, data: Bytes): void {
    for (const f of fields(data)) {
      if (is(f, 1, BYTES)) s.profile = text(f);
      else if (is(f, 2, VARINT)) s.parameters = number(f);
      else if (is(f, 3, VARINT)) s.changed = number(f);
      else if (is(f, 4, VARINT)) s.samples = number(f);
      else if (is(f, 5, FIXED64)) s.accuracy = double(f);
      else if (is(f, 6, FIXED64)) s.lockedAccuracy = double(f);
      else if (is(f, 7, VARINT)) s.madeUp = bool(f);
      else if (is(f, 8, BYTES)) s.preprocess = text(f);
    }
  }

  private file(data: Bytes): File {
    this.count();
    const file: File = {
      name: EMPTY,
      lockedName: EMPTY,
      size: 0,
      lockedSize: 0,
      sha256: EMPTY,
      lockedSha256: EMPTY,
    };
    for (const f of fields(data)) {
      if (is(f, 1, BYTES)) file.name = f.bytes;
      else if (is(f, 2, BYTES)) file.lockedName = f.bytes;
      else if (is(f, 3, VARINT)) file.size = number(f);
      else if (is(f, 4, VARINT)) file.lockedSize = number(f);
      else if (is(f, 5, BYTES)) file.sha256 = f.bytes;
      else if (is(f, 6, BYTES)) file.lockedSha256 = f.bytes;
      else throw unknown("file", f);
    }
    return file;
  }

  private patch(data: Bytes): Patch {
    this.count();
    const p: Patch = {
      file: 0,
      offset: 0,
      stride: 0,
      width: 0,
      distances: [],
      originals: EMPTY,
      flipLow: 0,
      flipHigh: 0,
      starts: new Float64Array(0),
    };
    for (const f of fields(data)) {
      if (is(f, 1, BYTES)) continue; // the name of the tensor
      if (is(f, 2, VARINT)) p.file = f.low;
      else if (is(f, 3, VARINT)) p.offset = number(f);
      else if (is(f, 4, VARINT)) p.stride = f.low;
      else if (is(f, 5, VARINT)) p.width = f.low;
      else if (is(f, 6, BYTES)) p.distances.push(f.bytes);
      else if (is(f, 6, VARINT)) p.distances.push(single(data, f));
      else if (is(f, 7, BYTES)) p.originals = f.bytes;
      else if (is(f, 8, VARINT)) [p.flipLow, p.flipHigh] = [f.low, f.high];
      else throw unknown("patch", f);
    }
    return p;
  }

  private splice(data: Bytes): Splice {
    this.count();
    const s: Splice = { file: 0, offset: 0, length: 0, original: EMPTY };
    for (const f of fields(data)) {
      if (is(f, 1, VARINT)) s.file = f.low;
      else if (is(f, 2, VARINT)) s.offset = number(f);
      else if (is(f, 3, VARINT)) s.length = number(f);
      else if (is(f, 4, BYTES)) s.original = f.bytes;
      else throw unknown("splice", f);
    }
    return s;
  }

  private step(data: Bytes): Step {
    this.count();
    const s: Step = { results: [], patches: [], splices: [], keystream: undefined };
    for (const f of fields(data)) {
      if (is(f, 1, BYTES)) s.results.push(this.result(f.bytes));
      else if (is(f, 2, BYTES)) s.patches.push(this.patch(f.bytes));
      else if (is(f, 3, BYTES)) s.splices.push(this.splice(f.bytes));
      else if (is(f, 4, BYTES)) {
        s.keystream ??= { cipher: 0, seed: EMPTY, salt: EMPTY, tensors: [] };
        this.keystream(s.keystream, f.bytes);
      } else throw unknown("step", f);
    }
    return s;
  }

  private result(data: Bytes): Result {
    this.count();
    const r: Result = { file: 0, size: 0, sha256: EMPTY };
    for (const f of fields(data)) {
      if (is(f, 1, VARINT)) r.file = f.low;
      else if (is(f, 2, VARINT)) r.size = number(f);
      else if (is(f, 3, BYTES)) r.sha256 = f.bytes;
      else throw unknown("result", f);
    }
    return r;
  }

  private keystream(k: Keystream, data: Bytes): void {
    for (const f of fields(data)) {
      if (is(f, 1, VARINT)) k.cipher = f.low;
      else if (is(f, 2, BYTES)) k.seed = f.bytes;
      else if (is(f, 3, BYTES)) k.salt = f.bytes;
      else if (is(f, 4, BYTES)) k.tensors.push(this.tensor(f.bytes));
      else throw unknown("keystream", f);
    }
  }

  private tensor(data: Bytes): SealedTensor {
    this.count();
    const t: SealedTensor = {
      file: 0,
      offset: 0,
      kind: 0,
      count: 0,
      keepSigns: false,
      varints: 0,
      runs: [],
      exponents: [],
    };
    for (const f of fields(data)) {
      if (is(f, 1, BYTES)) continue; // the name of the tensor
      if (is(f, 2, VARINT)) t.file = f.low;
      else if (is(f, 3, VARINT)) t.offset = number(f);
      else if (is(f, 4, VARINT)) t.kind = f.low;
      else if (is(f, 5, VARINT)) t.count = number(f);
      else if (is(f, 6, VARINT)) t.keepSigns = bool(f);
      else if (is(f, 7, VARINT)) t.varints = number(f);
      else if (is(f, 8, BYTES)) t.runs.push(f.bytes);
      else if (is(f, 8, VARINT)) t.runs.push(single(data, f));
      else throw unknown("sealed tensor", f);
    }
    return t;
  }

  private count(): void {
    if (++this.records > MAX_RECORDS) {
      throw new DamagedKey(`damaged key: more than ${MAX_RECORDS} files, patches, steps and tensors`);
    }
  }
}

function is(f: Field, n: number, wire: number): boolean {
  return f.number === n && f.wire === wire;
}

function unknown(message: string, f: Field): NewerKey {
  return new NewerKey(`the key has field ${f.number} in its ${message}, which is not known`);
}

/** A number that may not exceed 2⁶³−1. From 2⁵³ on it is approximate: no file is as large. */
function number(f: Field): number {
  if (f.high >= 2 ** 31) throw new DamagedKey("damaged key: a number exceeds 2⁶³−1");
  return f.high * 2 ** 32 + f.low;
}

function signed(f: Field): number {
  return (f.high | 0) * 2 ** 32 + f.low;
}

function bool(f: Field): boolean {
  return f.low !== 0 || f.high !== 0;
}

function double(f: Field): number {
  return new DataView(f.bytes.buffer, f.bytes.byteOffset, 8).getFloat64(0, true);
}

const utf8 = new TextDecoder("utf-8", { fatal: true });

function text(f: Field): string {
  try {
    return utf8.decode(f.bytes);
  } catch {
    throw new WireError("a text is not UTF-8");
  }
}

/** A single number of a repeated field, in the encoding of packed ones. */
function single(message: Bytes, f: Field): Bytes {
  const tag = new Varints(message, f.start);
  tag.next();
  return message.subarray(tag.at, f.end);
}
