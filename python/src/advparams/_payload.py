"""The payload of a key, as docs/key-format.md specifies it: decoding and validation."""

from __future__ import annotations

import math
import posixpath
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from . import _wire as wire
from .errors import DamagedKey, NewerKey

LATEST = 3
MAX_RECORDS = 1 << 20
MAX_VARINTS = 1 << 26
MAX_NUMBER = (1 << 63) - 1

# Kinds of elements: bytes, bits of the mantissa, bits of the exponent; 0 bits for integers.
KINDS = {
    1: (1, 0, 0), 2: (4, 23, 8), 3: (8, 52, 11), 4: (2, 10, 5), 5: (2, 7, 8), 6: (1, 3, 4), 7: (1, 3, 4),
    8: (1, 2, 5), 9: (1, 2, 5), 10: (1, 0, 8), 11: (4, 0, 0), 12: (8, 0, 0), 13: (4, 0, 0), 14: (8, 0, 0),
}  # fmt: skip


@dataclass
class Summary:
    """What was done to a model, for people."""

    profile: str = ""
    parameters: int = 0
    changed: int = 0
    samples: int = 0
    accuracy: float = 0
    locked_accuracy: float = 0
    made_up: bool = False
    preprocess: str = ""
    """How images were prepared, as a JSON object; empty: in the usual way, or there were none."""


@dataclass
class File:
    """A file before (name, size, sha256) and after locking. Names are relative, with slashes."""

    name: bytes = b""
    locked_name: bytes = b""
    size: int = 0
    locked_size: int = 0
    sha256: bytes = b""
    locked_sha256: bytes = b""


@dataclass
class Patch:
    tensor: bytes = b""
    file: int = 0
    offset: int = 0
    stride: int = 0
    width: int = 0
    distances: list[wire.Words] = field(default_factory=list)
    originals: bytes = b""
    flip: int = 0
    starts: npt.NDArray[np.int64] = field(default_factory=lambda: np.zeros(0, np.int64))  # in the file


@dataclass
class Splice:
    file: int = 0
    offset: int = 0
    length: int = 0
    original: bytes = b""


@dataclass
class Result:
    file: int = 0
    size: int = 0
    sha256: bytes = b""


@dataclass
class SealedTensor:
    name: bytes = b""
    file: int = 0
    offset: int = 0
    kind: int = 0
    count: int = 0
    keep_signs: bool = False
    varints: int = 0
    runs: list[wire.Words] = field(default_factory=list)
    exponents: list[int] = field(default_factory=list)

    @property
    def length(self) -> int:
        """In bytes."""
        return self.varints or self.count * KINDS[self.kind][0]


@dataclass
class Keystream:
    cipher: int = 0
    seed: bytes = b""
    salt: bytes = b""
    tensors: list[SealedTensor] = field(default_factory=list)


@dataclass
class Step:
    results: list[Result] = field(default_factory=list)
    patches: list[Patch] = field(default_factory=list)
    splices: list[Splice] = field(default_factory=list)
    keystream: Keystream | None = None


@dataclass
class Payload:
    magic: str = ""
    format_version: int = 0
    tool: str = ""
    created: int = 0
    summary: Summary = field(default_factory=Summary)
    files: list[File] = field(default_factory=list)
    patches: list[Patch] = field(default_factory=list)
    splices: list[Splice] = field(default_factory=list)
    steps: list[Step] = field(default_factory=list)


