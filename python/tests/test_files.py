"""Files that appear together, whole, or not at all."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from advparams import _files


def contents(folder: Path) -> dict[str, bytes]:
    return {p.name: p.read_bytes() for p in folder.iterdir()}


class Full(RuntimeError):
    """The disk is full."""


@pytest.mark.parametrize("way", ["full", "taken", "without links", "no links, taken"])
def test_no_half_of_a_file(way: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Under the names of files there are whole ones, or none, and nothing is left of others."""
    content = b"model"
    first, second = str(tmp_path / "model.onnx"), str(tmp_path / "data.bin")
    if way in ("without links", "no links, taken"):
        monkeypatch.setattr(os, "link", lambda *_: (_ for _ in ()).throw(OSError(errno.EPERM, "no links")))
    if way == "without links":
        _files.write_all({first: content, second: b"data"})
        assert contents(tmp_path) == {"model.onnx": content, "data.bin": b"data"}
        return
    seen: list[set[str]] = []
    sync = os.fsync

    def late(fd: int) -> None:  # when a file is written
        seen.append({p.name for p in tmp_path.iterdir() if not p.name.endswith(".tmp")})
        if way == "full" and len(seen) == 2:
            raise Full
        if way != "full":
            (tmp_path / "model.onnx").write_bytes(b"of somebody else")
        sync(fd)

    monkeypatch.setattr(os, "fsync", late)
    with pytest.raises(Full if way == "full" else FileExistsError):
        _files.write_all({first: content, second: b"data"})
    assert seen[0] == set()
    assert contents(tmp_path) == ({} if way == "full" else {"model.onnx": b"of somebody else"})
