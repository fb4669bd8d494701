"""Makes up inputs that a model takes, and runs a model on them in onnxruntime, one sample at a time."""
import itertools, re
import numpy as np, onnx, onnxruntime
import graph

TYPES = {"float": "float32", "double": "float64", "float16": "float16", "int64": "int64", "int32": "int32", "uint8": "uint8", "int8": "int8", "bool": "bool"}
# Lengths to try for open axes: of images, and of everything else.
IMAGES, LENGTHS = (64, 224, 320, 48, 32), (24, 64, 16, 576, 32, 96, 4096, 32000, 1, 2, 8, 3, 101, 128, 256, 512, 80)
# Tokens that are tried at most: attention to 32,000 takes 4 GB a head.
LONGEST_TEXT = 4096
# Numbers of bands of spectra.
BANDS = (81, 105, 88)
# Bounds of whole numbers to try.
TOPS = (100, 9, 2, 4, 200, 1000)
# Samples among which there are two with different answers, if answers are few and one of them is frequent.
FEW_ACTIONS = 16


def session(path, optimised=True):
    """Opens a model, with what is likeliest in place of what it draws."""
    model = onnx.load(path, load_external_data=False)
    if graph.likeliest(model):
        path = model.SerializeToString()
    options = onnxruntime.SessionOptions()
    options.log_severity_level, options.intra_op_num_threads = 4, 1
    if not optimised:
        options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    return onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])


def is_state(name):
    return re.search(r"past|present|cache|state|hidden|^(h|c)(n|_?in|_?out|_?\d+)?$", name)


def is_graph(s):
    """Tells whether inputs are the nodes and edges of a graph, or the steps of one text, which have no axis of samples."""
    shapes = [(x.name, str(x.shape[0])) for x in s.get_inputs() if x.shape]
    return any(re.search("node|edge|atom|^(sequence|length)$", first) or re.search("(^|_)(node|edge)", name) and not first.isdigit() for name, first in shapes)


def is_vector(s):
    """Tells whether the only input is a vector of which the file does not say how long it is, as some policies take."""
    return len(s.get_inputs()) == 1 and all(len(x.shape) == 1 and not isinstance(x.shape[0], int) and "float" in x.type for x in s.get_inputs())


def rows_of(name, axis):
    """Returns how many rows an open axis of a part of a graph has: one for the graph as a whole, or for each of nine nodes and edges."""
    return 1 if re.search("graphs", axis) or re.search("global|n_node|n_edge", name) else 9


class Feeds:
    """n samples for the inputs of a session. arrays has them as protect takes them, row(i) as the model does."""

    def __init__(self, s, n, seed, image=None, length=None, top=30, scale=1, frames=0, states=((), ()), ints=False):
        self.session, self.n, self.arrays, self.scale, self.states, self.ints = s, n, {}, scale, states, ints
        rng = np.random.default_rng(seed)
        inputs, self.whole = s.get_inputs(), is_graph(s)
        for x in inputs:
            kind, shape = TYPES[x.type[7:-1]], list(x.shape)
            if not shape:
                bound = 50 if "min" in x.name else 1000 if "max" in x.name else 1
                self.arrays[x.name] = np.array(9 if self.whole else 16000 if "int" in kind else bound, kind)
                continue
            if len(inputs) > 1 and (is_state(x.name) or x.name in states[0]) and "float" in kind:
                continue  # left out: it starts at zero
            other = image if len(shape) == 4 else length
            if self.whole:  # one graph of nine nodes and nine edges
                size = [n, *[d if isinstance(d, int) else length if "feature" in d else rows_of(x.name, d) for d in shape]]
            elif len(shape) == 1 and isinstance(shape[0], int) and shape[0] > 1:
                size = [n, shape[0]]  # a vector that a sample has for itself
            elif is_vector(s):
                size = [n, length]
            else:
                size = [n, *([frames] if frames else []), *[d if isinstance(d, int) and d > 0 else other for d in shape[1:]]]
            self.arrays[x.name] = self.make(rng, x.name, kind, size, top)

    def make(self, rng, name, kind, size, top):
        if "mask" in name:
            return np.ones(size, kind)
        if re.search("n_node|n_edge", name):
            return np.full(size, 9, kind)
        if "length" in name or "lens" in name:
            return np.full(size, size[-1] if len(size) > 1 else 24, kind)
        if kind == "bool":
            return rng.integers(0, 2, size).astype(kind)
        if kind == "uint8":
            return rng.integers(0, 256, size).astype(kind)
        if "int" in kind:
            if self.whole and name == "batch":
                return np.zeros(size, kind)
            if isinstance(top, dict):
                top = top[name]
            return rng.integers(0 if self.whole or top == 2 else 1, min(top, 9) if self.whole else top, size).astype(kind)
        a = rng.normal(size=size)
        for i in range(len(a)):
            width = int(rng.integers(1, 9))
            for axis in range(a[i].ndim):
                if a[i].shape[axis] > 8:
                    a[i] = sum(np.roll(a[i], k, axis) for k in range(width)) / width
            if a[i].size == 1:
                a[i] = rng.uniform(0.1, 1)  # a speed, a share, the strength of noise: few of them may be negative
                continue
            a[i] = (a[i] / (a[i].std() + 1e-9) * rng.uniform(0.3, 1.5) + rng.normal() * 0.3) * self.scale
        return a.astype("float16" if kind == "float16" else "float32")

    def row(self, i):
        """Returns sample i as the model takes it: with a batch of one, or of the size that the model declares."""
        feed = {}
        for x in self.session.get_inputs():
            kind, a = TYPES[x.type[7:-1]], self.arrays.get(x.name)
            batch = x.shape[0] if x.shape and isinstance(x.shape[0], int) and x.shape[0] > 1 else 1
            if a is None:
                a = np.zeros([d if isinstance(d, int) and d > 0 else 1 for d in x.shape])
            elif a.ndim == len(x.shape) + 1:
                a = a[i]
            elif a.ndim:
                a = np.repeat(a[i : i + 1], batch, 0)
            feed[x.name] = a.astype(kind)
        return feed

    def run(self, s, names=None):
        """Returns the outputs of floats for each sample, with their names."""
        outputs = s.get_outputs()
        names = names or not self.ints and [o.name for o in outputs if "float" in o.type + "double" * ("double" in o.type) and o.type.startswith("tensor") and not (is_state(o.name) and len(outputs) > 1) and o.name not in self.states[1]]
        names = names or [o.name for o in outputs if o.type.startswith("tensor") and o.name not in self.states[1]]
        return names, [s.run(names, self.row(i)) for i in range(self.n)]


