"""What goes wrong silently when a session is made in the obvious ways."""

from __future__ import annotations

import gc
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import advparams

ort = pytest.importorskip("onnxruntime")
onnx = pytest.importorskip("onnx")

from conftest import Locker  # noqa: E402
from onnx import TensorProto, helper, numpy_helper  # noqa: E402
from test_session import LEVELS, equal, options  # noqa: E402


def conv_mul() -> Any:
    random = np.random.default_rng(5)
    w = random.standard_normal((4, 3, 3, 3)).astype(np.float32)
    s = random.standard_normal((1, 4, 1, 1)).astype(np.float32)
    nodes = [helper.make_node("Conv", ["x", "w"], ["c"]), helper.make_node("Mul", ["c", "s"], ["y"])]
    return _model(nodes, [("w", w), ("s", s)], [1, 3, 8, 8], [1, 4, 6, 6])


def conv_batchnorm() -> Any:
    random = np.random.default_rng(6)
    w = random.standard_normal((4, 3, 3, 3)).astype(np.float32)
    four = [(n, random.random(4).astype(np.float32) + np.float32(0.5)) for n in ("g", "b", "m", "v")]
    nodes = [
        helper.make_node("Conv", ["x", "w"], ["c"]),
        helper.make_node("BatchNormalization", ["c", "g", "b", "m", "v"], ["y"]),
    ]
    return _model(nodes, [("w", w), *four], [1, 3, 8, 8], [1, 4, 6, 6])


def transpose_matmul() -> Any:
    w = np.random.default_rng(7).standard_normal((5, 8)).astype(np.float32)
    nodes = [
        helper.make_node("Transpose", ["w"], ["t"], perm=[1, 0]),
        helper.make_node("MatMul", ["x", "t"], ["y"]),
    ]
    return _model(nodes, [("w", w)], [2, 8], [2, 5])


def _model(nodes: Any, weights: Any, x: list[int], y: list[int]) -> Any:
    graph = helper.make_graph(
        nodes, "g",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, x)],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, y)],
        [numpy_helper.from_array(value, name) for name, value in weights],
    )  # fmt: skip
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


def test_journal(locker: Locker, tmp_path: Path) -> None:
    """A model that is changed in place is neither locked nor original."""
    model = tmp_path / "model.onnx"
    onnx.save(conv_mul(), model)
    locked, key = locker.sealed(model, tmp_path)
    journal = tmp_path / "locked.onnx.advparams-journal"
    (tmp_path / "link.onnx").symlink_to(locked)
    journal.touch()
    for path in (locked, tmp_path / "link.onnx"):
        with pytest.raises(advparams.WrongModel, match="changed in place"):
            advparams.unlock(path, key, locker.identity)
    journal.unlink()
    assert advparams.unlock(locked, key, locker.identity) == model.read_bytes()


@pytest.mark.parametrize("name", ["sitecustomize.py", "data/.bashrc", "Makefile", "a/b.DLL", "run.bat."])
def test_names_of_programs(name: str, tmp_path: Path) -> None:
    """Whoever makes a key chooses the names of files."""
    plain = advparams.UnlockedModel(name, conv_mul().SerializeToString(), {})
    with pytest.raises(advparams.AdvparamsError, match="other programs"):
        plain.write(tmp_path)
    assert not list(tmp_path.iterdir())


def test_links_of_strangers(tmp_path: Path) -> None:
    """Nothing is made outside of the folder, not even folders."""
    outside, folder = tmp_path / "outside", tmp_path / "folder"
    outside.mkdir()
    folder.mkdir()
    (folder / "data").symlink_to(outside)
    plain = advparams.UnlockedModel("data/sub/model.onnx", conv_mul().SerializeToString(), {})
    with pytest.raises(advparams.AdvparamsError, match="leads out"):
        plain.write(folder)
    assert not list(outside.iterdir())


FUSED = [conv_mul, conv_batchnorm, transpose_matmul]


@pytest.mark.parametrize("make", FUSED, ids=lambda m: m.__name__)
def test_fused_weights(make: Any, locker: Locker, tmp_path: Path) -> None:
    """Weights that onnxruntime folds into others before SessionOptions.add_initializer counts."""
    model = make()
    path = tmp_path / "model.onnx"
    onnx.save(model, path)
    x = np.random.default_rng(8).random(
        [d.dim_value for d in model.graph.input[0].type.tensor_type.shape.dim], np.float32
    )
    locked, key = locker.sealed(path, tmp_path)
    kept = []
    for level in LEVELS:
        want = ort.InferenceSession(path, options(level)).run(None, {"x": x})
        got = advparams.session(locked, key, locker.identity, sess_options=options(level)).run(None, {"x": x})
        assert equal(got, want)
        # The obvious way: put the original's weights over those of the locked file.
        over = options(level)
        values = [ort.OrtValue.ortvalue_from_numpy(numpy_helper.to_array(w)) for w in model.graph.initializer]
        for w, value in zip(model.graph.initializer, values, strict=True):
            over.add_initializer(w.name, value)
        kept.append(
            not np.allclose(ort.InferenceSession(locked, over).run(None, {"x": x})[0], want[0], atol=1e-3)
        )
    # If this fails, onnxruntime has mended it: say so in docs/python.md.
    assert kept == [False, True, True, True]


