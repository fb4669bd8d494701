// "What makes a key valid" of docs/key-format.md.

import { DamagedKey, NewerKey } from "./errors.js";
import { KINDS } from "./kinds.js";
import type { File, Keystream, Patch, Payload, SealedTensor, Splice, Step } from "./payload.js";
import { Varints, type Bytes } from "./wire.js";

const MAX_VARINTS = 2 ** 26;

/**
 * A relative name without detours, one character a byte, or undefined if the name leaves its
 * folder.
 */
export function clean(name: Bytes): string | undefined {
  const raw = latin1(name);
  if (raw === "" || raw.includes("\0") || raw.startsWith("/")) return undefined;
  const parts: string[] = [];
  for (const part of raw.split("/")) {
    if (part === "" || part === ".") continue;
    if (part !== "..") parts.push(part);
    else if (parts.length === 0) return undefined;
    else parts.pop();
  }
  return parts.length > 0 ? parts.join("/") : undefined;
}

function latin1(data: Bytes): string {
  let out = "";
  for (const b of data) out += String.fromCharCode(b);
  return out;
}

function equal(a: Bytes, b: Bytes): boolean {
  return a.length === b.length && a.every((v, i) => v === b[i]);
}

function ensure(ok: boolean, problem: string): asserts ok {
  if (!ok) throw new DamagedKey("damaged key: " + problem);
}

/** Checks a payload, and computes where its elements are. */
export function validate(payload: Payload): void {
  new Validator(payload).run();
}

class Validator {
  /** Sizes of the files as the next step takes them. */
  private sizes: number[] = [];

  constructor(private readonly payload: Payload) {}

  run(): void {
    const p = this.payload;
    ensure(p.files.length > 0, "it has no files");
    for (const name of [(f: File) => f.name, (f: File) => f.lockedName]) {
      const names = p.files.map((f) => clean(name(f)));
      ensure(!names.includes(undefined), "a file name is empty or leaves the folder");
      ensure(new Set(names).size === names.length, "two files have the same name");
    }
    for (const f of p.files) {
      ensure(f.sha256.length === 32 && f.lockedSha256.length === 32, "a digest has not 32 bytes");
      ensure(f.lockedSize <= Number.MAX_SAFE_INTEGER, "a file has more than 2⁵³ bytes");
    }
    for (const a of [p.summary.accuracy, p.summary.lockedAccuracy]) {
      ensure(a >= 0 && a <= 1, "an accuracy is not between 0 and 1");
    }
    this.sizes = p.files.map((f) => f.lockedSize);
    const digests = p.files.map((f) => f.lockedSha256);
    if (p.formatVersion < 3) {
      ensure(p.steps.length === 0, `version ${p.formatVersion} has no steps`);
      this.edits(p.patches, p.splices);
    } else {
      ensure(p.steps.length > 0, "version 3 has steps");
      ensure(p.patches.length + p.splices.length === 0, "there are patches or splices beside the steps");
      for (const step of p.steps) this.step(step, digests);
    }
    p.files.forEach((f, i) => {
      ensure(f.size === this.sizes[i], "sizes do not follow from the splices");
      ensure(
        p.formatVersion < 3 || equal(digests[i], f.sha256),
        "the last step does not leave the originals",
      );
    });
  }

  private step(step: Step, digests: Bytes[]): void {
    let changed: Set<number>;
    if (step.keystream) {
      ensure(
        step.patches.length + step.splices.length === 0,
        "a step has a keystream and patches or splices",
      );
      changed = this.keystream(step.keystream);
    } else changed = this.edits(step.patches, step.splices);
    let last = -1;
    for (const r of step.results) {
      this.file(r.file);
      ensure(r.file > last, "the results of a step do not ascend");
      ensure(r.sha256.length === 32, "a digest has not 32 bytes");
      ensure(r.size === this.sizes[r.file], "a size does not follow from the splices");
      digests[r.file] = r.sha256;
      changed.delete(r.file);
      last = r.file;
    }
    ensure(changed.size === 0, "a step changes a file without a result");
  }

  private file(index: number): void {
    ensure(index < this.payload.files.length, "there is no file of that index");
  }

  /** Checks patches and splices, leaves the sizes behind them, and tells the files they change. */
  private edits(patches: Patch[], splices: Splice[]): Set<number> {
    const touched = new Map<number, Run[]>();
    const add = (file: number, run: Run) => {
      const runs = touched.get(file);
      if (runs) runs.push(run);
      else touched.set(file, [run]);
    };
    for (const p of patches) {
      this.patch(p);
      add(p.file, { starts: p.starts, length: p.width });
    }
    const behind = new Map<number, number>();
    for (const s of splices) {
      this.file(s.file);
      ensure(s.offset >= (behind.get(s.file) ?? 0), "splices overlap or do not ascend");
      ensure(s.offset + s.length <= this.sizes[s.file], "a splice lies outside its file");
      behind.set(s.file, s.offset + s.length);
      add(s.file, { starts: Float64Array.of(s.offset), length: s.length });
    }
    for (const runs of touched.values()) ensure(disjoint(runs), "a byte is touched twice");
    for (const s of splices) this.sizes[s.file] += s.original.length - s.length;
    return new Set(touched.keys());
  }

