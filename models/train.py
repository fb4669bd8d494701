"""Draws the demo's data set, trains its model on it and exports both.

    python models/train.py

makes everything again, in some minutes on one core: models/data (the part of the
data that is embedded) and models/glyphs.onnx. It needs Go for drawing and
requirements.txt. The data come out the same everywhere, byte for byte; the
weights do on the same processor and versions of the requirements.
"""

import argparse
import copy
import gzip
import pathlib
import subprocess
import tempfile

import numpy as np
import onnx
import onnxruntime
import torch
from torch import nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

HERE = pathlib.Path(__file__).resolve().parent
CLASSES = "0123456789ABCDEF"
TRAIN, EMBEDDED, TEST = 24_000, 2_000, 4_000
EPOCHS, BATCH, RATE = 12, 64, 4e-3


class Net(nn.Module):
    """[N,1,28,28] in [0,1] to logits [N,16]: the three kinds of layer that small
    vision models are made of, plain, depthwise separable and residual."""

    def __init__(self):
        super().__init__()

        def conv(i, o, kernel, **more):
            return nn.Sequential(
                nn.Conv2d(i, o, kernel, padding=kernel // 2, bias=False, **more), nn.BatchNorm2d(o)
            )

        self.stem = conv(1, 16, 3)
        self.down = conv(16, 32, 3, stride=2)
        self.depthwise = conv(32, 32, 3, groups=32)
        self.pointwise = conv(32, 64, 1)
        self.pool = nn.MaxPool2d(2)
        self.residual = conv(64, 64, 3)
        self.average = nn.AdaptiveAvgPool2d(1)
        self.head = nn.Linear(64, len(CLASSES))

    def forward(self, x):
        x = torch.relu(self.stem(x))
        x = torch.relu(self.down(x))
        x = torch.relu(self.depthwise(x))
        x = self.pool(torch.relu(self.pointwise(x)))
        x = torch.relu(x + self.residual(x))
        return self.head(self.average(x).flatten(1))


def draw(folder, train, test):
    """Writes the first samples of either split as IDX files, with Go."""
    subprocess.run(
        ["go", "run", "./glyphs/cmd/glyphs", "-dir", folder, "-train", str(train), "-test", str(test)],
        cwd=HERE,
        check=True,
    )


def read_idx(path):
    """A gzipped IDX file of unsigned bytes as an array."""
    raw = gzip.decompress(path.read_bytes())
    zero, kind, rank = int.from_bytes(raw[:2]), raw[2], raw[3]
    if zero != 0 or kind != 8:
        raise ValueError(f"{path}: not an IDX file of unsigned bytes")
    shape = np.frombuffer(raw, ">u4", rank, 4)
    return np.frombuffer(raw, np.uint8, offset=4 + 4 * rank).reshape(shape)


def read(folder, split):
    images = read_idx(folder / f"{split}-images-idx3-ubyte.gz")
    labels = read_idx(folder / f"{split}-labels-idx1-ubyte.gz")
    return images[:, None].astype(np.float32) / 255, labels.astype(np.int64)


def train(net, images, labels):
    images, labels = torch.from_numpy(images), torch.from_numpy(labels)
    steps = EPOCHS * (len(images) // BATCH)
    optimizer = torch.optim.AdamW(net.parameters(), weight_decay=0.01)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, RATE, total_steps=steps)
    for epoch in range(EPOCHS):
        net.train()
        total = 0.0
        batches = torch.randperm(len(images))[: len(images) // BATCH * BATCH].view(-1, BATCH)
        for batch in batches:
            loss = nn.functional.cross_entropy(net(images[batch]), labels[batch])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
            total += loss.item()
        print(f"epoch {epoch + 1}: training loss {total / len(batches):.4f}", flush=True)
    net.eval()


def export(net, path):
    """Writes net with each BatchNormalization folded into its Conv. The exporter would
    fold them as well, but name the weights onnx::Conv_42 rather than stem.weight."""
    net = copy.deepcopy(net)
    for name, block in net.named_children():
        if isinstance(block, nn.Sequential):
            setattr(net, name, fuse_conv_bn_eval(*block))
    torch.onnx.export(
        net,
        (torch.zeros(1, 1, 28, 28),),
        str(path),
        dynamo=False,
        opset_version=17,
        input_names=["input"],
        output_names=["logits"],
        dynamic_axes={"input": {0: "batch"}, "logits": {0: "batch"}},
    )
    onnx.checker.check_model(str(path), full_check=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--out", type=pathlib.Path, default=HERE, help="folder for data and glyphs.onnx")
    out = parser.parse_args().out.resolve()

    torch.manual_seed(0)
    torch.set_num_threads(1)
    torch.use_deterministic_algorithms(True)

    draw(out / "data", EMBEDDED, TEST)
    with tempfile.TemporaryDirectory() as folder:
        draw(folder, TRAIN, 0)
        images, labels = read(pathlib.Path(folder), "train")
    net = Net()
    train(net, images, labels)
    model = out / "glyphs.onnx"
    export(net, model)

    images, labels = read(out / "data", "t10k")
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(str(model), options, providers=["CPUExecutionProvider"])
    (logits,) = session.run(["logits"], {"input": images})
    with torch.no_grad():
        drift = np.abs(net(torch.from_numpy(images)).numpy() - logits).max()
    assert drift < 1e-3, f"onnxruntime and PyTorch differ by {drift}"

    right = logits.argmax(1) == labels
    parameters = sum(int(np.prod(i.dims)) for i in onnx.load(model).graph.initializer)
    print(f"{parameters:,} parameters, {model.stat().st_size:,} bytes")
    print(f"test accuracy in onnxruntime: {right.mean():.4f} ({right.sum()} of {len(right)})")
    for k, name in enumerate(CLASSES):
        wrong = logits.argmax(1)[(labels == k) & ~right]
        print(f"  {name}: {right[labels == k].mean():.3f}", " ".join(sorted(CLASSES[w] for w in wrong)))


if __name__ == "__main__":
    main()
