"""All vectors of testdata/vectors that are about keys."""

from __future__ import annotations

import hashlib
import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from conftest import ROOT

import advparams

KEYS = ROOT / "testdata" / "vectors" / "keys"
VECTORS = json.loads((KEYS / "index.json").read_text())["vectors"]
ERRORS = {
    "mismatch": advparams.WrongModel,
    "missing": advparams.WrongModel,
    "result": advparams.DamagedKey,
    "damaged": advparams.DamagedKey,
}


def test_there_are_vectors() -> None:
    assert len(VECTORS) >= 20
    assert {v["format"] for v in VECTORS} >= {1, 2, 3}
    assert {p.parent.name for p in KEYS.glob("*/model.key")} == {v["folder"] for v in VECTORS}


@pytest.mark.parametrize("vector", VECTORS, ids=lambda v: v["folder"])
def test_vector(vector: dict[str, Any], tmp_path: Path) -> None:
    folder = tmp_path / "locked"
    shutil.copytree(KEYS / vector["folder"], folder)
    shutil.rmtree(folder / "original", ignore_errors=True)
    before = sorted(folder.rglob("*"))
    locked, key = folder / "locked.onnx", folder / "model.key"
    if "error" in vector:
        with pytest.raises(ERRORS[vector["error"]]) as caught:
            advparams.unlock_files(locked, key)
        assert caught.value.hint
    else:
        unlocked = advparams.unlock_files(locked, key)
        assert advparams.inspect_key(key).format_version == vector["format"]
        got = {unlocked.name: unlocked.model, **unlocked.files}
        assert len(got) == len(vector["files"])
        for file in vector["files"]:
            original = (KEYS / vector["folder"] / "original" / file["original"]).read_bytes()
            assert hashlib.sha256(got[file["original"]]).hexdigest() == file["sha256"]
            assert got[file["original"]] == original
    assert sorted(folder.rglob("*")) == before


DAMAGED = KEYS.parent / "damaged-keys"
REFUSED = json.loads((DAMAGED / "index.json").read_text())["vectors"]
CLASSES = {
    "damaged": advparams.DamagedKey,
    "version": advparams.NewerKey,
    "identity": advparams.WrongIdentity,
}


def test_all_refused_keys_are_listed() -> None:
    assert len(REFUSED) >= 50
    assert {p.name for p in DAMAGED.glob("*.key")} == {v["file"] for v in REFUSED}


@pytest.mark.parametrize("vector", REFUSED, ids=lambda v: v["file"].removesuffix(".key"))
def test_refused_key(vector: dict[str, Any]) -> None:
    with pytest.raises(CLASSES[vector["error"]]) as caught:
        advparams.inspect_key(DAMAGED / vector["file"], DAMAGED / "identity.txt")
    assert caught.value.hint


def seals() -> list[dict[str, Any]]:
    vectors = json.loads((ROOT / "seal" / "testdata" / "vectors.json").read_text())
    return [v for v in vectors if "sealed" in v]


@pytest.mark.parametrize("vector", seals(), ids=lambda v: f"kind{v['kind']}-{v['count']}-{v['index']}")
def test_sealed_tensor(vector: dict[str, Any]) -> None:
    from advparams import _payload, _seal

    tensors = [_payload.SealedTensor(count=0, kind=1) for _ in range(min(vector["index"], 1000))]
    tensors.append(
        _payload.SealedTensor(
            kind=vector["kind"], count=vector["count"], keep_signs=vector["keep_signs"],
            exponents=vector.get("exponents", []),
        )
    )  # fmt: skip
    if len(tensors) != vector["index"] + 1:
        pytest.skip("an index that only a huge key has")
    data = bytearray.fromhex(vector["sealed"])
    seed, salt = bytes.fromhex(vector["seed"]), bytes.fromhex(vector["salt"])
    _seal.decrypt(_payload.Keystream(1, seed, salt, tensors), 0, memoryview(data))
    assert data.hex() == vector["input"]


def test_there_are_sealed_tensors() -> None:
    assert {v["kind"] for v in seals()} == set(range(1, 15))


@pytest.mark.parametrize("version", [1, 2, 3])
def test_keys_of_each_version(version: int) -> None:
    """Keys that the tests of package key have kept, sealed and plain."""
    folder = ROOT / "key" / "testdata"
    plain = advparams.inspect_key(folder / f"v{version}.plain.key")
    sealed = folder / f"v{version}.passphrase.key"
    outside = advparams.inspect_key(sealed)
    assert (outside.sealed, outside.opened, outside.recipients) == (True, False, ["scrypt"])
    passphrase = advparams.Passphrase("correct horse battery staple")
    opened = advparams.inspect_key(sealed, passphrase)
    assert opened.opened and opened.format_version == plain.format_version == version
    assert (opened.files, opened.summary, opened.tool) == (plain.files, plain.summary, plain.tool)
    with pytest.raises(advparams.WrongIdentity):
        advparams.inspect_key(sealed, advparams.Passphrase("wrong"))
    with pytest.raises(advparams.TooMuchWork):
        advparams.inspect_key(sealed, passphrase, max_work_factor=outside.work_factor - 1)
