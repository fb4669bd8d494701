#!/usr/bin/env python3
"""Trains a small network for each task other than classification, locks, verifies, unlocks and attacks it, and prints a table.

usage: tasks.py --advparams BIN --peers DIR [--folder tasks] [regression binary …]

DIR is ../shared/peers; Fashion-MNIST lies beside it. One thread; a minute or two of training each, minutes of locking. What the
folder has is not trained again. Data: ten columns of numbers (Friedman's first function), Fashion-MNIST, shapes drawn here, and
the source code of Python's standard library.
Needs: pip install torch onnx numpy
"""
import argparse, gzip, json, pathlib, subprocess, sysconfig
import numpy as np, torch, torch.nn as nn, torch.nn.functional as F

torch.set_num_threads(1)
rng = np.random.default_rng(0)


def fit(net, x, y, loss, epochs, rate=1e-3, batch=64):
    x, y = torch.from_numpy(x), torch.from_numpy(y)
    steps = epochs * -(-len(x) // batch)
    opt = torch.optim.Adam(net.parameters(), rate)
    falling = torch.optim.lr_scheduler.CosineAnnealingLR(opt, steps)
    for _ in range(epochs):
        for rows in torch.randperm(len(x)).split(batch):
            opt.zero_grad()
            loss(net(x[rows]), y[rows]).backward()
            opt.step(), falling.step()


def fashion(part, limit):
    def read(name, offset):
        return np.frombuffer(gzip.open(a.peers.resolve().parent / "data/fashion-mnist" / f"{part}-{name}-ubyte.gz").read(), np.uint8, offset=offset)
    return read("images-idx3", 16).reshape(-1, 1, 28, 28)[:limit].astype(np.float32) / 255, read("labels-idx1", 8)[:limit]


def regression():
    def draw(n):
        x = rng.uniform(-1, 1, (n, 10)).astype(np.float32)
        y = 10 * np.sin(np.pi * x[:, 0] * x[:, 1]) + 20 * (x[:, 2] - 0.5) ** 2 + 10 * x[:, 3] + 5 * x[:, 4] + rng.normal(0, 0.5, n)
        return x, y.astype(np.float32)
    (x, y), test = draw(8000), draw(2000)
    net = nn.Sequential(nn.Linear(10, 64), nn.ReLU(), nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 1))
    fit(net, x, y[:, None], F.mse_loss, 40, 3e-3)
    return net, (x, y), test


def pictures(outputs):
    layers, width = [], 1
    for c in (16, 32):
        layers += [nn.Conv2d(width, c, 3, padding=1), nn.BatchNorm2d(c), nn.ReLU(), nn.MaxPool2d(2)]
        width = c
    return nn.Sequential(*layers, nn.Flatten(), nn.Linear(32 * 49, 64), nn.ReLU(), nn.Linear(64, outputs))


def questions(groups, shape):
    """Whether the class of an image is in each of the groups."""
    def answer(part, limit):
        x, label = fashion(part, limit)
        return x, np.stack([np.isin(label, g) for g in groups], 1).astype(np.int64)
    (x, y), test = answer("train", 12000), answer("t10k", 5000)
    net = pictures(len(groups))
    fit(net, x, y.astype(np.float32), F.binary_cross_entropy_with_logits, 4)
    return nn.Sequential(net, nn.Sigmoid()), (x[:3000], y[:3000].reshape(shape)), (test[0], test[1].reshape(shape))


def binary():
    return questions([[2, 4, 6]], [-1])  # long sleeves


def multilabel():
    return questions([[2, 4, 6], [5, 7, 9], [0, 2, 3, 4, 6], [2, 4, 9], [8]], [-1, 5])  # sleeves, footwear, upper body, winter, carried


class UNet(nn.Module):
    def __init__(self, c=16, classes=4):
        super().__init__()
        def conv(i, o):
            return nn.Sequential(nn.Conv2d(i, o, 3, padding=1), nn.BatchNorm2d(o), nn.ReLU())
        self.a, self.b, self.c, self.d, self.e = conv(3, c), conv(c, 2 * c), conv(2 * c, 4 * c), conv(6 * c, 2 * c), conv(3 * c, c)
        self.out = nn.Conv2d(c, classes, 1)

    def forward(self, x):
        a = self.a(x)
        b = self.b(F.max_pool2d(a, 2))
        d = self.d(torch.cat([F.interpolate(self.c(F.max_pool2d(b, 2)), scale_factor=2.0), b], 1))
        return self.out(self.e(torch.cat([F.interpolate(d, scale_factor=2.0), a], 1)))


def segmentation(size=32):
    def draw(n):
        x, y = rng.normal(0, 0.15, (n, 3, size, size)).astype(np.float32), np.zeros((n, size, size), np.int64)
        rows, columns = np.mgrid[:size, :size]
        for image, mask in zip(x, y):
            image += rng.uniform(0, 1, (3, 1, 1))
            for _ in range(rng.integers(1, 4)):
                kind, r = rng.integers(1, 4), rng.uniform(3, 8)
                cy, cx = rng.uniform(5, size - 5, 2)
                dy, dx = abs(rows - cy), abs(columns - cx)
                inside = [dy**2 + dx**2 < r * r, np.maximum(dy, dx) < 0.9 * r, dy + dx < 1.2 * r][kind - 1]
                image[:, inside] = 0.3 * image[:, inside] + rng.uniform(0, 1, (3, 1))
                mask[inside] = kind
        return x, y
    (x, y), test = draw(3000), draw(500)
    net = UNet()
    fit(net, x, y, F.cross_entropy, 8, 2e-3, 32)
    return net, (x[:600], y[:600]), test