def embedding(folder: Path) -> tuple[Path, Any]:
    """A table in external data that is read where it is, not copied or packed."""
    table = np.random.default_rng(9).standard_normal((20000, 64)).astype(np.float32)
    graph = helper.make_graph(
        [helper.make_node("Gather", ["table", "i"], ["y"])], "g",
        [helper.make_tensor_value_info("i", TensorProto.INT64, [8])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, [8, 64])],
        [numpy_helper.from_array(table, "table")],
    )  # fmt: skip
    folder.mkdir()
    path = folder / "model.onnx"
    onnx.save_model(
        helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), path,
        save_as_external_data=True, location="table.bin", size_threshold=0,
    )  # fmt: skip
    return path, table


def test_buffers_are_not_copied(tmp_path: Path) -> None:
    """Why buffers have to live: onnxruntime keeps addresses, and reads through them later."""
    path, table = embedding(tmp_path / "external")
    add = getattr(ort.SessionOptions, "add_external_initializers_from_files_in_memory", None)
    if add is None:
        pytest.skip("this onnxruntime cannot take external data from memory")
    buffer = bytearray(table.tobytes())
    shared = ort.SessionOptions()
    add(shared, ["table.bin"], [buffer], [len(buffer)])
    buffer[:] = bytes(len(buffer))
    got = ort.InferenceSession(path.read_bytes(), shared).run(None, {"i": np.arange(8)})[0]
    assert not got.any()


def test_buffers_live(locker: Locker, tmp_path: Path) -> None:
    """The buffers of external data live as long as options or session do."""
    path, table = embedding(tmp_path / "external")
    locked, key = locker.sealed(path, tmp_path)
    i = np.arange(0, 20000, 2500)
    shared = ort.SessionOptions()
    first = advparams.session(locked, key, locker.identity, sess_options=shared)
    del shared
    gc.collect()
    litter = [bytes(table.nbytes) for _ in range(8)]  # takes memory that was released
    assert np.array_equal(first.run(None, {"i": i})[0], table[i])
    del litter
    # The options keep addresses, so that another session can be made with them.
    shared = ort.SessionOptions()
    second = advparams.session(locked, key, locker.identity, sess_options=shared)
    del second
    gc.collect()
    litter = [bytes(table.nbytes) for _ in range(8)]
    assert litter
    model = advparams.unlock_files(locked, key, locker.identity).model
    third = ort.InferenceSession(model, shared)
    assert np.array_equal(third.run(None, {"i": i})[0], table[i])


@pytest.mark.parametrize("old", [False, True], ids=["", "old-onnxruntime"])
@pytest.mark.parametrize("where", ["constant", "branch", "sub-folder", "dotted"])
def test_external_data_anywhere(
    where: str, old: bool, locker: Locker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "external"
    (folder / "sub").mkdir(parents=True)
    w = np.random.default_rng(10).standard_normal((8, 8)).astype(np.float32)
    location = {"sub-folder": "sub/w.bin", "dotted": "./w.bin"}.get(where, "w.bin")
    (folder / location).write_bytes(w.tobytes())
    tensor = TensorProto(
        name="w", data_type=TensorProto.FLOAT, dims=w.shape, data_location=TensorProto.EXTERNAL
    )
    for k, v in (("location", location), ("offset", "0"), ("length", str(w.nbytes))):
        tensor.external_data.add(key=k, value=v)
    x, y, t, e = (helper.make_tensor_value_info(n, TensorProto.FLOAT, [2, 8]) for n in "xyte")
    product = helper.make_node("MatMul", ["x", "w"], ["y"])
    if where == "constant":
        constant = helper.make_node("Constant", [], ["w"], value=tensor)
        graph = helper.make_graph([constant, product], "g", [x], [y])
    elif where == "branch":
        inner = helper.make_node("MatMul", ["x", "w"], ["t"])
        then = helper.make_graph([inner], "then", [], [t], [tensor])
        other = helper.make_graph([helper.make_node("Identity", ["x"], ["e"])], "else", [], [e])
        yes = helper.make_tensor_value_info("yes", TensorProto.BOOL, [])
        choice = helper.make_node("If", ["yes"], ["y"], then_branch=then, else_branch=other)
        graph = helper.make_graph([choice], "g", [x, yes], [y])
    else:
        graph = helper.make_graph([product], "g", [x], [y], [tensor])
    path = folder / "model.onnx"
    path.write_bytes(
        helper.make_model(
            graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8
        ).SerializeToString()
    )
    feeds: dict[str, Any] = {"x": np.ones((2, 8), np.float32)}
    if where == "branch":
        feeds["yes"] = np.array(True)
    if old:  # without data from memory: onnxruntime 1.23.2 has no such call
        monkeypatch.delattr(
            ort.SessionOptions, "add_external_initializers_from_files_in_memory", raising=False
        )
    locked, key = locker.sealed(path, tmp_path)
    for level in LEVELS:
        want = ort.InferenceSession(path, options(level)).run(None, feeds)
        got = advparams.session(locked, key, locker.identity, sess_options=options(level)).run(None, feeds)
        assert equal(got, want)


def test_no_optimised_copy(locker: Locker, tmp_path: Path) -> None:
    """onnxruntime writes the model to a disk if its options say so. They are refused."""
    path = tmp_path / "model.onnx"
    onnx.save(conv_mul(), path)
    locked, key = locker.sealed(path, tmp_path)
    copy = tmp_path / "optimised.onnx"
    bad = ort.SessionOptions()
    bad.optimized_model_filepath = str(copy)
    with pytest.raises(advparams.AdvparamsError, match="optimized_model_filepath"):
        advparams.session(locked, key, locker.identity, sess_options=bad)
    bad = ort.SessionOptions()
    bad.add_session_config_entry("ep.context_enable", "1")
    with pytest.raises(advparams.AdvparamsError, match=r"ep\.context_enable"):
        advparams.session(locked, key, locker.identity, sess_options=bad)
    assert not copy.exists()
