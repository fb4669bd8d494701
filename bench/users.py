#!/usr/bin/env python3
"""Trains small networks as users have them, locks them, and measures the locks on samples that nobody has seen.

usage: users.py --advparams BIN [--folder bin/users] [--models tab2,lstm,…] [--seeds 0,1,2] [--exporter script|dynamo]

Tables with 2 and 10 classes, with several labels, and of numbers; images of blobs, to find where they are, and for an autoencoder;
waves of 20 kinds for a ResNet; words of Python's standard library for an LSTM and a transformer that tell the package, and its
characters for a GRU that tags them. Seconds to a minute of training each; what is there is not made again. CPU seconds are the
user's of the process. Needs: pip install torch onnx onnxscript numpy
"""
import argparse, collections, io, keyword, pathlib, re, sysconfig, token as tk, tokenize
import numpy as np, torch, torch.nn as nn, torch.nn.functional as F
import measured

ap = argparse.ArgumentParser()
ap.add_argument("--advparams", default="bin/advparams"); ap.add_argument("--peers", help="not used")
ap.add_argument("--folder", type=pathlib.Path, default="bin/users"); ap.add_argument("--models")
ap.add_argument("--seeds", default="0"); ap.add_argument("--exporter", default="script", choices=["script", "dynamo"])
a = ap.parse_args()
a.folder.mkdir(parents=True, exist_ok=True)
torch.set_num_threads(1)

