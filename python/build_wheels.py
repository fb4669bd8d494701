#!/usr/bin/env python3
"""Builds wheels of the package with the command advparams in them, one a platform.

    python python/build_wheels.py [--platform NAME ...] [-o FOLDER]

The command is a static binary that Go cross-compiles, and Zig's compiler makes the library of
_kernel.c, so every wheel is built on any system. Needs Go, hatchling and
ziglang; for Linux alone another C compiler will do. The same
sources and versions give the same bytes.
"""

from __future__ import annotations

import argparse
import base64
import csv
import hashlib
import importlib.util
import io
import os
import platform
import shutil
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

HERE = Path(__file__).resolve().parent

# Wheel platforms: GOOS, GOARCH, Zig's target with the name of a library, and the platform tags.
# Neither a static binary nor the library needs a C library, so they are fit for glibc and musl.
# Go 1.26 runs on macOS 12 and newer.
PLATFORMS = {
    "linux-amd64": (
        "linux",
        "amd64",
        "x86_64-linux-musl",
        "libkernel.so",
        "manylinux_2_17_x86_64.manylinux2014_x86_64.musllinux_1_1_x86_64",
    ),
    "linux-arm64": (
        "linux",
        "arm64",
        "aarch64-linux-musl",
        "libkernel.so",
        "manylinux_2_17_aarch64.manylinux2014_aarch64.musllinux_1_1_aarch64",
    ),
    "macos-amd64": ("darwin", "amd64", "x86_64-macos.12.0", "libkernel.dylib", "macosx_12_0_x86_64"),
    "macos-arm64": ("darwin", "arm64", "aarch64-macos.12.0", "libkernel.dylib", "macosx_12_0_arm64"),
    "windows-amd64": ("windows", "amd64", "x86_64-windows-gnu", "kernel.dll", "win_amd64"),
}
EPOCH = (1980, 1, 1, 0, 0, 0)  # the earliest time that a zip file can have


def main() -> None:
    parser = argparse.ArgumentParser(description="build wheels with the command in them")
    parser.add_argument("--platform", action="append", choices=sorted(PLATFORMS), help="default: all")
    parser.add_argument("-o", "--out", type=Path, default=HERE / "dist", help="folder for the wheels")
    args = parser.parse_args()
    args.out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as scratch:
        pure = build_pure(Path(scratch))
        for name in args.platform or PLATFORMS:
            goos, goarch, target, library, tags = PLATFORMS[name]
            program = build_command(Path(scratch) / name, goos, goarch)
            kernel = build_kernel(Path(scratch) / name / library, target)
            print(write_wheel(pure, program, kernel, tags, args.out))


def build_pure(folder: Path) -> Path:
    """Builds the wheel without the command, with the backend that pip uses."""
    code = "import sys; from hatchling.build import build_wheel; print(build_wheel(sys.argv[1]))"
    done = subprocess.run(
        [sys.executable, "-c", code, folder],
        cwd=HERE,
        check=True,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "ADVPARAMS_KERNEL": "none"},
    )
    return folder / done.stdout.split()[-1]


def build_command(folder: Path, goos: str, goarch: str) -> Path:
    folder.mkdir()
    program = folder / ("advparams.exe" if goos == "windows" else "advparams")
    subprocess.run(
        [
            os.environ.get("GO", "go"),
            "build",
            "-trimpath",
            "-ldflags=-s -w",
            "-o",
            program,
            "./cmd/advparams",
        ],
        cwd=HERE.parent,
        env={**os.environ, "GOOS": goos, "GOARCH": goarch, "CGO_ENABLED": "0"},
        check=True,
    )
    return program


def build_kernel(library: Path, target: str) -> Path:
    """Compiles the library of decrypting tensors for a target of Zig. It needs no C library."""
    options = ["-O2", "-shared", "-ffreestanding", "-s", "-g0"]
    options += ["-fPIC"] if "windows" not in target else []
    options += ["-nostdlib"] if "macos" not in target else []  # there every library has it
    compiler = [sys.executable, "-m", "ziglang", "cc", "-target", target]
    if importlib.util.find_spec("ziglang") is None and target == f"{platform.machine()}-linux-musl":
        compiler = [os.environ.get("CC", "cc")]  # as good for this system: nothing is linked
    source = HERE / "src" / "advparams" / "_kernel.c"
    subprocess.run([*compiler, *options, "-o", library, source], cwd=library.parent, check=True)
    return library


def write_wheel(pure: Path, program: Path, kernel: Path, tags: str, out: Path) -> Path:
    """Writes a wheel for a platform: that of any platform, and the command as a script."""
    name, version = pure.name.split("-")[:2]
    path = out / f"{name}-{version}-py3-none-{tags}.whl"
    info = f"{name}-{version}.dist-info"
    record: list[tuple[str, str, int]] = []
    unfinished = path.with_suffix(".part")
    with zipfile.ZipFile(pure) as source, zipfile.ZipFile(unfinished, "w", zipfile.ZIP_DEFLATED) as wheel:

        def add(member: str, data: bytes, mode: int) -> None:
            entry = zipfile.ZipInfo(member, EPOCH)
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.create_system = 3  # Unix, so that the mode below counts
            entry.external_attr = mode << 16
            wheel.writestr(entry, data)
            if member != f"{info}/RECORD":
                digest = base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()
                record.append((member, f"sha256={digest}", len(data)))

        members = sorted(n for n in source.namelist() if n != f"{info}/RECORD")
        for member in members:
            data = source.read(member)
            if member == f"{info}/WHEEL":
                data = wheel_file(tags)
            if member == f"{info}/METADATA":
                data = data.replace(
                    b"\nLicense-Expression:", b"\nLicense-File: LICENSE\nLicense-Expression:", 1
                )
            add(member, data, 0o100644)
        add(f"{name}/{kernel.name}", kernel.read_bytes(), 0o100755)
        add(f"{name}-{version}.data/scripts/{program.name}", program.read_bytes(), 0o100755)
        add(f"{info}/licenses/LICENSE", (HERE.parent / "LICENSE").read_bytes(), 0o100644)
        rows = io.StringIO()
        csv.writer(rows, lineterminator="\n").writerows([*record, (f"{info}/RECORD", "", "")])
        add(f"{info}/RECORD", rows.getvalue().encode(), 0o100644)
    shutil.move(unfinished, path)
    return path


def wheel_file(tags: str) -> bytes:
    # Not pure: what a wheel installs as a script is for one platform.
    lines = ["Wheel-Version: 1.0", "Generator: advparams build_wheels.py", "Root-Is-Purelib: false"]
    lines += [f"Tag: py3-none-{tag}" for tag in tags.split(".")]
    return ("\n".join(lines) + "\n").encode()


if __name__ == "__main__":
    main()
