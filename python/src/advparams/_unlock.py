"""Turns locked files back into the originals, in memory."""

from __future__ import annotations

import hashlib
import io
import os
import posixpath
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

import numpy as np

from . import _files, _onnx, _seal
from ._keyfile import DEFAULT_WORK_FACTOR, Identities, Key, open_key
from ._payload import File, Patch, Payload, Splice, Step, clean
from .errors import AdvparamsError, DamagedKey, WrongModel


@dataclass
class UnlockedModel:
    """An original, bit for bit, in memory."""

    name: str
    """The name that the model file had before it was locked."""
    model: bytes = field(repr=False)
    """The content of the model file."""
    files: dict[str, bytes] = field(repr=False)
    """Its external data files by name, relative to the model's folder, with slashes."""

    def _refers_to(self) -> set[str]:
        """The data files that the model names, without detours."""
        found = (clean(stored.location) for stored in _onnx.external(self.model))
        return {os.fsdecode(name) for name in found if name}

    def write(self, folder: str | os.PathLike[str]) -> None:
        """Writes the plain files into a folder. To run a model, that is not needed.

        Only data files that the model refers to are written, nothing is replaced, and nothing
        is written outside the folder, nor under names that other programs run or read by
        themselves: the names come from whoever made the key. The files appear whole, or, if one
        exists or cannot be written, none does.
        """
        refers = self._refers_to()
        names = {self.name: self.model}
        names.update((n, data) for n, data in self.files.items() if posixpath.normpath(n) in refers)
        for name in names:
            if _active(name):
                raise AdvparamsError(
                    f"{name!r} is a name that other programs run, or read by themselves",
                    "write its content to a file of your choice, if you trust whoever made the key",
                )
        files: dict[str, bytes] = {}
        for name, data in names.items():
            path = _inside(folder, name)
            parent = os.path.join(os.path.realpath(folder), *name.split("/")[:-1])
            if os.path.realpath(parent) != parent:
                raise AdvparamsError(f"{path} leads out of its folder", "choose a folder without links")
            os.makedirs(parent, exist_ok=True)
            files[path] = data
        _files.write_all(files)


def unlock(
    path: str | os.PathLike[str],
    key: Key,
    identity: Identities = None,
    *,
    max_work_factor: int = DEFAULT_WORK_FACTOR,
) -> bytes:
    """Returns the original of a locked model file.

    The key is a path, the content of a key file as bytes, or `Env`. The identity is a path, a
    text (AGE-SECRET-KEY-1…, AGE-PLUGIN-…, an SSH private key), the content of an identity file
    as bytes, `Env`, `Passphrase`, or a list of these. A plain key needs none.

    Nothing is written. A model with external data has more than one file: `unlock_files`
    returns all.
    """
    unlocked = unlock_files(path, key, identity, max_work_factor=max_work_factor)
    if unlocked.files:
        raise AdvparamsError(
            f"the model has {len(unlocked.files)} external data files",
            "unlock_files returns all of them, session runs the model",
        )
    return unlocked.model


def unlock_files(
    path: str | os.PathLike[str],
    key: Key,
    identity: Identities = None,
    *,
    max_work_factor: int = DEFAULT_WORK_FACTOR,
) -> UnlockedModel:
    """Returns the original of a locked model with its external data files.

    Locked data files are looked for beside the model, under the names in the key. Sizes and
    SHA-256 digests are compared with those in the key before and after. See `unlock` for the
    arguments.
    """
    path = os.fspath(path)
    _check_finished(path)
    payload = open_key(key, identity, max_work_factor)
    folder = os.path.dirname(path)
    results: list[bytes] = []
    for index, file in enumerate(payload.files):
        source = path if index == 0 else _inside(folder, os.fsdecode(file.locked_name))
        if index > 0 and os.path.exists(source) and not os.path.isfile(source):
            raise _mismatch(source, file, "it is no regular file")
        results.append(_restore(payload, index, _read(source, file), source))
    names = [posixpath.normpath(os.fsdecode(f.name)) for f in payload.files]
    unlocked = UnlockedModel(names[0], results[0], dict(zip(names[1:], results[1:], strict=True)))
    for name in sorted(set(unlocked.files) - unlocked._refers_to()):
        raise DamagedKey(f"the key has the data file {name!r}, which the original does not refer to")
    return unlocked


_PROGRAMS = {
    ".bash", ".bat", ".cmd", ".com", ".desktop", ".dll", ".dylib", ".exe", ".jar", ".js", ".lnk", ".mjs",
    ".ps1", ".py", ".pyc", ".pyd", ".service", ".sh", ".so", ".vbs", ".zsh",
}  # fmt: skip
_ACTIVE = {"authorized_keys", "authorized_keys2", "dockerfile", "gnumakefile", "makefile"}


def _active(name: str) -> bool:
    """Whether a name is hidden, or that of a program, as in package onnxio."""
    parts = [part.lower() for part in name.split("/")]
    bases = [part.rstrip(". ") for part in parts]
    return any(part.startswith(".") for part in parts) or any(
        base in _ACTIVE or posixpath.splitext(base)[1] in _PROGRAMS for base in bases
    )


