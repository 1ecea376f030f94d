"""A session that nobody took: its bursts, and what its receipt holds."""

import copy
import functools
import random

from harness.measure.estimate import Burst
from harness.measure.figured import SENTINEL, TWIN, controls_of, ratios_of, rows_of
from harness.measure.headline import headline
from harness.measure.receipt import as_lists

NAMES = ["fast", "slow"]
FIGURES = ["t_e2e", "t_thr"]


def bursts(rounds=12):
    """Two candidates, the second slower by a tenth, in a session whose machine drifts."""
    dice, found = random.Random(0), []
    level = {"fast": 1.0, "slow": 1.1, TWIN: 1.0, SENTINEL: 0.2}
    for number in range(rounds):
        for place, arm in enumerate([*level, *reversed(level)]):
            for figure in FIGURES:
                middle = 1e6 * level[arm] * (1 + number / 100)
                samples = tuple(round(middle * dice.uniform(0.98, 1.02)) for _ in range(5))
                burst = Burst(
                    arm=arm, figure=figure, round=number, place=place,
                    start_ns=number * 10**9, samples_ns=samples,
                )  # fmt: skip
                found.append(burst)
    return tuple(found)


def content(**changes):
    """What a session's receipt holds, whose figures are right."""
    made = copy.deepcopy(_sound()) | changes
    made["headlines"] = {name: headline(made, name) for name in NAMES}
    made["headline_ok"] = all(each["headline_ok"] for each in made["headlines"].values())
    return made


@functools.cache
def _sound():
    taken = bursts()
    facts = {"latency_ended": "precise", "latency_verdict": "proven"}
    facts |= controls_of(taken, FIGURES[0], NAMES)
    again = rows_of(taken, NAMES, FIGURES)
    return {
        "identity": {"git_dirty": False, "command": "twopath time fast slow"},
        "models": {name: {"findings": []} for name in NAMES},
        "figures": FIGURES,
        "protocol": facts,
        "bursts": as_lists(taken),
        "rows": {name: {**again[name], "latency_steady": True, **facts} for name in NAMES},
        "ratios": ratios_of(taken, NAMES, FIGURES),
        "evidence": {"verdict": "proven", "reasons": [], "findings": []},
    }