  private patch(p: Patch): void {
    this.file(p.file);
    ensure([1, 2, 4, 8].includes(p.width), "an element has not 1, 2, 4 or 8 bytes");
    ensure(p.width <= p.stride && p.stride < 2 ** 31, "a stride is less than its width, or too large");
    const room = this.sizes[p.file] - p.offset - p.width;
    const starts: number[] = [];
    let position = 0;
    for (const packed of p.distances) {
      const numbers = new Varints(packed);
      while (numbers.more) {
        const distance = numbers.number();
        ensure(starts.length === 0 || distance > 0, "positions do not ascend");
        position += distance;
        ensure(position * p.stride <= room, "an element lies outside its file");
        starts.push(p.offset + position * p.stride);
      }
    }
    p.starts = Float64Array.from(starts);
    if (p.flipLow || p.flipHigh) {
      ensure(this.payload.formatVersion > 1, "version 1 has no flip");
      const fits = p.width === 8 || (p.flipHigh === 0 && p.flipLow < 2 ** (8 * p.width));
      ensure(fits && p.originals.length === 0, "flip does not fit its elements");
    } else
      ensure(p.originals.length === starts.length * p.width, "there is not one original for each position");
  }

  private keystream(k: Keystream): Set<number> {
    if (k.cipher !== 1) {
      throw new NewerKey(`the key has tensors that are encrypted with cipher ${k.cipher}; 1 is known`);
    }
    ensure(k.seed.length === 32 && k.salt.length === 32, "seed or salt has not 32 bytes");
    let last = 0;
    let behind = 0;
    for (const t of k.tensors) {
      this.file(t.file);
      const kind = KINDS[t.kind];
      if (!kind) {
        throw new NewerKey(`the key has elements of kind ${t.kind}; 1 to ${KINDS.length - 1} are known`);
      }
      ensure(t.file >= last, "tensors do not ascend");
      if (t.file > last) behind = 0;
      ensure(t.offset >= behind, "tensors overlap or do not ascend");
      const end = t.offset + (t.varints || t.count * kind.width);
      ensure(end <= this.sizes[t.file], "a tensor lies outside its file");
      [last, behind] = [t.file, end];
      this.exponents(t);
      if (t.varints) {
        ensure(t.varints <= MAX_VARINTS, `varints have more than ${MAX_VARINTS} bytes`);
        ensure(t.keepSigns && t.exponents.length === 0, "varints with signs or exponents");
        ensure(t.kind !== 2 && t.kind !== 3, "varints of wide floats");
        ensure(
          t.count <= t.varints && t.varints <= 10 * t.count,
          "varints of another length than their number",
        );
      }
    }
    return new Set(k.tensors.map((t) => t.file));
  }

  private exponents(t: SealedTensor): void {
    const numbers = t.runs.flatMap((packed) => {
      const read = new Varints(packed);
      const out: number[] = [];
      while (read.more) {
        out.push(read.number());
        ensure(out.length < 1024, "exponents are no permutation");
      }
      return out;
    });
    if (numbers.length === 0) return;
    const { width, mantissa, exponent } = KINDS[t.kind]!;
    ensure(mantissa > 0 && width <= 4, "exponents of a kind that has none");
    ensure(numbers.length % 2 === 0, "exponents are not pairs");
    const ones = 2 ** exponent - 1;
    for (let i = 0; i < numbers.length; i += 2) {
      const [first, n] = [numbers[i], numbers[i + 1]];
      ensure(n > 0 && n < ones && first > 0 && first < ones, "exponents are no permutation");
      for (let k = 0; k < n; k++) t.exponents.push(first + k);
      ensure(t.exponents.length < ones, "exponents are no permutation");
    }
    const sorted = [...t.exponents].sort((a, b) => a - b);
    ensure(
      sorted.every((e, i) => e === i + 1),
      "exponents are no permutation",
    );
  }
}

/** Ranges of bytes of one length, ascending. */
interface Run {
  starts: Float64Array;
  length: number;
}

/** Whether no byte is in two ranges, and no empty range lies inside another. */
function disjoint(runs: Run[]): boolean {
  const some = runs.filter((r) => r.starts.length > 0);
  some.sort((a, b) => a.starts[0] - b.starts[0] || a.length - b.length);
  const total = some.reduce((n, r) => n + r.starts.length, 0);
  const starts = new Float64Array(total);
  const ends = new Float64Array(total);
  let at = 0;
  for (const r of some) {
    for (const s of r.starts) {
      starts[at] = s;
      ends[at++] = s + r.length;
    }
  }
  if (apart(starts, ends)) return true;
  if (some.length < 2) return false;
  // Elements of several patches may lie in turns.
  const order = Uint32Array.from(starts.keys()).sort((a, b) => starts[a] - starts[b] || ends[a] - ends[b]);
  return apart(
    Float64Array.from(order, (i) => starts[i]),
    Float64Array.from(order, (i) => ends[i]),
  );
}

function apart(starts: Float64Array, ends: Float64Array): boolean {
  for (let i = 1; i < starts.length; i++) if (ends[i - 1] > starts[i]) return false;
  return true;
}