def _check_finished(path: str) -> None:
    """Refuses a model that the command changes in place, or has not finished with."""
    for model in (path, os.path.realpath(path)):
        journal = model + ".advparams-journal"
        if os.path.lexists(journal):
            raise WrongModel(
                f"{path} is being changed in place, or that was interrupted: {journal} is there",
                "the command finishes the work: advparams unlock",
            )


def _inside(folder: str | os.PathLike[str], name: str) -> str:
    parts = posixpath.normpath(name).split("/")
    if os.name == "nt" and any(set(part) & set('\\:*?"<>|') for part in parts):
        raise DamagedKey(f"a file of the model has the name {name!r}, which this system cannot have")
    return os.path.join(folder, *parts)


def _read(path: str, file: File) -> bytes:
    """Reads a locked file that has the size that the key says, or no size, as a pipe."""
    try:
        with open(path, "rb") as f:
            size = os.fstat(f.fileno()).st_size
            if size != file.locked_size and size > 0:  # 0: perhaps no regular file
                raise _mismatch(path, file, f"it has {size} bytes, not {file.locked_size}")
            data = f.read(file.locked_size + 1)
    except FileNotFoundError as e:
        raise WrongModel(
            f"{path} does not exist", "check the path; data files belong beside the locked model"
        ) from e
    if len(data) != file.locked_size:
        raise _mismatch(path, file, f"it has not {file.locked_size} bytes")
    return data


def _mismatch(path: str, file: File, what: str) -> WrongModel:
    return WrongModel(f"{path} is not the file that the key is for: {what}")


def _restore(payload: Payload, index: int, locked: bytes, source: str) -> bytes:
    """Returns the original of one file."""
    file = payload.files[index]
    # io.BytesIO copies a file once, is writable meanwhile, and hands it out as bytes
    # without another copy.
    work = io.BytesIO(locked)
    with ThreadPoolExecutor(1) as pool:
        # A keystream makes different files of different files. So what comes out of it tells as
        # much as this digest, which is needed only to say what was wrong.
        digest = None if _begins_sealed(payload, index) else pool.submit(_sha256, locked)
        failed: Exception | None = None
        try:
            work = _steps(payload, index, work)
            restored = _sha256(work.getbuffer())
        except (DamagedKey, WrongModel) as e:
            failed, restored = e, b""
        if digest is None and restored == file.sha256:
            before = file.locked_sha256
        else:
            before = digest.result() if digest else _sha256(locked)
    if before != file.locked_sha256:  # this comes first: damage to a wrong file means nothing
        if before == file.sha256:
            raise _mismatch(source, file, "it is the original already")
        raise _mismatch(source, file, "its SHA-256 is another, so it is another model or was changed")
    if failed:
        raise failed
    if restored != file.sha256 or work.getbuffer().nbytes != file.size:
        raise DamagedKey(f"damaged key: what it makes of {source} is not the original")
    return work.getvalue()


def _sha256(data: bytes | memoryview) -> bytes:
    return hashlib.sha256(data).digest()


def _begins_sealed(payload: Payload, index: int) -> bool:
    """Whether the first thing that happens to a file is that tensors are decrypted."""
    first = next((s for s in payload.steps if any(r.file == index for r in s.results)), None)
    return first is not None and first.keystream is not None


def _steps(payload: Payload, index: int, work: io.BytesIO) -> io.BytesIO:
    if payload.format_version < 3:
        return _edit(work, index, payload.patches, payload.splices)
    last = len(payload.steps) - 1
    for n, step in enumerate(payload.steps):
        work = _step(step, index, work, check=n < last)
    return work


def _step(step: Step, index: int, work: io.BytesIO, check: bool) -> io.BytesIO:
    """Takes one step. The result of the last one is the original, which is checked later."""
    if step.keystream is not None:
        with work.getbuffer() as data:
            _seal.decrypt(step.keystream, index, data)
    else:
        work = _edit(work, index, step.patches, step.splices)
    for result in step.results if check else ():
        with work.getbuffer() as data:
            if result.file == index and _sha256(data) != result.sha256:
                raise DamagedKey("damaged key: a step does not leave what the key says")
    return work


def _edit(work: io.BytesIO, index: int, patches: Iterable[Patch], splices: Iterable[Splice]) -> io.BytesIO:
    """Applies patches and splices, whose offsets are all those of the file before."""
    with work.getbuffer() as view:
        data = np.frombuffer(view, np.uint8)
        for p in patches:
            if p.file != index or not p.starts.size:
                continue
            originals = np.frombuffer(p.originals, np.uint8).reshape(-1, p.width)
            for k in range(p.width):
                if p.flip:
                    data[p.starts + k] ^= np.uint8(p.flip >> 8 * k & 0xFF)
                else:
                    data[p.starts + k] = originals[:, k]
        del data
        mine = [s for s in splices if s.file == index]
        if not mine:
            return work
        out, at = io.BytesIO(), 0
        for s in mine:
            out.write(view[at : s.offset])
            out.write(s.original)
            at = s.offset + s.length
        out.write(view[at:])
    return out
