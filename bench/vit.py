#!/usr/bin/env python3
"""Trains a small vision transformer (138,890 parameters) on Fashion-MNIST, for frontier.

usage: vit.py --peers DIR [--epochs 6] [-o bin/vit.onnx]

DIR is ../shared/peers; the data lies beside it. One thread. An image is 16 patches of 7×7 pixels; there are four layers of four
heads and width 64, normalised before each part. A file that is there is not made again. Needs: pip install torch onnx numpy
"""
import argparse, gzip, os, pathlib, sys
import numpy as np, torch, torch.nn as nn, torch.nn.functional as F

ap = argparse.ArgumentParser()
ap.add_argument("--peers", type=pathlib.Path, required=True); ap.add_argument("--advparams", help="not used")
ap.add_argument("--epochs", type=int, default=6); ap.add_argument("-o", type=pathlib.Path, default="bin/vit.onnx")
a = ap.parse_args()
if a.o.exists():
    sys.exit(f"{a.o} is there already")
torch.set_num_threads(1); torch.manual_seed(0)
WIDTH, HEADS, LAYERS, PATCH = 64, 4, 4, 7


class Layer(nn.Module):
    def __init__(self):
        super().__init__()
        self.norm1, self.norm2 = nn.LayerNorm(WIDTH), nn.LayerNorm(WIDTH)
        self.qkv, self.out = nn.Linear(WIDTH, 3 * WIDTH), nn.Linear(WIDTH, WIDTH)
        self.up, self.down = nn.Linear(WIDTH, 2 * WIDTH), nn.Linear(2 * WIDTH, WIDTH)

    def forward(self, x):
        q, k, v = self.qkv(self.norm1(x)).unflatten(-1, (3, HEADS, WIDTH // HEADS)).permute(2, 0, 3, 1, 4)
        weights = (q @ k.transpose(-2, -1) / (WIDTH // HEADS) ** 0.5).softmax(-1)
        x = x + self.out((weights @ v).transpose(1, 2).flatten(2))
        return x + self.down(F.gelu(self.up(self.norm2(x))))


class ViT(nn.Module):
    def __init__(self):
        super().__init__()
        self.patches = nn.Conv2d(1, WIDTH, PATCH, PATCH)
        self.places = nn.Parameter(torch.randn(1, (28 // PATCH) ** 2, WIDTH) * 0.02)
        self.layers = nn.Sequential(*(Layer() for _ in range(LAYERS)))
        self.norm, self.head = nn.LayerNorm(WIDTH), nn.Linear(WIDTH, 10)

    def forward(self, x):
        return self.head(self.norm(self.layers(self.patches(x).flatten(2).transpose(1, 2) + self.places)).mean(1))


def load(split):
    folder = a.peers.resolve().parent / "data/fashion-mnist"
    x, y = (np.frombuffer(gzip.open(next(folder.rglob(f"{split}-{what}*"))).read(), np.uint8) for what in ("images", "labels"))
    return torch.from_numpy((x[16:].reshape(-1, 1, 28, 28).astype(np.float32) / 255 - np.float32(.286)) / np.float32(.353)), torch.from_numpy(y[8:].astype(np.int64))


(x, y), (tx, ty) = load("train"), load("t10k")
net = ViT()
print(f"{sum(p.numel() for p in net.parameters()):,} parameters", flush=True)
opt = torch.optim.AdamW(net.parameters(), weight_decay=0.05)
plan = torch.optim.lr_scheduler.OneCycleLR(opt, 2e-3, total_steps=a.epochs * (len(x) // 128), pct_start=0.2)
for epoch in range(a.epochs):
    net.train()
    for rows in torch.randperm(len(x)).split(128)[:len(x) // 128]:
        batch = x[rows]
        batch = torch.where((torch.rand(len(rows)) < 0.5)[:, None, None, None], batch.flip(3), batch)
        opt.zero_grad(); F.cross_entropy(net(batch), y[rows]).backward(); opt.step(); plan.step()
    net.eval()
    with torch.no_grad():
        right = torch.cat([net(b) for b in tx.split(500)]).argmax(1).eq(ty).float().mean().item()
    print(f"epoch {epoch + 1}: {100 * right:.2f} %", flush=True)
a.o.parent.mkdir(parents=True, exist_ok=True)
part = a.o.with_suffix(".part")
torch.onnx.export(net, (x[:1],), part, dynamo=False, input_names=["input"], output_names=["logits"],
                  dynamic_axes={"input": {0: "n"}, "logits": {0: "n"}}, opset_version=17)
os.replace(part, a.o)
