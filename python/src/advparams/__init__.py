"""Unlocks ONNX models that AdvParams locked, in memory.

    import advparams

    session = advparams.session("locked.onnx", "model.key", "me.txt")
    outputs = session.run(None, {"input": x})

`unlock` returns the plain model as bytes, `unlock_files` one with external data, and
`inspect_key` tells what a key says. All errors are `AdvparamsError`; their `hint` says what
to do.
"""

from ._age import Passphrase
from ._keyfile import DEFAULT_WORK_FACTOR, Env, FileInfo, KeyInfo, inspect_key
from ._payload import LATEST as LATEST_FORMAT
from ._payload import Summary
from ._session import session
from ._unlock import UnlockedModel, unlock, unlock_files
from .errors import (
    AdvparamsError,
    DamagedKey,
    NewerKey,
    RuntimeTooOld,
    TooMuchWork,
    WrongIdentity,
    WrongModel,
)

__all__ = [
    "DEFAULT_WORK_FACTOR",
    "LATEST_FORMAT",
    "AdvparamsError",
    "DamagedKey",
    "Env",
    "FileInfo",
    "KeyInfo",
    "NewerKey",
    "Passphrase",
    "RuntimeTooOld",
    "Summary",
    "TooMuchWork",
    "UnlockedModel",
    "WrongIdentity",
    "WrongModel",
    "inspect_key",
    "session",
    "unlock",
    "unlock_files",
]
