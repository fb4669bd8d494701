"""Golden outputs and gradients of small ONNX models, in float64, by finite differences.

A model is run by ONNX's own reference evaluator. All its floating-point tensors become float64 first, so that no cast
rounds. The gradient of every float initializer is that of the probe loss: with the float outputs y_k flattened in C order,

    L = sum over k, i of y_k[i] * R[i]          R[i] = ((i * 7919 + 13) mod 2003) / 2003 - 0.5

i restarts at 0 in every output. Central differences of fourth order at two step widths have to agree, which they do not where
a kink (of Relu, Clip, MaxPool …) lies within a step: then the caller draws other values.

Integers that are quantised weights count as float initializers. QuantizeLinear passes its gradient straight through: what it
rounds off at the point itself is added as a constant, so that differences see a line.
"""
import io, math, os, zipfile
import numpy as np, onnx
from onnx import TensorProto, helper, numpy_helper
from onnx.reference import ReferenceEvaluator
from onnx.reference.op_run import OpRun

FLOATS = {TensorProto.FLOAT, TensorProto.FLOAT16, TensorProto.BFLOAT16, TensorProto.DOUBLE}


class Kink(Exception):
    """The loss is not smooth enough at this point."""


class QuantizeLinear(OpRun):
    """Rounds at the point itself, and adds the same difference everywhere else."""
    rounding = {}  # by output name

    def _run(self, x, scale, zero=None, axis=1, **_):
        key = self.onnx_node.output[0]
        low, high = limits(zero)
        y = x / along(scale, x, axis) + (0 if zero is None else along(zero.astype(np.float64), x, axis))
        if key not in self.rounding: self.rounding[key] = np.rint(y) - y
        return (np.clip(y + self.rounding[key], low, high),)


class DequantizeLinear(OpRun):
    def _run(self, x, scale, zero=None, axis=1, **_):
        return ((x.astype(np.float64) - (0 if zero is None else along(zero.astype(np.float64), x, axis))) * along(scale, x, axis),)


class Erf(OpRun):
    """In float64, where the reference rounds to float32. So are the two below."""

    def _run(self, x): return (erf(x),)


class Gelu(OpRun):
    def _run(self, x, approximate="none"):
        return (x * 0.5 * (1 + (erf(x / math.sqrt(2)) if approximate == "none" else np.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x**3)))),)


