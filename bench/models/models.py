#!/usr/bin/env python3
"""Locks models that people install, asks onnxruntime what is left of them, and writes docs/models.md.

usage: models.py ADVPARAMS OUT.md [--seconds N] [--only TEXT] [--again] [--compare] [--every-answer] FOLDER...

ADVPARAMS is the program and FOLDER one that shared/wild/fetch has filled, or another one with a folder of ONNX files
for each package. Results are kept in OUT.md.json, so that a run can be continued; --again tries files with results again. --only
limits the run to files whose path has a text; --compare only runs them; --every-answer locks with this flag. Needs numpy, onnx and onnxruntime.

Inputs are made up: smooth fields, waves and small integers. What counts is not what a model answers to them, but whether
the locked one still answers the same. It is asked about other samples than those of the search.
"""
import argparse, hashlib, json, os, re, resource, shutil, subprocess, tempfile, time
import numpy as np, onnx
import feeds, measure
from table import NOT_TRIED, table

MEMORY = 8 << 30  # bytes of address space that a run may ask for


def run(args, seconds):
    """Runs a program and returns its exit status, outputs, processor seconds and largest resident memory in MB."""
    def limit():
        resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds))
        resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    with tempfile.TemporaryFile("w+") as out, tempfile.TemporaryFile("w+") as err:
        p = subprocess.Popen(args, stdout=out, stderr=err, preexec_fn=limit)
        _, status, usage = os.wait4(p.pid, 0)
        p.returncode = os.waitstatus_to_exitcode(status)
        out.seek(0), err.seek(0)
        return p.returncode, out.read(), err.read(), usage.ru_utime, usage.ru_maxrss >> 10


def reason(err):
    try:
        err = json.loads(err.strip().splitlines()[-1])["error"]
    except (ValueError, KeyError, IndexError):
        pass
    lines = err.strip().splitlines() or [""]
    return re.sub(r"\S+/", "", re.sub(r"^(advparams: )?error: ", "", lines[0]))[:150]


def compare(program, path, sample, names, rows, at):
    """Says how far our outputs for a sample are from onnxruntime's, and how far these are from each other between its
    levels of optimisation and between inputs that differ by a millionth."""
    np.savez(at("one.npz"), **sample.row(0))
    status, _, err, _, _ = run([program, "gradients", path, "--data", at("one.npz"), "-o", at("ours.npz"), "--force", "-q"], 120)
    if status:
        return {"import": f"status {status}: {reason(err)}"}
    ours = np.load(at("ours.npz"))
    have = [n for n in names if "out/" + n in ours]
    if not have:
        return {"import": "no output of floats"}
    mine = [ours["out/" + n] for n in have]
    best = None
    for optimised in (True, False):
        s = feeds.session(path, optimised)
        theirs = s.run(have, sample.row(0))
        d = measure.difference(mine, theirs)
        best = min(best or d, d)
        if optimised:
            first = theirs
            unstable = measure.difference(first, s.run(have, near(sample.row(0))))[0]
        else:
            unstable = max(unstable, measure.difference(first, theirs)[0])
    return {"difference": best[0], "off": best[1], "unstable": unstable}


def near(row):
    rng = np.random.default_rng(0)
    return {k: (a * (1 + 1e-6 * rng.normal(size=a.shape))).astype(a.dtype) if a.dtype.kind == "f" else a for k, a in row.items()}


def linked(path, model, folder):
    """Returns a path at which a model finds its external data, whose names shared/wild/fetch has changed."""
    names = {e.value for t in model.graph.initializer for e in t.external_data if e.key == "location"}
    if not names:
        return path
    for name in names:
        beside = [f for f in os.listdir(os.path.dirname(path)) if f == name or f.endswith("__" + name)]
        if beside:
            shutil.copy(os.path.join(os.path.dirname(path), beside[0]), os.path.join(folder, name))
    shutil.copy(path, os.path.join(folder, "model.onnx"))
    return os.path.join(folder, "model.onnx")


