"""Compares the outputs of a locked model with those of the original, sample by sample."""
import numpy as np

# The error of onnxruntime's Sigmoid, which says nothing about probabilities that are nearly 0.
ROUNDING = 1e-7


def ranks(a):
    """Returns the ranks in each column. Equal numbers have the same, or samples without a detection would agree."""
    order = a.argsort(0)
    sorted = np.take_along_axis(a, order, 0)
    rises = sorted[1:] != sorted[:-1]
    edge, at = np.ones((1, a.shape[1]), bool), np.arange(len(a))[:, None]
    first = np.maximum.accumulate(np.where(np.concatenate([edge, rises]), at, 0), 0)
    last = np.minimum.accumulate(np.where(np.concatenate([rises, edge]), at, len(a))[::-1], 0)[::-1]
    found = np.empty(a.shape)
    np.put_along_axis(found, order, (first + last) / 2, 0)
    return found


def squared(x, y):
    """Returns the squared correlation of each column."""
    x, y = x - x.mean(0), y - y.mean(0)
    both = np.sqrt((x**2).sum(0) * (y**2).sum(0))
    return np.where(both > 1e-12, (x * y).sum(0) / np.maximum(both, 1e-30), 0) ** 2


def stacked(rows, k):
    """Returns output k with a row a sample, cut to the shortest."""
    flat = [np.ravel(r[k]).astype(np.float64) for r in rows]
    size = min(len(f) for f in flat)
    return np.stack([f[:size] for f in flat])


def numbers(one, other):
    """Leaves out samples that the original answers with what is no number, if others have only numbers."""
    kept = [i for i, r in enumerate(one) if all(np.isfinite(y).all() for y in r if y.dtype.kind == "f")]
    return ([one[i] for i in kept], [other[i] for i in kept]) if kept else (one, other)


def agreement(one, other):
    """Returns the mean over the numbers of an output of the squared correlation with the original's number over the
    samples, of the numbers or of their ranks, of the output for which it is largest."""
    best = 0.0
    for k in range(len(one[0])):
        x, y = stacked(one, k), stacked(other, k)
        size = min(x.shape[1], y.shape[1])
        x, y = x[:, :size], np.nan_to_num(y[:, :size], posinf=0, neginf=0)
        varies = x.std(0) > 1e-9
        if varies.any():
            x, y = x[:, varies], y[:, varies]
            best = max(best, float(np.maximum(squared(x, y), squared(ranks(x), ranks(y))).mean()))
    return best


def kappa(a, b):
    """Returns the share of answers that are the same, less what chance gives (Cohen); 0 where nearly all are one."""
    classes = np.unique(np.concatenate([a, b]))
    chance = float(sum((a == k).mean() * (b == k).mean() for k in classes))
    return (float((a == b).mean()) - chance) / (1 - chance) if chance < 0.95 else 0.0


def answers(one, other, last=False):
    """Returns the share of largest numbers along an axis that are at the same place, less what chance gives (Cohen's
    kappa), of the output and axis for which it is largest; last says that classes are on the last axis."""
    best = 0.0
    for k in range(len(one[0])):
        shapes = {r[k].shape for r in one} | {r[k].shape for r in other}
        if len(shapes) != 1 or not (shape := shapes.pop()):
            continue
        if all(r[k].dtype.kind in "iu" for r in (one[0], other[0])):  # they are answers already
            x, y = stacked(one, k), stacked(other, k)
            best = max([best, *(kappa(a, b) for a, b in zip(x.T, y.T))])
            continue
        x, y = (np.concatenate([r[k] if len(shape) > 1 else r[k][None] for r in rows]) for rows in (one, other))
        for axis in range(x.ndim - 1 if last else 1, x.ndim):
            if x.shape[axis] > 1:
                best = max(best, kappa(np.ravel(x.argmax(axis)), np.ravel(np.nan_to_num(y).argmax(axis))))
    return best


def difference(ours, theirs):
    """Returns the norm of the difference relative to theirs, and the share of elements that are off by more than a
    thousandth of the largest."""
    worst = off = 0.0
    for x, y in zip(ours, theirs):
        x, y = np.nan_to_num(np.ravel(x).astype(np.float64)), np.nan_to_num(np.ravel(y).astype(np.float64))
        if len(x) != len(y):
            return float("inf"), 1.0
        if len(y) == 0:
            continue
        x = np.where(abs(x - y) < ROUNDING, y, x)
        worst = max(worst, float(np.linalg.norm(x - y) / max(np.linalg.norm(y), 1e-12)))
        off = max(off, float((abs(x - y) > 1e-3 * max(abs(y).max(), 1e-12)).mean()))
    return worst, off
