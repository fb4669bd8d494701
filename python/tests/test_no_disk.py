"""No file outside memory file systems is opened for writing."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from conftest import CORPUS, Locker
from test_session import as_external

pytest.importorskip("onnxruntime")

PROGRAM = """
import sys, numpy
import advparams
from advparams import _session
locked, key, identity, data, way, out = sys.argv[1:]
if way == "shm":
    import os
    os.environ["ORT_DISABLE_TELEMETRY"] = "1"
    import onnxruntime
    _session.MAX_INLINE = 0
    class Old(onnxruntime.SessionOptions):
        add_external_initializers_from_files_in_memory = None
    onnxruntime.SessionOptions = Old
feeds = {k.removeprefix("in/"): v for k, v in numpy.load(data).items() if k.startswith("in/")}
session = advparams.session(locked, key, identity)
numpy.save(sys.stdout.buffer, session.run(None, feeds)[0])
if out != "-":
    advparams.unlock_files(locked, key, identity).write(out)
"""
CALLS = (
    "open,openat,creat,rename,renameat,renameat2,link,linkat,symlink,symlinkat,"
    "truncate,mknod,mknodat,memfd_create"
)
MEMORY = ("/dev/shm/", "/proc/", "/dev/null", "/dev/tty", "/sys/")


def run(locker: Locker, folder: Path, way: str, out: str, trace: Path) -> tuple[list[str], bytes]:
    """Returns the calls that write outside memory file systems, and the outputs."""
    if sys.platform != "linux" or shutil.which("strace") is None:
        pytest.skip("no strace")
    model = CORPUS / "conv_batchnorm__ts.onnx"
    data = model.with_suffix(".npz")
    if way != "inline":
        model = as_external(model, folder / "external")
    locked, key = locker.sealed(model, folder)
    command = [sys.executable, "-B", "-c", PROGRAM, locked, key, locker.identity, data, way, out]
    done = subprocess.run(
        ["strace", "-f", "-qq", "-e", "trace=" + CALLS, "-o", trace, *command],
        capture_output=True, env={k: v for k, v in os.environ.items() if k != "ORT_DISABLE_TELEMETRY"},
    )  # fmt: skip
    if b"ptrace" in done.stderr and done.returncode:
        pytest.skip("strace may not trace here: " + done.stderr.decode())
    assert done.returncode == 0, done.stderr.decode()
    lines = trace.read_text(errors="replace").splitlines()
    assert "locked.onnx" in "".join(lines), "nothing was traced"
    return [line for line in lines if writes(line)], done.stdout


def writes(line: str) -> bool:
    call = re.search(r"\b([a-z_0-9]+)\((.*)", line)
    if call is None or re.search(r"= -1 E", line):
        return False
    if call[1] in ("open", "openat") and not re.search(r"O_WRONLY|O_RDWR|O_CREAT", call[2]):
        return False
    if call[1] == "memfd_create":
        return False
    paths = re.findall(r'"([^"]*)"', call[2])
    return not all(p.startswith(MEMORY) for p in paths)


@pytest.mark.parametrize("way", ["inline", "external", "shm"])
def test_no_file_written(way: str, locker: Locker, tmp_path: Path) -> None:
    if way == "shm" and not os.access("/dev/shm", os.W_OK):
        pytest.skip("no /dev/shm")
    before = set(os.listdir("/dev/shm")) if way == "shm" else set()
    found, _ = run(locker, tmp_path, way, "-", tmp_path / "trace")
    assert found == []
    if way == "shm":
        assert "/dev/shm/advparams-" in (tmp_path / "trace").read_text()
        assert {n for n in set(os.listdir("/dev/shm")) - before if n.startswith("advparams-")} == set()


def test_trace_finds_files(locker: Locker, tmp_path: Path) -> None:
    """The same trace sees a file that is written."""
    found, _ = run(locker, tmp_path, "inline", str(tmp_path / "plain"), tmp_path / "trace")
    assert [line for line in found if "plain/" in line]
