"""How many trials does each sampler need to find a space's front?

The space is ``studies/parts.py``: 1,000 architectures whose costs are real, counted by ``twopath
sweep parts`` (tables/parts.csv). Their accuracy is SYNTHETIC, drawn for each seed anew:
alternatives that cost more are mostly better, with diminishing returns; pairs of parts interact;
each architecture has a part of its own. So the figures rank samplers on spaces of this shape, and
say nothing of any network.
"""

from __future__ import annotations

import argparse
import csv
import json
import math
import os
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")  # the models are small

import numpy as np
from numpy.typing import NDArray

from harness.plan import Candidate
from harness.plugins import load_plugins
from harness.runners.proposals import Outcome
from harness.runners.search import generations
from harness.searching import Search
from harness.study import Study
from studies.parts import study as PARTS

TABLE = Path(__file__).parent / "tables" / "parts.csv"
KINDS = ("detail", "semantic", "context", "fusion", "head")
GROUP = 4
GOAL = 0.95
SHARES = {"alone": 0.6, "pairs": 0.25, "rest": 0.15}
"""Of the variance of accuracy: each part alone, pairs of parts, and what is left."""

Floats = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class Table:
    """A space with all its figures: cost in GMACs and accuracy, by candidate label."""

    gmacs: dict[str, float]
    params: dict[str, float]
    miou: dict[str, float]


def table(seed: int) -> Table:
    """The table of a seed: the costs of all tables are the same."""
    with TABLE.open(newline="") as file:
        rows = list(csv.DictReader(file))
    labels = [", ".join(f"{kind}={row[kind]}" for kind in KINDS) for row in rows]
    gmacs = {label: float(row["gmacs"]) for label, row in zip(labels, rows, strict=True)}
    params = {label: float(row["params"]) for label, row in zip(labels, rows, strict=True)}
    miou = accuracies(rows, np.random.default_rng((2026, seed)))
    return Table(gmacs=gmacs, params=params, miou=dict(zip(labels, miou.tolist(), strict=True)))


def accuracies(rows: list[dict[str, str]], rng: np.random.Generator) -> Floats:
    """Accuracies from about 0.55 to 0.78, (n,)."""
    sizes = np.array([math.log(float(row["gmacs"])) for row in rows])
    alone = sum((_effect(rows, (kind,), sizes, rng) for kind in KINDS), np.zeros(len(rows)))
    pairs = [(a, b) for i, a in enumerate(KINDS) for b in KINDS[i + 1 :]]
    joint = sum((_effect(rows, pair, None, rng) for pair in pairs), np.zeros(len(rows)))
    parts = {"alone": alone, "pairs": joint, "rest": rng.normal(size=len(rows))}
    score = sum(math.sqrt(SHARES[name]) * _standard(each) for name, each in parts.items())
    return np.asarray(0.70 + 0.08 * np.tanh(0.5 * _standard(score)))


def _effect(
    rows: list[dict[str, str]],
    kinds: tuple[str, ...],
    sizes: Floats | None,
    rng: np.random.Generator,
) -> Floats:
    """The effect of each alternative: by chance, and half of it by what it costs."""
    names = [tuple(row[kind] for kind in kinds) for row in rows]
    known = list(dict.fromkeys(names))
    effects = _standard(rng.normal(size=len(known)))
    if sizes is not None:
        costs = [sizes[[name == each for name in names]].mean() for each in known]
        effects = _standard(effects + _standard(np.array(costs)))
    by_name = dict(zip(known, effects, strict=True))
    return np.array([by_name[name] for name in names])


def _standard(values: Floats) -> Floats:
    return (values - values.mean()) / (values.std() or 1.0)


def hypervolume(
    points: list[tuple[float, float]], costs: tuple[float, float], floor: float
) -> float:
    """The area under the best accuracy within each cost, (cost, accuracy) points, from a floor."""
    area, best = 0.0, floor
    ordered = sorted(points)
    for i, (cost, accuracy) in enumerate(ordered):
        best = max(best, accuracy)
        end = ordered[i + 1][0] if i + 1 < len(ordered) else costs[1]
        area += (end - cost) * (best - floor)
    return area / (costs[1] - costs[0])


def curve(sampler: str, seed: int, trials: int) -> Floats:
    """The share of the true front's hypervolume after each trial, (trials,)."""
    known = table(seed)
    study = replace(
        PARTS,
        objectives={"miou": "max", "gmacs": "min"},
        search=Search(trials=trials, sampler=sampler, seed=seed),
    )
    costs = min(known.gmacs.values()), max(known.gmacs.values())
    measure = partial(hypervolume, costs=costs, floor=min(known.miou.values()))
    whole = measure([(known.gmacs[label], known.miou[label]) for label in known.miou])
    points: list[tuple[float, float]] = []
    shares = []
    for label in _labels(study, known):
        points.append((known.gmacs[label], known.miou[label]))
        shares.append(measure(points) / whole)
    return np.array(shares + shares[-1:] * (trials - len(shares)))


def _labels(study: Study, known: Table) -> Iterator[str]:
    def look(candidate: Candidate) -> Outcome:
        return Outcome(values=(known.miou[candidate.label], known.gmacs[candidate.label]))

    def price(candidate: Candidate) -> dict[str, float]:
        return {"gmacs": known.gmacs[candidate.label], "params": known.params[candidate.label]}

    for group in generations(study, [], look, GROUP, price):
        yield from (each.candidate.label for each in group)


def needed(curves: Floats) -> Floats:
    """The number of trials to the goal, one a seed; infinite where it was not reached."""
    reached = curves >= GOAL
    return np.where(reached.any(axis=1), reached.argmax(axis=1) + 1.0, np.inf)


def interval(values: Floats, rng: np.random.Generator) -> tuple[float, float]:
    """A 95 % bootstrap interval of the median."""
    drawn = rng.choice(values, size=(2000, len(values)))
    low, high = np.quantile(np.median(drawn, axis=1), (0.025, 0.975), method="nearest")
    return float(low), float(high)


def main() -> None:
    """Prints, for each sampler, the trials to the goal and the share after some trials."""
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--seeds", type=int, default=20)
    options.add_argument("--trials", type=int, default=240)
    options.add_argument("--samplers", default="random,tpe,nsga2,front")
    options.add_argument("--json", action="store_true")
    given = options.parse_args()
    load_plugins(())
    record = {}
    for sampler in given.samplers.split(","):
        began = time.perf_counter()
        curves = np.array([curve(sampler, seed, given.trials) for seed in range(given.seeds)])
        took = (time.perf_counter() - began) / curves.size
        found = needed(curves)
        low, high = interval(found, np.random.default_rng(0))
        at = [20, 40, 60, 100, 160, given.trials]
        shares = {str(n): float(curves[:, n - 1].mean()) for n in at if n <= given.trials}
        record[sampler] = {"median": float(np.median(found)), "low": low, "high": high,
                           "reached": int(np.isfinite(found).sum()), "shares": shares,
                           "ms_a_trial": took * 1e3}  # fmt: skip
        if not given.json:
            said = ", ".join(f"{n}: {share:.3f}" for n, share in shares.items())
            print(f"{sampler:8} {np.median(found):5.0f} trials to {GOAL:.0%} of the front "
                  f"[{low:.0f}, {high:.0f}], in {record[sampler]['reached']} of {given.seeds} "
                  f"seeds; after {said}; {took * 1e3:.0f} ms a trial", flush=True)  # fmt: skip
    if given.json:
        print(json.dumps(record, indent=2))


if __name__ == "__main__":
    main()
