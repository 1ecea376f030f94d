"""The sections of ``make bench-run``: each measures one cost of the harness."""

from __future__ import annotations

import json
import os
import random
import statistics
import tempfile
import time
from argparse import Namespace
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import sqlalchemy as sql
from crowd import Load, crowded, simulate
from driven import SMALL, Drive, drive, job_of, repeated, study_of, trials_that
from hollow import trained

from harness import Part, Recipe, Search, choice, loguniform
from harness.data.roots import DataRoots, open_dataset
from harness.holes import Choice
from harness.keys import key_of
from harness.ledger import Claim, Ledger
from harness.ledger.schema import TRIALS
from harness.plan import candidates, timed_together, trials_of
from harness.runners.asking import Asker
from harness.runners.local import InProcess, Processes
from harness.runners.pace import REPORT_EVERY_S, report_every_s
from harness.runners.proposals import Outcome, proposal, texts
from harness.study import Study
from harness.trial import run_trial
from studies.parts import study as PARTS

Record = dict[str, Any]


def spread(values: list[float]) -> list[float]:
    """Median, least and most."""
    return [statistics.median(values), min(values), max(values)]


def tails(values: list[float]) -> list[float]:
    """Median, and what a tenth is below and above."""
    ordered = sorted(values)
    return [ordered[len(ordered) * part // 10] for part in (5, 1, 9)]


@contextmanager
def folder() -> Iterator[Path]:
    """A folder for a ledger, removed afterwards."""
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as name:
        yield Path(name)


def planning(options: Namespace, _: Record) -> Record:
    """Seconds to plan many trials: each a candidate of its own, and ten seeds a candidate."""
    found = {}
    for seeds in (10, 1):
        study = _wide(options.planned // seeds, seeds)
        start, cpu = time.perf_counter(), time.process_time()
        dataset = open_dataset(study.recipe.dataset, DataRoots())
        made = [each for c in candidates(study) for each in trials_of(study, c, dataset, "cpu", {})]
        number = len(timed_together(made))
        found[str(seeds)] = {
            "trials": number,
            "seconds": time.perf_counter() - start,
            "cpu_s": time.process_time() - cpu,
        }
    return found


def _wide(num_candidates: int, seeds: int) -> Study:
    """A study of about so many candidates, by three widths."""
    rest = max(1, num_candidates // 1000)
    space = replace(
        SMALL,
        detail=Part("detail_branch", width=choice(*range(4, 44))),
        aux_heads=Part("every_stage", width=choice(*range(4, 29))),
        head=Part("seg", width=choice(*range(4, 4 + rest))),
    )
    return replace(study_of(1), space=space, seeds=tuple(range(seeds)))


def ledger(options: Namespace, _: Record) -> Record:
    """Milliseconds of each thing a driver asks of a ledger, by how many rows it has."""
    with folder() as where:
        row = run_trial(job_of(where))
        found: Record = {"fsync": tails(repeated(lambda _: _synced(where), 100))}
        for rows in (100, options.trials):
            kept = Ledger(where / f"{rows}.db")
            keys = _filled(kept, rows, row)
            found[str(rows)] = _asked(kept, keys, row)
    return found


def _asked(kept: Ledger, keys: list[str], row: Record) -> Record:
    claims = [Claim(key=key_of(new=i), owner="bench", attempt=1) for i in range(200)]
    return {
        "look up": tails(repeated(lambda i: kept.trials([keys[i * 7919 % len(keys)]]), 200)),
        "claim": tails(repeated(lambda i: kept.claim(claims[i]), 200)),
        "insert": tails(
            repeated(lambda i: kept.put_trial({**row, "key": claims[i].key}, attempt=1), 200)
        ),
    }


def _filled(kept: Ledger, rows: int, row: Record) -> list[str]:
    keys = [key_of(old=i) for i in range(rows)]
    text = json.dumps(row)
    values = [{"key": key, "state": "done", "record": text} for key in keys]
    kept._database.write(lambda c: c.execute(sql.insert(TRIALS), values))
    return keys


def _synced(where: Path) -> None:
    """What a disk takes at least to keep 4 kB."""
    with (where / "synced").open("ab") as file:
        file.write(b"." * 4096)
        file.flush()
        os.fsync(file.fileno())


def local(options: Namespace, _: Record) -> Record:
    """Milliseconds a trial, in this process, of a short study and of a long one."""
    with folder() as where:
        job = job_of(where)
        bare = tails(repeated(lambda _: trained(job, lambda _: None), 300))
        found: Record = {"bare_ms": bare, "studies": {}}
        for trials in (100, options.trials):
            driven = drive(study_of(trials), InProcess(), where / str(trials))
            found["studies"][str(trials)] = _local(driven, trials, bare[0])
    return found


def _local(driven: Drive, trials: int, bare_ms: float) -> Record:
    part = min(500, trials // 2)
    return {
        "overhead_ms": driven.ms_a_trial() - bare_ms,
        "first_ms": driven.ms_a_trial(0, part) - bare_ms,
        "last_ms": driven.ms_a_trial(-part) - bare_ms,
        "first_cpu_ms": driven.ms_a_trial(0, part, cpu=True),
        "last_cpu_ms": driven.ms_a_trial(-part, cpu=True),
        "plan_ms": 1e3 * driven.planned_s / trials,
    }


def proposing(options: Namespace, _: Record) -> Record:
    """Milliseconds of a proposal by TPE that was told of many candidates."""
    hunt = replace(
        PARTS,
        objectives={"miou": "max", "gmacs": "min"},
        recipe=Recipe(lr=loguniform(1e-3, 1e-1), weight_decay=loguniform(1e-5, 1e-3)),
        search=Search(trials=options.told + 100, sampler="tpe"),
    )
    rng, asker = random.Random(0), Asker(hunt)
    for _ in range(options.told):
        told = proposal(hunt, lambda _, hole: _drawn(hole, rng))
        asker.tell(told, Outcome(values=(rng.random(), 30 * rng.random())))
    asker.begin(options.told)
    wall, cpu = [], []
    for _ in range(8):
        start, start_cpu = time.perf_counter(), time.process_time()
        asker.ask({})
        wall.append(1e3 * (time.perf_counter() - start))
        cpu.append(1e3 * (time.process_time() - start_cpu))
    asker.end()
    return {"told": options.told, "ms": spread(wall), "cpu_ms": spread(cpu)}


def _drawn(hole: Any, rng: random.Random) -> Any:
    if isinstance(hole, Choice):
        return rng.choice(texts(hole))
    return hole.low * (hole.high / hole.low) ** rng.random()


def workers(options: Namespace, _: Record) -> Record:
    """Seconds of a study of equal trials by one worker and by two, in turn."""
    found: Record = {}
    for what, trials in (("sleep", options.equal // 2), ("burn", options.equal)):
        study = study_of(trials, ms=500 if what == "sleep" else 1000)
        with folder() as where, trials_that(what):
            one = drive(study, InProcess(), where / "one")
            two = drive(study, Processes(2), where / "two", workers=2)
        found[what] = {
            "trials": trials,
            "one_s": one.ends_s[-1] - one.planned_s,
            "two_s": two.ends_s[-1] - two.planned_s,
            "start_s": two.first_s - two.planned_s,
            "ratio": (two.ends_s[-1] - two.planned_s) / (one.ends_s[-1] - one.planned_s),
            "ratio_at_work": (two.ends_s[-1] - two.first_s) / (one.ends_s[-1] - one.first_s),
        }
    return found


def on_ray(options: Namespace, _: Record) -> Record:
    """Milliseconds a trial on Ray, by Tune alone and by our runner, in turn, once all workers run.

    Tune as it comes, and Tune that keeps nothing. Ratios to both are taken round by round, by the
    clock and by the CPU time of the driver.
    """
    import tuned

    half, runner = options.ray_trials // 2, tuned.opened()
    arms: dict[str, Callable[[int], Drive]] = {
        "tune": tuned.raw,
        "ours": partial(tuned.ours, runner),
        "bare": partial(tuned.raw, keeps=False),
    }
    taken: dict[str, list[Drive]] = {name: [] for name in arms}
    try:
        for turn in range(options.rounds):
            for name in list(arms)[:: -1 if turn % 2 else 1]:
                taken[name].append(arms[name](options.ray_trials))
        talking = tuned.raw(40, reports=1 + REPORTS, keeps=False)
    finally:
        tuned.closed(runner)
    found: Record = {"workers": tuned.WORKERS, "trials": options.ray_trials}
    for of, cpu in (("ms", False), ("cpu_ms", True)):
        each = {n: [d.ms_a_trial(half, cpu=cpu) for d in all_] for n, all_ in taken.items()}
        found[of] = {name: spread(values) for name, values in each.items()}
        for name, other in (("ratio", "tune"), ("bare_ratio", "bare")):
            pairs = zip(each["ours"], each[other], strict=True)
            found[of][name] = spread([a / b for a, b in pairs])
        quiet = statistics.median(each["bare"])
        found[of]["report"] = (talking.ms_a_trial(20, cpu=cpu) - quiet) / REPORTS
    return found


REPORTS = 20
"""How often a trial reports whose reports are timed."""


def cluster(options: Namespace, found: Record) -> Record:
    """Trials a second that a driver serves, and how busy that keeps 1,000 workers."""
    num_workers, trials = 1000, min(3000, options.trials)
    with folder() as where:
        ms = crowded(num_workers, trials, where).ms_a_trial()
    record: Record = {"workers": num_workers, "session_ms": ms, "session_a_s": 1e3 / ms}
    if "ray" in found:
        serve, hear = found["ray"]["cpu_ms"]["ours"][0], found["ray"]["cpu_ms"]["report"]
        record |= {"serve_ms": serve, "hear_ms": hear, "busy": _busy(num_workers, serve, hear)}
    return record


LENGTHS_S = (1, 10, 60, 600, 3600)


def _busy(num_workers: int, serve_ms: float, hear_ms: float) -> Record:
    """The share of their time that workers train, by how often they report and trials' lengths."""
    busy: Record = {}
    for report_s in (REPORT_EVERY_S, report_every_s(num_workers)):
        busy[f"{report_s:g}"] = {}
        for trial_s in LENGTHS_S:
            here = Load(workers=num_workers, trial_s=trial_s, report_s=report_s,
                        serve_s=serve_ms / 1e3, hear_s=hear_ms / 1e3)  # fmt: skip
            busy[f"{report_s:g}"][str(trial_s)] = {
                "share": simulate(here),
                "ceiling_a_s": here.ceiling,
                "wanted_a_s": here.wanted,
            }
    return busy
