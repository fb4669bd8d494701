#!/usr/bin/env python3
"""Measures what unlocking adds to making a session, in ratios of one run.

    python python/measure.py COMMAND [megabytes]

Makes a model of MatMuls, locks it twice (a few elements by a key written here, and sealed by
the command advparams), and makes sessions of original and locked files in turn. Times are
medians. The processor time of the process is printed too: it means more on a busy machine.
"""

from __future__ import annotations

import hashlib
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
import onnxruntime

import advparams
from advparams import _wire

ROUNDS = 5
SIDE = 1024


def main() -> None:
    command, megabytes = sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else 100
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        original = folder / "model.onnx"
        onnx.save(model(megabytes * 1_000_000 // (4 * SIDE * SIDE)), original)
        size = original.stat().st_size
        minimal, minimal_key = folder / "minimal.onnx", folder / "minimal.key"
        lock_a_few(original, minimal, minimal_key)
        sealed, sealed_key = folder / "sealed.onnx", folder / "sealed.key"
        seal = [command, "protect", original, "--profile", "sealed", "-o", sealed]
        subprocess.run([*seal, "--key", sealed_key, "--plain-key", "-q"], check=True)
        ways: dict[str, Callable[[], object]] = {
            "session of the original": lambda: onnxruntime.InferenceSession(original),
            "session, minimal lock": lambda: advparams.session(minimal, minimal_key),
            "session, sealed": lambda: advparams.session(sealed, sealed_key),
            "unlock, minimal lock": lambda: advparams.unlock(minimal, minimal_key),
            "unlock, sealed": lambda: advparams.unlock(sealed, sealed_key),
        }
        wall: dict[str, list[float]] = {w: [] for w in ways}
        work: dict[str, list[float]] = {w: [] for w in ways}
        for _ in range(ROUNDS):
            for way, run in ways.items():
                started, busy = time.perf_counter(), time.process_time()
                run()
                wall[way].append(time.perf_counter() - started)
                work[way].append(time.process_time() - busy)
        base, busy_base = (statistics.median(d["session of the original"]) for d in (wall, work))
        print(f"{size / 1e6:.0f} MB, {os.cpu_count()} processors, load {os.getloadavg()[0]:.0f}")
        for way in ways:
            w, b = statistics.median(wall[way]), statistics.median(work[way])
            print(
                f"{way:24}  {w:6.2f} s  {w / base:5.2f}×  {size / w / 1e6:6.0f} MB/s   "
                f"processor {b:6.2f} s  {b / busy_base:5.2f}×  {size / b / 1e6:6.0f} MB/s"
            )


def model(layers: int) -> onnx.ModelProto:
    random = np.random.default_rng(1)
    weights = [random.standard_normal((SIDE, SIDE), np.float32) / np.float32(32) for _ in range(layers)]
    nodes = [helper.make_node("MatMul", [f"x{k}", f"w{k}"], [f"x{k + 1}"]) for k in range(layers)]
    graph = helper.make_graph(
        nodes, "g",
        [helper.make_tensor_value_info("x0", TensorProto.FLOAT, [1, SIDE])],
        [helper.make_tensor_value_info(f"x{layers}", TensorProto.FLOAT, [1, SIDE])],
        [numpy_helper.from_array(w, f"w{k}") for k, w in enumerate(weights)],
    )  # fmt: skip
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


def lock_a_few(original: Path, locked: Path, key: Path) -> None:
    """Turns over the signs of ten elements, and writes a plain key of format 2."""
    before = original.read_bytes()
    after = bytearray(before)
    middle = len(before) // 2
    for i in range(10):
        after[middle + 4 * 1000 * i + 3] ^= 0x80
    locked.write_bytes(after)

    def number(n: int, value: int) -> bytes:
        return _wire.encoded(n << 3) + _wire.encoded(value)

    def data(n: int, value: bytes) -> bytes:
        return _wire.encoded(n << 3 | 2) + _wire.encoded(len(value)) + value

    size = number(3, len(before)) + number(4, len(before))
    digests = data(5, hashlib.sha256(before).digest()) + data(6, hashlib.sha256(after).digest())
    positions = b"\0" + _wire.encoded(1000) * 9
    patch = number(3, middle) + number(4, 4) + number(5, 4) + data(6, positions) + number(8, 1 << 31)
    payload = data(1, b"advparams key") + number(2, 2)
    payload += data(6, data(1, b"model.onnx") + data(2, b"minimal.onnx") + size + digests) + data(7, patch)
    intro = b"advparams plain key 1: not encrypted, whoever reads this file can unlock the model\n"
    key.write_bytes(intro + b"sha256 %s\n" % hashlib.sha256(payload).hexdigest().encode() + payload)


if __name__ == "__main__":
    main()
