"""Runs advparams and measures it, for the other scripts of this folder."""
import json, os, subprocess


def run(program, *args):
    """Returns what a command prints as JSON, the user's CPU seconds and the largest resident memory in GB."""
    p = subprocess.Popen([program, *args, "--json", "--quiet"], stdout=subprocess.PIPE)
    text = p.stdout.read()
    _, status, usage = os.wait4(p.pid, 0)
    p.returncode = os.waitstatus_to_exitcode(status)
    if not text:
        raise SystemExit(f"exit status {p.returncode}")
    if p.returncode:
        print(f"exit status {p.returncode}", flush=True)
    return json.loads(text), usage.ru_utime, usage.ru_maxrss / 1e6
