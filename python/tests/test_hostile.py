"""Keys and models from somebody who means harm: an error of this package, and soon."""

from __future__ import annotations

import hashlib
import os
import random
import shutil
from pathlib import Path
from typing import Any

import pytest
from conftest import ROOT

import advparams

KEYS = ROOT / "testdata" / "vectors" / "keys"
INTRO = b"advparams plain key 1: not encrypted, whoever reads this file can unlock the model\n"
FOLDERS = ["patches", "flip", "float32", "damped", "varints-int32", "external", "twice", "tensors"]


def payload_of(folder: str) -> bytes:
    data = (KEYS / folder / "model.key").read_bytes()
    assert data.startswith(INTRO)
    return data[len(INTRO) + len("sha256 ") + 65 :]


def plain(payload: bytes) -> bytes:
    return INTRO + b"sha256 %s\n" % hashlib.sha256(payload).hexdigest().encode() + payload


@pytest.mark.parametrize("folder", FOLDERS)
def test_mutated_keys(folder: str) -> None:
    """Whatever is in a key, it is refused, or gives the original."""
    original = payload_of(folder)
    want = advparams.unlock_files(KEYS / folder / "locked.onnx", plain(original))
    rng, refused = random.Random(folder), 0
    for _ in range(400):
        data = bytearray(original)
        for _ in range(rng.randint(1, 3)):
            at = rng.randrange(len(data))
            kind = rng.randrange(4)
            if kind == 0:
                data[at] ^= 1 << rng.randrange(8)
            elif kind == 1:
                data[at] = rng.choice([0, 1, 0x7F, 0x80, 0xFF])
            elif kind == 2:
                del data[at : at + rng.randint(1, 9)]
            else:
                data[at:at] = rng.choice([b"\xff" * 9 + b"\x01", bytes(3), b"\x80", original[at : at + 20]])
        try:
            got = advparams.unlock_files(KEYS / folder / "locked.onnx", plain(bytes(data)))
        except advparams.AdvparamsError as e:
            assert e.hint
            refused += 1
            continue
        assert got.model == want.model
        assert sorted(got.files.values()) == sorted(want.files.values())
    assert refused > 100


@pytest.mark.parametrize("folder", FOLDERS)
def test_mutated_models(folder: str, tmp_path: Path) -> None:
    locked = tmp_path / "locked.onnx"
    shutil.copytree(KEYS / folder, tmp_path, dirs_exist_ok=True)
    data, rng = locked.read_bytes(), random.Random(folder)
    for _ in range(100):
        changed = bytearray(data)
        changed[rng.randrange(len(changed))] ^= 1 << rng.randrange(8)
        locked.write_bytes(changed)
        with pytest.raises(advparams.WrongModel):
            advparams.unlock_files(locked, tmp_path / "model.key")


def external(tmp_path: Path) -> tuple[Path, Path]:
    """A locked model with data files, and one of these."""
    shutil.copytree(KEYS / "external", tmp_path / "m")
    return tmp_path / "m" / "locked.onnx", next(iter(sorted((tmp_path / "m").glob("locked.onnx.*"))))


def test_data_file_is_a_link(tmp_path: Path) -> None:
    """Caches of models have links to data files. What a link leads to has to be the right file."""
    locked, data = external(tmp_path)
    elsewhere = data.rename(tmp_path / "elsewhere")
    data.symlink_to(elsewhere)
    assert advparams.unlock_files(locked, locked.with_name("model.key")).files
    data.unlink()
    data.symlink_to("/etc/passwd")
    with pytest.raises(advparams.WrongModel):
        advparams.unlock_files(locked, locked.with_name("model.key"))


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no pipes with names")
@pytest.mark.parametrize("what", ["pipe", "folder", "device", "loop"])
def test_data_file_is_no_file(what: str, tmp_path: Path) -> None:
    locked, data = external(tmp_path)
    data.unlink()
    make: dict[str, Any] = {
        "pipe": lambda: os.mkfifo(data),
        "folder": data.mkdir,
        "device": lambda: data.symlink_to("/dev/zero"),
        "loop": lambda: data.symlink_to(data.name),
    }
    make[what]()
    with pytest.raises((advparams.WrongModel, OSError)) as caught:
        advparams.unlock_files(locked, locked.with_name("model.key"))
    assert what == "loop" or isinstance(caught.value, advparams.WrongModel)
