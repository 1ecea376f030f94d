"""Runs a study file in a process of its own and prints what came of it, for tests that kill it."""

import argparse
import json
from pathlib import Path

from harness.data.roots import DataRoots
from harness.ledger import open_ledger
from harness.loading import load_study
from harness.plugins import load_plugins
from harness.progress import progress_for
from harness.runners.local import InProcess, Processes
from harness.session import Session, Settings


def runner_of(options):
    if options.on == "ray":
        from harness.runners.cluster import Cluster

        return Cluster(address=options.address, workers=options.workers, threads=1)
    return InProcess() if options.workers == 1 else Processes(options.workers)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("study")
    parser.add_argument("runs")
    parser.add_argument("--on", default="local")
    parser.add_argument("--address")
    parser.add_argument("--workers", type=int, default=1)
    options = parser.parse_args()
    load_plugins()
    study, plugins = load_study(options.study)
    ledger = open_ledger(options.runs, make=True)
    settings = Settings(
        folder=Path(options.runs), roots=DataRoots(), plugins=plugins, workers=options.workers
    )
    progress = progress_for(quiet=True)
    summary = Session(study, ledger, runner_of(options), settings, progress).run()
    print(json.dumps({"summary": vars(summary), "rows": ledger.rows(study.name)}))


if __name__ == "__main__":
    main()
