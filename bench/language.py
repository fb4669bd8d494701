#!/usr/bin/env python3
"""Trains a small language model on text that every Python has, and locks it: what a search takes on a real one.

usage: language.py [--form gpt|llama] [--minutes 8] [--piece 8] [--export script|dynamo] [--folder bin/language]
                   [--advparams bin/advparams] [--seeds 0,1,2] [--flags ""] [--make-only]

The text is the source of Python's standard library, byte by byte; every tenth file is held out, and 200 pieces of these are the
samples. gpt has normalisations in front of each part, GELU and learnt positions, llama RMS normalisations, SiLU with gates and rotary
positions. Training takes so many minutes of one thread; with --piece, a call ends earlier and the next one goes on. Each lock is
measured in onnxruntime on 300 other pieces of the files held out: perplexity, and the share of next bytes that are right, beside those
of the frequencies of bytes. Needs: pip install torch onnx onnxscript onnxruntime numpy
"""
import argparse, math, os, pathlib, sys, time
import numpy as np, onnxruntime, torch, torch.nn as nn, torch.nn.functional as F
import measured

ap = argparse.ArgumentParser()
ap.add_argument("--form", default="gpt", choices=["gpt", "llama"]); ap.add_argument("--peers", help="not used")
ap.add_argument("--minutes", type=float, default=8); ap.add_argument("--piece", type=float, default=1e9)
ap.add_argument("--export", default="script", choices=["script", "dynamo"]); ap.add_argument("--folder", type=pathlib.Path, default="bin/language")
ap.add_argument("--advparams", default="bin/advparams"); ap.add_argument("--seeds", default="0,1,2")
ap.add_argument("--flags", default="", help="more flags for protect"); ap.add_argument("--make-only", action="store_true")
a = ap.parse_args()
torch.set_num_threads(1); torch.manual_seed(0); torch.set_float32_matmul_precision("medium")
TOKENS, LENGTH, WIDTH, LAYERS, HEADS = 256, 128, 256, 4, 4


class Norm(nn.Module):
    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(WIDTH))

    def forward(self, x):
        return x * torch.rsqrt(x.pow(2).mean(-1, keepdim=True) + 1e-5) * self.weight


