"""Writes the results of models.py as a page, docs/models.md."""

HEAD = """# Models that people install

<!-- made by bench/models/models.py -->

This page lists models in packages of PyPI and npm, and some in repositories of Unity, Godot and others. Each was run
and locked on made-up inputs that have about the right form: smooth fields, waves and small integers. On such inputs,
it does not matter what a model answers. It matters whether the locked model still gives the same answers, in
onnxruntime.

* *Difference* is the norm of the difference between our outputs and onnxruntime's, relative to theirs.
* *Left* is measured in onnxruntime on the locked file, with samples that the search has not seen. It is the mean
  squared correlation with the original's numbers, for the output that agrees most. For classification, segmentation,
  tagging and language, the share of equal answers beyond chance (Cohen's kappa) comes first. Samples that have
  nothing to do with each other have 0.01 to 0.05.
* *Time* is processor time of `protect` on one thread. *Memory* is the largest resident size in MB.
* *Onnxruntime from itself* is the larger of two differences: between its levels of optimisation, and between inputs
  that differ by a millionth. If it is large, a wrong computation cannot be told from an unstable model on such
  inputs, and what is left says little.

The command line is `protect MODEL --data made-up.npz FLAGS`. With `--task outputs`, all numbers of a classifier are
locked, and not only its answers.

The machine was busy, and there was not enough time to search for all models. *Compared only* lists the others. A
search that took more than 400 s (some: 40 to 240 s) of processor time was stopped. Rows are of several days and
versions of the search. `bench/models/models.py --again` measures a row anew.
"""


# What is left of a lock that leaves more than it should.
MUCH = 0.25

# The result of files that were run but not locked.
NOT_TRIED = "not tried"


def short(name):
    folder, _, file = name.rpartition("/")
    return f"{folder}: {file.split('__')[-1]}"


def by_answers(r):
    return r["task"] in ("classification", "segmentation", "tagging", "language")


def left(r):
    agreement = f"{r['agreement']:.2f}"
    return f"{r['answers']:.2f}, {agreement}" if by_answers(r) else agreement


def differs(r):
    if "difference" not in r:
        return "–"
    d = r["difference"]
    text = "0" if d == 0 else f"{d:.0e}"
    if d > 1e-3:
        text += f", {100 * r['off']:.1f} % off"
    if r.get("unstable", 0) > 1e-3:
        text += f" (onnxruntime from itself: {r['unstable']:.0e})"
    return text


def table(results):
    done = [(n, r) for n, r in results if "agreement" in r]
    refused = [(n, r) for n, r in results if r.get("result", "").startswith("refused")]
    compared_only = [(n, r) for n, r in results if r.get("result") == NOT_TRIED]
    rest = [(n, r) for n, r in results if (n, r) not in done and (n, r) not in refused and (n, r) not in compared_only]
    compared = [r for _, r in results if "difference" in r]
    twice = [r for r in compared if r.get("unstable", 0) > max(1e-3, r["difference"] / 2)]
    compared = [r for r in compared if r not in twice]
    equal = sum(r["difference"] <= 1e-3 or r["off"] <= 0.01 for r in compared)
    much = sum((r["answers"] if by_answers(r) else r["agreement"]) > MUCH for _, r in done)
    lines = [HEAD]
    lines.append(f"{len(results)} files: {len(done)} locked (more than {MUCH} left: {much}), {sum(r['restored'] for _, r in done)} restored bit for bit; {len(refused)} refused; {len(rest)} not locked; {len(compared_only)} compared only. "
                 f"Outputs of {equal} of {len(compared)} are onnxruntime's (to 1e-3, or all but 1 % of the elements); {len(twice)} others differ as much in onnxruntime itself, from inputs that differ by a millionth or because they draw random numbers.\n")
    lines += ["## Locked", "", "| package: model | made by | difference | task, flags | changed | left | time | memory |", "|---|---|---|---|---|---|---|---|"]
    for n, r in done:
        lines.append(f"| {short(n)} | {r['producer'] or '–'} | {differs(r)} | {r['task']}, `{r['flags']}` | {r['changed']:,} of {r['of']:,} | {left(r)} | {r['seconds']} s | {r['memory']:,} |")
    lines += ["", "## Not locked", "", "| package: model | made by | difference | what happened | time | memory |", "|---|---|---|---|---|---|"]
    for n, r in rest:
        lines.append(f"| {short(n)} | {r['producer'] or '–'} | {differs(r)} | {r['result'].replace('|', '/')} | {r.get('seconds', '–')} s | {r.get('memory', '–')} |")
    lines += ["", "## Compared only", "", "| package: model | made by | bytes | difference |", "|---|---|---|---|"]
    for n, r in compared_only:
        lines.append(f"| {short(n)} | {r['producer'] or '–'} | {r['bytes']:,} | {differs(r)} |")
    lines += ["", "## Refused", "", "| package: model | message |", "|---|---|"]
    for n, r in refused:
        lines.append(f"| {short(n)} | {r['result'].removeprefix('refused: ').split(': ', 1)[-1]} |")
    return "\n".join(lines) + "\n"