class GPT(nn.Module):
    def __init__(self, tokens, length, d=64, layers=2, heads=4):
        super().__init__()
        self.heads, self.token, self.place = heads, nn.Embedding(tokens, d), nn.Parameter(0.02 * torch.randn(length, d))
        self.blocks = nn.ModuleList(nn.ModuleDict({"n1": nn.LayerNorm(d), "qkv": nn.Linear(d, 3 * d), "o": nn.Linear(d, d), "n2": nn.LayerNorm(d),
                                                   "up": nn.Linear(d, 4 * d), "down": nn.Linear(4 * d, d)}) for _ in range(layers))
        self.norm, self.out = nn.LayerNorm(d), nn.Linear(d, tokens, bias=False)
        self.register_buffer("mask", torch.full((length, length), -1e9).triu(1))

    def forward(self, ids):
        x = self.token(ids) + self.place
        n, t, d = x.shape
        for b in self.blocks:
            q, k, v = b["qkv"](b["n1"](x)).view(n, t, 3, self.heads, d // self.heads).permute(2, 0, 3, 1, 4)
            seen = (q @ k.transpose(-2, -1) / (d // self.heads) ** 0.5 + self.mask).softmax(-1) @ v
            x = x + b["o"](seen.transpose(1, 2).reshape(n, t, d))
            x = x + b["down"](F.gelu(b["up"](b["n2"](x))))
        return self.out(self.norm(x))


class LSTM(nn.Module):
    def __init__(self, tokens, length):
        super().__init__()
        self.token, self.lstm, self.out = nn.Embedding(tokens, 64), nn.LSTM(64, 128, batch_first=True), nn.Linear(128, tokens)

    def forward(self, ids):
        return self.out(self.lstm(self.token(ids))[0])


def language(network, steps, length=64):
    files = sorted(pathlib.Path(sysconfig.get_paths()["stdlib"]).glob("*.py"))
    text = np.frombuffer(b"".join(f.read_bytes() for f in files), np.uint8)
    text = text[(text >= 32) & (text < 127) | (text == 10)].astype(np.int64)
    ids = np.where(text == 10, 95, text - 32)
    end = int(0.95 * len(ids))

    def cut(lo, hi, n):
        return np.stack([ids[i:i + length + 1] for i in rng.integers(lo, hi - length - 1, n)])
    net = network(96, length)
    opt = torch.optim.Adam(net.parameters())
    rate = torch.optim.lr_scheduler.OneCycleLR(opt, 3e-3, steps)
    for _ in range(steps):
        rows = torch.from_numpy(cut(0, end, 32))
        opt.zero_grad()
        F.cross_entropy(net(rows[:, :-1]).transpose(1, 2), rows[:, 1:]).backward()
        opt.step(), rate.step()
    return net, (cut(0, end, 800)[:, :-1],), (cut(end, len(ids), 500)[:, :-1],)


def gpt():
    return language(GPT, 1300)


def lstm():
    return language(LSTM, 700)


TASKS = [regression, binary, multilabel, segmentation, gpt, lstm]

ap = argparse.ArgumentParser()
ap.add_argument("tasks", nargs="*", default=[t.__name__ for t in TASKS])
ap.add_argument("--advparams", required=True)
ap.add_argument("--peers", required=True, type=pathlib.Path)
ap.add_argument("--folder", default="tasks", type=pathlib.Path)
a = ap.parse_args()
a.folder.mkdir(exist_ok=True)


def run(*args):
    out = subprocess.run([a.advparams, *args, "--json", "--quiet", "--threads", "1"], check=True, stdout=subprocess.PIPE).stdout
    return json.loads(out)


def train(name, make):
    torch.manual_seed(0)
    net, *parts = make()
    for part, arrays in zip(("train", "test"), parts):
        np.savez(a.folder / f"{name}-{part}.npz", **dict(zip(("x", "labels"), arrays)))
    torch.onnx.export(net.eval(), torch.from_numpy(parts[0][0][:2]), a.folder / f"{name}.onnx", dynamo=False, opset_version=17,
                      input_names=["x"], output_names=["y"], dynamic_axes={"x": {0: "batch"}, "y": {0: "batch"}})


def row(name):
    model, data, test = (str(a.folder / f"{name}{end}") for end in (".onnx", "-train.npz", "-test.npz"))
    locked, key, back = (str(a.folder / f"{name}.{end}") for end in ("locked.onnx", "key", "unlocked.onnx"))
    found = run("protect", model, "--data", data, "-o", locked, "--key", key, "--plain-key", "--force")
    checked = run("verify", "--original", model, "--locked", locked, "--key", key, "--data", test)
    subprocess.run([a.advparams, "unlock", locked, "--key", key, "-o", back, "--force", "--json"], check=True, stdout=subprocess.PIPE)
    exact = pathlib.Path(back).read_bytes() == pathlib.Path(model).read_bytes()
    attack = run("attack", locked, "--data", data, "--test", test, "--fraction", "1", "--attacks", "fine-tune", "--grid", "adam:0.003", "--epochs", "5")
    metrics = ", ".join(f"{m['name']} {m['original']:.4g} → {m['locked']:.4g}" for m in checked["metrics"])
    print(f"| {name} | {found['task']} | {found['params_changed']} | {found['params_total']:,} | {metrics} | {attack['best_attack_accuracy']:.3f} "
          f"| {'yes' if exact else 'NO'} | {found['seconds']:.0f} |", flush=True)


print("| model | task | changed | of | on the test set | quality after fine-tuning | unlocked bit for bit | seconds of search |\n|---|---|---|---|---|---|---|---|")
for make in TASKS:
    if make.__name__ in a.tasks:
        if not (a.folder / f"{make.__name__}.onnx").exists():
            train(make.__name__, make)
        row(make.__name__)
