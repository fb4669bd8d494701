"""Sessions of onnxruntime from locked models, without the plain model on a disk."""

from __future__ import annotations

import logging
import os
import posixpath
import shutil
import sys
import tempfile
import weakref
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from . import _onnx
from ._keyfile import DEFAULT_WORK_FACTOR, Identities, Key
from ._unlock import UnlockedModel, unlock_files
from .errors import AdvparamsError, DamagedKey, RuntimeTooOld

if TYPE_CHECKING:
    import onnxruntime

log = logging.getLogger("advparams")

# onnxruntime stores addresses of these buffers in the options of a session. They are kept
# for as long as the options exist, since onnxruntime copies them neither then nor, always,
# when it creates the session. Releasing them earlier gives wrong outputs without an error.
_buffers: weakref.WeakKeyDictionary[Any, list[bytes]] = weakref.WeakKeyDictionary()

_SHM = "/dev/shm"
# A message of protobuf has less than 2 GiB.
MAX_INLINE = (1 << 31) - (1 << 20)


def session(
    path: str | os.PathLike[str],
    key: Key,
    identity: Identities = None,
    *,
    max_work_factor: int = DEFAULT_WORK_FACTOR,
    allow_shm: bool = True,
    sess_options: onnxruntime.SessionOptions | None = None,
    **kwargs: Any,
) -> onnxruntime.InferenceSession:
    """Returns a session of onnxruntime that runs the original of a locked model.

    See `unlock` for path, key, identity and max_work_factor. All other arguments are those of
    onnxruntime.InferenceSession.

    The plain model is in the memory of this process only. External data goes to onnxruntime
    from memory, too. An onnxruntime that cannot take it from there gets one model with all
    data in it. Only if that has more than 2 GB, the plain files are written to a folder in
    /dev/shm that only this user can read, and removed when the session exists. A message of
    the logger "advparams" says so. That is memory, too, which may be swapped out like any
    other. With allow_shm=False it is refused.

    Options that would have onnxruntime write the plain model to a file are refused.
    """
    # Official builds since 1.29 write a database of events to the user's cache and send it,
    # unless this is set before onnxruntime is imported.
    os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
    import onnxruntime as ort

    unlocked = unlock_files(path, key, identity, max_work_factor=max_work_factor)
    options = sess_options if sess_options is not None else ort.SessionOptions()
    _refuse_files(options)
    if not unlocked.files:
        return ort.InferenceSession(unlocked.model, options, **kwargs)
    stored = _onnx.external(unlocked.model)
    buffers = _buffers_by_location(unlocked, stored)
    add = getattr(options, "add_external_initializers_from_files_in_memory", None)
    # onnxruntime does not look into branches, loops and functions for what it has in memory.
    if add is None or any(s.nested for s in stored):
        if len(unlocked.model) + sum(len(b) for b in unlocked.files.values()) > MAX_INLINE:
            return _through_shm(unlocked, options, allow_shm, kwargs)
        return ort.InferenceSession(_onnx.inlined(unlocked.model, unlocked.files), options, **kwargs)
    _buffers[options] = [*_buffers.get(options, []), *buffers.values()]
    add(list(buffers), list(buffers.values()), [len(b) for b in buffers.values()])
    made = ort.InferenceSession(unlocked.model, options, **kwargs)
    made._advparams_buffers = buffers  # the session may outlive the options
    return made


def _refuse_files(options: onnxruntime.SessionOptions) -> None:
    if options.optimized_model_filepath:
        raise AdvparamsError(
            "optimized_model_filepath would have onnxruntime write the plain model to a file",
            "leave it out",
        )
    try:
        context = options.get_session_config_entry("ep.context_enable")
    except Exception:  # an entry that is not set is an error to onnxruntime
        return
    if context == "1":
        raise AdvparamsError(
            "ep.context_enable would have onnxruntime write the plain model to a file", "leave it out"
        )


def _buffers_by_location(unlocked: UnlockedModel, stored: list[_onnx.External]) -> dict[str, bytes]:
    """Returns the data files by the names that the model calls them, in their spelling."""
    found: dict[str, bytes] = {}
    for location in sorted({s.location for s in stored}):
        name = os.fsdecode(location)
        data = unlocked.files.get(posixpath.normpath(name))
        if data is None:
            raise DamagedKey(f"the model refers to {name!r}, which the key does not have")
        found[name] = data
    return found


def _through_shm(
    unlocked: UnlockedModel, options: onnxruntime.SessionOptions, allowed: bool, kwargs: dict[str, Any]
) -> onnxruntime.InferenceSession:
    import onnxruntime as ort

    if not allowed or not _is_memory(_SHM):
        raise RuntimeTooOld(
            f"onnxruntime {ort.__version__} cannot take this external data from memory",
            "update onnxruntime" + ("" if allowed else ", or allow /dev/shm with allow_shm=True"),
        )
    with _private_folder(_SHM) as folder:
        log.warning(
            "onnxruntime %s cannot take this external data from memory: plain files are in %s meanwhile",
            ort.__version__,
            folder,
        )
        unlocked.write(folder)
        return ort.InferenceSession(os.path.join(folder, unlocked.name), options, **kwargs)


@contextmanager
def _private_folder(parent: str) -> Iterator[str]:
    folder = tempfile.mkdtemp(prefix="advparams-", dir=parent)  # for this user only
    try:
        yield folder
    finally:
        shutil.rmtree(folder)


def _is_memory(folder: str) -> bool:
    """Whether a folder is a file system in memory."""
    if not sys.platform.startswith("linux"):
        return False
    try:
        with open("/proc/mounts", encoding="utf-8", errors="surrogateescape") as mounts:
            rows = [line.split() for line in mounts]
    except OSError:
        return False
    kinds = [row[2] for row in rows if len(row) > 2 and row[1] == folder]
    return bool(kinds) and kinds[-1] in ("tmpfs", "ramfs") and os.access(folder, os.W_OK)