class DeformConv(OpRun):
    def _run(self, x, w, offset, bias=None, mask=None, dilations=None, group=1, offset_group=1, pads=None, strides=None, **_):
        (n, c, h, wide), (m, per, kh, kw), (oh, ow) = x.shape, w.shape, offset.shape[2:]
        dilations, pads, strides = dilations or [1, 1], pads or [0] * 4, strides or [1, 1]
        offset = offset.reshape(n, offset_group, kh, kw, 2, oh, ow)
        mask = np.ones((n, offset_group, kh, kw, oh, ow)) if mask is None else mask.reshape(n, offset_group, kh, kw, oh, ow)
        y = np.zeros((n, m, oh, ow)) + (0 if bias is None else bias.reshape(1, m, 1, 1))
        at = lambda i, k, r, q: x[i, k, r, q] if 0 <= r < h and 0 <= q < wide else 0.0
        for i, k, a, b, r, q in np.ndindex(n, c, kh, kw, oh, ow):
            g = k // (c // offset_group)
            py, px = (s * st - p + t * d + o for s, st, p, t, d, o in zip((r, q), strides, pads, (a, b), dilations, offset[i, g, a, b, :, r, q]))
            fy, fx = math.floor(py), math.floor(px)
            v = sum(at(i, k, fy + dy, fx + dx) * abs(1 - dy - (py - fy)) * abs(1 - dx - (px - fx)) for dy in (0, 1) for dx in (0, 1))
            first = k // per * (m // group)
            y[i, first : first + m // group, r, q] += v * mask[i, g, a, b, r, q] * w[first : first + m // group, k % per, a, b]
        return (y,)


class GroupNormalization(OpRun):
    def _run(self, x, scale, bias, epsilon=1e-5, num_groups=None, **_):
        rows = x.reshape(x.shape[0], num_groups, -1)
        rows = (rows - rows.mean(2, keepdims=True)) / np.sqrt(rows.var(2, keepdims=True) + epsilon)
        return (rows.reshape(x.shape) * along(scale, x, 1) + along(bias, x, 1),)


erf = np.vectorize(math.erf, otypes=[np.float64])


def limits(zero):
    info = np.iinfo(np.uint8 if zero is None else zero.dtype)
    return info.min, info.max


def along(v, x, axis):
    """A scale or a zero point, shaped so that it broadcasts along an axis of x."""
    return v if v.ndim == 0 else v.reshape([-1 if i == axis % x.ndim else 1 for i in range(x.ndim)])


def doubled(tensor):
    return numpy_helper.from_array(numpy_helper.to_array(tensor).astype(np.float64), tensor.name) if tensor.data_type in FLOATS else tensor


def to_double(graph):
    """Replaces the floating-point types of a graph by float64, in place."""
    for i, t in enumerate(graph.initializer): graph.initializer[i].CopyFrom(doubled(t))
    for v in [*graph.input, *graph.output]:
        if v.type.tensor_type.elem_type in FLOATS: v.type.tensor_type.elem_type = TensorProto.DOUBLE
    del graph.value_info[:]
    for node in graph.node:
        for a in node.attribute:
            if a.HasField("t"): a.t.CopyFrom(doubled(a.t))
            if a.HasField("g"): to_double(a.g)
            if a.name in ("to", "dtype") and a.i in FLOATS: a.i = TensorProto.DOUBLE


def quantised_weights(graph):
    """The integer initializers that DequantizeLinear alone reads, as its first input."""
    uses = {}
    for node in graph.node:
        for i, name in enumerate(node.input): uses.setdefault(name, []).append((node.op_type, i))
    return {t.name for t in graph.initializer if t.data_type in (TensorProto.INT8, TensorProto.UINT8) and uses.get(t.name) == [("DequantizeLinear", 0)]}


def probe(outputs):
    total = 0.0
    for y in outputs:
        if np.asarray(y).dtype.kind == "f":
            assert y.dtype == np.float64, "the reference rounds to float32"
            i = np.arange(y.size, dtype=np.int64)
            total += float(y.reshape(-1) @ ((i * 7919 + 13) % 2003 / 2003 - 0.5))
    return total


def golden(model, inputs, gradients=True):
    """The arrays of a golden file, by name."""
    double = onnx.ModelProto(); double.CopyFrom(model)
    weights = quantised_weights(double.graph)
    shapes = {n.input[2] for n in double.graph.node if n.op_type == "Resize" and len(n.input) > 2}  # scales decide a shape
    trained = {t.name: numpy_helper.to_array(t).astype(np.float64) for t in double.graph.initializer if t.name not in shapes and (t.data_type in FLOATS or t.name in weights)}
    to_double(double.graph)
    for f in double.functions: to_double(f)
    # As inputs, initializers can be fed with other values without building the evaluator again.
    kept = [t for t in double.graph.initializer if t.name not in trained]
    del double.graph.initializer[:]; double.graph.initializer.extend(kept)
    double.graph.input.extend(helper.make_tensor_value_info(n, TensorProto.DOUBLE, v.shape) for n, v in trained.items() if n not in {i.name for i in double.graph.input})
    QuantizeLinear.rounding = {}
    ours = [DeformConv, Erf, Gelu, GroupNormalization, QuantizeLinear, DequantizeLinear] if gradients else []
    run = ReferenceEvaluator(double, new_ops=ours)
    feeds = {k: v.astype(np.float64) if v.dtype.kind == "f" else v for k, v in inputs.items()} | trained
    outputs = run.run(None, feeds)
    arrays = {"in/" + k: v for k, v in inputs.items()}
    for v, y in zip(model.graph.output, outputs):
        y = np.asarray(y)
        if y.dtype.kind == "f" and not np.isfinite(y).all(): raise Kink(f"{v.name} is not finite")
        arrays["out/" + v.name] = y.astype(np.float32) if y.dtype.kind == "f" else y
    if gradients:
        arrays["loss"] = np.float64(probe(outputs))
        for name, w in trained.items(): arrays["grad/" + name] = differences(lambda: probe(run.run(None, feeds)), w, name).astype(np.float32)
    return arrays


def differences(loss, w, name):
    """The gradient of loss by w, whose elements it changes and puts back."""
    g, flat = np.zeros(w.size), w.reshape(-1)
    for i in range(w.size):
        at, slopes = flat[i], []
        for h in (1e-4, 4e-5):
            h *= max(1, abs(at))
            f = []
            for k in (-2, -1, 1, 2):
                flat[i] = at + k * h
                f.append(loss())
            slopes.append((f[0] - 8 * f[1] + 8 * f[2] - f[3]) / (12 * h))
        flat[i] = at
        if not abs(slopes[0] - slopes[1]) <= 1e-6 * max(1, abs(slopes[0])): raise Kink(f"{name}[{i}]: {slopes}")
        g[i] = slopes[0]
    return g.reshape(w.shape)


def write(path, model, arrays, external=False, check=True):
    """Writes PATH.onnx and PATH.npz; with external, weights of 128 bytes and more go to PATH.data. The bytes depend on the
    arguments alone."""
    for holder in [model, model.graph, *model.graph.node, *model.functions, *(n for f in model.functions for n in f.node), *model.graph.initializer, *model.graph.input, *model.graph.output]:
        holder.doc_string = ""
        if hasattr(holder, "metadata_props"): del holder.metadata_props[:]  # exporters put paths of their sources there
    for f in model.functions: del f.metadata_props[:]
    del model.graph.value_info[:]
    if check: onnx.checker.check_model(model)
    if external:
        onnx.external_data_helper.convert_model_to_external_data(model, location=os.path.basename(path) + ".data", size_threshold=128)
        onnx.external_data_helper.write_external_data_tensors(model, os.path.dirname(path))
    with open(path + ".onnx", "wb") as f: f.write(model.SerializeToString(deterministic=True))
    with zipfile.ZipFile(path + ".npz", "w", zipfile.ZIP_DEFLATED) as z:
        for name, a in arrays.items():
            member = io.BytesIO()
            np.lib.format.write_array(member, np.ascontiguousarray(a) if np.ndim(a) else np.asarray(a), allow_pickle=False)
            info = zipfile.ZipInfo(name + ".npy", (1980, 1, 1, 0, 0, 0)); info.compress_type = zipfile.ZIP_DEFLATED
            z.writestr(info, member.getvalue())


def clear(folder):
    for name in os.listdir(folder):
        if name.endswith((".onnx", ".npz", ".data")): os.remove(os.path.join(folder, name))
