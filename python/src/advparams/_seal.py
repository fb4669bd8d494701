"""Decrypts tensors: "Decrypting tensors" of docs/key-format.md.

_kernel.c does most of the work where it is compiled. Elsewhere numpy does it: blocks of all
tensors with elements of the same width are worked on side by side, so that one call does one
swap in hundreds of blocks.
"""

from __future__ import annotations

import os
import struct
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from . import _kernel
from . import _wire as wire
from ._payload import KINDS, Keystream, SealedTensor
from .errors import WrongModel

BLOCK = 4096
# Blocks that are worked on side by side. More of them need more calls of numpy per element,
# fewer are slower because they do not fit a cache.
TOGETHER = 512
ALONE = 1024  # blocks that one call of _compiled works on
_TILE = 64  # rows that are transposed at once

Array = npt.NDArray[Any]


@dataclass
class _Blocks:
    """Consecutive blocks of one tensor."""

    tensor: SealedTensor
    key: bytes
    first: int
    number: int


def decrypt(keystream: Keystream, file: int, data: memoryview) -> None:
    """Decrypts the tensors of a file where they are."""
    by_width: dict[int, list[_Blocks]] = {}
    work: list[Callable[[], None]] = []
    for index, t in enumerate(keystream.tensors):
        if t.file != file or t.count == 0:
            continue
        key = _key(keystream, index, t)
        if t.varints:
            work.append(lambda t=t, key=key: _varints(t, key, data))  # type: ignore[misc]
        elif t.kind == 1:
            work.append(lambda t=t, key=key: _bytes(t, key, data))  # type: ignore[misc]
        elif _kernel.available():
            for first in range(0, t.count, ALONE * BLOCK):
                work.append(lambda t=t, key=key, first=first: _compiled(t, key, first, data))  # type: ignore[misc]
        else:
            blocks = by_width.setdefault(KINDS[t.kind][0], [])
            blocks.append(_Blocks(t, key, 0, -(-t.count // BLOCK)))
    for width, blocks in by_width.items():
        for batch in _batches(blocks):
            work.append(lambda batch=batch, width=width: _batch(batch, width, data))  # type: ignore[misc]
    if len(work) < 2:
        for job in work:
            job()
        return
    with ThreadPoolExecutor(min(4, os.cpu_count() or 1)) as pool:
        for done in [pool.submit(job) for job in work]:
            done.result()


def _key(keystream: Keystream, index: int, t: SealedTensor) -> bytes:
    info = b"advparams seal 1\0" + struct.pack("<QQBB", index, t.count, t.kind, t.keep_signs)
    return HKDF(SHA256(), 32, keystream.salt, info).derive(keystream.seed)


def _stream(key: bytes, at: int, out: Array) -> None:
    """Fills out with keystream from a byte on that is a multiple of 16."""
    counter = (at // 16).to_bytes(16, "big")
    view = out.reshape(-1).view(np.uint8).data
    aes = Cipher(algorithms.AES(key), modes.CTR(counter)).encryptor()
    out.fill(0)
    aes.update_into(view, view)


def _compiled(t: SealedTensor, key: bytes, first: int, data: memoryview) -> None:
    """Decrypts up to ALONE blocks of a tensor, from an element on."""
    kind, back = _kernel.kind_of(t), _exponents(t.kind, t.exponents) if t.exponents else None
    width = KINDS[t.kind][0]
    size = BLOCK * (8 + width)
    few = max(1, (1 << 19) // size)  # so that the stream stays in a cache
    stream = np.empty(few * size, np.uint8)
    aes = Cipher(
        algorithms.AES(key), modes.CTR((first // BLOCK * size // 16).to_bytes(16, "big"))
    ).encryptor()
    end = min(t.count, first + ALONE * BLOCK)
    for at in range(first, end, few * BLOCK):
        n = min(end - at, few * BLOCK)
        stream.fill(0)
        aes.update_into(stream.data, stream.data)
        start = t.offset + at * width
        _kernel.unseal(np.frombuffer(data[start : start + n * width], np.uint8), n, stream, kind, back)


def _batches(blocks: list[_Blocks]) -> list[list[_Blocks]]:
    batches: list[list[_Blocks]] = []
    room = 0
    for b in blocks:
        while b.number:
            if room == 0:
                batches.append([])
                room = TOGETHER
            n = min(room, b.number)
            batches[-1].append(_Blocks(b.tensor, b.key, b.first, n))
            b.first, b.number, room = b.first + n, b.number - n, room - n
    return batches


def _batch(batch: list[_Blocks], width: int, data: memoryview) -> None:
    """Decrypts up to TOGETHER blocks of elements of one width."""
    total = sum(b.number for b in batch)
    x = np.zeros((total, BLOCK), f"<u{width}")
    sizes = np.full(total, BLOCK)  # elements of each block
    swaps = np.empty((BLOCK, total), np.intp)
    at = 0
    for b in batch:
        t = b.tensor
        n = min(t.count - b.first * BLOCK, b.number * BLOCK)
        start = t.offset + b.first * BLOCK * width
        rows = slice(at, at + b.number)
        part = x[rows]
        part.reshape(-1)[:n] = np.frombuffer(data[start : start + n * width], x.dtype)
        sizes[at + b.number - 1] = n - (b.number - 1) * BLOCK
        _blocks(b, part, swaps[:, rows], at, total)
        at += b.number
    for row in np.flatnonzero(sizes < BLOCK):  # what a short block does not have, it swaps with itself
        i = np.arange(sizes[row], BLOCK)
        swaps[i, row] = i * total + row
    _permute(x, swaps)
    at = 0
    for b in batch:
        n = min(b.tensor.count - b.first * BLOCK, b.number * BLOCK)
        start = b.tensor.offset + b.first * BLOCK * width
        out = np.frombuffer(data[start : start + n * width], x.dtype)
        out[:] = x[at : at + b.number].reshape(-1)[:n]
        at += b.number


def _blocks(b: _Blocks, x: Array, swaps: Array, column: int, columns: int) -> None:
    """Decrypts the elements of blocks, and tells what to swap them with."""
    width = x.itemsize
    size = BLOCK * (8 + width)
    few = max(1, (1 << 22) // size)  # enough that rows of swaps are written in long runs
    stream = np.empty((few, size), np.uint8)
    for first in range(0, b.number, few):
        n = min(few, b.number - first)
        part = stream[:n]
        _stream(b.key, (b.first + first) * size, part)
        z = part[:, 8 * BLOCK :].view(x.dtype)
        elements(x[first : first + n], z, b.tensor.kind, b.tensor.keep_signs, b.tensor.exponents)
        words = part[:, : 8 * BLOCK].view("<u8")
        _swaps(words, swaps[:, first : first + n], column + first, columns)


_PLACES = np.arange(1, BLOCK + 1, dtype=np.uint64)  # i + 1 for each i
_HALF, _LOW = np.uint64(32), np.uint64(0xFFFFFFFF)


def _swaps(words: Array, out: Array, column: int, columns: int) -> None:
    """For each block (a row of words) and each element i, the place to swap it with.

    Places are j·columns + column, counted in a matrix that has a column for each block. The
    words are overwritten.
    """
    j = words & _LOW
    j *= _PLACES
    j >>= _HALF
    words >>= _HALF
    words *= _PLACES
    j += words
    j >>= _HALF
    j *= np.uint64(columns)
    j += (np.arange(column, column + len(j), dtype=np.uint64))[:, None]
    for i in range(0, BLOCK, _TILE):
        out[i : i + _TILE] = j[:, i : i + _TILE].T


def _permute(x: Array, swaps: Array) -> None:
    """Makes the swaps of all blocks (rows of x), for i = 1, 2, 3 …

    Before step i element i is where it was at the beginning, because no step before went
    beyond i − 1. So the step is: i gets what j has, and j gets the element i of the
    beginning.
    """
    blocks = len(x)
    before = np.empty((BLOCK, blocks), x.dtype)
    for i in range(0, BLOCK, _TILE):
        before[i : i + _TILE] = x[:, i : i + _TILE].T
    after = np.empty_like(before)
    after[0] = before[0]
    flat = after.reshape(-1)
    for i in range(1, BLOCK):
        j = swaps[i]
        # If j = i, what is taken here is replaced in the next line.
        flat[: i * blocks].take(j, out=after[i], mode="clip")
        flat[j] = before[i]
    for i in range(0, BLOCK, _TILE):
        x[:, i : i + _TILE] = after[i : i + _TILE].T


def _below(v: Array) -> Array:
    """All bits below the leading one of each element; 0 for 0."""
    v = v.copy()
    shift = 1
    while shift < 8 * v.itemsize:
        v |= v >> v.dtype.type(shift)
        shift *= 2
    v >>= v.dtype.type(1)
    return v


def elements(x: Array, z: Array, kind: int, keep_signs: bool, exponents: list[int]) -> None:
    """Decrypts elements, without putting them back to their places."""
    if kind == 10:
        return
    if kind in (11, 12, 13, 14):
        _integers(x, z, kind in (11, 12), keep_signs)
        return
    if exponents:
        _undamp(x, kind, exponents)
    x ^= z & float_mask(x, kind, keep_signs)


def _integers(x: Array, z: Array, signed: bool, keep_signs: bool) -> None:
    dtype = x.dtype.type
    top = dtype(1 << (8 * x.itemsize - 1))
    v = np.where(x & top != 0, ~x, x) if signed else x
    flip = (z & top != 0) & (v != 0)
    x ^= z & _below(v)
    if signed and not keep_signs:
        x[flip] ^= ~dtype(0)


def _undamp(x: Array, kind: int, exponents: list[int]) -> None:
    """Puts back the exponents that were exchanged for others."""
    _, mantissa, bits = KINDS[kind]
    dtype, shift, ones = x.dtype.type, x.dtype.type(mantissa), (1 << bits) - 1
    back = _exponents(kind, exponents).astype(x.dtype)
    field = dtype(ones << mantissa)
    x[...] = x & ~field | back[(x & field) >> shift] << shift


def _exponents(kind: int, exponents: list[int]) -> npt.NDArray[np.uint16]:
    """The exponent that was there before, for each that is there."""
    back = np.arange(1 << KINDS[kind][2], dtype=np.uint16)
    back[np.array(exponents)] = np.arange(1, len(exponents) + 1, dtype=np.uint16)
    return back


def float_mask(x: Array, kind: int, keep_signs: bool) -> Array:
    """The bits of each float that are encrypted."""
    width, mantissa, bits = KINDS[kind]
    dtype = x.dtype.type
    m, e = dtype((1 << mantissa) - 1), dtype(((1 << bits) - 1) << mantissa)
    sign = dtype(0) if keep_signs else dtype(1 << (8 * width - 1))
    mask = np.full(x.shape, sign | m)
    exponent = x & e
    rare = exponent == 0
    if kind not in (7, 9):  # for these an exponent of all ones is an ordinary one
        rare |= exponent == e
    if rare.any():
        v = x[rare]
        low, fraction = v & e == 0, v & m
        if kind == 6:
            fraction = np.where(low, fraction, fraction ^ m)
        else:
            fraction[~low] = 0
        mask[rare] = np.where(fraction == 0, dtype(0), sign | _below(fraction))
    return mask


def _bytes(t: SealedTensor, key: bytes, data: memoryview) -> None:
    """Bytes are xored with the keystream, and stay in their places."""
    aes = Cipher(algorithms.AES(key), modes.CTR(bytes(16))).encryptor()
    part = data[t.offset : t.offset + t.count]
    aes.update_into(part, part)


def _varints(t: SealedTensor, key: bytes, data: memoryview) -> None:
    """Decrypts elements that are stored as varints and have different lengths."""
    raw = np.frombuffer(data[t.offset : t.offset + t.varints], np.uint8)
    try:
        starts, lengths = wire.boundaries(raw)
    except wire.WireError as e:
        raise WrongModel(f"a tensor of the model cannot be read: {e}") from e
    if starts.size != t.count or int(lengths.max()) > 10:
        raise WrongModel("a tensor of the model has another number of elements than the key says")
    out = raw.copy()
    stream = np.empty(BLOCK * 16, np.uint8)
    for first in range(0, t.count, BLOCK):
        n = min(BLOCK, t.count - first)
        _stream(key, first * 16, stream)
        words, z = stream[: 8 * BLOCK], stream[8 * BLOCK :].view("<u8")[:n]
        s, size = starts[first : first + n], lengths[first : first + n]
        xor = z & _varint_mask(wire.values(raw, s, size), t.kind)
        for k in range(int(size.max())):
            has = size > k
            out[s[has] + k] ^= (xor[has] >> np.uint64(7 * k)).astype(np.uint8) & np.uint8(0x7F)
        swaps = np.empty((BLOCK, 1), np.intp)
        _swaps(words.view("<u8").reshape(1, BLOCK), swaps, 0, 1)
        swaps[n:, 0] = np.arange(n, BLOCK)
        order = np.arange(BLOCK, dtype=np.int64).reshape(1, BLOCK)
        _permute(order, swaps)
        order = order[0, :n]
        # Gather the bytes of each element from where it was.
        size = size[order]
        begins = np.concatenate((np.zeros(1, np.int64), np.cumsum(size)[:-1]))
        source = np.repeat(s[order] - begins, size) + np.arange(int(size.sum()))
        end = int(s[0]) + source.size
        raw_part = out[source]
        out[int(s[0]) : end] = raw_part
    raw[:] = out


def _varint_mask(v: wire.Words, kind: int) -> wire.Words:
    if kind == 10:
        return np.zeros_like(v)
    if 4 <= kind <= 9:
        narrow = v.astype(f"<u{KINDS[kind][0]}")
        return float_mask(narrow, kind, True).astype(np.uint64)
    top = np.uint64(1 << 63)
    mask: wire.Words = _below(np.where(v & top != 0, ~v, v))
    if kind == 1:
        mask |= np.uint64(0x7F)
    return mask
