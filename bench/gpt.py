#!/usr/bin/env python3
"""Makes language models of any size without training, and locks them: what a search takes on models as large as people have.

usage: gpt.py [--advparams bin/advparams] [--folder bin/gpt] [--size small,large] [--seeds 0] [--plain] [--flags ""] [--make-only]

The models are GPTs (pre-norm, GELU, learnt positions, head tied to the embedding) that repeat the token they read. Blocks are random,
with heavy tails as trained weights have them, and add to what the embedding says; the head reads the embedding back. So the model is
right because its embedding comes through all of its layers, and its perplexity is near 1 on texts of one token each. As in
trained models, two channels are far larger than the others on every token, and the gains of normalisations there are near 0: in
SmolLM2-135M two of 576 have half of the norm. --plain leaves them out. small has 124 million parameters, large a billion, in external
data. The table has changes, perplexities, the work in runs over the samples, CPU seconds and the largest resident memory of the
process. Needs: pip install numpy onnx
"""
import argparse, pathlib
import numpy as np, onnx
import measured
from onnx import TensorProto, helper, numpy_helper

SIZES = {"tiny": (2, 64, 2, 512), "small": (12, 768, 12, 50257), "large": (18, 2048, 16, 50257)}  # layers, width, heads, tokens
LENGTH, SAMPLES = 32, 64

ap = argparse.ArgumentParser()
ap.add_argument("--advparams", default="bin/advparams"); ap.add_argument("--peers", help="not used")
ap.add_argument("--folder", type=pathlib.Path, default="bin/gpt"); ap.add_argument("--size", default="small,large")
ap.add_argument("--seeds", default="0"); ap.add_argument("--flags", default="", help="more flags for protect"); ap.add_argument("--make-only", action="store_true"); ap.add_argument("--plain", action="store_true")
a = ap.parse_args()


class Writer:
    """Collects nodes and initializers; large ones go to the external file at once."""

    def __init__(self, path):
        self.nodes, self.initializers, self.file, self.at, self.count = [], [], open(path.with_suffix(".data"), "wb"), 0, 0
        self.name = path.with_suffix(".data").name
        rng = np.random.default_rng(0)
        z = rng.standard_normal(1 << 22).astype(np.float32)
        self.pool = z * np.abs(z) / np.sqrt(3)  # variance 1, kurtosis 11.7

    def weight(self, name, shape, scale, mean=0.0, large=None):
        n, t = int(np.prod(shape)), TensorProto()
        start = (self.count * 977) % len(self.pool)
        self.count += n
        data = np.resize(np.roll(self.pool, -start), n) * np.float32(scale) + np.float32(mean)
        if large is not None and not a.plain:
            data.reshape(shape)[..., [shape[-1] // 3, shape[-1] // 5]] += np.float32(large)
        t.name, t.data_type, t.data_location = name, TensorProto.FLOAT, TensorProto.EXTERNAL
        t.dims.extend(shape)
        for k, v in (("location", self.name), ("offset", self.at), ("length", 4 * n)):
            e = t.external_data.add(); e.key, e.value = k, str(v)
        self.file.write(data.astype("<f4").tobytes()); self.at += 4 * n
        self.initializers.append(t)
        return name

    def const(self, name, value):
        self.initializers.append(numpy_helper.from_array(np.asarray(value), name))
        return name

    def node(self, op, *inputs, **attributes):
        out = f"v{len(self.nodes)}"
        self.nodes.append(helper.make_node(op, list(inputs), [out], **attributes))
        return out


def make(path, layers, width, heads, tokens):
    w = Writer(path)
    each = width // heads
    split, merge = w.const("split", np.array([0, LENGTH, heads, each])), w.const("merge", np.array([0, LENGTH, width]))
    mask = w.const("mask", np.triu(np.full((LENGTH, LENGTH), -1e9, np.float32), 1))
    root, half, one, scale = (w.const(n, np.float32(v)) for n, v in (("root2", 2 ** .5), ("half", .5), ("one", 1), ("scale", each ** -.5)))
    embedding = w.weight("wte", (tokens, width), .05, large=.025 * width ** .5)
    x = w.node("Add", w.node("Gather", embedding, "input_ids"), w.weight("wpe", (LENGTH, width), .01))

    def norm(x, name):
        return w.node("LayerNormalization", x, w.weight(name + ".weight", (width,), .1, 1, large=-1), w.weight(name + ".bias", (width,), .05), axis=-1)

    def linear(x, name, fan_in, fan_out, gain):
        return w.node("Add", w.node("MatMul", x, w.weight(name + ".weight", (fan_in, fan_out), gain * fan_in ** -.5)), w.weight(name + ".bias", (fan_out,), .02))

    for i in range(layers):
        h, block = norm(x, f"h{i}.ln_1"), f"h{i}."
        q, k, v = (w.node("Transpose", w.node("Reshape", linear(h, block + n, width, width, 1), split), perm=p) for n, p in (("q", (0, 2, 1, 3)), ("k", (0, 2, 3, 1)), ("v", (0, 2, 1, 3))))
        s = w.node("Softmax", w.node("Add", w.node("Mul", w.node("MatMul", q, k), scale), mask), axis=-1)
        x = w.node("Add", x, linear(w.node("Reshape", w.node("Transpose", w.node("MatMul", s, v), perm=(0, 2, 1, 3)), merge), block + "proj", width, width, .03 / layers ** .5))
        h = linear(norm(x, f"h{i}.ln_2"), block + "fc", width, 4 * width, 1)
        h = w.node("Mul", w.node("Mul", h, half), w.node("Add", w.node("Erf", w.node("Div", h, root)), one))
        x = w.node("Add", x, linear(h, block + "out", 4 * width, width, .03 / layers ** .5))
    w.nodes.append(helper.make_node("MatMul", [norm(x, "ln_f"), w.node("Transpose", embedding, perm=(1, 0))], ["logits"]))
    w.file.close()
    shape = lambda *rest: ["batch", *rest]
    graph = helper.make_graph(w.nodes, "gpt", [helper.make_tensor_value_info("input_ids", TensorProto.INT64, shape(LENGTH))],
                              [helper.make_tensor_value_info("logits", TensorProto.FLOAT, shape(LENGTH, tokens))], w.initializers)
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), path)


a.folder.mkdir(parents=True, exist_ok=True)
print("| model | seed | changed | of | perplexity | runs | CPU seconds | memory, GB |\n|---|---|---|---|---|---|---|---|")
for name in a.size.split(","):
    model, data = (a.folder / f"{name}{'-plain' * a.plain}{end}" for end in (".onnx", ".npz"))
    if not model.exists():
        make(model, *SIZES[name])
        words = np.random.default_rng(1).integers(0, SIZES[name][3], SAMPLES)
        np.savez(data, input_ids=np.repeat(words[:, None], LENGTH, 1))
    if a.make_only:
        continue
    for seed in a.seeds.split(","):
        key = a.folder / "locked.key"
        key.unlink(missing_ok=True)
        found, seconds, memory = measured.run(a.advparams, "protect", str(model), "--data", str(data), "--task", "language", "--seed", seed, "-o", str(a.folder / "locked.onnx"), "--key", str(key), "--plain-key", "--force", "--allow-partial", *a.flags.split())
        perplexity = {m["name"]: m for m in found["metrics"]}["perplexity"]
        print(f"| {name} | {seed} | {found['params_changed']} | {found['params_total']:,} | {perplexity['before']:.3f} → {perplexity['locked']:.3f} | {found['forward_passes']:.1f} | {seconds:.0f} | {memory:.1f} |", flush=True)
