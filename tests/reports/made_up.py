"""Studies and rows made up for the tests of reports: like a ledger's, small and exact."""

from __future__ import annotations

import math
import random
from pathlib import Path
from typing import Any

from harness.ledger import Entry, Ledger
from harness.scoring import Scoring, columns_of
from reports.trials import Gathering, Trials

Row = dict[str, Any]

CLASSES = ("road", "sky", "pole")


def dominates(first: tuple[float, ...], second: tuple[float, ...]) -> bool:
    """Whether a point is nowhere worse than another and somewhere better; less is better."""
    return all(a <= b for a, b in zip(first, second, strict=True)) and first != second


def kept(folder: Path, study: dict[str, Any], rows: list[Row]) -> Ledger:
    """A ledger in a folder of runs that has a study and its rows."""
    folder.mkdir(parents=True, exist_ok=True)
    ledger = Ledger(folder / "ledger.db")
    ledger.put_study({k: v for k, v in study.items() if k != "plan"}, planned(study))
    for each in rows:
        ledger.put_trial(each)
    return ledger


def planned(study: dict[str, Any]) -> list[Entry]:
    """The plan of a study as a ledger takes it."""
    return [Entry(**{"cost_key": "", "latency_key": "", **each}) for each in study["plan"]]


def gathered(rows: list[Row]) -> Trials:
    """Rows as a table of trials."""
    table = Gathering(len(rows))
    for place, each in enumerate(rows):
        table.put([place], [[each]])
    return table.table()


def row(candidate: str, seed: int = 0, miou: float | None = 0.4, **figures: Any) -> Row:
    """One finished trial; keywords replace or add figures."""
    return {
        "key": f"{candidate}/{seed}",
        "state": "done",
        "reason": None,
        "error_detail": None,
        "candidate": candidate,
        "seed": seed,
        "fusion": "sum",
        "dataset": "streets",
        "label_map": "streets-10",
        "size": "96x192",
        "num_classes": 3,
        "num_images": 20,
        "miou": miou,
        "pixel_accuracy": None if miou is None else miou + 0.3,
        "iou": None if miou is None else {name: miou for name in CLASSES},
        "absent_classes": [],
        **columns_of(Scoring(), (96, 192)),
        "initial_weights": "scratch",
        "weights": "scratch",
        "steps": 100,
        "batch": 8,
        "final_loss": 1.0,
        "history": [[0, 2.0, 0.05], [50, 1.2, 0.03], [100, 1.0, 0.0]],
        "train_s": 10.0,
        "params": 500_000,
        "gmacs": 0.06,
        "activations": 90_000,
        "uncounted_ops": {"aten::sigmoid": 3},
        "cost_tool": "fvcore 0.1.5",
        "cost_size": "96x192",
        "cost_protocol": 1,
        **timed(10.0),
        "latency_rounds": 12,
        "latency_num_samples": 120,
        "latency_figure": "t_e2e",
        "latency_boundary_in": "dev",
        "latency_device": "A CPU",
        "latency_dtype": "float32",
        "latency_size": "96x192",
        "latency_batch": 1,
        "latency_threads": 2,
        "latency_boundary": "labels_full",
        "latency_method": "perf_counter",
        "latency_protocol": 1,
        "latency_session": "one",
        "latency_contended": False,
        "torch": "2.13.0",
        **figures,
    }


def timed(ms: float) -> Row:
    """The latency figures of a candidate of some median, whose rounds spread by one percent."""
    dice = random.Random(ms)
    spread = [math.exp(dice.gauss(0, 0.01)) for _ in range(12)]
    return {
        "latency_ms": ms,
        "latency_low_ms": 0.99 * ms,
        "latency_high_ms": 1.01 * ms,
        "latency_rounds_ns": [round(1e6 * ms * each) for each in spread],
    }


def rejected(candidate: str, seed: int = 0, **figures: Any) -> Row:
    """A trial whose candidate was over a budget: it has a cost and nothing else."""
    none = dict.fromkeys(("miou", "pixel_accuracy", "iou", "history", "final_loss"))
    reason = "2 GMACs is over the budget of 1"
    return row(candidate, seed, **{**none, "state": "rejected", "reason": reason, **figures})


def failed(candidate: str, seed: int = 0, reason: str = "ValueError: loss is nan") -> Row:
    """A trial that raised."""
    kept = {"key": f"{candidate}/{seed}", "candidate": candidate, "seed": seed}
    return {**kept, "state": "failed", "reason": reason, "error_detail": "Traceback: here"}


def stopped(candidate: str, seed: int = 0, step: int = 11) -> Row:
    """A trial that was stopped at a rung."""
    none = dict.fromkeys(("miou", "pixel_accuracy", "iou"))
    reason = f"after {step} of 100 steps: mIoU of 1.0 % on held-out images is below 2.0 %"
    said = {"state": "stopped", "reason": reason, "rungs": [[step, 0.01]]}
    return row(candidate, seed, **{**none, **said})


def study_of(rows: list[Row], baseline: str | None = None, **fields: Any) -> dict[str, Any]:
    """The study whose plan is the rows, in their order."""
    plan = [
        {
            "key": each["key"],
            "candidate": each["candidate"],
            "baseline": each["candidate"] == baseline,
            "factors": {"fusion": each["candidate"]},
            "seed": each["seed"],
        }
        for each in rows
    ]
    return {
        "name": "fusion",
        "question": "Which fusion?",
        "objectives": {"miou": "max", "latency_ms": "min"},
        "budget": {},
        "plan": plan,
        **fields,
    }


def noisy(
    means: dict[str, float], seeds: int, sd: float = 0.004, luck: int = 0, **ms: float
) -> list[Row]:
    """Trials around some means, with what a seed does to all of them and to each alone."""
    dice = random.Random(luck)
    shared = [dice.gauss(0, sd) for _ in range(seeds)]
    return [
        row(name, seed, mean + shared[seed] + dice.gauss(0, sd), **timed(ms.get(name, 10.0)))
        for name, mean in means.items()
        for seed in range(seeds)
    ]
