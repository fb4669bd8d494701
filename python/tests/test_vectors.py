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

VECTORS = ROOT / "testdata" / "vectors"
FOLDERS = ("keys", "damaged-keys")
CLASSES = {
    "damaged": advparams.DamagedKey,
    "identity": advparams.WrongIdentity,
    "mismatch": advparams.WrongModel,
    "missing": advparams.WrongModel,
    "result": advparams.DamagedKey,
    "version": advparams.NewerKey,
    "work": advparams.TooMuchWork,
}


def index(folder: str) -> list[dict[str, Any]]:
    read = json.loads((VECTORS / folder / "index.json").read_text())
    assert read["version"] == 2
    vectors: list[dict[str, Any]] = read["vectors"]
    return vectors


ALL = [pytest.param(f, v, id=f"{f}/{v['name']}") for f in FOLDERS for v in index(f)]


def test_there_are_vectors() -> None:
    assert len(ALL) >= 250
    assert {v.get("format", 0) for v in index("keys")} == {1, 2, 3}
    assert {v["error"] for f in FOLDERS for v in index(f) if "error" in v} == set(CLASSES)
    for folder in FOLDERS:
        here = {p.relative_to(VECTORS / folder).as_posix() for p in (VECTORS / folder).rglob("*.key")}
        assert {v["key"] for v in index(folder)} == here


@pytest.mark.parametrize(("folder", "vector"), ALL)
def test_vector(folder: str, vector: dict[str, Any], tmp_path: Path) -> None:
    here = VECTORS / folder
    shutil.copytree((here / vector["locked"]).parent, tmp_path / "locked")
    originals = tmp_path / "original"
    (tmp_path / "locked" / "original").rename(originals)
    locked, before = tmp_path / "locked" / "locked.onnx", sorted(tmp_path.rglob("*"))
    identity: Any = None
    if "identity" in vector:
        identity = here / vector["identity"]
    elif "passphrase" in vector:
        identity = advparams.Passphrase(vector["passphrase"])
    try:
        if "error" in vector:
            with pytest.raises(advparams.AdvparamsError) as caught:
                advparams.unlock_files(locked, here / vector["key"], identity)
            assert type(caught.value) is CLASSES[vector["error"]]
            assert caught.value.hint
            return
        unlocked = advparams.unlock_files(locked, here / vector["key"], identity)
    except ValueError as e:
        if "needs" in vector and "newer cryptography" in str(e):
            pytest.skip(str(e))
        raise
    assert advparams.inspect_key(here / vector["key"], identity).format_version == vector["format"]
    got = {unlocked.name: unlocked.model, **unlocked.files}
    assert {f["original"] for f in vector["files"]} == set(got)
    for file in vector["files"]:
        content = got[file["original"]]
        assert len(content) == file["size"]
        assert hashlib.sha256(content).hexdigest() == file["sha256"]
        assert content == (originals / file["original"]).read_bytes()
    assert sorted(tmp_path.rglob("*")) == before


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
