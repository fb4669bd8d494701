"""Sessions give what onnxruntime gives on the original, bit for bit."""

from __future__ import annotations

import gc
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import CORPUS, SHARED, Locker, inputs

import advparams

ort = pytest.importorskip("onnxruntime")
onnx = pytest.importorskip("onnx")

LEVELS = [
    ort.GraphOptimizationLevel.ORT_DISABLE_ALL,
    ort.GraphOptimizationLevel.ORT_ENABLE_BASIC,
    ort.GraphOptimizationLevel.ORT_ENABLE_EXTENDED,
    ort.GraphOptimizationLevel.ORT_ENABLE_ALL,
]
# Convolution with batch normalisation, transposed weights, attention, recurrence, weights of
# 16 and 64 bits, quantised, in Constant nodes, and embeddings, which are read where they are.
NAMES = [
    "conv_batchnorm__ts", "transposed__ts", "attention__dyn", "lstm__ts", "gru__ts", "embedding__ts",
    "float16_weights__onnx", "float64_weights__onnx", "quantised__onnx", "constant_weights__onnx",
    "external_data__onnx", "depthwise__ts",
]  # fmt: skip
# Those whose inputs have samples on axis 0, and that few changes lock.
BATCHED = [
    "conv_batchnorm__ts", "transposed__ts", "depthwise__ts", "float16_weights__onnx",
    "float64_weights__onnx", "quantised__onnx", "constant_weights__onnx", "external_data__onnx",
    "audio__dyn", "group_conv__ts", "resize__ts", "shuffle_pad__ts",
]  # fmt: skip


def options(level: Any) -> Any:
    made = ort.SessionOptions()
    made.graph_optimization_level = level
    made.intra_op_num_threads = 1
    return made


def equal(a: list[Any], b: list[Any]) -> bool:
    return len(a) == len(b) and all(
        x.dtype == y.dtype and x.tobytes() == y.tobytes() for x, y in zip(a, b, strict=True)
    )


def as_external(model: Path, folder: Path) -> Path:
    """A copy of a model with its weights in a data file. Shapes stay in the model."""
    folder.mkdir()
    loaded = onnx.load(model)
    onnx.save_model(
        loaded, folder / "model.onnx", save_as_external_data=True, location="weights.bin",
        size_threshold=128, convert_attribute=False,
    )  # fmt: skip
    return folder / "model.onnx"


def check(
    original: Path, locked: Path, key: Path, identity: str, feeds: dict[str, Any], changed: bool = True
) -> None:
    """Compares at all levels, and makes sure that locking had an effect at all."""
    for level in LEVELS:
        want = ort.InferenceSession(original, options(level)).run(None, feeds)
        got = advparams.session(locked, key, identity, sess_options=options(level))
        gc.collect()
        assert equal(got.run(None, feeds), want), level
        if changed:
            wrong = ort.InferenceSession(locked, options(level)).run(None, feeds)
            assert not equal(wrong, want), level


@pytest.mark.parametrize("external", [False, True], ids=["inline", "external"])
@pytest.mark.parametrize("name", NAMES)
def test_sealed(name: str, external: bool, locker: Locker, tmp_path: Path) -> None:
    model = CORPUS / f"{name}.onnx"
    feeds = inputs(model)
    if external:
        model = as_external(model, tmp_path / "external")
    locked, key = locker.sealed(model, tmp_path)
    check(model, locked, key, locker.identity, feeds)


@pytest.mark.parametrize("external", [False, True], ids=["inline", "external"])
@pytest.mark.parametrize("name", BATCHED)
def test_minimal(name: str, external: bool, locker: Locker, tmp_path: Path) -> None:
    model = CORPUS / f"{name}.onnx"
    feeds = inputs(model)
    data = tmp_path / "data.npz"
    random = np.random.default_rng(1)
    np.savez(
        data,
        **{
            k: np.concatenate([v + random.standard_normal(v.shape).astype(v.dtype) for _ in range(64)])
            for k, v in feeds.items()
        },
    )
    if external:
        model = as_external(model, tmp_path / "external")
    locked, key = locker.minimal(model, data, tmp_path)
    check(model, locked, key, locker.identity, feeds)


@pytest.mark.parametrize("profile", ["minimal", "sealed"])
@pytest.mark.parametrize("name", sorted(p.stem for p in SHARED.glob("*.onnx")) or ["none"])
def test_reference(name: str, profile: str, locker: Locker, tmp_path: Path) -> None:
    if name == "none":
        pytest.skip("no reference models beside the checkout")
    model = SHARED / f"{name}.onnx"
    source = ort.InferenceSession(model)
    shape = [d if isinstance(d, int) else 4 for d in source.get_inputs()[0].shape]
    feeds = {source.get_inputs()[0].name: np.random.default_rng(2).random(shape, np.float32)}
    if profile == "sealed":
        locked, key = locker.sealed(model, tmp_path)
    else:
        data = tmp_path / "data.npz"
        np.savez(
            data,
            **{k: np.random.default_rng(3).random((200, *v.shape[1:]), np.float32) for k, v in feeds.items()},
        )
        locked, key = locker.minimal(model, data, tmp_path)
    check(model, locked, key, locker.identity, feeds)
