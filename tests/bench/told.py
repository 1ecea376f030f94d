"""What a bench found, as a record for machines and as tables for people."""

from __future__ import annotations

import os
from typing import Any

import torch
from arms import LOOP, STEP, Bench
from interleave import Range, Rounds, seconds_a_step, share, summary
from rich.console import Console

from harness.measure.device import cpu_pressure, device_name
from harness.terminal import table

Record = dict[str, Any]

GOAL = 0.03
"""What our loop may cost over the bare step, and spend waiting for data."""


def figures(rounds: Rounds, bench: Bench, peak_mib: float | None) -> Record:
    """What is known of one arm, its shares being of its own time."""
    seconds = seconds_a_step(rounds)
    saves = [burst.save_s for bursts in rounds for burst in bursts if burst.save_s is not None]
    return {
        "images_per_s": as_list(summary([bench.recipe.batch / each for each in seconds])),
        "step_ms_by_round": [1e3 * each for each in seconds],
        "wait_share": as_list(share(rounds, "wait_s")),
        "step_share": as_list(share(rounds, "step_s")),
        "save_ms": 1e3 * sum(saves) / len(saves) if saves else None,
        "peak_mib": peak_mib,
    }


def as_list(values: Range | None) -> list[float] | None:
    """Median, least and most."""
    return values and [values.median, values.least, values.most]


def about(bench: Bench, network: str) -> Record:
    """Under what the figures were taken."""
    recipe = bench.recipe
    return {
        "network": network,
        "dataset": recipe.dataset.name,
        "crop": list(recipe.crop),
        "batch": recipe.batch,
        "steps": recipe.steps - 1,
        "precision": recipe.amp or "float32",
        "device": device_name(bench.device),
        "threads": torch.get_num_threads(),
        "torch": torch.__version__,
    }


def load() -> Record:
    """How busy the machine is, as far as it says: load over a minute, waiting for a CPU in 10 s."""
    average = os.getloadavg()[0] if hasattr(os, "getloadavg") else None
    return {"load": average, "cpu_pressure_percent": cpu_pressure()}


def show(found: Record, console: Console) -> None:
    """Prints the record."""
    height, width = found["crop"]
    console.print(
        f"{found['network']} on {found['dataset']}, {found['batch']} crops of {height}x{width}, "
        f"{found['precision']}, {found['threads']} threads, torch {found['torch']}, "
        f"{found['device']}; load {found['load_before']['load']:.1f} before and "
        f"{found['load_after']['load']:.1f} after; {found['rounds']} rounds, median (range)\n"
    )
    show_arms(found["arms"], console)
    show_ratios("time of one over another", found["loops"], console)
    show_ratios("time without over time with", found["brings"], console)
    for name, why in found["left_out"].items():
        console.print(f"{name}: {why}")
    for line in targets(found):
        console.print(line)


def show_arms(found: Record, console: Console) -> None:
    """A row an arm."""
    drawn = table("arm", right=("images/s", "waiting %", "step %", "save ms", "peak MiB"))
    for name, arm in found.items():
        shares = (percent(arm[which]) for which in ("wait_share", "step_share"))
        rest = (whole(arm["save_ms"]), whole(arm["peak_mib"]))
        drawn.add_row(name, spread(arm["images_per_s"], 1), *shares, *rest)
    console.print(drawn)
    console.print()


def show_ratios(title: str, found: Record, console: Console) -> None:
    """A row a pair."""
    drawn = table(title, right=("by the clock", "by CPU time"))
    for name, pair in found.items():
        drawn.add_row(name, spread(pair["wall"], 3), spread(pair["cpu"], 3))
    console.print(drawn)
    console.print()


def targets(found: Record) -> list[str]:
    """The two goals, and the loop's own cost by its accounts, which is sharper than the pairs."""
    over, loop = found["loops"][f"{LOOP} / {STEP}"], found["arms"][LOOP]
    wall, cpu = (", ".join(f"{100 * (each - 1):+.1f}" for each in over[of]) for of in over)
    own = 1 - loop["step_share"][0] - loop["wait_share"][0]
    return [
        f"loop over bare step: {wall} % by the clock (median, least, most), {cpu} % by CPU time "
        f"(goal: at most {100 * GOAL:.0f} %); neither step nor waiting: {100 * own:.2f} %",
        f"waiting for data: {percent(loop['wait_share'])} % (goal: under {100 * GOAL:.0f} %)",
    ]


def spread(values: list[float], decimals: int) -> str:
    """Median and range."""
    median, least, most = (f"{each:.{decimals}f}" for each in values)
    return f"{median} ({least}..{most})"


def percent(values: list[float] | None) -> str:
    """Median and range of a share, in percent."""
    return spread([100 * each for each in values], 2) if values else ""


def whole(value: float | None) -> str:
    """A figure without decimals, if there is one."""
    return "" if value is None else f"{value:.0f}"
