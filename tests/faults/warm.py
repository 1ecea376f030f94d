"""Runs of a study, forked from a process that has imported all: many can be started and killed."""

import json
import multiprocessing
import os
import signal
import sys
from contextlib import suppress
from dataclasses import replace
from multiprocessing import forkserver
from pathlib import Path

import ray.tune  # noqa: F401 - a run on Ray would import it for seconds
import torch._dynamo  # noqa: F401 - so would a first trial
from drive import PATIENCE_S, until
from tiny import BOTH, RECIPE, learnt, rows, session, tiny

from harness import Part
from harness.ledger import open_ledger
from harness.plugins import load_file, load_plugins
from harness.runners.local import InProcess, Processes
from harness.runners.patience import Pulse
from harness.training import loop

load_plugins()

ODD = str(Path(__file__).parent.parent / "harness" / "odd_parts.py")
FORKED = multiprocessing.get_context("forkserver")
FORKED.set_forkserver_preload(["warm"])


def start_server():
    """Starts the process that runs are forked from.

    It is told by the environment where modules are: up to Python 3.12 it does not heed the path
    that multiprocessing tells it, and then silently imports nothing.
    """
    before = os.environ.get("PYTHONPATH")
    os.environ["PYTHONPATH"] = os.pathsep.join(each for each in sys.path if each)
    try:
        forkserver.ensure_running()
    finally:
        del os.environ["PYTHONPATH"]
        if before is not None:
            os.environ["PYTHONPATH"] = before


def study(seeds, act="slow", steps=12):
    """Trials of one candidate, whose head does what ``act`` says."""
    return tiny(
        name="slow",
        space=replace(BOTH, head=Part("odd", act=act)),
        recipe=replace(RECIPE, steps=steps),
        seeds=tuple(range(seeds)),
    )


def lose_patience(seconds, heard_of=None):
    """Lets a driver wait for a trial's first steps, however busy the machine, and then not long.

    Leaves a file for each trial that it has heard of, in a folder if there is one.
    """
    hear = Pulse.hear

    def heard(self, event):
        hear(self, event)
        if event.step >= 1:
            self.job = replace(self.job, patience_s=seconds)
            if heard_of:
                (heard_of / event.key).touch()

    Pulse.hear = heard


RUNS = []
"""All that were started, so that none outlives its test."""


class Run:
    """A run of a study in a process of its own."""

    def __init__(self, folder, *, seeds=4, environment=None, log=None, **options):
        self.said = (log or folder) / "said"
        self.summary = (log or folder) / "summary.json"
        self.summary.unlink(missing_ok=True)
        # The process that it is forked from knows only what was so when that one began.
        of_ray = {name: value for name, value in os.environ.items() if name.startswith("RAY_")}
        environment = of_ray | (environment or {})
        arguments = (folder, self.said, self.summary, seeds, environment, options)
        self.on_ray = options.get("on_ray", False)
        start_server()
        self._process = FORKED.Process(target=_run, args=arguments)
        self._process.start()
        self.pid = self._process.pid
        RUNS.append(self)

    def poll(self):
        """Its exit code; None while it runs."""
        return self._process.exitcode

    def cpu_s(self):
        """The seconds that it has computed, which do not pass faster on a quiet machine."""
        try:
            fields = Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()
        except OSError:
            return float("inf")
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def until(self, condition):
        """Waits for a condition that must come true while it runs."""
        until(condition, self, self._seen)

    def _seen(self):
        said = self.said.read_text() if self.said.is_file() else ""
        return f"its exit code is {self.poll()}; it said: {said[-4000:]}"

    def signal(self, number):
        """Sends it a signal, and all that it has started, as a terminal does."""
        os.killpg(self.pid, number)

    def kill(self):
        """Kills it, so that it can clean up nothing."""
        self._process.kill()
        self._process.join()

    def end_all(self):
        """Ends it and all that it has started."""
        with suppress(OSError):
            os.killpg(self.pid, signal.SIGKILL)
        self._process.join()

    def ended(self):
        """Its exit code, once it has ended."""
        self._process.join(PATIENCE_S)
        assert self.poll() is not None, f"it did not end; {self._seen()}"
        return self.poll()

    def did(self):
        """What it did, once it has ended well."""
        assert self.ended() == 0, self._seen()
        return json.loads(self.summary.read_text())


def _run(folder, said, summary, seeds, environment, options):
    os.setsid()
    os.environ.update(environment)
    with said.open("a") as file:
        os.dup2(file.fileno(), 1)
        os.dup2(file.fileno(), 2)
    if options.pop("saves", True):
        loop.SAVE_EVERY_S, loop.SAVE_SHARE = 0.0, float("inf")
    if "impatient_s" in options:
        lose_patience(options.pop("impatient_s"), options.pop("heard_of", None))
    load_file(ODD)
    wanted = study(seeds, options.pop("act", "slow"))
    workers = options.get("workers", 1)
    runner = InProcess() if workers == 1 else Processes(workers)
    if options.pop("on_ray", False):
        from harness.runners.cluster import Cluster, Wanted

        processes = options.get("processes", 1)
        slot = Wanted(cpus=processes, processes=processes)
        address = options.pop("address", None)
        runner = Cluster(address=address, workers=workers, wanted=slot, plugins=(ODD,))
    try:
        did = session(wanted, folder, runner=runner, plugins=(ODD,), **options).run()
    except KeyboardInterrupt:
        raise SystemExit(130) from None  # which waits for all that it has started
    summary.write_text(json.dumps(vars(did)))


def learnt_by_seed(folder, url=None):
    """What the trials that are done have learnt, by seed."""
    found = open_ledger(folder, url).rows("slow")
    return {row["seed"]: learnt(row) for row in found if row["state"] == "done"}


def claims(folder, url=None):
    """The claims on the trials of the study."""
    ledger = open_ledger(folder, url)
    return list(ledger.claims(entry.key for entry in ledger.plan("slow")).values())


def assert_nothing_is_held(folder, url=None):
    """No trial is left as if it ran."""
    assert {claim.owner for claim in claims(folder, url)} == {""}
    assert not list(folder.glob("trials/*/*.partial"))


def ended_rows(folder):
    """The rows that are there so far, by candidate and seed."""
    if not (folder / "ledger.db").is_file():
        return {}
    return {key: row for key, row in rows(folder, "slow").items() if row["state"] != "pending"}