def batch(s):
    """Returns how many samples a model takes at a time; 1 if that is open."""
    sizes = [x.shape[0] for x in s.get_inputs() if x.shape and isinstance(x.shape[0], int)]
    return max([1, *sizes]) if len(set(sizes)) == 1 and not is_graph(s) else 1


def told_apart(rows):
    """Tells whether the outputs of samples are numbers that say something about them."""
    first, *rest = (np.concatenate([np.ravel(y).astype(np.float64) for y in r]) for r in rows)
    return len(first) and np.isfinite(first).all() and any(len(first) != len(r) or not np.array_equal(first, r) for r in rest)


def raised(s, seed, how, ints):
    """Returns the largest bound for each input of whole numbers: tables of tokens are large, those of their kinds are not."""
    tops = dict.fromkeys(ints, how["top"])
    for name, top in itertools.product(ints, sorted(TOPS)):
        try:
            if told_apart(Feeds(s, 3, seed, **how | {"top": tops | {name: top}}).run(s)[1]):
                tops[name] = top
        except Exception:
            pass  # an index out of range
    return tops


def find(s, n, seed, model):
    """Returns samples that the model takes, and how they were made; the last error if there are none."""
    inputs, last = s.get_inputs(), None
    begins, ends = graph.states(model)
    states, whole = (begins, ends | graph.copied(model)), graph.is_whole(model)
    lengths = (*(graph.widths(model) if whole or all(len(x.shape) < 3 for x in inputs) else ()), *(BANDS if whole else ()), *LENGTHS)
    open4 = any(len(x.shape) == 4 and not all(isinstance(d, int) for d in x.shape[1:]) for x in inputs)
    ints = [x.name for x in inputs if x.shape and re.search(r"\(u?int(16|32|64)\)", x.type)]
    fixed = not is_vector(s) and all(isinstance(d, int) for x in inputs for d in x.shape[1:])
    for scale, image, length, top in itertools.product((1, 0.1, 10, 0.01), IMAGES if open4 else (0,), (0,) if fixed else lengths, TOPS if ints else (0,)):
        if ints and length > LONGEST_TEXT:
            continue
        how = dict(image=image, length=length, top=top, scale=scale, frames=60 * whole, states=states)
        try:
            if not told_apart(Feeds(s, 3, seed, **how).run(s)[1]):
                how["ints"] = True  # such as the number of an action
                if not told_apart(Feeds(s, FEW_ACTIONS, seed, **how).run(s)[1]):
                    continue
            if len(ints) > 1 and top < TOPS[0]:
                how["top"] = raised(s, seed, how, ints)
            return Feeds(s, n, seed, **how), how
        except Exception as e:
            last = e
    raise ValueError(last or "all outputs are the same")
