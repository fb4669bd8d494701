// The encoding of protobuf, as far as keys and models need it.

/** An array of bytes that owns its memory or a part of it. */
export type Bytes = Uint8Array<ArrayBuffer>;

export const VARINT = 0;
export const FIXED64 = 1;
export const BYTES = 2;
const START_GROUP = 3;
const END_GROUP = 4;
const FIXED32 = 5;

/** The bytes are not a message of protobuf. */
export class WireError extends Error {}

/** A field of a message. */
export interface Field {
  number: number;
  wire: number;
  /** A number, in two halves: 32 bits each. */
  low: number;
  high: number;
  /** The content of a byte string or of a fixed number; a group has none. */
  bytes: Bytes;
  /** Where the field begins and ends in its message, with its tag. */
  start: number;
  end: number;
}

/** Reads varints one after another. */
export class Varints {
  low = 0;
  high = 0;

  constructor(
    private readonly data: Bytes,
    public at = 0,
  ) {}

  get more(): boolean {
    return this.at < this.data.length;
  }

  /** Reads the next number below 2⁶⁴ into `low` and `high`. */
  next(): void {
    let low = 0;
    let high = 0;
    for (let k = 0; k < 10; k++) {
      if (this.at >= this.data.length) throw new WireError("a number is cut off");
      const b = this.data[this.at++];
      const seven = b & 0x7f;
      if (k < 4) low |= seven << (7 * k);
      else if (k === 4) {
        low |= seven << 28;
        high = seven >> 4;
      } else if (k < 9) high |= seven << (7 * k - 32);
      else {
        if (b > 1) break;
        high |= seven << 31;
      }
      if (b < 0x80) {
        this.low = low >>> 0;
        this.high = high >>> 0;
        return;
      }
    }
    throw new WireError("a number has more than 64 bits");
  }

  /** Reads the next number, which is approximate from 2⁵³ on. */
  number(): number {
    this.next();
    return this.high * 2 ** 32 + this.low;
  }
}

const NONE: Bytes = new Uint8Array(0);

/** Yields the fields of a message in their order. */
export function* fields(data: Bytes): Generator<Field> {
  const numbers = new Varints(data);
  while (numbers.more) yield field(data, numbers, 0);
}

function field(data: Bytes, numbers: Varints, depth: number): Field {
  const start = numbers.at;
  numbers.next();
  const number = (numbers.high * 2 ** 29 + (numbers.low >>> 3)) as number;
  const wire = numbers.low & 7;
  if (number <= 0 || number >= 2 ** 29) throw new WireError(`field number ${number}`);
  const done = (low: number, high: number, bytes: Bytes): Field => {
    return { number, wire, low, high, bytes, start, end: numbers.at };
  };
  switch (wire) {
    case VARINT:
      numbers.next();
      return done(numbers.low, numbers.high, NONE);
    case START_GROUP:
      if (depth === 100) throw new WireError("groups are nested too deeply");
      for (;;) {
        const inner = field(data, numbers, depth + 1);
        if (inner.wire !== END_GROUP) continue;
        if (inner.number !== number) throw new WireError("a group ends that has not begun");
        return done(0, 0, NONE);
      }
    case END_GROUP:
      if (depth === 0) throw new WireError("a group ends that has not begun");
      return done(0, 0, NONE);
  }
  let length: number;
  if (wire === BYTES) length = numbers.number();
  else if (wire === FIXED32) length = 4;
  else if (wire === FIXED64) length = 8;
  else throw new WireError(`wire type ${wire}`);
  if (length > data.length - numbers.at) throw new WireError("a field is cut off");
  const bytes = data.subarray(numbers.at, numbers.at + length);
  numbers.at += length;
  return done(0, 0, bytes);
}

/** A number below 2⁵³ as a varint. */
export function encoded(value: number): Bytes {
  const out: number[] = [];
  for (; value > 0x7f; value = Math.floor(value / 128)) out.push((value % 128) | 0x80);
  out.push(value);
  return new Uint8Array(out);
}
