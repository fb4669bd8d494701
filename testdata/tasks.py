#!/usr/bin/env python3
"""Makes small trained models for tasks of their own, in testdata/heads, each with samples that training did not see (NAME.npz).

usage: tasks.py [NAME…]

lines     reads lines of characters: [T,N,C] for CTC, convolutions and a GRU, the blank is class 0
tags      marks names of two kinds in sentences of tokens, with padding
events    hears three kinds of event in time: [N,T,3] behind a Sigmoid, from [N,T,F]
denoise   makes clean signals from noisy ones, [N,1,T]
larger    makes images of 16×16 from images of 8×8 (super-resolution by PixelShuffle)
encoder   autoencoder: images [N,1,16,16] through 10 numbers, behind a Sigmoid
both      a digit and whether it is bold, from one image: two heads, labels named after them

Needs torch, onnx and numpy. The same versions of them write the same bytes on one kind of processor.
"""
import io, os, sys, warnings
import numpy as np, onnx, torch
import torch.nn as nn, torch.nn.functional as F

FOLDER = os.path.join(os.path.dirname(os.path.abspath(__file__)), "heads")

# Ten digits of 3×5 pixels, a row a number in octal.
DIGITS = np.array([[[int(bit) for bit in f"{row:03b}"] for row in glyph] for glyph in (
    (7, 5, 5, 5, 7), (2, 6, 2, 2, 7), (7, 1, 7, 4, 7), (7, 1, 3, 1, 7), (5, 5, 7, 1, 1),
    (7, 4, 7, 1, 7), (7, 4, 7, 5, 7), (7, 1, 1, 2, 2), (7, 5, 7, 5, 7), (7, 5, 7, 1, 7))], np.float32)


def coarse(x):
    """Rounds so that samples take little room when compressed."""
    return (np.round(np.asarray(x) * 16) / 16).astype(np.float16)


def train(model, loss, batch, steps, rate=0.003):
    optimiser = torch.optim.Adam(model.parameters(), rate)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, rate, total_steps=steps)
    for step in range(steps):
        optimiser.zero_grad()
        value = loss(model, *batch())
        value.backward()
        optimiser.step()
        schedule.step()
        if step % 200 == 0:
            print(f"{type(model).__name__} {step}: {value.item():.4f}")
    return model.eval()


def save(name, model, inputs, outputs, axes, **arrays):
    buffer = io.BytesIO()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.onnx.export(model, tuple(inputs.values()), buffer, dynamo=False, opset_version=17, input_names=list(inputs), output_names=outputs, dynamic_axes=axes)
    exported = onnx.load_from_string(buffer.getvalue())
    exported.producer_version = "testdata/tasks.py"
    onnx.checker.check_model(exported, full_check=True)
    onnx.save(exported, os.path.join(FOLDER, name + ".onnx"))
    np.savez_compressed(os.path.join(FOLDER, name + ".npz"), **arrays)


