"""Where models come from, and locks of them that the command makes."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest

ROOT = Path(__file__).resolve().parents[2]
CORPUS = ROOT / "testdata" / "corpus"
SHARED = ROOT.parent / "shared" / "models"


@pytest.fixture(scope="session")
def command(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The command advparams: that of ADVPARAMS_COMMAND, or else it is built."""
    given = os.environ.get("ADVPARAMS_COMMAND")
    if given:
        return given
    go = shutil.which(os.environ.get("GO", "go"))
    if go is None:
        pytest.skip("no Go to build the command with")
    out = tmp_path_factory.mktemp("bin") / "advparams"
    subprocess.run([go, "build", "-o", out, "./cmd/advparams"], cwd=ROOT, check=True)
    return str(out)


@pytest.fixture(scope="session")
def identity(command: str, tmp_path_factory: pytest.TempPathFactory) -> tuple[str, str]:
    """An identity file, and its recipient."""
    path = tmp_path_factory.mktemp("identity") / "me.txt"
    subprocess.run([command, "keygen", "-o", path], check=True, capture_output=True)
    line = next(s for s in path.read_text().splitlines() if s.startswith("# public key: "))
    return str(path), line.removeprefix("# public key: ")


class Locker:
    """Locks models with the command."""

    def __init__(self, command: str, identity: tuple[str, str]) -> None:
        self.command, (self.identity, self.recipient) = command, identity

    def run(self, *args: str | Path, env: dict[str, str] | None = None) -> None:
        done = subprocess.run(
            [self.command, *args], capture_output=True, text=True, env={**os.environ, **(env or {})}
        )
        assert done.returncode == 0, done.stderr

    def sealed(self, model: Path, folder: Path, *more: str) -> tuple[Path, Path]:
        return self._protect(model, folder, "--profile", "sealed", *more)

    def minimal(self, model: Path, data: Path, folder: Path, *more: str) -> tuple[Path, Path]:
        """Locks with the model's own answers for labels. Any change will do here."""
        how = ["--data", str(data), "--labels", "model", "--task", "outputs", "--target-accuracy", "0.97"]
        return self._protect(model, folder, *how, *more)

    def _protect(self, model: Path, folder: Path, *more: str) -> tuple[Path, Path]:
        locked, key = folder / "locked.onnx", folder / "model.key"
        self.run("protect", model, "-o", locked, "--key", key, "-r", self.recipient, *more)
        return locked, key


@pytest.fixture(scope="session")
def locker(command: str, identity: tuple[str, str]) -> Locker:
    return Locker(command, identity)


def inputs(model: Path) -> dict[str, np.ndarray]:
    """The golden inputs of a model of testdata/corpus."""
    with np.load(model.with_suffix(".npz")) as golden:
        return {k.removeprefix("in/"): golden[k] for k in golden.files if k.startswith("in/")}
