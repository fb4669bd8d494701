"""Compiles the part of the package that is in C, where there is a compiler.

Without one, or with ADVPARAMS_KERNEL=none, the package is pure Python and several times
slower with sealed models. build_wheels.py compiles for other systems.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

SOURCE = Path(__file__).resolve().parent / "src" / "advparams"
OPTIONS = ["-O2", "-shared", "-fPIC", "-ffreestanding", "-nostdlib"]


class Kernel(BuildHookInterface):  # type: ignore[type-arg]
    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        out = SOURCE / "libkernel.so"
        cc = shutil.which(os.environ.get("CC", "cc"))
        if not sys.platform.startswith("linux") or cc is None or os.environ.get("ADVPARAMS_KERNEL") == "none":
            return
        out.unlink(missing_ok=True)
        done = subprocess.run([cc, *OPTIONS, "-o", out, SOURCE / "_kernel.c"], capture_output=True, text=True)
        if done.returncode != 0:
            print(f"not compiled, slower: {done.stderr}", file=sys.stderr)
            return
        build_data["pure_python"] = False
        build_data["tag"] = f"py3-none-{sysconfig.get_platform().replace('-', '_').replace('.', '_')}"
        if version != "editable":  # which finds it beside the sources
            build_data["force_include"][str(out)] = f"advparams/{out.name}"
