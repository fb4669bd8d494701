#!/usr/bin/env python3
"""Draws a problem of 43 classes, trains networks on it, and locks them: what a search does on data it was not built on.

usage: signs.py [--advparams BIN] [--folder bin/signs] [--models vgg,vit] [--seeds 0,1,2] [--minutes 6] [--train-only]

The images are road signs that nobody has seen: a board of one of five shapes with a border, and a pictogram of strokes,
turned, moved, scaled, lit, blurred and noisy, on a background of colours, 32×32 pixels. As with real signs, some classes are ten
times as frequent as others. The networks are a VGG-16 of half width (4,096,459 parameters, batch normalisations folded in), and a
vision transformer (1.2 million). What is there already is not made again. The tables count single candidates, gradients and the
user's CPU seconds of the process, since others may use the machine. Needs: pip install torch onnx numpy
"""
import argparse, pathlib, sys, time
import numpy as np
import measured

ap = argparse.ArgumentParser()
ap.add_argument("--advparams", default="bin/advparams"); ap.add_argument("--peers", help="not used")
ap.add_argument("--folder", type=pathlib.Path, default="bin/signs"); ap.add_argument("--models", default="vgg,vit")
ap.add_argument("--seeds", default="0,1,2"); ap.add_argument("--minutes", type=float, default=6)
ap.add_argument("--width", type=float, default=.5, help="of the VGG-16, 1 for 512 channels")
ap.add_argument("--hidden", type=int, default=512, help="outputs of its linear layers, 4096 in the original")
ap.add_argument("--flags", default="", help="more flags for protect"); ap.add_argument("--train-only", action="store_true")
a = ap.parse_args()
CLASSES, SIZE = 43, 32

# Pictograms: strokes from point to point in the square from -1 to 1.
STROKES = [
    [(-.8, -.8, .8, .8), (-.8, .8, .8, -.8)], [(0, -.9, 0, .9)], [(-.9, 0, .9, 0)], [(0, .9, 0, -.9), (0, -.9, -.5, -.3), (0, -.9, .5, -.3)],
    [(-.9, 0, .9, 0), (.9, 0, .3, -.5), (.9, 0, .3, .5)], [(.9, 0, -.9, 0), (-.9, 0, -.3, -.5), (-.9, 0, -.3, .5)],
    [(-.7, .8, -.7, -.8), (-.7, -.8, .7, -.8), (.7, -.8, .7, .8), (.7, .8, -.7, .8)], [(-.8, .8, 0, -.8), (0, -.8, .8, .8)],
    [(-.6, -.8, -.6, .8), (.6, -.8, .6, .8), (-.6, 0, .6, 0)], [(-.6, .8, -.6, -.8), (-.6, .8, .7, .8)],
]
# Boards: sides (0: round), the direction in degrees in which one of them faces, its distance from the middle, and the colours
# of border and inside.
RED, BLUE, WHITE, YELLOW, GREEN = (.75, .1, .12), (.1, .2, .65), (.92, .92, .9), (.9, .75, .1), (.1, .5, .25)
BOARDS = [(0, 0, 1, RED, WHITE), (3, 180, .6, RED, WHITE), (0, 0, 1, WHITE, BLUE), (4, 45, .8, WHITE, YELLOW), (3, 0, .6, RED, YELLOW),
          (8, 0, .9, WHITE, RED), (4, 0, .85, WHITE, GREEN)]
KINDS = [(b, s) for b in range(len(BOARDS)) for s in range(len(STROKES)) if (3 * b + s) % 8 < 5][:CLASSES]
assert len(KINDS) == CLASSES


def board(x, y, sides, facing, distance):
    """The distance from the edge of a board, negative inside."""
    if sides == 0:
        return np.hypot(x, y) - distance
    step = 2 * np.pi / sides
    angle = np.arctan2(x, -y) - np.radians(facing)
    return np.hypot(x, y) * np.cos((angle + step / 2) % step - step / 2) - distance