# Messages by type: the fields with their names in the classes above, and how they are read.
_SCALARS = {"string", "bytes", "uint32", "uint64", "bits", "int64", "double", "bool"}
_SCHEMA: dict[type, dict[int, tuple[str, Any]]] = {
    Summary: {1: ("profile", "string"), 2: ("parameters", "uint64"), 3: ("changed", "uint64"),
              4: ("samples", "uint64"), 5: ("accuracy", "double"), 6: ("locked_accuracy", "double"),
              7: ("made_up", "bool"), 8: ("preprocess", "string")},
    File: {1: ("name", "bytes"), 2: ("locked_name", "bytes"), 3: ("size", "uint64"),
           4: ("locked_size", "uint64"), 5: ("sha256", "bytes"), 6: ("locked_sha256", "bytes")},
    Patch: {1: ("tensor", "bytes"), 2: ("file", "uint32"), 3: ("offset", "uint64"), 4: ("stride", "uint32"),
            5: ("width", "uint32"), 6: ("distances", "packed"), 7: ("originals", "bytes"),
            8: ("flip", "bits")},
    Splice: {1: ("file", "uint32"), 2: ("offset", "uint64"), 3: ("length", "uint64"),
             4: ("original", "bytes")},
    Result: {1: ("file", "uint32"), 2: ("size", "uint64"), 3: ("sha256", "bytes")},
    SealedTensor: {1: ("name", "bytes"), 2: ("file", "uint32"), 3: ("offset", "uint64"),
                   4: ("kind", "uint32"), 5: ("count", "uint64"), 6: ("keep_signs", "bool"),
                   7: ("varints", "uint64"), 8: ("runs", "packed")},
    Keystream: {1: ("cipher", "uint32"), 2: ("seed", "bytes"), 3: ("salt", "bytes"),
                4: ("tensors", [SealedTensor])},
    Step: {1: ("results", [Result]), 2: ("patches", [Patch]), 3: ("splices", [Splice]),
           4: ("keystream", Keystream)},
    Payload: {1: ("magic", "string"), 2: ("format_version", "uint32"), 3: ("tool", "string"),
              4: ("created", "int64"), 5: ("summary", Summary), 6: ("files", [File]),
              7: ("patches", [Patch]), 8: ("splices", [Splice]), 9: ("steps", [Step])},
}  # fmt: skip

_ENCODED_AS = {"string": wire.BYTES, "bytes": wire.BYTES, "double": wire.FIXED64}


def decode(data: bytes) -> Payload:
    """Decodes and validates a payload."""
    view = memoryview(data)
    try:
        _check_version(view)
        payload = Payload()
        _merge(payload, view, [0])
        _Validator(payload).run()
    except wire.WireError as e:
        raise DamagedKey(f"damaged key: {e}") from e
    return payload


def _check_version(view: memoryview) -> None:
    """Looks for magic and version before anything that depends on them is read."""
    magic, version = b"", 0
    for number, kind, value in wire.fields(view):
        if number == 1 and isinstance(value, memoryview) and kind == wire.BYTES:
            magic = bytes(value)
        elif number == 2 and isinstance(value, int):
            version = value & 0xFFFFFFFF
    if magic != b"advparams key":
        raise DamagedKey("damaged key: its payload does not begin as that of a key")
    if not 0 < version <= LATEST:
        raise NewerKey(f"the key has format version {version}; this package knows 1 to {LATEST}")


def _merge(message: Any, data: memoryview, records: list[int]) -> None:
    """Reads fields into a message. Numbers that come twice replace, messages merge."""
    schema = _SCHEMA[type(message)]
    for number, kind, value in wire.fields(data):
        name, type_ = schema.get(number, ("", None))
        if type_ == "packed" and kind in (wire.VARINT, wire.BYTES):
            part = np.array([value], np.uint64) if isinstance(value, int) else wire.varints(value)
            getattr(message, name).append(part)
        elif isinstance(type_, list) and kind == wire.BYTES:
            records[0] += 1
            if records[0] > MAX_RECORDS:
                raise DamagedKey(f"damaged key: more than {MAX_RECORDS} files, patches, steps and tensors")
            assert isinstance(value, memoryview)
            item = type_[0]()
            _merge(item, value, records)
            getattr(message, name).append(item)
        elif isinstance(type_, type) and kind == wire.BYTES:
            assert isinstance(value, memoryview)
            if getattr(message, name) is None:
                setattr(message, name, type_())
            _merge(getattr(message, name), value, records)
        elif isinstance(type_, str) and type_ in _SCALARS and kind == _ENCODED_AS.get(type_, wire.VARINT):
            setattr(message, name, _scalar(type_, value))
        elif not isinstance(message, Summary):
            raise NewerKey(f"the key has field {number} in its {type(message).__name__}, which is not known")


