/** What elements are: bytes of one, bits of its mantissa and exponent (0 for integers). */
export interface Kind {
  width: number;
  mantissa: number;
  exponent: number;
}

const kind = (width: number, mantissa = 0, exponent = 0): Kind => ({ width, mantissa, exponent });

export const BYTE = 1;
export const FLOAT64 = 3;
export const E4M3FN = 6;
export const E4M3FNUZ = 7;
export const E5M2FNUZ = 9;
export const E8M0 = 10;
export const INT32 = 11;
export const INT64 = 12;
export const UINT64 = 14;

/** The kinds of docs/key-format.md, by their number. */
export const KINDS: readonly (Kind | undefined)[] = [
  undefined,
  kind(1), // bytes
  kind(4, 23, 8), // float32
  kind(8, 52, 11), // float64
  kind(2, 10, 5), // float16
  kind(2, 7, 8), // bfloat16
  kind(1, 3, 4), // float8e4m3fn
  kind(1, 3, 4), // float8e4m3fnuz
  kind(1, 2, 5), // float8e5m2
  kind(1, 2, 5), // float8e5m2fnuz
  kind(1, 0, 8), // float8e8m0
  kind(4), // int32
  kind(8), // int64
  kind(4), // uint32
  kind(8), // uint64
];