class Lines(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1, self.conv2 = nn.Conv2d(1, 12, 3, padding=1), nn.Conv2d(12, 16, 3, padding=1)
        self.rnn, self.fc = nn.GRU(48, 24, bidirectional=True), nn.Linear(48, 11)

    def forward(self, x):  # [N,1,8,32]
        x = F.max_pool2d(torch.relu(self.conv1(x)), (2, 1))
        x = F.max_pool2d(torch.relu(self.conv2(x)), (1, 2))[:, :, :3]  # [N,16,3,16]
        x = x.flatten(1, 2).permute(2, 0, 1)  # [T,N,48]
        return F.log_softmax(self.fc(self.rnn(x)[0]), 2)


def lines(rng, n=200, most=6):
    def sample(n):
        x, labels = rng.normal(0, 0.1, (n, 1, 8, 32)), np.full((n, most), -1)
        for i in range(n):
            at = int(rng.integers(0, 4))
            for k in range(int(rng.integers(3, most + 1))):
                digit = int(rng.integers(10))
                if at + 3 > 32:
                    break
                top = int(rng.integers(0, 3))
                x[i, 0, top : top + 5, at : at + 3] += DIGITS[digit]
                labels[i, k] = digit + 1
                at += 4 + int(rng.integers(0, 2))
        return torch.tensor(x, dtype=torch.float32), torch.tensor(labels)

    def loss(model, x, labels):
        y = model(x)
        return F.ctc_loss(y, labels.clamp(min=0), torch.full((len(x),), len(y)), (labels >= 0).sum(1))
    model = train(Lines(), loss, lambda: sample(64), 1500, 0.01)
    x, labels = sample(n)
    save("lines", model, {"x": x[:2]}, ["logits"], {"x": {0: "N"}, "logits": {1: "N"}}, x=coarse(x), labels=labels.numpy().astype(np.int8))


class Tags(nn.Module):
    def __init__(self):
        super().__init__()
        self.table, self.conv1, self.conv2, self.fc = nn.Embedding(60, 12), nn.Conv1d(12, 24, 3, padding=1), nn.Conv1d(24, 24, 3, padding=1), nn.Linear(24, 5)

    def forward(self, input_ids, attention_mask):
        x = (self.table(input_ids) * attention_mask.unsqueeze(2)).transpose(1, 2)
        return self.fc(torch.relu(self.conv2(torch.relu(self.conv1(x)))).transpose(1, 2))


def tags(rng, n=200, length=12):
    def sample(n):
        ids, mask, labels = rng.integers(3, 50, (n, length)), np.zeros((n, length), int), np.zeros((n, length), int)
        for i in range(n):
            end = int(rng.integers(6, length + 1))
            mask[i, :end] = 1
            at = 0
            while at < end:  # a name is a title, 50 to 54, and up to two words; or a place: "in" and a word
                kind = rng.integers(6)
                if kind == 0 and at + 1 < end:
                    ids[i, at], labels[i, at] = 50 + rng.integers(5), 1
                    for k in range(at + 1, min(end, at + 1 + int(rng.integers(1, 3)))):
                        ids[i, k], labels[i, k], at = 30 + rng.integers(15), 2, k
                elif kind == 1 and at + 1 < end:
                    ids[i, at], labels[i, at + 1] = 2, 3
                    ids[i, at + 1] = 20 + rng.integers(20)
                    at += 1
                else:
                    ids[i, at] = 3 + rng.integers(15)
                at += 1
            ids[i, end:], labels[i, end:] = 0, -100
        return torch.tensor(ids), torch.tensor(mask), torch.tensor(labels)
    loss = lambda model, ids, mask, labels: F.cross_entropy(model(ids, mask).flatten(0, 1), labels.flatten(), ignore_index=-100)
    model = train(Tags(), loss, lambda: sample(64), 800, 0.01)
    ids, mask, labels = sample(n)
    axes = {name: {0: "batch", 1: "sequence"} for name in ("input_ids", "attention_mask", "logits")}
    save("tags", model, {"input_ids": ids[:2], "attention_mask": mask[:2]}, ["logits"], axes,
         input_ids=ids.numpy().astype(np.uint8), attention_mask=mask.numpy().astype(np.uint8), labels=labels.numpy().astype(np.int8))


class Events(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1, self.conv2, self.fc = nn.Conv1d(8, 16, 3, padding=1), nn.Conv1d(16, 16, 3, padding=1), nn.Linear(16, 3)

    def forward(self, x):
        x = torch.relu(self.conv2(torch.relu(self.conv1(x.transpose(1, 2)))))
        return torch.sigmoid(self.fc(x.transpose(1, 2)))


def events(rng, n=160, steps=16):
    def sample(n):
        x, labels = rng.normal(0, 0.3, (n, steps, 8)), np.zeros((n, steps, 3), int)
        for i in range(n):
            for kind in range(3):
                if rng.random() < 0.7:
                    lo = int(rng.integers(0, steps - 3))
                    hi = lo + int(rng.integers(3, 8))
                    labels[i, lo:hi, kind] = 1
                    x[i, lo:hi, 2 * kind : 2 * kind + 3] += rng.uniform(0.8, 1.5)
        return torch.tensor(x, dtype=torch.float32), torch.tensor(labels)
    loss = lambda model, x, labels: F.binary_cross_entropy(model(x), labels.float())
    model = train(Events(), loss, lambda: sample(64), 600, 0.01)
    x, labels = sample(n)
    save("events", model, {"x": x[:2]}, ["events"], {"x": {0: "N", 1: "T"}, "events": {0: "N", 1: "T"}}, x=coarse(x), labels=labels.numpy().astype(np.int8))


class Denoise(nn.Module):
    def __init__(self):
        super().__init__()
        self.down, self.mid, self.up = nn.Conv1d(1, 12, 8, stride=4, padding=2), nn.Conv1d(12, 12, 5, padding=2), nn.ConvTranspose1d(12, 1, 8, stride=4, padding=2)

    def forward(self, x):
        return self.up(torch.tanh(self.mid(torch.tanh(self.down(x)))))


def denoise(rng, n=160, steps=128):
    def sample(n):
        t = np.arange(steps)
        y = sum(rng.uniform(0.2, 0.5, (n, 1)) * np.sin(rng.uniform(0.05, 0.4, (n, 1)) * t + rng.uniform(0, 6.28, (n, 1))) for _ in range(3))
        x = y + rng.normal(0, 0.3, y.shape)
        return torch.tensor(x[:, None], dtype=torch.float32), torch.tensor(y[:, None], dtype=torch.float32)
    model = train(Denoise(), lambda model, x, y: F.mse_loss(model(x), y), lambda: sample(64), 1200, 0.01)
    x, y = sample(n)
    save("denoise", model, {"noisy": x[:2]}, ["clean"], {"noisy": {0: "N"}, "clean": {0: "N"}}, noisy=coarse(x), labels=coarse(y))


def shapes(rng, n, size):
    """Returns images with a few bright rectangles and discs, smooth at the edges."""
    grid = np.mgrid[:size, :size] + 0.5
    x = np.zeros((n, 1, size, size), np.float32) + rng.uniform(0, 0.3, (n, 1, 1, 1))
    for i in range(n):
        for _ in range(int(rng.integers(1, 4))):
            cy, cx, r, level = rng.uniform(0, size), rng.uniform(0, size), rng.uniform(size / 8, size / 3), rng.uniform(0.3, 0.7)
            dy, dx = np.abs(grid[0] - cy), np.abs(grid[1] - cx)
            d = np.maximum(dy, dx) if rng.random() < 0.5 else np.hypot(dy, dx)
            x[i, 0] = np.maximum(x[i, 0], level / (1 + np.exp(2 * (d - r))))
    return torch.tensor(np.clip(x, 0, 1), dtype=torch.float32)


class Larger(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1, self.conv2, self.conv3 = nn.Conv2d(1, 16, 5, padding=2), nn.Conv2d(16, 12, 3, padding=1), nn.Conv2d(12, 4, 3, padding=1)

    def forward(self, x):
        return F.pixel_shuffle(self.conv3(torch.tanh(self.conv2(torch.tanh(self.conv1(x))))), 2)


def larger(rng, n=160):
    def sample(n):
        y = shapes(rng, n, 16)
        return F.avg_pool2d(y, 2), y
    model = train(Larger(), lambda model, x, y: F.mse_loss(model(x), y), lambda: sample(32), 1000, 0.01)
    x, y = sample(n)
    save("larger", model, {"small": x[:2]}, ["large"], {"small": {0: "N", 2: "H", 3: "W"}, "large": {0: "N", 2: "2H", 3: "2W"}}, small=coarse(x), labels=coarse(y))


class Encoder(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv, self.code, self.wide, self.up = nn.Conv2d(1, 8, 4, stride=4), nn.Linear(128, 10), nn.Linear(10, 128), nn.ConvTranspose2d(8, 1, 4, stride=4)

    def forward(self, x):
        x = torch.relu(self.wide(self.code(torch.relu(self.conv(x)).flatten(1))))
        return torch.sigmoid(self.up(x.view(-1, 8, 4, 4)))


def encoder(rng, n=160):
    model = train(Encoder(), lambda model, x: F.mse_loss(model(x), x), lambda: (shapes(rng, 64, 16),), 1500, 0.01)
    x = shapes(rng, n, 16)
    save("encoder", model, {"x": x[:2]}, ["again"], {"x": {0: "N"}, "again": {0: "N"}}, x=coarse(x))


class Both(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv, self.features, self.digit, self.bold = nn.Conv2d(1, 10, 3), nn.Linear(360, 24), nn.Linear(24, 10), nn.Linear(24, 1)

    def forward(self, x):
        x = torch.relu(self.features(torch.relu(self.conv(x)).flatten(1)))
        return self.digit(x).softmax(1), self.bold(x).sigmoid()


def both(rng, n=300):
    def sample(n):
        x, digit, bold = rng.normal(0, 0.15, (n, 1, 8, 8)), rng.integers(0, 10, n), rng.integers(0, 2, n)
        for i in range(n):
            glyph = DIGITS[digit[i]]
            if bold[i]:
                glyph = np.maximum(np.pad(glyph, ((0, 0), (0, 1))), np.pad(glyph, ((0, 0), (1, 0))))
            top, left = int(rng.integers(0, 4)), int(rng.integers(0, 5))
            x[i, 0, top : top + 5, left : left + glyph.shape[1]] += glyph * rng.uniform(0.7, 1)
        return torch.tensor(x, dtype=torch.float32), torch.tensor(digit), torch.tensor(bold)

    def loss(model, x, digit, bold):
        p, q = model(x)
        return F.nll_loss((p + 1e-6).log(), digit) + F.binary_cross_entropy(q[:, 0], bold.float())
    model = train(Both(), loss, lambda: sample(64), 1500, 0.01)
    x, digit, bold = sample(n)
    save("both", model, {"x": x[:2]}, ["digit", "bold"], {"x": {0: "N"}, "digit": {0: "N"}, "bold": {0: "N"}}, x=coarse(x), digit=digit.numpy().astype(np.int8), bold=bold.numpy().astype(np.int8))


if __name__ == "__main__":
    makers = [lines, tags, events, denoise, larger, encoder, both]
    for make in makers:
        if len(sys.argv) > 1 and make.__name__ not in sys.argv[1:]:
            continue
        torch.manual_seed(1)
        torch.set_num_threads(1)
        make(np.random.default_rng(1))