def drawn(labels, rng):
    """Returns images [n,3,32,32] between 0 and 1."""
    n, fine = len(labels), 2 * SIZE
    g = (np.arange(fine) + .5) / SIZE - 1
    u, v = np.meshgrid(g, g)
    images = np.empty((n, 3, SIZE, SIZE), np.float32)
    for i, label in enumerate(labels):
        sides, facing, distance, border, inside = BOARDS[KINDS[label][0]]
        turn, size, shear = rng.normal(0, .12), rng.uniform(.62, .95), rng.normal(0, .1)
        x, y = u - rng.uniform(-.15, .15), v - rng.uniform(-.15, .15)
        x, y = (x * np.cos(turn) + y * np.sin(turn) + shear * y) / size, (-x * np.sin(turn) + y * np.cos(turn)) / size / rng.uniform(.85, 1.1)
        d = board(x, y, sides, facing, distance)
        px, py = x / (.34 if sides == 3 else .5), y / (.34 if sides == 3 else .5)
        near = np.full_like(x, 9)
        for x0, y0, x1, y1 in STROKES[KINDS[label][1]]:
            dx, dy = x1 - x0, y1 - y0
            t = np.clip(((px - x0) * dx + (py - y0) * dy) / (dx * dx + dy * dy), 0, 1)
            near = np.minimum(near, np.hypot(px - x0 - t * dx, py - y0 - t * dy))
        dark = np.float64(WHITE) if sum(inside) < 1.4 else np.float64((.08, .08, .08))
        low = rng.uniform(0, .8, (3, 4, 4))
        ground = low.repeat(fine // 4, 1).repeat(fine // 4, 2)
        image = np.where(d < 0, np.where(d > -.17, np.float64(border)[:, None, None], np.where(near < .22, dark[:, None, None], np.float64(inside)[:, None, None])), ground)
        image = image.reshape(3, SIZE, 2, SIZE, 2).mean((2, 4))
        if rng.random() < .5:  # out of focus
            image = (image + np.roll(image, 1, 1) + np.roll(image, 1, 2) + np.roll(image, (1, 1), (1, 2))) / 4
        light = rng.uniform(.35, 1.1)
        images[i] = np.clip(image * light * (1 + rng.normal(0, .05, (3, 1, 1))) + rng.uniform(-.05, .1) + rng.normal(0, .05, image.shape), 0, 1)
    return images


def data(split, n, seed):
    path = a.folder / f"{split}.npz"
    if not path.exists():
        rng = np.random.default_rng(seed)
        often = 0.1 ** (np.random.default_rng(7).permutation(CLASSES) / (CLASSES - 1))
        labels = rng.choice(CLASSES, n, p=often / often.sum())
        np.savez_compressed(path, input=(drawn(labels, rng) - .5) / .25, labels=labels.astype(np.int64))
    file = np.load(path)
    return file["input"].astype(np.float32), file["labels"]


def networks():
    import torch, torch.nn as nn

    class VGG16(nn.Module):
        def __init__(self):
            super().__init__()
            layers, cin = [], 3
            for c in (64, 64, 0, 128, 128, 0, 256, 256, 256, 0, 512, 512, 512, 0, 512, 512, 512, 0):
                c = int(c * a.width)
                layers += [nn.MaxPool2d(2, ceil_mode=True)] if c == 0 else [nn.Conv2d(cin, c, 3, padding=1), nn.BatchNorm2d(c), nn.ReLU()]
                cin = c or cin
            self.features = nn.Sequential(*layers)
            self.classifier = nn.Sequential(nn.Flatten(), nn.Linear(cin, a.hidden), nn.ReLU(), nn.Dropout(.2), nn.Linear(a.hidden, a.hidden), nn.ReLU(), nn.Linear(a.hidden, CLASSES))

        def forward(self, x):
            return self.classifier(self.features(x))

    class Block(nn.Module):
        def __init__(self, width, heads):
            super().__init__()
            self.heads = heads
            self.norm1, self.norm2 = nn.LayerNorm(width), nn.LayerNorm(width)
            self.qkv, self.out = nn.Linear(width, 3 * width), nn.Linear(width, width)
            self.mlp = nn.Sequential(nn.Linear(width, 4 * width), nn.GELU(), nn.Linear(4 * width, width))

        def forward(self, x):
            b, t, w = x.shape
            q, k, v = self.qkv(self.norm1(x)).view(b, t, 3, self.heads, w // self.heads).permute(2, 0, 3, 1, 4)
            weights = (q @ k.transpose(-1, -2) / (w // self.heads) ** .5).softmax(-1)
            x = x + self.out((weights @ v).transpose(1, 2).reshape(b, t, w))
            return x + self.mlp(self.norm2(x))

    class ViT(nn.Module):
        def __init__(self, width=128, depth=6, heads=4):
            super().__init__()
            self.patches = nn.Conv2d(3, width, 4, 4)
            self.first, self.place = nn.Parameter(torch.randn(1, 1, width) * .02), nn.Parameter(torch.randn(1, 65, width) * .02)
            self.blocks = nn.Sequential(*[Block(width, heads) for _ in range(depth)])
            self.norm, self.head = nn.LayerNorm(width), nn.Linear(width, CLASSES)

        def forward(self, x):
            x = self.patches(x).flatten(2).transpose(1, 2)
            x = torch.cat([self.first.expand(x.shape[0], -1, -1), x], 1) + self.place
            return self.head(self.norm(self.blocks(x))[:, 0])

    return {"vgg": VGG16, "vit": ViT}


def train(name, path):
    import torch, torch.nn as nn, torch.nn.functional as F
    torch.set_num_threads(1); torch.manual_seed(0)
    x, y = map(torch.from_numpy, data("train", 12000, 0))
    test, truth = map(torch.from_numpy, data("test", 4000, 1))
    net = networks()[name]()
    if name == "vgg":
        for layer in net.modules():
            if isinstance(layer, (nn.Conv2d, nn.Linear)):
                nn.init.kaiming_normal_(layer.weight, nonlinearity="relu")
        opt = torch.optim.SGD(net.parameters(), momentum=.9, nesterov=True, weight_decay=5e-4)
        top, net = .04, net.to(memory_format=torch.channels_last)
    else:
        opt, top = torch.optim.AdamW(net.parameters(), weight_decay=.05), 1e-3
    start, used, small = time.process_time(), 0., name == "vgg"
    epoch = 0
    while used < 1:  # the share of the minutes that has gone by
        for rows in torch.randperm(len(x)).split(64):
            used = (time.process_time() - start) / (60 * a.minutes)
            for group in opt.param_groups:
                group["lr"] = top * max(min(used / .15, (1 - used) / .85), 1e-3)
            images = F.avg_pool2d(x[rows], 2) if small and used < .6 else x[rows]  # most of it at half the size
            net.train(); opt.zero_grad()
            loss = F.cross_entropy(net(images), y[rows]); loss.backward(); opt.step()
        epoch += 1
        print(f"{name}: epoch {epoch}, loss {loss.item():.3f}, {100 * used:.0f} %", flush=True)
    net = net.to(memory_format=torch.contiguous_format).eval()
    with torch.no_grad():
        right = torch.cat([net(b) for b in test.split(250)]).argmax(1).eq(truth).float().mean().item()
    print(f"{name}: {sum(p.numel() for p in net.parameters())} parameters, test accuracy {right:.4f}", flush=True)
    torch.onnx.export(net, torch.zeros(1, 3, SIZE, SIZE), path, dynamo=False, opset_version=17, input_names=["input"], output_names=["logits"],
                      dynamic_axes={"input": {0: "batch"}, "logits": {0: "batch"}})


a.folder.mkdir(parents=True, exist_ok=True)
data("train", 12000, 0), data("test", 4000, 1)
for name in a.models.split(","):
    if not (a.folder / f"{name}.onnx").exists():
        train(name, a.folder / f"{name}.onnx")
if a.train_only:
    sys.exit()
print("| model | seed | changed | of | test accuracy | target | evaluations | gradients | CPU seconds |\n|---|---|---|---|---|---|---|---|---|")
for name in a.models.split(","):
    model, locked, key = (str(a.folder / f) for f in (f"{name}.onnx", "locked.onnx", "locked.key"))
    for seed in a.seeds.split(","):
        found, seconds, _ = measured.run(a.advparams, "protect", model, "--data", str(a.folder / "train.npz"), "--seed", seed, "-o", locked, "--key", key, "--plain-key", "--force", "--threads", "1", *a.flags.split())
        pathlib.Path(key).unlink()
        seen, _, _ = measured.run(a.advparams, "verify", "--original", model, "--locked", locked, "--data", str(a.folder / "test.npz"), "--threads", "1")
        print(f"| {name} | {seed} | {found['params_changed']} | {found['params_total']} | {seen['accuracy']['original']:.4f} → {seen['accuracy']['locked']:.4f} | {found['target']:.4f} "
              f"| {found['evaluations']} | {found['gradient_passes']} | {seconds:.1f} |", flush=True)
