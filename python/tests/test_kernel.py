"""The compiled part gives what numpy gives."""

from __future__ import annotations

import shutil
import sys

import numpy as np
import pytest

from advparams import _kernel, _payload, _seal


def decrypted(tensors: list[_payload.SealedTensor], data: bytes) -> bytes:
    work = bytearray(data)
    keystream = _payload.Keystream(1, bytes(range(32)), bytes(range(1, 33)), tensors)
    _seal.decrypt(keystream, 0, memoryview(work))
    return bytes(work)


def test_there_is_one() -> None:
    if not sys.platform.startswith("linux") or shutil.which("cc") is None:
        pytest.skip("no C compiler")
    assert _kernel.available()


@pytest.mark.parametrize("kind", range(2, 15))
@pytest.mark.parametrize("keep_signs", [False, True])
@pytest.mark.parametrize("exponents", [[], [3, 1, 2]])
def test_equal(kind: int, keep_signs: bool, exponents: list[int], monkeypatch: pytest.MonkeyPatch) -> None:
    if not _kernel.available():
        pytest.skip("not compiled")
    width, mantissa, _ = _payload.KINDS[kind]
    if exponents and (mantissa == 0 or width > 4):
        pytest.skip("a kind without exponents")
    random = np.random.default_rng(kind)
    tensors, at = [], 3
    for count in (0, 1, 2, 4095, 4096, 4097, 5 * 4096 + 7):
        made = {"kind": kind, "count": count, "keep_signs": keep_signs, "exponents": exponents}
        tensors.append(_payload.SealedTensor(offset=at, **made))
        at += count * width + 5  # not aligned
    data = bytearray(random.bytes(at))
    for t in tensors:  # some elements that are special: all zeros and all ones
        for n, value in ((0, 0), (3, 0xFF), (5, 0x7F)):
            if n < t.count:
                data[t.offset + n * width : t.offset + (n + 1) * width] = bytes([value]) * width
    compiled = decrypted(tensors, bytes(data))
    monkeypatch.setattr(_kernel, "_unseal", None)
    assert compiled == decrypted(tensors, bytes(data))
    assert compiled != data


@pytest.mark.parametrize("alone", [3, _seal.ALONE])
@pytest.mark.parametrize("kind", [2, 4])
def test_several_calls(alone: int, kind: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """A tensor that more than one thread works on."""
    if not _kernel.available():
        pytest.skip("not compiled")
    monkeypatch.setattr(_seal, "ALONE", alone)
    tensor = _payload.SealedTensor(kind=kind, count=(3 * alone + 1) * 4096 + 1)
    data = np.random.default_rng(1).bytes(tensor.length)
    compiled = decrypted([tensor], data)
    monkeypatch.setattr(_kernel, "_unseal", None)
    assert compiled == decrypted([tensor], data)
