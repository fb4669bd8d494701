"""A wheel with the command, in an empty environment without Go."""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from conftest import CORPUS, ROOT, inputs

HERE = {("Linux", "x86_64"): "linux-amd64", ("Linux", "aarch64"): "linux-arm64",
        ("Darwin", "x86_64"): "macos-amd64", ("Darwin", "arm64"): "macos-arm64",
        ("Windows", "AMD64"): "windows-amd64"}.get((platform.system(), platform.machine()))  # fmt: skip


@pytest.fixture(scope="module")
def wheels(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """The wheels in ADVPARAMS_WHEELS, or else one for this system is built."""
    given = os.environ.get("ADVPARAMS_WHEELS")
    if given:
        return sorted(Path(given).glob("*.whl"))
    if HERE is None:
        pytest.skip("no wheels for this system")
    if shutil.which(os.environ.get("GO", "go")) is None:
        pytest.skip("no Go to build the command with")
    pytest.importorskip("hatchling")
    out = tmp_path_factory.mktemp("wheels")
    subprocess.run(
        [sys.executable, ROOT / "python" / "build_wheels.py", "--platform", HERE, "-o", out], check=True
    )
    return sorted(out.glob("*.whl"))


def test_metadata(wheels: list[Path]) -> None:
    assert wheels
    pytest.importorskip("twine")
    subprocess.run([sys.executable, "-m", "twine", "check", "--strict", *wheels], check=True)
    for wheel in wheels:
        with zipfile.ZipFile(wheel) as z:
            assert z.testzip() is None
            scripts = [n for n in z.namelist() if ".data/scripts/" in n]
            assert [s.rsplit("/", 1)[1] for s in scripts] == [
                "advparams.exe" if "win_amd64" in wheel.name else "advparams"
            ]
            assert z.getinfo(scripts[0]).external_attr >> 16 == 0o100755
            head = {"macosx": b"\xcf\xfa\xed\xfe", "win": b"MZ", "manylinux": b"\x7fELF"}
            magic = next(v for k, v in head.items() if f"none-{k}" in wheel.name)
            kernels = [n for n in z.namelist() if "kernel." in n and not n.endswith((".c", ".py"))]
            kernel = {"macosx": "libkernel.dylib", "win": "kernel.dll", "manylinux": "libkernel.so"}
            assert kernels == [next("advparams/" + v for k, v in kernel.items() if f"none-{k}" in wheel.name)]
            assert z.read(kernels[0])[:4].startswith(magic)
            assert z.read(scripts[0])[:4].startswith(magic)


def test_empty_environment(wheels: list[Path], tmp_path: Path) -> None:
    """The command, and a session on what it locks, without Go on the path."""
    subprocess.run([sys.executable, "-m", "venv", tmp_path / "venv"], check=True)
    scripts = tmp_path / "venv" / ("Scripts" if os.name == "nt" else "bin")
    system = [p for p in os.environ["PATH"].split(os.pathsep) if not shutil.which("go", path=p)]
    env = {**os.environ, "PATH": os.pathsep.join([str(scripts), *system]), "ORT_DISABLE_TELEMETRY": "1"}
    env.pop("PYTHONPATH", None)
    assert shutil.which("go", path=env["PATH"]) is None
    folder = wheels[0].parent

    def run(*args: object) -> str:
        done = subprocess.run([str(a) for a in args], env=env, cwd=tmp_path, capture_output=True, text=True)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    python = scripts / "python"
    done = subprocess.run(
        [python, "-m", "pip", "install", "-q", "--find-links", folder, "--pre", "advparams[onnxruntime]"],
        env=env, capture_output=True, text=True,
    )  # fmt: skip
    if done.returncode != 0 and "advparams" not in done.stderr.splitlines()[-1]:
        pytest.skip("the packages it depends on cannot be installed: " + done.stderr[-300:])
    assert done.returncode == 0, done.stderr
    command = shutil.which("advparams", path=env["PATH"])
    assert command and Path(command).parent == scripts
    run(command, "demo", "demo")
    model = CORPUS / "conv_batchnorm__ts.onnx"
    run(command, "keygen", "-o", "me.txt")
    recipient = (tmp_path / "me.txt").read_text().split("# public key: ")[1].split()[0]
    run(
        command,
        "protect",
        model,
        "--profile",
        "sealed",
        "-o",
        "locked.onnx",
        "--key",
        "m.key",
        "-r",
        recipient,
    )
    program = """
import sys, numpy, advparams, onnxruntime
feeds = {k[3:]: v for k, v in numpy.load(sys.argv[1]).items() if k.startswith("in/")}
got = advparams.session("locked.onnx", "m.key", "me.txt").run(None, feeds)
want = onnxruntime.InferenceSession(sys.argv[2]).run(None, feeds)
assert all(g.tobytes() == w.tobytes() for g, w in zip(got, want, strict=True))
from advparams import _kernel
assert _kernel.available()
demo = advparams.unlock("demo/locked.onnx", "demo/glyphs.key", "demo/me.txt")
assert demo == open("demo/glyphs.onnx", "rb").read()
print("right")
"""
    assert inputs(model)
    assert run(python, "-c", program, model.with_suffix(".npz"), model) == "right\n"
