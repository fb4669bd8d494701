"""External data in a model: its file names, and how to do without it.

This knows no more of ONNX than in which fields of which messages tensors are.
"""

from __future__ import annotations

import posixpath
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from . import _wire as wire

# Message types of onnx.proto, with the fields in which tensors can be, directly or not.
_MODEL, _GRAPH, _NODE, _ATTRIBUTE, _TENSOR, _SPARSE, _FUNCTION, _TRAINING = range(8)
_INSIDE = {
    _MODEL: {7: _GRAPH, 20: _TRAINING, 25: _FUNCTION},
    _GRAPH: {1: _NODE, 5: _TENSOR, 15: _SPARSE},
    _NODE: {5: _ATTRIBUTE},
    _ATTRIBUTE: {5: _TENSOR, 6: _GRAPH, 10: _TENSOR, 11: _GRAPH, 22: _SPARSE, 23: _SPARSE},
    _TENSOR: {},
    _SPARSE: {1: _TENSOR, 2: _TENSOR},
    _FUNCTION: {7: _NODE, 11: _ATTRIBUTE},
    _TRAINING: {1: _GRAPH, 2: _GRAPH},
}
_RAW_DATA, _EXTERNAL_DATA, _DATA_LOCATION = 9, 13, 14
_DEEPEST = 200


@dataclass(frozen=True)
class External:
    """Where a tensor is stored."""

    location: bytes  # as it is written
    offset: int
    length: int | None  # None: up to the end of the file
    nested: bool  # the tensor is in a branch, the body of a loop or a function


def external(model: bytes) -> list[External]:
    """Returns where the tensors of a model are that are not in it.

    A file that is not ONNX has none.
    """
    try:
        return list(_external(memoryview(model), _MODEL, 0, 0))
    except wire.WireError:
        return []


def _external(data: memoryview, message: int, depth: int, graphs: int) -> Iterator[External]:
    if depth > _DEEPEST:
        raise wire.WireError("the model is nested too deeply")
    if message == _TENSOR:
        yield from _entry(data, graphs > 1)
        return
    graphs += {_GRAPH: 1, _FUNCTION: 2}.get(message, 0)  # a function is never the main graph
    for number, _, value in wire.fields(data):
        inside = _INSIDE[message].get(number)
        if inside is not None and isinstance(value, memoryview):
            yield from _external(value, inside, depth + 1, graphs)


def _entry(tensor: memoryview, nested: bool) -> Iterator[External]:
    """What a tensor says about its external data, if it has any."""
    entries: dict[bytes, bytes] = {}
    for number, _, value in wire.fields(tensor):
        if number == _EXTERNAL_DATA and isinstance(value, memoryview):
            pair = {n: bytes(v) for n, _, v in wire.fields(value) if isinstance(v, memoryview)}
            entries[pair.get(1, b"")] = pair.get(2, b"")
    if b"location" in entries:
        try:
            offset = int(entries.get(b"offset", b"0"))
            length = int(entries.get(b"length", b"0")) or None  # onnx, too, takes 0 for none
        except ValueError as e:
            raise wire.WireError("an offset or length is no number") from e
        yield External(entries[b"location"], offset, length, nested)


def inlined(model: bytes, files: Mapping[str, bytes]) -> bytes:
    """Returns a model with its external data in it. All files have to be there."""
    return b"".join(_inline(memoryview(model), _MODEL, files, 0))


def _inline(
    data: memoryview, message: int, files: Mapping[str, bytes], depth: int
) -> list[bytes | memoryview]:
    if depth > _DEEPEST:
        raise wire.WireError("the model is nested too deeply")
    stored = next(_entry(data, False), None) if message == _TENSOR else None
    out: list[bytes | memoryview] = []
    for number, kind, value in wire.fields(data):
        if stored and number in (_EXTERNAL_DATA, _DATA_LOCATION, _RAW_DATA):
            continue
        inside = _INSIDE[message].get(number)
        if inside is not None and isinstance(value, memoryview):
            parts = _inline(value, inside, files, depth + 1)
            out += [_head(number, sum(len(p) for p in parts)), *parts]
        elif kind == wire.VARINT and isinstance(value, int):
            out.append(wire.encoded(number << 3) + wire.encoded(value))
        elif kind == wire.BYTES and isinstance(value, memoryview):
            out += [_head(number, len(value)), value]
        elif kind in (wire.FIXED32, wire.FIXED64) and isinstance(value, memoryview):
            out += [wire.encoded(number << 3 | kind), value]
        else:
            raise wire.WireError("a group, which ONNX has not")
    if stored:
        whole = memoryview(files[posixpath.normpath(stored.location).decode("utf-8", "surrogateescape")])
        end = len(whole) if stored.length is None else stored.offset + stored.length
        raw = whole[stored.offset : end]
        out += [_head(_RAW_DATA, len(raw)), raw]
    return out


def _head(number: int, length: int) -> bytes:
    return wire.encoded(number << 3 | wire.BYTES) + wire.encoded(length)