def _scalar(type_: str, value: wire.Value) -> Any:
    if isinstance(value, memoryview):
        if type_ == "double":
            return wire.double(value)
        if type_ == "bytes":
            return bytes(value)
        try:
            return bytes(value).decode()
        except UnicodeDecodeError as e:
            raise wire.WireError("a text is not UTF-8") from e
    if type_ == "bool":
        return value != 0
    if type_ == "uint32":
        return value & 0xFFFFFFFF
    if type_ == "int64":
        return value - (1 << 64) if value > MAX_NUMBER else value
    if value > MAX_NUMBER and type_ != "bits":
        raise DamagedKey("damaged key: a number exceeds 2⁶³−1")
    return value


def clean(name: bytes) -> bytes | None:
    """A relative name without detours, or None if it leaves its folder."""
    cleaned = posixpath.normpath(name)
    if not name or b"\0" in name or name.startswith(b"/") or cleaned in (b".", b".."):
        return None
    return None if cleaned.startswith(b"../") else cleaned


def _ensure(ok: bool, problem: str) -> None:
    if not ok:
        raise DamagedKey("damaged key: " + problem)


class _Validator:
    """Checks what "What makes a key valid" of docs/key-format.md asks for."""

    def __init__(self, payload: Payload) -> None:
        self.payload = payload
        self.sizes: list[int] = []  # of the files as the next step takes them

    def run(self) -> None:
        p = self.payload
        _ensure(bool(p.files), "it has no files")
        name: Callable[[File], bytes]
        for name in (lambda f: f.name, lambda f: f.locked_name):
            names = [clean(name(f)) for f in p.files]
            _ensure(None not in names, "a file name is empty or leaves the folder")
            _ensure(len(set(names)) == len(names), "two files have the same name")
        for f in p.files:
            _ensure(len(f.sha256) == 32 and len(f.locked_sha256) == 32, "a digest has not 32 bytes")
        for accuracy in (p.summary.accuracy, p.summary.locked_accuracy):
            _ensure(0 <= accuracy <= 1, "an accuracy is not between 0 and 1")
        self.sizes = [f.locked_size for f in p.files]
        if p.format_version < 3:
            _ensure(not p.steps, f"version {p.format_version} has no steps")
            self._edits(p.patches, p.splices)
            _ensure(self.sizes == [f.size for f in p.files], "sizes do not follow from the splices")
            return
        _ensure(bool(p.steps), "version 3 has steps")
        _ensure(not p.patches and not p.splices, "there are patches or splices beside the steps")
        digests = [f.locked_sha256 for f in p.files]
        for step in p.steps:
            self._step(step, digests)
        _ensure(self.sizes == [f.size for f in p.files], "the last step does not leave the originals' sizes")
        _ensure(digests == [f.sha256 for f in p.files], "the last step does not leave the originals")

    def _step(self, step: Step, digests: list[bytes]) -> None:
        if step.keystream is not None:
            _ensure(not step.patches and not step.splices, "a step has a keystream and patches or splices")
            changed = self._keystream(step.keystream)
        else:
            changed = self._edits(step.patches, step.splices)
        last = -1
        for r in step.results:
            self._file(r.file)
            _ensure(r.file > last, "the results of a step do not ascend")
            _ensure(len(r.sha256) == 32, "a digest has not 32 bytes")
            _ensure(r.size == self.sizes[r.file], "a size does not follow from the splices")
            last, digests[r.file] = r.file, r.sha256
        _ensure(changed <= {r.file for r in step.results}, "a step changes a file without a result")

    def _file(self, index: int) -> None:
        _ensure(index < len(self.payload.files), "there is no file of that index")

    def _edits(self, patches: Iterable[Patch], splices: Iterable[Splice]) -> set[int]:
        """Checks patches and splices, and leaves the sizes behind them."""
        starts: dict[int, list[npt.NDArray[np.int64]]] = {}
        ends: dict[int, list[npt.NDArray[np.int64]]] = {}
        grown: dict[int, int] = {}
        for p in patches:
            self._patch(p)
            starts.setdefault(p.file, []).append(p.starts)
            ends.setdefault(p.file, []).append(p.starts + p.width)
            grown.setdefault(p.file, 0)
        behind: dict[int, int] = {}
        for s in splices:
            self._file(s.file)
            _ensure(s.offset >= behind.get(s.file, 0), "splices overlap or do not ascend")
            _ensure(s.offset + s.length <= self.sizes[s.file], "a splice lies outside its file")
            behind[s.file] = s.offset + s.length
            starts.setdefault(s.file, []).append(np.array([s.offset]))
            ends.setdefault(s.file, []).append(np.array([s.offset + s.length]))
            grown[s.file] = grown.get(s.file, 0) + len(s.original) - s.length
        for file, parts in starts.items():
            first, end = np.concatenate(parts), np.concatenate(ends[file])
            order = np.lexsort((end, first))
            _ensure(not (end[order][:-1] > first[order][1:]).any(), "a byte is touched twice")
        for file, by in grown.items():
            self.sizes[file] += by
            _ensure(self.sizes[file] <= MAX_NUMBER, "a size exceeds 2⁶³−1")
        return set(grown)

    def _patch(self, p: Patch) -> None:
        self._file(p.file)
        _ensure(p.width in (1, 2, 4, 8), "an element has not 1, 2, 4 or 8 bytes")
        _ensure(p.width <= p.stride < 1 << 31, "a stride is less than its width, or too large")
        distances = np.concatenate([np.zeros(0, np.uint64), *p.distances])
        n = distances.size
        if p.flip:
            _ensure(self.payload.format_version > 1, "version 1 has no flip")
            _ensure(p.flip < 1 << 8 * p.width and not p.originals, "flip does not fit its elements")
        else:
            _ensure(len(p.originals) == n * p.width, "there is not one original for each position")
        if n == 0:
            return
        _ensure(bool((distances[1:] > 0).all()), "positions do not ascend")
        room = self.sizes[p.file] - p.offset - p.width
        _ensure(room >= 0, "an element lies outside its file")
        # Sums below 2⁶² are exact in what follows.
        total = math.fsum(distances.tolist()) if n < 1000 else float(distances.sum(dtype=np.float64))
        _ensure(total * p.stride < 2.0**62, "an element lies outside its file")
        positions = np.cumsum(distances.astype(np.int64))
        _ensure(int(positions[-1]) * p.stride <= room, "an element lies outside its file")
        p.starts = positions * p.stride + p.offset

    def _keystream(self, k: Keystream) -> set[int]:
        if k.cipher != 1:
            raise NewerKey(f"the key has tensors that are encrypted with cipher {k.cipher}; 1 is known")
        _ensure(len(k.seed) == 32 and len(k.salt) == 32, "seed or salt has not 32 bytes")
        last, behind = 0, 0
        for t in k.tensors:
            self._file(t.file)
            if t.kind not in KINDS:
                raise NewerKey(f"the key has elements of kind {t.kind}; 1 to {max(KINDS)} are known")
            _ensure(t.file >= last, "tensors do not ascend")
            behind = behind if t.file == last else 0
            _ensure(t.offset >= behind, "tensors overlap or do not ascend")
            _ensure(t.offset + t.length <= self.sizes[t.file], "a tensor lies outside its file")
            last, behind = t.file, t.offset + t.length
            self._exponents(t)
            if t.varints:
                _ensure(t.varints <= MAX_VARINTS, f"varints have more than {MAX_VARINTS} bytes")
                _ensure(t.keep_signs and not t.exponents, "varints with signs or exponents")
                _ensure(t.kind not in (2, 3), "varints of wide floats")
                _ensure(t.count <= t.varints <= 10 * t.count, "varints of another length than their number")
        return {t.file for t in k.tensors}

    def _exponents(self, t: SealedTensor) -> None:
        runs = np.concatenate([np.zeros(0, np.uint64), *t.runs]).tolist()
        if not runs:
            return
        width, mantissa, bits = KINDS[t.kind]
        _ensure(mantissa > 0 and width <= 4, "exponents of a kind that has none")
        _ensure(len(runs) % 2 == 0, "exponents are not pairs")
        ones = (1 << bits) - 1
        for first, n in zip(runs[::2], runs[1::2], strict=True):
            _ensure(0 < n < ones and 0 < first < ones, "exponents are no permutation")
            t.exponents.extend(range(first, first + n))
            _ensure(len(t.exponents) < ones, "exponents are no permutation")
        _ensure(sorted(t.exponents) == list(range(1, len(t.exponents) + 1)), "exponents are no permutation")
