#!/usr/bin/env python3
"""Makes testdata/heads/shapes.onnx, a small detector of the kind of YOLO, and its samples testdata/heads/shapes.npz.

It finds squares, crosses and rings in noisy images of 32×32. A grid of 4×4 places has a box
and a score for each class, [N,4+3,16], in pixels and behind Sigmoids. It is trained here, in
numpy: no framework is needed. The same versions of numpy write the same bytes on one kind of
processor. shapes_nms.onnx is the same with a NonMaxSuppression behind it, as detectors are
exported end to end: a row of image, corners, class and score for each object, [D,7].

usage: detectors.py [nms]; nms makes shapes_nms.onnx from shapes.onnx alone
"""
import os, sys
import numpy as np, onnx
from onnx import TensorProto, helper, numpy_helper

FOLDER = os.path.join(os.path.dirname(os.path.abspath(__file__)), "heads")
SIZE, GRID, CLASSES, OBJECTS = 32, 4, 3, 3


def images(n, rng):
    """Returns n images and their objects, [n,OBJECTS,5]: class, centre and size in shares, class -1 where there is none."""
    x = rng.normal(0, 0.08, (n, 1, SIZE, SIZE)).astype(np.float32)
    labels = np.zeros((n, OBJECTS, 5), np.float32)
    labels[:, :, 0] = -1
    for i in range(n):
        cells = rng.permutation(GRID * GRID)[: rng.integers(1, OBJECTS + 1)]
        taken = []
        for cell in cells:
            side = int(rng.integers(6, 9))
            cx, cy = (cell % GRID + rng.uniform(0.3, 0.7)) * SIZE / GRID, (cell // GRID + rng.uniform(0.3, 0.7)) * SIZE / GRID
            left, top = int(np.clip(round(cx - side / 2), 0, SIZE - side)), int(np.clip(round(cy - side / 2), 0, SIZE - side))
            if any(abs(left - a) < side + 1 and abs(top - b) < side + 1 for a, b in taken):
                continue
            kind = int(rng.integers(CLASSES))
            patch = np.zeros((side, side), np.float32)
            if kind == 0:
                patch[:] = 1
            elif kind == 1:
                patch[side // 2 - 1 : side // 2 + 1] = patch[:, side // 2 - 1 : side // 2 + 1] = 1
            else:
                patch[:] = 1
                patch[2:-2, 2:-2] = 0
            x[i, 0, top : top + side, left : left + side] += patch * rng.uniform(0.7, 1)
            labels[i, len(taken)] = kind, (left + side / 2) / SIZE, (top + side / 2) / SIZE, side / SIZE, side / SIZE
            taken.append((left, top))
    return x, labels


def targets(labels):
    """Returns scores [n,C,G,G], and offsets and sizes [n,4,G,G] with a mask."""
    n = len(labels)
    scores, boxes, mask = np.zeros((n, CLASSES, GRID, GRID), np.float32), np.zeros((n, 4, GRID, GRID), np.float32), np.zeros((n, 1, GRID, GRID), np.float32)
    for i in range(n):
        for kind, cx, cy, w, h in labels[i]:
            if kind < 0:
                continue
            gx, gy = min(int(cx * GRID), GRID - 1), min(int(cy * GRID), GRID - 1)
            scores[i, int(kind), gy, gx] = mask[i, 0, gy, gx] = 1
            boxes[i, :, gy, gx] = cx * GRID - gx, cy * GRID - gy, w * GRID / 2, h * GRID / 2
    return scores, boxes, mask


def columns(x, k, stride):
    pad = k // 2
    x = np.pad(x, ((0, 0), (0, 0), (pad, pad), (pad, pad)))
    v = np.lib.stride_tricks.sliding_window_view(x, (k, k), (2, 3))[:, :, ::stride, ::stride]
    return v.transpose(0, 2, 3, 1, 4, 5).reshape(v.shape[0], v.shape[2], v.shape[3], -1)


class Conv:
    def __init__(self, rng, into, channels, k, stride):
        self.w, self.b = rng.normal(0, (2 / (channels * k * k)) ** 0.5, (into, channels, k, k)).astype(np.float32), np.zeros(into, np.float32)
        self.k, self.stride, self.m = k, stride, [0, 0, 0, 0]

    def forward(self, x):
        self.x, self.c = x, columns(x, self.k, self.stride)
        return (self.c @ self.w.reshape(len(self.w), -1).T + self.b).transpose(0, 3, 1, 2)

    def backward(self, g):
        g = g.transpose(0, 2, 3, 1)
        self.gw = np.tensordot(g, self.c, ((0, 1, 2), (0, 1, 2))).reshape(self.w.shape)
        self.gb = g.sum((0, 1, 2))
        gc = (g @ self.w.reshape(len(self.w), -1)).reshape(*g.shape[:3], -1, self.k, self.k)
        pad = self.k // 2
        gx = np.zeros((self.x.shape[0], self.x.shape[1], self.x.shape[2] + 2 * pad, self.x.shape[3] + 2 * pad), np.float32)
        for i in range(self.k):
            for j in range(self.k):
                gx[:, :, i : i + self.stride * g.shape[1] : self.stride, j : j + self.stride * g.shape[2] : self.stride] += gc[..., i, j].transpose(0, 3, 1, 2)
        return gx[:, :, pad : pad + self.x.shape[2], pad : pad + self.x.shape[3]]

    def step(self, rate, t):
        for p, g, i in ((self.w, self.gw, 0), (self.b, self.gb, 2)):
            self.m[i] = 0.9 * self.m[i] + 0.1 * g
            self.m[i + 1] = 0.999 * self.m[i + 1] + 0.001 * g * g
            p -= (rate * (self.m[i] / (1 - 0.9**t)) / (np.sqrt(self.m[i + 1] / (1 - 0.999**t)) + 1e-8)).astype(np.float32)


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def train(rng):
    layers = [Conv(rng, 12, 1, 3, 2), Conv(rng, 24, 12, 3, 2), Conv(rng, 32, 24, 3, 2), Conv(rng, 32, 32, 3, 1), Conv(rng, 4 + CLASSES, 32, 1, 1)]
    x, labels = images(6000, rng)
    scores, boxes, mask = targets(labels)
    t, batch, epochs = 0, 50, 24
    for epoch in range(epochs):
        order, total = rng.permutation(len(x)), 0
        for lo in range(0, len(x), batch):
            rows = order[lo : lo + batch]
            h, hidden = x[rows], []
            for layer in layers[:-1]:
                h = np.maximum(layer.forward(h), 0)
                hidden.append(h)
            y = sigmoid(layers[-1].forward(h))
            g = np.concatenate([8 * mask[rows] * (y[:, :4] - boxes[rows]) * y[:, :4] * (1 - y[:, :4]), y[:, 4:] - scores[rows]], 1) / batch
            total += -np.mean(scores[rows] * np.log(y[:, 4:] + 1e-9) + (1 - scores[rows]) * np.log(1 - y[:, 4:] + 1e-9))
            g = layers[-1].backward(g.astype(np.float32))
            for layer, h in zip(layers[-2::-1], hidden[::-1]):
                g = layer.backward(g * (h > 0))
            t += 1
            for layer in layers:
                layer.step(0.003 * (1 - epoch / epochs) + 1e-4, t)
        if epoch % 4 == 3:
            print(f"epoch {epoch + 1}: {total * batch / len(x):.4f}")
    return layers


def save(layers):
    nodes, tensors = [], []

    def constant(name, a):
        tensors.append(numpy_helper.from_array(np.asarray(a), name))
        return name

    def node(op, out, *inputs, **attributes):
        nodes.append(helper.make_node(op, list(inputs), [out], name=f"{op} {out}", **attributes))
        return out
    h = "images"
    for i, layer in enumerate(layers):
        last, pad = i == len(layers) - 1, layer.k // 2
        h = node("Conv", f"conv{i}", h, constant(f"{i}.weight", layer.w), constant(f"{i}.bias", layer.b), strides=[layer.stride] * 2, pads=[pad] * 4)
        h = node("Sigmoid" if last else "Relu", f"act{i}", h)
    h = node("Reshape", "places", h, constant("shape", np.array([0, 4 + CLASSES, GRID * GRID], np.int64)))
    node("Split", "offset", h, constant("parts", np.array([2, 2, CLASSES], np.int64)), axis=1)
    nodes[-1].output[:] = ["offset", "sides", "scores"]
    cells = np.stack(np.meshgrid(np.arange(GRID), np.arange(GRID)), 0).reshape(1, 2, -1).astype(np.float32)
    centre = node("Mul", "centre", node("Add", "cell", "offset", constant("anchors", cells)), constant("stride", np.array([SIZE / GRID], np.float32)))
    sides = node("Mul", "size", "sides", constant("two strides", np.array([2 * SIZE / GRID], np.float32)))
    node("Concat", "output0", centre, sides, "scores", axis=1)
    value = lambda name, *shape: helper.make_tensor_value_info(name, TensorProto.FLOAT, list(shape))
    graph = helper.make_graph(nodes, "shapes", [value("images", "N", 1, SIZE, SIZE)], [value("output0", "N", 4 + CLASSES, GRID * GRID)], tensors)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8, producer_name="detectors.py")
    onnx.checker.check_model(model, full_check=True)
    onnx.save(model, os.path.join(FOLDER, "shapes.onnx"))


def suppress():
    """Puts a NonMaxSuppression behind shapes.onnx."""
    model = onnx.load(os.path.join(FOLDER, "shapes.onnx"))
    nodes, tensors = model.graph.node, model.graph.initializer

    def node(op, out, *inputs, **attributes):
        inputs = list(inputs)
        for i, value in enumerate(inputs):
            if not isinstance(value, str):
                tensors.append(numpy_helper.from_array(np.asarray(value), f"{out}.{i}"))
                inputs[i] = f"{out}.{i}"
        nodes.append(helper.make_node(op, inputs, [out], name=f"{op} {out}", **attributes))
        return out
    ints = lambda *v: np.array(v, np.int64)
    boxes = node("Transpose", "boxes", node("Slice", "boxes first", "output0", ints(0), ints(4), ints(1)), perm=[0, 2, 1])
    chosen = node("NonMaxSuppression", "chosen", boxes, "scores", ints(4), np.array([0.5], np.float32), np.array([0.05], np.float32), center_point_box=1)
    columns = node("Slice", "image and class", chosen, ints(0), ints(2), ints(1))
    image = node("Slice", "image", columns, ints(0), ints(1), ints(1))
    kind = node("Slice", "class", columns, ints(1), ints(2), ints(1))
    place = node("Slice", "place", chosen, ints(2), ints(3), ints(1))
    box = node("GatherND", "box", boxes, node("Concat", "image and place", image, place, axis=1))
    score = node("Unsqueeze", "score", node("GatherND", "score of", "scores", chosen), ints(1))
    centre, size = node("Slice", "centre of", box, ints(0), ints(2), ints(1)), node("Mul", "half", node("Slice", "size of", box, ints(2), ints(4), ints(1)), np.array(0.5, np.float32))
    floats = [node("Cast", name + " as float", name, to=TensorProto.FLOAT) for name in ("image", "class")]
    node("Concat", "detections", floats[0], node("Sub", "low", centre, size), node("Add", "high", centre, size), floats[1], score, axis=1)
    del model.graph.output[:]
    model.graph.output.append(helper.make_tensor_value_info("detections", TensorProto.FLOAT, ["D", 7]))
    onnx.checker.check_model(model, full_check=True)
    onnx.save(model, os.path.join(FOLDER, "shapes_nms.onnx"))


if __name__ == "__main__":
    if sys.argv[1:] == ["nms"]:
        sys.exit(suppress())
    rng = np.random.default_rng(7)
    save(train(rng))
    x, labels = images(200, np.random.default_rng(8))
    np.savez_compressed(os.path.join(FOLDER, "shapes.npz"), images=np.round(x * 16).astype(np.float16) / 16, labels=labels)
    suppress()
