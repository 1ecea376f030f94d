"""How often our intervals of a ratio hold the truth on this machine: ``make bench-measure``.

Many short sessions of ``twopath time`` meet a network, its copy and one that does 3 % more work,
on the machine as it is and with a load running beside it, in turn; the same number of samples is
taken block after block, as is common. What is judged from raw samples can be judged again:
``--raw FILE`` keeps them, ``--replay FILE`` judges them by the code as it is now.
"""

from __future__ import annotations

import argparse
import json
import random
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import torch
from burner import LOADED, QUIET, under
from ending import run
from known import COPY, NETWORK, SIZE, SLOWER, networks, single, witness
from shares import judged
from shown import show
from simulated import WORLDS, simulate

from harness.measure.arms import arms_of
from harness.measure.device import cpu_name, num_cores
from harness.measure.latency import time_together
from harness.measure.rounds import stop_of
from harness.measure.sampling import undisturbed
from harness.study import Timing
from harness.terminal import Answer, give
from harness.timing import MOST_ROUNDS, TARGET

TIMING = Timing(most_rounds=MOST_ROUNDS, burst=10, warmup_s=2.0, target=TARGET, limit_s=60)
"""What ``twopath time`` asks for."""

TURNS = 50
"""Of the witness in each session: about a second."""

BLOCKS = COPY, NETWORK, SLOWER
"""The order of blocks: those that are compared lie beside each other."""

CPU = torch.device("cpu")

Session = dict[str, Any]


def options_of(words: Sequence[str]) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--sessions", type=int, default=60, help="of both conditions together")
    parser.add_argument("--seconds", type=float, default=450, help="no session begins after them")
    parser.add_argument("--simulated", type=int, default=400, help="sessions of each made-up world")
    parser.add_argument("--raw", type=Path, metavar="FILE", help="keep all samples as JSON")
    parser.add_argument("--replay", type=Path, metavar="FILE", help="judge kept samples again")
    parser.add_argument("--json", action="store_true")
    return parser.parse_args(words)


def main(words: Sequence[str]) -> int:
    """Measures, or reads what was measured, and prints what it comes to; gives the exit code."""
    options = options_of(words)
    if options.replay:
        study = json.loads(options.replay.read_text())
    else:
        study = measured(options.sessions, options.seconds)
        if options.raw:
            options.raw.write_text(json.dumps(study))
    found = {key: value for key, value in study.items() if key != "sessions"}
    found |= judged(study["sessions"])
    found["simulated"] = {
        name: simulate(world, stop_of(TIMING), options.simulated)
        for name, world in WORLDS.items()
        if options.simulated
    }
    return give(Answer(record=found, show=lambda out: show(found, out)), as_json=options.json)


def measured(num: int, limit_s: float) -> Session:
    """The machine, and the raw record of each session."""
    start = time.monotonic()
    sessions: list[Session] = []
    for condition in conditions(num):
        if sessions and time.monotonic() - start > limit_s:
            break
        sessions.append(taken(condition))
        progress(len(sessions), num, sessions[-1])
    return {
        "cpu": cpu_name(),
        "cores": num_cores(),
        "torch": torch.__version__,
        "num_sessions": len(sessions),
        "sessions": sessions,
        "all_seconds": time.monotonic() - start,
    }


def conditions(num: int) -> Iterator[str]:
    """Both conditions in each pair, in a random order."""
    shuffler = random.Random(0)
    order = [each for _ in range((num + 1) // 2) for each in shuffler.sample((QUIET, LOADED), 2)]
    yield from order[:num]


def taken(condition: str) -> Session:
    """One session: ours, blocks of as many samples, in either order, and the witness."""
    found = networks()
    ours_first = random.random() < 0.5
    with under(condition) as machine:
        blocks = None if ours_first else blocks_of(found, 2 * TIMING.rounds * TIMING.burst)
        start = time.monotonic()
        session = time_together(found, TIMING, SIZE, CPU)
        seconds = time.monotonic() - start
        samples = sum(len(b.samples_ns) for b in session.bursts if b.arm == NETWORK)
        blocks = blocks or blocks_of(found, samples)
    return {
        "condition": condition,
        "machine": machine,
        "seconds": seconds,
        "ended": session.facts["latency_ended"],
        "twin": session.facts["latency_twin"],
        "bursts": [[b.arm, b.round, b.place, b.start_ns, b.samples_ns] for b in session.bursts],
        "blocks": blocks,
        "witness": witness(found, TURNS),
    }


def blocks_of(found: dict[str, torch.nn.Module], samples: int) -> dict[str, tuple[int, ...]]:
    """The samples of each network, all of one before the first of the next."""
    with single(), undisturbed():
        arms = {arm.name: arm for arm in arms_of(found, TIMING, SIZE, CPU)}
        blocks = {}
        for name in BLOCKS:
            take = arms[name].samplers[0].take
            take(TIMING.warmup)
            blocks[name] = take(samples)
        return blocks


def progress(done: int, num: int, session: Session) -> None:
    """Says on stderr how far it is."""
    told = f"{session['condition']}, {session['seconds']:.1f} s, {session['ended']}"
    print(f"session {done} of {num}: {told}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    run("bench-measure", main)
