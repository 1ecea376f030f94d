"""A ledger of one made-up study: rows as long as real ones, whose figures are drawn at random."""

from __future__ import annotations

import hashlib
import itertools
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import sqlalchemy as sql

from harness.ledger import Entry, Ledger
from harness.ledger.schema import MEASUREMENTS, TRIALS
from harness.scoring import Scoring, columns_of

STUDY = "made up"
SEEDS = 5
ROUNDS = 18
CLASSES = tuple(f"class {number}" for number in range(11))
SPACE = {
    "detail": [f"branch(width={8 * each})" for each in range(1, 11)],
    "semantic": [f"pyramid(width={8 * each})" for each in range(1, 11)],
    "context": [f"tail(width={16 * each})" for each in range(1, 11)],
    "fusion": ["sum", "concat", "ffm", "bga", "weighted"],
    "head": [f"seg(width={32 * each})" for each in range(1, 5)],
}
CHUNK = 2000
Row = dict[str, Any]


def make_ledger(folder: Path, num_rows: int) -> None:
    """Writes ``ledger.db`` into a folder: trials of ``num_rows / 5`` candidates over 5 seeds.

    One in fifty failed, one candidate in forty is over budget, one trial in a hundred was scored
    at another size. Real rows have about 10 kB each, two thirds of it the history of the loss.
    """
    folder.mkdir(parents=True, exist_ok=True)
    ledger = Ledger(folder / "ledger.db")
    names = list(itertools.islice(_candidates(), -(-num_rows // SEEDS)))
    plan = [_entry(name, seed) for name in names for seed in range(SEEDS)][:num_rows]
    ledger.put_study(_study(), plan)
    engine = ledger._database.engine  # no command writes as many at once
    places = dict(zip(names, range(len(names)), strict=True))
    for start in range(0, len(plan), CHUNK):
        part = plan[start : start + CHUNK]
        trials = [dict(_trial(each, places[each.candidate])) for each in part]
        firsts = {each.candidate: each for each in part if each.seed == 0}
        figures = [each for entry in firsts.values() for each in _measured(entry, places)]
        with engine.begin() as connection:
            connection.execute(sql.insert(TRIALS), trials)
            connection.execute(sql.insert(MEASUREMENTS), figures)


def _candidates() -> Iterator[str]:
    for parts in itertools.product(*(SPACE[kind] for kind in reversed(SPACE))):
        yield ", ".join(f"{k}={v}" for k, v in zip(SPACE, reversed(parts), strict=True))


def _study() -> Row:
    return {
        "name": STUDY,
        "question": "Which of very many is on the front?",
        "objectives": {"miou": "max", "latency_ms": "min"},
        "budget": {"gmacs": 4.0},
        "search": None,
        "published": [],
        "command": None,
    }


def _key(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def _entry(name: str, seed: int) -> Entry:
    factors = dict(pair.split("=", 1) for pair in name.split(", "))
    return Entry(
        key=_key(f"{name}/{seed}"),
        cost_key=_key(f"{name} cost"),
        latency_key=_key(f"{name} latency"),
        candidate=name,
        factors=factors,
        seed=seed,
        parts={**factors, "aux_heads": "booster"},
        rejected="4.2 GMACs is over the budget of 4" if _key(name)[:2] < "06" else None,
    )


_DICE = np.random.default_rng(7)
_WORTH = {kind: np.sort(_DICE.random(len(values))) for kind, values in SPACE.items()}
_LUCK = _DICE.normal(0, 0.01, SEEDS)
_MACHINE = np.exp(_DICE.normal(0, 0.01, ROUNDS))


def _worth(factors: dict[str, str]) -> float:
    """What the parts of a candidate are worth, from 0 to 1; dearer ones are worth more."""
    each = [_WORTH[kind][SPACE[kind].index(value)] for kind, value in factors.items()]
    return float(np.mean(each))


def _trial(entry: Entry, place: int) -> Iterator[tuple[str, str]]:
    """A row with its columns in the order of real ones."""
    dice = np.random.default_rng((place, entry.seed))
    state = "failed" if dice.random() < 0.02 else "done"
    reason = "ValueError: loss is nan" if state == "failed" else None
    run = {"key": entry.key, "reason": reason, "seed": entry.seed, **_COMMON,
           "folder": entry.key[:16], "started": _when(dice), "finished": _when(dice)}  # fmt: skip
    if state == "failed":
        text = json.dumps({**run, "error_detail": "Traceback " + 40 * "line\n", "state": state})
    else:
        miou = 0.3 + 0.4 * _worth(entry.factors) + _LUCK[entry.seed] + dice.normal(0, 0.01)
        size = "192x384" if dice.random() < 0.01 else "96x192"
        end = {**_SCORED, "size": size, "confusions_sha256": entry.key, "state": state}
        parts = {**run, **_WEIGHTS}, _scores(miou, dice), end
        first, middle, last = (json.dumps(each)[1:-1] for each in parts)
        history = _HISTORY[place % len(_HISTORY)]
        long = f'"history": {history}, {middle}, "confusion": {_CONFUSION}'
        text = f"{{{first}, {long}, {last}}}"
    yield from (("key", entry.key), ("state", state), ("record", text))


def _scores(miou: float, dice: np.random.Generator) -> Row:
    spread = miou + dice.normal(0, 0.1, len(CLASSES))
    return {
        "final_loss": float(dice.random()),
        "train_s": float(20 * dice.random()),
        "data_wait_share": float(0.1 * dice.random()),
        "resumed_from_step": 0,
        "precision": "float32",
        "miou": miou,
        "pixel_accuracy": miou + 0.2,
        "iou": dict(zip(CLASSES, spread.tolist(), strict=True)),
        "absent_classes": [],
        "num_images": 40,
    }


def _when(dice: np.random.Generator) -> str:
    minute, second = dice.integers(60, size=2)
    return f"2026-01-01T00:{minute:02d}:{second:02d}+00:00"


def _measured(entry: Entry, places: dict[str, int]) -> Iterator[Row]:
    dice, worth = np.random.default_rng((places[entry.candidate], 99)), _worth(entry.factors)
    cost = {**_COST, "params": int(1e6 * (0.2 + worth)), "gmacs": 0.1 + 3 * worth**2}
    yield {"key": entry.cost_key, "record": json.dumps(cost)}
    ns = 4e6 * (0.3 + worth**2) * np.exp(dice.normal(0, 0.1))
    rounds = ns * _MACHINE * np.exp(dice.normal(0, 0.005, ROUNDS))
    middle = float(np.median(rounds)) / 1e6
    latency = {
        **_LATENCY,
        "latency_ms": middle,
        "latency_low_ms": 0.99 * middle,
        "latency_high_ms": 1.01 * middle,
        "latency_rounds_ns": [round(each) for each in rounds],
    }
    yield {"key": entry.latency_key, "record": json.dumps(latency)}


_PART = {"name": "branch", "options": [[f"option_{each}", each] for each in range(5)]}
_COMMON: Row = {
    "dataset": "streets",
    "architecture": dict.fromkeys(("detail", "semantic", "context", "fusion", "head"), _PART),
    "recipe": {
        "dataset": {"name": "streets", "options": [["seed", 0], ["size", [96, 192]]]},
        **{f"field_{each}": each / 7 for each in range(20)},
        "steps": 400,
        "warmup_steps": 100,
    },
    "steps": 400,
    "batch": 4,
    "train_device": "a made-up CPU",
    "threads": 1,
    "processes": 1,
    "deterministic_algorithms": False,
    "torch": "2.13.0+cpu",
    "python": "3.11.7",
    "twopath": "0.1.0",
}
_WEIGHTS: Row = {"initial_weights": "scratch", "weights": "scratch", "weights_sha256": None}
_SCORED: Row = {
    "label_map": "streets-11",
    "num_classes": len(CLASSES),
    **columns_of(Scoring(), (96, 192)),
}
_COST: Row = {
    "activations": 439520,
    "elementwise_flops": 1919328,
    "unfused_by_class": {"activation": 2995456, "conv": 5181492, "pool": 131456},
    "uncounted_ops": {"aten::add": 10, "aten::max_pool2d": 1},
    "unknown_ops": {},
    "dead_modules": [],
    "uncalled_modules": [],
    "cost_size": "96x192",
    "cost_tool": "torch 2.13.0 on meta, checked by fvcore 0.1.5",
    "cost_protocol": 4,
}
_LATENCY: Row = {
    "latency_backend": "folded",
    "latency_num_samples": 10 * ROUNDS,
    "latency_method": "perf_counter",
    "latency_dtype": "float32",
    "latency_figure": "t_e2e",
    "latency_device": "a made-up CPU",
    "latency_size": "96x192",
    "latency_batch": 1,
    "latency_threads": 1,
    "latency_boundary_in": "dev",
    "latency_boundary": "labels_full",
    "latency_tf32": None,
    "latency_protocol": 3,
    "latency_session": "one",
    "latency_torch": "2.13.0+cpu",
    "latency_contended": False,
    "latency_rounds": ROUNDS,
    "latency_twin_ratio": 0.998,
    "latency_twin": "not distinguishable",
    "latency_verdict": "unproven",
    "latency_receipt": 16 * "d8a2",
    "latency_headline_ok": False,
    "latency_headline_reasons": ["the machine may not have been ours alone " * 4],
    "latency_findings": [],
}
_HISTORY = [
    json.dumps([[s, 5 * np.exp(-s / k) + 1, 0.05 * (1 - s / 400)] for s in range(1, 400, 4)])
    for k in np.linspace(50, 200, 40)
]
_CONFUSION = json.dumps(np.random.default_rng(1).integers(0, 90_000, (11, 11)).tolist())
