"""Says how other readers understand ONNX files: the counterpart of differential_test.go.

Reads the path of a file from each line of standard input and answers with a line of
JSON: for upb (protobuf of Python), for cpp (the C++ library inside onnx) and for ort
(onnxruntime), either {"error": ...} or what was read. Needs onnx and onnxruntime.
"""

import hashlib
import json
import math
import os
import struct
import sys

import numpy as np
import onnx
import onnx.numpy_helper
import onnx.shape_inference
import onnxruntime

onnxruntime.set_default_logger_severity(4)

BITS = {21: 4, 22: 4, 23: 4, 25: 2, 26: 2}  # element types of less than a byte
OPAQUE = {8: "strings", 14: "complex", 15: "complex"}  # without comparable elements


def text(s):
    return s if isinstance(s, str) else "bytes:" + s.hex()


def bits(f):
    return "nan" if f != f else struct.pack("<f", f).hex()


def tensor(t, folder):
    head = [text(t.name), t.data_type, list(t.dims)]
    if t.data_type in OPAQUE:
        return head + [OPAQUE[t.data_type]]
    try:
        a = onnx.numpy_helper.to_array(t, folder)
    except Exception as e:  # Python's decoder knows less than the format allows
        return head + ["undecoded: " + str(e)[:80]]
    if t.data_type in BITS:
        a = a.view(np.uint8) & (1 << BITS[t.data_type]) - 1
    return head + [hashlib.sha256(np.ascontiguousarray(a).tobytes()).hexdigest()]


def attribute(a, folder):
    return [
        text(a.name), a.type, text(a.ref_attr_name),
        bits(a.f) if a.HasField("f") else "",
        str(a.i) if a.HasField("i") else "",
        "s" + a.s.hex() if a.HasField("s") else "",
        tensor(a.t, folder) if a.HasField("t") else [],
        graph(a.g, folder) if a.HasField("g") else [],
        [bits(f) for f in a.floats], [str(i) for i in a.ints], [s.hex() for s in a.strings],
        [tensor(t, folder) for t in a.tensors], [graph(g, folder) for g in a.graphs],
    ]


def node(n, folder):
    return [text(n.op_type), text(n.domain), text(n.overload), text(n.name), [text(s) for s in n.input],
            [text(s) for s in n.output], [attribute(a, folder) for a in n.attribute]]


def value(v):
    t = v.type.tensor_type
    dims = [text(d.dim_param) if d.HasField("dim_param") else str(d.dim_value) for d in t.shape.dim]
    return [text(v.name), t.elem_type, dims]


def graph(g, folder):
    return [text(g.name), [node(n, folder) for n in g.node], [tensor(t, folder) for t in g.initializer],
            [value(v) for v in g.input], [value(v) for v in g.output]]


def function(f, folder):
    return [text(f.domain), text(f.name), text(f.overload), [text(s) for s in f.input], [text(s) for s in f.output],
            [text(s) for s in f.attribute], [attribute(a, folder) for a in f.attribute_proto], opsets(f.opset_import),
            [node(n, folder) for n in f.node]]


def opsets(imports):
    return [[text(o.domain), str(o.version)] for o in imports]


def model(m, folder):
    return [str(m.ir_version), opsets(m.opset_import), graph(m.graph, folder), [function(f, folder) for f in m.functions]]


def upb(data, folder):
    return {"model": model(onnx.load_model_from_string(data), folder)}


def cpp(data, folder):
    # Shape inference takes bytes, which C++ parses, and returns them serialised anew.
    # It adds types to what it knows them of.
    global value
    complete = value
    value = lambda v: text(v.name)
    try:
        return {"model": model(onnx.shape_inference.infer_shapes(data), folder)}
    finally:
        value = complete


def feed(i):
    dims = [d if isinstance(d, int) and d >= 0 else 2 for d in i.shape]
    n = math.prod(dims)
    if n > 4096:
        raise ValueError("differential: large input")
    kinds = {"tensor(float)": np.float32, "tensor(double)": np.float64, "tensor(float16)": np.float16,
             "tensor(int64)": np.int64, "tensor(int32)": np.int32, "tensor(bool)": bool}
    if i.type not in kinds:
        raise ValueError("differential: input of type " + i.type)
    k = np.arange(n)
    v = k % 2 == 0 if i.type == "tensor(bool)" else k + 1 if "int" in i.type else k * 0.5 + 0.5
    return np.asarray(v).astype(kinds[i.type]).reshape(dims)


def ort(path):
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 4
    session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    names = [o.name for o in session.get_outputs()]
    results = session.run(None, {i.name: feed(i) for i in session.get_inputs()})
    out = {}
    for name, a in zip(names, results):
        if isinstance(a, np.ndarray) and a.dtype.kind in "fiub" and a.size <= 4096:
            flat = a.astype(np.float64).ravel() if a.dtype.kind == "f" else a.ravel()
            out[name] = [list(a.shape), [repr(float(x)) if a.dtype.kind == "f" else str(int(x)) for x in flat]]
    return {"outputs": out}


def attempt(f, *args):
    try:
        return f(*args)
    except Exception as e:
        return {"error": (type(e).__name__ + ": " + str(e)).replace("\n", " ")}


def main():
    answers = os.fdopen(os.dup(1), "w")  # libraries print what they like
    os.dup2(2, 1)
    answers.write(json.dumps({"onnx": onnx.__version__, "onnxruntime": onnxruntime.__version__}) + "\n")
    answers.flush()
    for line in sys.stdin:
        path = line.rstrip("\n")
        folder = os.path.dirname(path)
        with open(path, "rb") as f:
            data = f.read()
        answer = {"upb": attempt(upb, data, folder), "cpp": attempt(cpp, data, folder), "ort": attempt(ort, path)}
        answers.write(json.dumps(answer) + "\n")
        answers.flush()


main()
