"""The compiled part of decrypting tensors, where there is one for this system.

Wheels have it, and so have installations from source where there was a C compiler. Without it
numpy does the work, several times slower.
"""

from __future__ import annotations

import ctypes
import os
import platform
import sys
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from ._payload import KINDS, SealedTensor

NAME = {"darwin": "libkernel.dylib", "win32": "kernel.dll"}.get(sys.platform, "libkernel.so")


class _Kind(ctypes.Structure):
    _fields_ = [
        (name, ctypes.c_uint32)
        for name in ("width", "mantissa", "exponent", "ones", "sign", "integer_sign", "still")
    ]


def _load() -> Any:
    if os.environ.get("ADVPARAMS_KERNEL") == "none" or sys.byteorder != "little":
        return None
    try:
        function = ctypes.CDLL(str(Path(__file__).with_name(NAME))).advparams_unseal
    except (OSError, AttributeError):  # there is none, or one for another processor
        return None
    pointer = ctypes.c_void_p
    function.argtypes = [pointer, ctypes.c_uint64, pointer, ctypes.POINTER(_Kind), pointer]
    function.restype = None
    return function


_unseal: Any = _load() if platform.machine().lower() in ("x86_64", "amd64", "arm64", "aarch64") else None


def available() -> bool:
    return _unseal is not None


def kind_of(t: SealedTensor) -> Any:
    """The structure that describes elements to `unseal`."""
    width, mantissa, exponent = KINDS[t.kind]
    signed = t.kind in (11, 12)
    sign = not t.keep_signs and (exponent > 0 or signed)
    ones = {6: 2, 7: 1, 9: 1}.get(t.kind, 0)
    return _Kind(width, mantissa, exponent, ones, sign, signed, t.kind == 10)


def unseal(x: npt.NDArray[Any], n: int, stream: npt.NDArray[np.uint8], kind: Any, back: Any) -> None:
    """Decrypts n elements where they are. Other threads run meanwhile.

    back has the exponent that was there for each that is there, as uint16, or is None.
    """
    width = int(kind.width)
    blocks = -(-n // 4096)
    if x.nbytes < n * width or stream.nbytes < blocks * 4096 * (8 + width):
        raise ValueError("too little memory")
    table = None if back is None else back.ctypes.data
    _unseal(x.ctypes.data, n, stream.ctypes.data, ctypes.byref(kind), table)
