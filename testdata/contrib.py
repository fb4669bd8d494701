#!/usr/bin/env python3
"""Makes testdata/contrib: operators that onnxruntime implements and ONNX's reference does not, or not as onnxruntime does; one a model,
with onnxruntime's outputs.

usage: contrib.py [NAME…]

The first operand is a graph input, the others are initializers. There are no golden gradients: internal/ops checks those by
finite differences.
"""
import os, sys
import numpy as np, onnxruntime
from onnx import TensorProto, helper, numpy_helper
import golden

FOLDER = os.path.join(os.path.dirname(os.path.abspath(__file__)), "contrib")
CASES = {}
rng = np.random.default_rng(0)


def real(*shape, low=-2.0, high=2.0): return lambda: rng.uniform(low, high, shape).astype(np.float32)
def unit(*shape): return real(*shape, low=-0.9, high=0.9)
def positive(*shape): return real(*shape, low=0.01, high=0.05)
def const(*values, dtype=np.int64): return lambda: np.array(values, dtype)
def scalar(value, dtype=np.float32): return lambda: np.array(value, dtype)
def whole(*shape, low=0, high=5, dtype=np.int64): return lambda: rng.integers(low, high, shape).astype(dtype)
def u8(*shape): return whole(*shape, high=256, dtype=np.uint8)
def s8(*shape): return whole(*shape, low=-127, high=128, dtype=np.int8)


def case(op, *operands, name=None, domain="com.microsoft", opset=17, outputs=1, fed=(0,), **attributes):
    """Adds a case. fed lists the operands that are graph inputs; None is an operand left out. outputs is their number, or
    their names, "" for one that is not asked for."""
    key = (name or op).lower()
    assert key not in CASES, key
    CASES[key] = (op, domain, operands, opset, [f"y{i}" for i in range(outputs)] if isinstance(outputs, int) else outputs, fed, attributes)


# What is joined with an activation function or a bias.
case("Gelu", real(3, 5)); case("QuickGelu", real(3, 5), alpha=1.5)
case("BiasGelu", real(2, 3, 5), real(5)); case("FastGelu", real(2, 3, 5), real(5)); case("FastGelu", real(3, 5), name="fastgelu_plain")
case("FusedConv", real(2, 3, 6, 7), real(4, 3, 3, 3), real(4), activation="Relu", pads=[1, 1, 1, 1])
case("FusedConv", real(1, 4, 7, 7), real(4, 1, 3, 3), real(4), name="fusedconv_clip", activation="Clip", activation_params=[-1.0, 1.5], group=4, strides=[2, 2])
case("FusedConv", real(1, 2, 5, 5), real(3, 2, 3, 3), real(3), real(1, 3, 3, 3), name="fusedconv_sum", activation="LeakyRelu", activation_params=[0.2])
case("FusedConv", real(1, 2, 5, 5), real(3, 2, 3, 3), name="fusedconv_hardsigmoid", activation="HardSigmoid", activation_params=[0.1, 0.4])
case("FusedGemm", real(3, 4), real(5, 4), real(5), transB=1, alpha=0.5, beta=2.0, activation="Relu"); case("FusedGemm", real(4, 3), real(4, 5), name="fusedgemm_leaky", transA=1, activation="LeakyRelu", activation_alpha=0.3)
case("FusedMatMul", real(2, 4, 3), real(2, 5, 4), transA=1, transB=1, alpha=0.25); case("FusedMatMul", real(2, 3, 4), real(5, 4), name="fusedmatmul_layer", transB=1)
case("FusedMatMul", real(3, 2, 4), real(2, 4, 5), name="fusedmatmul_batch", transBatchA=1); case("TransposeMatMul", real(4, 3), real(4, 5), transA=1)
case("NhwcMaxPool", u8(1, 5, 6, 3), kernel_shape=[2, 2], strides=[2, 2], pads=[0, 1, 1, 0])

# Weights of 8 bits, activations rounded at run time.
case("DynamicQuantizeMatMul", real(2, 3, 8), u8(8, 5), positive(1), const(120, dtype=np.uint8)); case("DynamicQuantizeMatMul", real(3, 8), s8(8, 5), positive(5), const(0, 3, -5, 7, 0, dtype=np.int8), real(5), name="dynamicquantizematmul_columns")
case("MatMulIntegerToFloat", u8(3, 8), s8(8, 5), scalar(0.02), positive(5), scalar(130, np.uint8), None, real(5)); case("MatMulIntegerToFloat", u8(2, 3, 8), u8(8, 5), scalar(0.02), scalar(0.01), scalar(130, np.uint8), scalar(120, np.uint8), name="matmulintegertofloat_batch")
case("DynamicQuantizeLSTM", real(5, 1, 6), u8(2, 6, 12), u8(2, 3, 12), real(2, 24), None, None, None, None, positive(2), const(120, 130, dtype=np.uint8), positive(2), const(120, 130, dtype=np.uint8), outputs=3, direction="bidirectional", hidden_size=3)
case("DynamicQuantizeLSTM", real(4, 2, 6), s8(1, 6, 12), s8(1, 3, 12), real(1, 24), None, unit(1, 2, 3), real(1, 2, 3), real(1, 9), positive(1, 12), whole(1, 12, high=1, dtype=np.int8), positive(1, 12), whole(1, 12, high=1, dtype=np.int8), name="dynamicquantizelstm_columns", outputs=3, hidden_size=3)


def make(op, domain, operands, opset, outputs, fed, attributes):
    values = {f"x{i}": make() for i, make in enumerate(operands) if make is not None}
    node = helper.make_node(op, ["" if make is None else f"x{i}" for i, make in enumerate(operands)], outputs, domain=domain, **attributes)
    info = lambda n, v: helper.make_tensor_value_info(n, helper.np_dtype_to_tensor_dtype(v.dtype), v.shape)
    feeds = {f"x{i}": values.pop(f"x{i}") for i in fed}
    imports = [helper.make_opsetid("", opset)] + [helper.make_opsetid(domain, 1)] * (domain != "")
    graph = helper.make_graph([node], op, [info(n, v) for n, v in feeds.items()], [helper.make_empty_tensor_value_info(o) for o in outputs if o], [numpy_helper.from_array(v, n) for n, v in values.items()])
    model = helper.make_model(graph, opset_imports=imports, ir_version=10)
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level, options.intra_op_num_threads, options.log_severity_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL, 1, 4
    run = onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
    arrays = {"in/" + n: v for n, v in feeds.items()}
    for v, y in zip(model.graph.output, run.run(None, feeds)):
        arrays["out/" + v.name] = y
        v.CopyFrom(info(v.name, y))
    return model, arrays


def main(names):
    global rng
    os.makedirs(FOLDER, exist_ok=True)
    if not names: golden.clear(FOLDER)
    for name, parts in CASES.items():
        if names and name not in names: continue
        rng = np.random.default_rng(0)
        golden.write(os.path.join(FOLDER, name), *make(*parts))
    print(len(CASES), "cases")


if __name__ == "__main__": main(sys.argv[1:])
