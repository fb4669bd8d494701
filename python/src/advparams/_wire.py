"""The encoding of protobuf, as far as keys and models need it."""

from __future__ import annotations

import struct
from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

VARINT, FIXED64, BYTES, FIXED32 = 0, 1, 2, 5
_START_GROUP, _END_GROUP = 3, 4

Value = int | memoryview
Words = npt.NDArray[np.uint64]


class WireError(ValueError):
    """The bytes are not a message of protobuf."""


def varint(data: memoryview, at: int) -> tuple[int, int]:
    """Returns the number at a position, below 2⁶⁴, and the position behind it."""
    value = 0
    for k in range(10):
        if at + k >= len(data):
            raise WireError("a number is cut off")
        b = data[at + k]
        if k == 9 and b > 1:
            break
        value |= (b & 0x7F) << (7 * k)
        if b < 0x80:
            return value, at + k + 1
    raise WireError("a number has more than 64 bits")


def fields(data: memoryview) -> Iterator[tuple[int, int, Value]]:
    """Yields number, wire type and value of each field of a message.

    A fixed number and a byte string come as they are stored. A group comes as one field of
    no content.
    """
    at = 0
    while at < len(data):
        number, wire, value, at = _field(data, at, 0)
        yield number, wire, value


def _field(data: memoryview, at: int, depth: int) -> tuple[int, int, Value, int]:
    tag, at = varint(data, at)
    number, wire = tag >> 3, tag & 7
    if not 0 < number < 1 << 29:
        raise WireError(f"field number {number}")
    if wire == VARINT:
        value, at = varint(data, at)
        return number, wire, value, at
    if wire == _START_GROUP:
        if depth == 100:
            raise WireError("groups are nested too deeply")
        while True:
            inner, kind, _, at = _field(data, at, depth + 1)
            if kind == _END_GROUP and inner == number:
                return number, wire, memoryview(b""), at
            if kind == _END_GROUP:
                raise WireError("a group ends that has not begun")
    if wire == _END_GROUP:
        if depth == 0:
            raise WireError("a group ends that has not begun")
        return number, wire, memoryview(b""), at
    if wire == BYTES:
        length, at = varint(data, at)
    elif wire in (FIXED32, FIXED64):
        length = 4 if wire == FIXED32 else 8
    else:
        raise WireError(f"wire type {wire}")
    if length > len(data) - at:
        raise WireError("a field is cut off")
    return number, wire, data[at : at + length], at + length


def encoded(value: int) -> bytes:
    """A number as a varint."""
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*out, value])


def double(value: memoryview) -> float:
    """The number in a fixed field of 8 bytes."""
    return float(struct.unpack("<d", value)[0])


def varints(data: memoryview) -> Words:
    """The numbers of a packed field."""
    raw = np.frombuffer(data, np.uint8)
    starts, lengths = boundaries(raw)
    if lengths.size == 0:
        return np.zeros(0, np.uint64)
    longest = int(lengths.max())
    if longest > 10 or (longest == 10 and bool((raw[starts[lengths == 10] + 9] > 1).any())):
        raise WireError("a number has more than 64 bits")
    return values(raw, starts, lengths)


def boundaries(raw: npt.NDArray[np.uint8]) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Positions and lengths of the varints that fill an array of bytes."""
    if raw.size and raw[-1] >= 0x80:
        raise WireError("a number is cut off")
    ends = np.flatnonzero(raw < 0x80).astype(np.int64) + 1
    starts = np.concatenate((np.zeros(min(1, ends.size), np.int64), ends[:-1]))
    return starts, ends - starts


def values(
    raw: npt.NDArray[np.uint8], starts: npt.NDArray[np.int64], lengths: npt.NDArray[np.int64]
) -> Words:
    """The lowest 64 bits of varints of at most 10 bytes."""
    out = np.zeros(starts.size, np.uint64)
    for k in range(int(lengths.max(initial=0))):
        has = lengths > k
        out[has] |= (raw[starts[has] + k] & np.uint8(0x7F)).astype(np.uint64) << np.uint64(7 * k)
    return out
