#!/usr/bin/env python3
"""Locks models that people install, asks onnxruntime what is left of them, and writes docs/models.md.

usage: models.py ADVPARAMS WILD OUT.md [--seconds N] [NAME ...]

ADVPARAMS is the program, WILD the folder that shared/wild/fetch fills, OUT.md the table. A NAME limits the run to
files whose path has it. Results are kept in OUT.md.json, so that a run can be continued. Needs numpy, onnx and
onnxruntime. Inputs are made up: smooth fields, waves and small integers. What counts is not what a model answers to
them, but whether the locked one still answers the same.
"""
import json, os, re, resource, subprocess, sys, tempfile, time
import numpy as np, onnx, onnxruntime

SAMPLES = 24


def session(path):
    options = onnxruntime.SessionOptions()
    options.log_severity_level, options.intra_op_num_threads = 4, 1
    return onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])


def is_state(name):
    return re.search(r"past|present|cache|state|hidden|^(h|c)(n|_?in|_?out|_?\d+)?$", name)


def inputs(s, rng):
    """Returns arrays for the inputs of a session, with samples on the first axis where there is one; states are left out."""
    declared, arrays = s.get_inputs(), {}
    graph = any("node" in str(x.shape[0]) for x in declared if x.shape)
    for x in declared:
        kind, shape = x.type[7:-1], list(x.shape)
        if not shape:
            arrays[x.name] = np.array(16000 if "int" in kind else 1, "int64" if "int" in kind else "float32")
            continue
        if len(declared) > 1 and is_state(x.name) and "float" in kind:
            continue
        size = [d if isinstance(d, int) and d > 0 else {2: 576 if "float" in kind else 24, 4: 64}.get(len(shape), 24) for d in shape[1:]]
        first = shape[0] if isinstance(shape[0], int) and shape[0] > 1 else 9
        size = [SAMPLES, first, *size] if graph else [SAMPLES, *size]
        if "int" in kind:
            top = {"mask": 2, "length": 25}.get(next((k for k in ("mask", "length") if k in x.name), ""), 9 if graph else 30)
            arrays[x.name] = np.full(size, top - 1) if top in (2, 25) else rng.integers(0 if graph else 1, top, size)
            if graph and x.name == "batch":
                arrays[x.name][:] = 0
            continue
        a = rng.normal(size=size)
        for i in range(SAMPLES):
            width = int(rng.integers(1, 9))
            for axis in range(a[i].ndim):
                if a[i].shape[axis] > 8:
                    a[i] = sum(np.roll(a[i], k, axis) for k in range(width)) / width
            a[i] = a[i] / (a[i].std() + 1e-9) * rng.uniform(0.3, 1.5) + rng.normal() * 0.3
        arrays[x.name] = a.astype(np.float32)
    return arrays


def outputs(s, arrays):
    """Returns the outputs of floats for each sample, computed one by one."""
    names = [o.name for o in s.get_outputs() if "float" in o.type and not (is_state(o.name) and len(s.get_outputs()) > 1)]
    rows = []
    for i in range(SAMPLES):
        feed = {}
        for x in s.get_inputs():
            kind = {"float": "float32", "double": "float64"}.get(x.type[7:-1], x.type[7:-1])
            a = arrays.get(x.name)
            if a is None:
                a = np.zeros([d if isinstance(d, int) and d > 0 else 1 for d in x.shape])
            elif a.ndim == len(x.shape) + 1:
                a = a[i]
            elif a.ndim:
                a = a[i : i + 1]
            feed[x.name] = a.astype(kind)
        rows.append(s.run(names, feed))
    return names, rows


def agreement(one, other):
    """Returns, for the output that agrees most, the mean over its numbers of the squared correlation over the samples."""
    best = 0
    for k in range(len(one[0])):
        x, y = (np.stack([np.ravel(r[k]) for r in rows]).astype(np.float64) for rows in (one, other))
        y = np.where(np.isfinite(y), y, 0)
        x, y = x - x.mean(0), y - y.mean(0)
        varies = x.std(0) > 1e-9
        both = np.sqrt((x**2).sum(0) * (y**2).sum(0))
        r2 = np.where(both > 1e-12, (x * y).sum(0) / np.maximum(both, 1e-30), 0)[varies] ** 2
        best = max(best, float(r2.mean()) if len(r2) else 0)
    return best