def try_model(program, path, seconds, search, every=()):
    """Runs a model and, if search is set, locks it, also with the flags every, and returns a row of the table."""
    model = onnx.load(path, load_external_data=False)
    row = {"producer": " ".join(f"{model.producer_name} {model.producer_version}".split())[:24], "bytes": os.path.getsize(path)}
    with tempfile.TemporaryDirectory() as d:
        at = lambda name: os.path.join(d, name)
        path = linked(path, model, d)
        status, out, err, _, _ = run([program, "inspect", path, "--json"], 120)
        if status == 5:
            return row | {"result": "refused: " + reason(err)}
        try:
            s = feeds.session(path)
            found, how = feeds.find(s, 3, 1, model)
        except Exception as e:
            status, _, err, _, _ = run([program, "protect", path, "--data", "none", "-o", at("l.onnx"), "--key", at("key"), "--plain-key", "-q"], 60)
            if status == 5 or "has no weights" in err:
                return row | {"result": "refused: " + reason(err)}
            return row | {"result": "the script finds no inputs: " + str(e).splitlines()[0][:100]}
        begin = time.process_time()
        names, rows = found.run(s)
        each = (time.process_time() - begin)
        row |= compare(program, path, found, names, rows, at)
        if not search:
            return row | ({"result": "refused: " + row["import"]} if "status 5" in row.get("import", "") else {"result": NOT_TRIED})
        many = lambda seconds: next((n for limit, n in ((0.0005, 1024), (0.002, 256), (0.003, 128), (0.1, 64)) if seconds < limit), 40)
        together = feeds.batch(s)
        n = many(each / 3 / together)
        search, judge = feeds.Feeds(s, n, 1, **how), feeds.Feeds(s, many(each / 3) if together == 1 else min(n, 256), 2, **how)
        np.savez(at("in.npz"), **search.arrays)
        locked = at("locked.onnx")
        base = [program, "protect", path, "--data", at("in.npz"), "-o", locked, "--key", at("key"), "--plain-key", "--threads", "1", "--json", "-q"]
        for flags in (["--labels", "model", *every], ["--task", "outputs"]):
            status, out, err, used, memory = run([*base, *flags], seconds)
            row |= {"flags": " ".join(flags), "seconds": round(used, 1), "memory": memory, "samples": n}
            if status == 0 or status in (-9, -24) or status == 5:
                break
        if status in (-9, -24):
            return row | {"result": f"not done in {seconds} s"}
        if status == 5:
            return row | {"result": "refused: " + reason(err)}
        if status:
            return row | {"result": f"status {status}: {reason(err)}"}
        r = json.loads(out)
        row |= {"task": r["task"], "changed": r["params_changed"], "of": r["params_total"], "where": sorted({c["tensor"] for c in r.get("changes") or []})}
        t = feeds.session(locked)
        _, before = judge.run(s, names)
        before, after = measure.numbers(before, judge.run(t, names)[1])
        _, same = run([program, "unlock", locked, "--key", at("key"), "-o", at("back.onnx"), "-q"], 120)[:2]
        digest = lambda f: hashlib.sha256(open(f, "rb").read()).hexdigest()
        return row | {"agreement": round(measure.agreement(before, after), 3), "answers": round(measure.answers(before, after, r["task"] in ("language", "tagging")), 3),
                      "restored": os.path.exists(at("back.onnx")) and digest(at("back.onnx")) == digest(path)}


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("program"), parser.add_argument("out"), parser.add_argument("folders", nargs="+")
    parser.add_argument("--seconds", type=int, default=120), parser.add_argument("--only", action="append"), parser.add_argument("--again", action="store_true")
    parser.add_argument("--compare", action="store_true"), parser.add_argument("--every-answer", action="store_true")
    args = parser.parse_args()
    kept = args.out + ".json"
    results = json.load(open(kept)) if os.path.exists(kept) else {}
    tried = set()
    for folder in args.folders:
        paths = [os.path.join(parent, f) for parent, _, files in os.walk(folder) for f in files if f.endswith(".onnx")]
        for path in sorted(paths, key=lambda p: (os.path.getsize(p), p)):
            name = os.path.relpath(path, folder)
            if args.only and not any(w in name for w in args.only) or name.startswith("onnx/"):
                continue  # those of the package onnx are tests, or have had their weights left out
            digest = hashlib.sha256(open(path, "rb").read()).hexdigest()
            if digest in tried or name in results and not args.again:
                continue
            tried.add(digest)
            try:
                results[name] = try_model(os.path.abspath(args.program), path, args.seconds, not args.compare, ["--every-answer"] * args.every_answer)
            except Exception as e:
                results[name] = {"producer": "", "result": f"the script failed: {e!r}"[:200]}
            print(name, results[name], flush=True)
            json.dump(results, open(kept, "w"), indent=1, default=float)
            open(args.out, "w").write(table(sorted(results.items())))


if __name__ == "__main__":
    main()
