"""Runs a study in a process of its own, as the command line does, for tests that kill it."""

import argparse
import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

from tiny import rows, session

from harness.loading import load_study
from harness.plugins import load_plugins
from harness.runners.local import InProcess, Processes
from harness.training.checkpoint import _read_whole

PATIENCE_S = 240


def start(study, folder, *options, stderr=None, **environment):
    """Starts a run in a process group of its own."""
    command = [sys.executable, __file__, str(study), str(folder), *options]
    return subprocess.Popen(
        command,
        env={**os.environ, **environment},
        stdout=subprocess.PIPE,
        stderr=stderr,
        text=True,
        start_new_session=True,
    )


def kill(process, *, group=False):
    """Kills a run, or it and all processes that it has started, so that nobody can clean up."""
    os.killpg(process.pid, signal.SIGKILL) if group else process.kill()
    process.wait()
    process.stdout.close()


def answer(process):
    """What a run printed: its summary."""
    try:
        printed, _ = process.communicate(timeout=PATIENCE_S)
    except subprocess.TimeoutExpired:
        kill(process, group=True)
        raise
    assert process.returncode == 0
    return json.loads(printed)


def until(condition, process=None, seen=lambda: ""):
    """Waits for a condition that must come true while a process runs; else tells what was seen."""
    end = time.monotonic() + PATIENCE_S
    while not condition():
        assert process is None or process.poll() is None, f"it ended too soon; {seen()}"
        assert time.monotonic() < end, f"it never happened; {seen()}"
        time.sleep(0.02)


def is_alive(pid):
    """Whether a process runs; one that ended and that nobody has buried does not."""
    with contextlib.suppress(OSError):
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    return False


def half_trained(folder):
    """The trials that were begun and did not end, with the step that each was saved at."""
    ended = {row["folder"][:16] for row in rows(folder, "slow").values()}
    paths = sorted(Path(folder, "trials").glob("*/checkpoint.pt"))  # the last attempt last
    begun = {path.parent.name[:16]: path for path in paths}
    saved = {name: _read_whole(path) for name, path in begun.items() if name not in ended}
    return {name: state["progress"]["step"] for name, state in saved.items() if state}


def is_half_done(folder):
    """Whether one trial has ended and another is in the middle."""
    is_there = Path(folder, "ledger.db").is_file()
    return is_there and rows(folder, "slow") and min(half_trained(folder).values(), default=12) < 9


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("study")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--on", default="local")
    parser.add_argument("--address")
    parser.add_argument("--ledger")
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--retry-failed", action="store_true")
    parser.add_argument("--processes", type=int, default=1)
    options = parser.parse_args()
    load_plugins()
    study, plugins = load_study(options.study)
    runner = make_runner(options)
    more = {"plugins": plugins, "workers": options.workers, "url": options.ledger}
    more |= {"processes": options.processes, "retry_failed": options.retry_failed}
    ran = session(study, options.folder, runner=runner, **more)
    print(json.dumps(vars(ran.run())))


def make_runner(options):
    if options.on == "ray":
        from harness.runners.cluster import Cluster
        from harness.runners.slots import Wanted

        wanted = Wanted(cpus=options.processes, processes=options.processes)
        return Cluster(address=options.address, workers=options.workers, wanted=wanted)
    return InProcess() if options.workers == 1 else Processes(options.workers)


if __name__ == "__main__":
    main()