def fit(net, x, y, loss, epochs, rate=2e-3, batch=64):
    x, y = torch.from_numpy(x), torch.from_numpy(y)
    opt = torch.optim.Adam(net.parameters(), rate)
    n = epochs * -(-len(x) // batch)
    sch = torch.optim.lr_scheduler.CosineAnnealingLR(opt, n)
    for _ in range(epochs):
        for r in torch.randperm(len(x)).split(batch):
            opt.zero_grad(); l = loss(net(x[r]), y[r]); l.backward(); opt.step(); sch.step()

def mix(n, seed, d=30, k=10):
    r = np.random.default_rng(5); a = r.normal(0, 1, (d, 24)); b = r.normal(0, 1, (24, k)); 
    r = np.random.default_rng(seed); x = r.normal(0, 1, (n, d)).astype(np.float32)
    return x, np.tanh(x @ a / d**.5 * 1.5) @ b, r

def mlp(i, o, w=128, act=nn.ReLU):
    return nn.Sequential(nn.Linear(i, w), act(), nn.Linear(w, w), act(), nn.Linear(w, w // 2), act(), nn.Linear(w // 2, o))

def multilabel():
    def draw(n, seed):
        x, z, r = mix(n, seed); return x, (z + r.normal(0, .5, z.shape) > 1).astype(np.float32)
    (x, y), t = draw(10000, 0), draw(4000, 1)
    net = mlp(30, 10); fit(net, x, y, F.binary_cross_entropy_with_logits, 15)
    return net, (x, y.astype(np.int64)), (t[0], t[1].astype(np.int64))

def tab(k):
    def f():
        def draw(n, seed):
            x, z, r = mix(n, seed, k=max(k, 2)); return x, (z + r.normal(0, .5, z.shape)).argmax(1).astype(np.int64)
        (x, y), t = draw(10000, 0), draw(4000, 1)
        net = mlp(30, k); fit(net, x, y, F.cross_entropy, 12)
        return net, (x, y), t
    return f

def tab10bn():
    def draw(n, seed):
        x, z, r = mix(n, seed); return x, (z + r.normal(0, .5, z.shape)).argmax(1).astype(np.int64)
    (x, y), t = draw(10000, 0), draw(4000, 1)
    net = nn.Sequential(nn.Linear(30, 128), nn.BatchNorm1d(128), nn.ReLU(), nn.Dropout(.1), nn.Linear(128, 64), nn.BatchNorm1d(64), nn.ReLU(), nn.Linear(64, 10)); fit(net, x, y, F.cross_entropy, 12)
    return net, (x, y), t

def regmlp():
    def draw(n, seed):
        x, z, r = mix(n, seed, k=1); return x, (z + r.normal(0, .2, z.shape)).astype(np.float32)
    (x, y), t = draw(10000, 0), draw(4000, 1)
    net = mlp(30, 1); fit(net, x, y, F.mse_loss, 15)
    return net, (x, y), t

def blobs(n, seed):
    r = np.random.default_rng(seed); g = np.linspace(-1, 1, 24); u, v = np.meshgrid(g, g)
    p = r.uniform(-.7, .7, (n, 2)); s = r.uniform(.1, .4, n); h = r.uniform(.5, 1.5, n); e = r.uniform(.5, 2, n)
    x = h[:, None, None] * np.exp(-((u - p[:, :1, None])**2 * e[:, None, None] + (v - p[:, 1:, None])**2) / (2 * s[:, None, None]**2)) + r.normal(0, .1, (n, 24, 24))
    return x[:, None].astype(np.float32), np.c_[p, s * 5, h].astype(np.float32), r

def regcnn():
    def draw(n, seed):
        x, y, _ = blobs(n, seed); return x, y
    (x, y), t = draw(5000, 0), draw(2000, 1)
    net = nn.Sequential(nn.Conv2d(1, 16, 3, padding=1, stride=2), nn.BatchNorm2d(16), nn.ReLU(), nn.Conv2d(16, 32, 3, padding=1, stride=2), nn.BatchNorm2d(32), nn.ReLU(), nn.Flatten(), nn.Linear(32 * 36, 64), nn.ReLU(), nn.Linear(64, 4))
    fit(net, x, y, F.mse_loss, 8)
    return net, (x, y), t

def auto():
    def draw(n, seed):
        x, y, _ = blobs(n, seed); return x, x
    (x, y), t = draw(5000, 0), draw(1000, 1)
    net = nn.Sequential(nn.Conv2d(1, 16, 3, padding=1, stride=2), nn.ReLU(), nn.Conv2d(16, 24, 3, padding=1, stride=2), nn.ReLU(), nn.Flatten(), nn.Linear(24 * 36, 32), nn.Linear(32, 24 * 36), nn.ReLU(), nn.Unflatten(1, (24, 6, 6)),
        nn.ConvTranspose2d(24, 16, 4, stride=2, padding=1), nn.ReLU(), nn.ConvTranspose2d(16, 1, 4, stride=2, padding=1))
    fit(net, x, y, F.mse_loss, 8)
    return net, (x[:3000], y[:3000]), t

class Res(nn.Module):
    def __init__(self, c, k, s=1):
        super().__init__()
        self.a, self.b = nn.Sequential(nn.Conv2d(c, k, 3, s, 1, bias=False), nn.BatchNorm2d(k)), nn.Sequential(nn.Conv2d(k, k, 3, 1, 1, bias=False), nn.BatchNorm2d(k))
        self.s = nn.Identity() if c == k and s == 1 else nn.Sequential(nn.Conv2d(c, k, 1, s, bias=False), nn.BatchNorm2d(k))
    def forward(self, x): return F.relu(self.s(x) + self.b(F.relu(self.a(x))))

def resnet20c():
    def draw(n, seed):
        r0 = np.random.default_rng(3); g = np.linspace(-1, 1, 24); u, v = np.meshgrid(g, g)
        f = r0.uniform(-5, 5, (20, 3, 2)); ph = r0.uniform(0, 6, (20, 3))
        r = np.random.default_rng(seed); y = r.integers(0, 20, n); sh = r.uniform(-.25, .25, (n, 2))
        x = np.empty((n, 3, 24, 24), np.float32)
        for i in range(n):
            k = y[i]
            for c in range(3): x[i, c] = np.sin(f[k, c, 0] * (u - sh[i, 0]) + f[k, c, 1] * (v - sh[i, 1]) + ph[k, c]) * r.uniform(.5, 1.2)
        return x + r.normal(0, 1.2, x.shape).astype(np.float32), y
    (x, y), t = draw(5000, 0), draw(2000, 1)
    net = nn.Sequential(nn.Conv2d(3, 16, 3, 1, 1, bias=False), nn.BatchNorm2d(16), nn.ReLU(), Res(16, 16), Res(16, 32, 2), Res(32, 64, 2), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(64, 20))
    fit(net, x, y, F.cross_entropy, 4)
    return net, (x, y), t

PK = ["email", "asyncio", "tkinter", "unittest", "http", "xml"]
def words():
    root = pathlib.Path(sysconfig.get_paths()["stdlib"]); texts = []
    for p in PK:
        texts.append([w for f in sorted((root / p).rglob("*.py")) if "test" not in f.parts[len(root.parts)+1:] for w in re.findall(r"[A-Za-z_]+|[0-9]+|[^\sA-Za-z0-9]", f.read_text(errors="ignore"))])
    c = collections.Counter(w for t in texts for w in t); v = {w: i + 1 for i, (w, _) in enumerate(c.most_common(999))}
    return [np.array([v.get(w, 0) for w in t], np.int64) for t in texts]
def text(n, seed, L=40):
    T = words(); r = np.random.default_rng(seed); y = r.integers(0, len(PK), n); x = np.empty((n, L), np.int64)
    for i, k in enumerate(y):
        cut = int(.8 * len(T[k])); s = r.integers(0, cut - L) if seed == 0 else r.integers(cut, len(T[k]) - L); x[i] = T[k][s:s + L]
    return x, y
class LSTMC(nn.Module):
    def __init__(self): super().__init__(); self.e, self.l, self.o = nn.Embedding(1000, 48), nn.LSTM(48, 96, batch_first=True), nn.Linear(96, len(PK))
    def forward(self, x): return self.o(self.l(self.e(x))[0][:, -1])
def lstm():
    (x, y), t = text(10000, 0), text(2000, 1); net = LSTMC(); fit(net, x, y, F.cross_entropy, 6, 3e-3); return net, (x, y), t
class TR(nn.Module):
    def __init__(self, L=40, d=64):
        super().__init__(); self.e, self.p = nn.Embedding(1000, d), nn.Parameter(.02 * torch.randn(L, d))
        self.t = nn.TransformerEncoder(nn.TransformerEncoderLayer(d, 4, 128, 0., batch_first=True), 2, enable_nested_tensor=False); self.o = nn.Linear(d, len(PK))
    def forward(self, x): return self.o(self.t(self.e(x) + self.p).mean(1))
def transformer():
    (x, y), t = text(10000, 0), text(2000, 1); net = TR(); fit(net, x, y, F.cross_entropy, 5, 1e-3); return net, (x, y), t
class GRUT(nn.Module):
    def __init__(self): super().__init__(); self.e, self.l, self.o = nn.Embedding(96, 32), nn.GRU(32, 64, batch_first=True, bidirectional=True), nn.Linear(128, 6)
    def forward(self, x): return self.o(self.l(self.e(x))[0])
def gru():
    root = pathlib.Path(sysconfig.get_paths()["stdlib"]); X, Y = [], []
    for f in sorted(root.glob("[a-m]*.py")):
        s = f.read_text(errors="ignore"); lines = s.split("\n"); lab = [np.zeros(len(l) + 1, np.int64) for l in lines]
        try:
            for t in tokenize.generate_tokens(io.StringIO(s).readline):
                k = {tk.NUMBER: 3, tk.STRING: 4, tokenize.COMMENT: 5, tk.OP: 0}.get(t.type, 0)
                if t.type == tk.NAME: k = 1 if keyword.iskeyword(t.string) else 2
                for row in range(t.start[0], t.end[0] + 1):
                    a = t.start[1] if row == t.start[0] else 0; b = t.end[1] if row == t.end[0] else None
                    if row <= len(lines): lab[row - 1][a:b] = k
        except Exception: continue
        c = np.frombuffer(s.encode("ascii", "replace"), np.uint8).astype(np.int64)
        X.append(np.where((c >= 32) & (c < 127), c - 32, 95)); Y.append(np.concatenate(lab)[:len(c)])
    X, Y = np.concatenate(X), np.concatenate(Y); L = 48; cut = int(.85 * len(X))
    def draw(n, seed):
        r = np.random.default_rng(seed); s = r.integers(0, cut - L, n) if seed == 0 else r.integers(cut, len(X) - L, n)
        return np.stack([X[i:i + L] for i in s]), np.stack([Y[i:i + L] for i in s])
    (x, y), t = draw(4000, 0), draw(1000, 1); net = GRUT(); fit(net, x, y, lambda a, b: F.cross_entropy(a.flatten(0, 1), b.flatten()), 4, 4e-3); return net, (x[:2000], y[:2000]), t

NETS = dict(multilabel=multilabel, lstm=lstm, gru=gru, transformer=transformer, tab2=tab(2), tab10=tab(10), tab10bn=tab10bn, regmlp=regmlp, regcnn=regcnn, resnet=resnet20c, auto=auto)


print("| model | seed | changed | of | unseen samples | gradients | evaluations | CPU seconds |\n|---|---|---|---|---|---|---|---|")
for name in a.models.split(",") if a.models else NETS:
    model, train, test = (str(a.folder / f"{name}.{end}") for end in (f"{a.exporter}.onnx", "train.npz", "test.npz"))
    if not pathlib.Path(model).exists():
        torch.manual_seed(0)
        net, seen, unseen = NETS[name]()
        for path, (x, y) in ((train, seen), (test, unseen)):
            np.savez(path, input=x, labels=y)
        ways = dict(dynamo=False, opset_version=17, dynamic_axes={"input": {0: "n"}, "out": {0: "n"}}) if a.exporter == "script" else dict(dynamo=True, dynamic_shapes=({0: torch.export.Dim("n")},))
        torch.onnx.export(net.eval(), torch.from_numpy(seen[0][:2]), model, input_names=["input"], output_names=["out"], **ways)
    for seed in a.seeds.split(","):
        locked, key = a.folder / "locked.onnx", a.folder / "locked.key"
        key.unlink(missing_ok=True)
        found, seconds, _ = measured.run(a.advparams, "protect", model, "--data", train, "--seed", seed, "-o", str(locked), "--key", str(key), "--plain-key", "--force", "--allow-partial", "--threads", "1")
        if "error" in found:
            print(f"| {name} | {seed} | {found['error']} |", flush=True)
            continue
        seen, _, _ = measured.run(a.advparams, "verify", "--original", model, "--locked", str(locked), "--data", test, "--threads", "1")
        figures = ", ".join(f"{m['name']} {m['original']:.3f} → {m['locked']:.3f}" for m in seen["metrics"])
        print(f"| {name} | {seed} | {found['params_changed']}{' (' + found['stopped'] + ')' if found.get('stopped') else ''} | {found['params_total']} | {figures} "
              f"| {found['gradient_passes']} | {found['evaluations']} | {seconds:.1f} |", flush=True)