class Block(nn.Module):
    def __init__(self):
        super().__init__()
        gpt = a.form == "gpt"
        self.norm1, self.norm2 = (nn.LayerNorm(WIDTH), nn.LayerNorm(WIDTH)) if gpt else (Norm(), Norm())
        self.qkv, self.out = nn.Linear(WIDTH, 3 * WIDTH, bias=gpt), nn.Linear(WIDTH, WIDTH, bias=gpt)
        self.up, self.down = nn.Linear(WIDTH, 4 * WIDTH, bias=gpt), nn.Linear(4 * WIDTH, WIDTH, bias=gpt)
        self.gate = None if gpt else nn.Linear(WIDTH, 4 * WIDTH, bias=False)

    def forward(self, x, mask, turn):
        q, k, v = self.qkv(self.norm1(x)).unflatten(-1, (3, HEADS, WIDTH // HEADS)).permute(2, 0, 3, 1, 4)
        if self.gate is not None:
            q, k = (p * turn[0] + torch.cat([-p[..., WIDTH // HEADS // 2:], p[..., :WIDTH // HEADS // 2]], -1) * turn[1] for p in (q, k))
        weights = (q @ k.transpose(-2, -1) / (WIDTH // HEADS) ** 0.5 + mask).softmax(-1)
        x = x + self.out((weights @ v).transpose(1, 2).flatten(2))
        h = self.norm2(x)
        return x + self.down(F.gelu(self.up(h)) if self.gate is None else F.silu(self.gate(h)) * self.up(h))


class Model(nn.Module):
    def __init__(self):
        super().__init__()
        self.tokens, self.head = nn.Embedding(TOKENS, WIDTH), nn.Linear(WIDTH, TOKENS, bias=False)
        self.places = nn.Parameter(torch.zeros(LENGTH, WIDTH)) if a.form == "gpt" else None
        self.blocks, self.norm = nn.ModuleList(Block() for _ in range(LAYERS)), nn.LayerNorm(WIDTH) if a.form == "gpt" else Norm()
        for name, p in self.named_parameters():
            if p.dim() == 2:
                nn.init.normal_(p, std=0.02 / (2 * LAYERS) ** 0.5 if ".out." in name or ".down." in name else 0.02)
        self.register_buffer("mask", torch.full((LENGTH, LENGTH), -1e9).triu(1), persistent=False)
        angles = torch.arange(LENGTH)[:, None] * 10000 ** (-torch.arange(WIDTH // HEADS // 2) * 2 / (WIDTH // HEADS)).repeat(2)
        self.register_buffer("turn", torch.stack([angles.cos(), angles.sin()]), persistent=False)

    def forward(self, ids):
        x = self.tokens(ids) if self.places is None else self.tokens(ids) + self.places
        for b in self.blocks:
            x = b(x, self.mask, self.turn)
        return self.head(self.norm(x))


def text():
    """Returns the bytes to train on and those held out."""
    root, parts = pathlib.Path(os.__file__).parent, ([], [])
    for i, path in enumerate(sorted(p for p in root.rglob("*.py") if not {"site-packages", "dist-packages", "test", "tests", "idlelib"} & set(p.parts))):
        parts[i % 10 == 9].append(path.read_bytes())
    return tuple(torch.frombuffer(bytearray(b"\n".join(p)), dtype=torch.uint8) for p in parts)


def train(net, data, state):
    opt = torch.optim.AdamW(net.parameters(), weight_decay=0.1, betas=(0.9, 0.95))
    done, losses = 0.0, []
    if state.exists():
        saved = torch.load(state, weights_only=True)
        net.load_state_dict(saved["net"]); opt.load_state_dict(saved["opt"]); done = saved["done"]
    start, before = time.process_time(), done
    while done < a.minutes and done - before < a.piece:
        share = done / a.minutes
        for group in opt.param_groups:
            group["lr"] = 2e-3 * min(share / 0.05, 1) * (0.05 + 0.95 * (1 + math.cos(math.pi * share)) / 2)
        at = torch.randint(len(data) - LENGTH - 1, (16,))
        rows = torch.stack([data[i:i + LENGTH + 1] for i in at]).long()
        loss = F.cross_entropy(net(rows[:, :-1]).flatten(0, 1), rows[:, 1:].flatten())
        opt.zero_grad(); loss.backward(); nn.utils.clip_grad_norm_(net.parameters(), 1); opt.step()
        losses.append(loss.item()); done = before + (time.process_time() - start) / 60
        if len(losses) % 200 == 0:
            print(f"{done:.1f} minutes, {len(losses)} steps: loss {np.mean(losses[-200:]):.3f}", flush=True)
    torch.save({"net": net.state_dict(), "opt": opt.state_dict(), "done": done}, state)
    return done >= a.minutes


def measure(model, rows):
    """Returns the perplexity of an ONNX file and the share of next bytes that it says."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(str(model), options)
    nats, right = [], []
    for part in np.array_split(rows, 10):
        z = session.run(None, {"input_ids": part})[0][:, :-1].astype(np.float64)
        z -= z.max(-1, keepdims=True)
        nats.append(np.log(np.exp(z).sum(-1)) - np.take_along_axis(z, part[:, 1:, None], 2)[..., 0])
        right.append(z.argmax(-1) == part[:, 1:])
    return np.exp(np.concatenate(nats).mean()), np.concatenate(right).mean()


a.folder.mkdir(parents=True, exist_ok=True)
name = f"{a.form}-{a.minutes:g}"
model, state, samples = a.folder / f"{name}-{a.export}.onnx", a.folder / f"{name}.pt", a.folder / "samples.npz"
data, held = text()
pieces = np.random.default_rng(0).permutation(len(held) // LENGTH)[:500]
rows = np.stack([held[i * LENGTH:(i + 1) * LENGTH].numpy() for i in pieces]).astype(np.int64)
np.savez(samples, input_ids=rows[:200])
others = rows[200:]
if not model.exists():
    net = Model()
    if not train(net, data, state):
        sys.exit("call again to go on")
    net.eval()
    part = model.with_suffix(".part")
    if a.export == "script":
        torch.onnx.export(net, (torch.zeros(1, LENGTH, dtype=torch.int64),), part, dynamo=False, opset_version=17, input_names=["input_ids"],
                          output_names=["logits"], dynamic_axes={"input_ids": {0: "batch"}, "logits": {0: "batch"}})
    else:
        torch.onnx.export(net, (torch.zeros(2, LENGTH, dtype=torch.int64),), part, dynamo=True, external_data=False, input_names=["input_ids"],
                          output_names=["logits"], dynamic_shapes=({0: torch.export.Dim("batch")},))
    os.replace(part, model)
share = np.bincount(others[:, 1:].ravel(), minlength=TOKENS) / others[:, 1:].size
entropy = -(share[share > 0] * np.log(share[share > 0])).sum()
before = measure(model, others)
print(f"{sum(p.numel() for p in Model().parameters()):,} parameters, {len(data):,} bytes; of {others[:, 1:].size:,} others: perplexity {before[0]:.2f}, right {100 * before[1]:.1f} %; "
      f"frequencies {np.exp(entropy):.2f}, {100 * share.max():.1f} %", flush=True)
if a.make_only:
    sys.exit()
print("\n| model | seed | changed | perplexity | right, % | runs | evaluations | CPU seconds |\n|---|---|---|---|---|---|---|---|")
for seed in a.seeds.split(","):
    locked, key = a.folder / "locked.onnx", a.folder / "locked.key"
    key.unlink(missing_ok=True)
    found, seconds, _ = measured.run(a.advparams, "protect", str(model), "--data", str(samples), "--task", "language", "--seed", seed, "--threads", "1", "-o", str(locked), "--key", str(key),
                                     "--plain-key", "--force", "--allow-partial", *a.flags.split())
    after = measure(locked, others)
    print(f"| {name}, {a.export} | {seed} | {found['params_changed']} | {before[0]:.2f} → {after[0]:.4g} | {100 * before[1]:.1f} → {100 * after[1]:.1f} | "
          f"{found['forward_passes']:.1f} | {found['evaluations']} | {seconds:.0f} |", flush=True)
