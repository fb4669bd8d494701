"""External data of models: what its entries mean."""

from __future__ import annotations

import onnx
import pytest
from onnx import TensorProto, helper

from advparams import _onnx


@pytest.mark.parametrize("length", [None, "0", "8"])
def test_length(length: str | None) -> None:
    """A length of 0 is none, as onnx and onnxruntime read it: the data goes up to the end."""
    tensor = TensorProto(name="w", data_type=TensorProto.FLOAT, dims=[2], data_location=TensorProto.EXTERNAL)
    for k, v in (("location", "w.bin"), ("offset", "4"), ("length", length)):
        if v is not None:
            tensor.external_data.add(key=k, value=v)
    w = helper.make_tensor_value_info("w", TensorProto.FLOAT, [2])
    model = helper.make_model(helper.make_graph([], "g", [], [w], [tensor]))
    data = bytes(range(12))
    whole = onnx.load_from_string(_onnx.inlined(model.SerializeToString(), {"w.bin": data}))
    assert whole.graph.initializer[0].raw_data == data[4:]