def try_model(program, path, seconds):
    model = onnx.load(path, load_external_data=False)
    row = {"producer": " ".join(f"{model.producer_name} {model.producer_version}".split())[:24] or "–"}
    if any(n.domain == "ai.onnx.ml" and "Tree" in n.op_type for n in model.graph.node):
        return row | {"result": "no network: trees"}
    try:
        s = session(path)
        arrays = inputs(s, np.random.default_rng(1))
        names, before = outputs(s, arrays)
    except Exception as e:
        print(path, e, file=sys.stderr)
        return row | {"result": "the script makes up no inputs that it takes"}
    with tempfile.TemporaryDirectory() as d:
        at = lambda name: os.path.join(d, name)
        np.savez(at("in.npz"), **arrays)
        flags = ["--labels", "model"]
        for attempt in (["--labels", "model"], ["--task", "outputs"]):
            flags, begin = attempt, resource.getrusage(resource.RUSAGE_CHILDREN)
            try:
                p = subprocess.run([program, "protect", path, "--data", at("in.npz"), *flags, "-o", at(os.path.basename(path)), "--key", at("key"), "--plain-key", "--json", "-q"], capture_output=True, text=True, timeout=seconds)
            except subprocess.TimeoutExpired:
                return row | {"result": f"not done in {seconds} s"}
            end = resource.getrusage(resource.RUSAGE_CHILDREN)
            if p.returncode == 0:
                break
        if p.returncode:
            return row | {"result": f"status {p.returncode}: " + (p.stderr.strip().splitlines() or [""])[0].split(": ", 2)[-1][:90]}
        r = json.loads(p.stdout)
        _, after = outputs(session(at(os.path.basename(path))), arrays)
        subprocess.run([program, "unlock", at(os.path.basename(path)), "--key", at("key"), "-o", at("back.onnx"), "-q"], check=True, stdout=subprocess.DEVNULL)
        same = open(at("back.onnx"), "rb").read() == open(path, "rb").read()
    return row | {"task": r["task"], "flags": " ".join(flags), "changed": r["params_changed"], "of": r["params_total"],
                  "seconds": round(end.ru_utime - begin.ru_utime, 1), "agreement": round(agreement(before, after), 3), "restored": same}


def table(results):
    done = [r for _, r in results if "agreement" in r]
    lines = ["# Models that people install", "",
             "<!-- made by bench/models/models.py -->", "",
             "Each model was locked with `protect MODEL --data made-up.npz FLAGS`, on made-up inputs that all have about",
             "the right form, and then run in onnxruntime. *Agreement* is what onnxruntime finds on the locked file: the",
             "mean squared correlation with the original's numbers, of the output that agrees most. Two samples that have",
             f"nothing to do with each other have about {1 / (SAMPLES - 1):.2f} on {SAMPLES} samples. *Time* is processor time.",
             f"Files of shared/wild that are not listed were not tried in this run. All {sum(r['restored'] for r in done)} of {len(done)} locked models were restored bit for bit.", "",
             "Where the task is classification, only the answer is locked: the largest number is another one, and numbers",
             "may still go with those of the original. `--task outputs` locks the numbers.", "",
             "| model | made by | task found, flags | changed | agreement | time |", "|---|---|---|---|---|---|"]
    for name, r in results:
        name = name.split("__")[-1] if "__" in name else os.path.basename(name)
        if "agreement" in r:
            lines.append(f"| {name} | {r['producer']} | {r['task']}, `{r['flags']}` | {r['changed']} of {r['of']:,} | {r['agreement']:.3f} | {r['seconds']} s |")
        else:
            lines.append(f"| {name} | {r['producer']} | {r['result'].replace('|', '/')} | | | |")
    return "\n".join(lines) + "\n"


def main():
    args, seconds = sys.argv[1:], 300
    if "--seconds" in args:
        i = args.index("--seconds")
        seconds = int(args[i + 1])
        del args[i : i + 2]
    program, wild, out, wanted = args[0], args[1], args[2], args[3:]
    kept = out + ".json"
    results = json.load(open(kept)) if os.path.exists(kept) else {}
    for folder, _, files in sorted(os.walk(wild)):
        for f in sorted(files):
            path = os.path.join(folder, f)
            name = os.path.relpath(path, wild)
            if not f.endswith(".onnx") or name in results or wanted and not any(w in name for w in wanted):
                continue
            results[name] = try_model(os.path.abspath(program), path, seconds)
            print(name, results[name], flush=True)
            json.dump(results, open(kept, "w"), indent=1)
            open(out, "w").write(table(sorted(results.items())))


main()
