"""Writes files that appear together, whole, or not at all."""

from __future__ import annotations

import contextlib
import errno
import os
import secrets
from collections.abc import Iterable, Mapping


def write_all(files: Mapping[str, bytes]) -> None:
    """Writes files by their paths, the last first. Their folders exist.

    Each is written to the disk under a temporary name in its folder before any gets its own: a full
    disk, or a process that is killed, leaves no half of a file under a name that somebody reads. No
    file is replaced. If one cannot be written, or exists, none is there.
    """
    written: list[tuple[str, str]] = []
    named: list[str] = []
    try:
        for path, data in files.items():
            if os.path.lexists(path):  # before the others are written
                raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), path)
            temp = os.path.join(os.path.dirname(path), f".advparams-{secrets.token_hex(8)}.tmp")
            with open(os.open(temp, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as f:
                written.append((temp, path))
                f.write(data)
                f.flush()
                os.fsync(f.fileno())
        for temp, path in reversed(written):
            _name(temp, path)
            named.append(path)
    except BaseException:
        _remove(named)
        raise
    finally:
        _remove(temp for temp, _ in written)


def _name(temp: str, path: str) -> None:
    """Gives a file its name, unless that is taken."""
    try:
        os.link(temp, path)
    except FileExistsError:
        raise
    except (OSError, NotImplementedError, AttributeError):  # no links here
        # Renaming would replace what is there: an empty file keeps the name.
        os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
        try:
            os.replace(temp, path)
        except BaseException:
            _remove([path])
            raise


def _remove(paths: Iterable[str]) -> None:
    for path in paths:
        with contextlib.suppress(OSError):  # one that stays does not keep the others
            os.remove(path)
