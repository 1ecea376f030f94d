"""What the study of our intervals found, as tables for people."""

from __future__ import annotations

from typing import Any

from rich.console import Console
from shares import ROUNDS, WITHIN_S

from harness.terminal import table

Record = dict[str, Any]

COLUMNS = ("held", "A/A held", "A/A called different", "A/B held", "A/B found", "half-width")

GOALS = {"quiet": (0.93, 0.97), "loaded": (0.90, 1.0)}
"""The share of intervals that hold the truth: at least, and at most."""

FALSE = 0.05


def show(found: Record, console: Console) -> None:
    """Prints the record."""
    console.print(
        f"{found['cpu']}, {found['cores']} cores, torch {found['torch']}; "
        f"{found['num_sessions']} sessions in {found['all_seconds']:.0f} s\n"
    )
    for name, each in found["conditions"].items():
        _show_condition(name, each, console)
    console.print(_truth(found))
    for line in _goals(found["conditions"]):
        console.print(line)
    if found["simulated"]:
        _show_simulated(found["simulated"], console)


def _show_condition(name: str, found: Record, console: Console) -> None:
    drawn = table("95 % intervals by", right=COLUMNS, title=f"{name}: {_machine(found)}")
    for method, each in found["methods"].items():
        drawn.add_row(method, *_cells(each))
    console.print(drawn)
    ended = ", ".join(f"{count} {reason}" for reason, count in found["ended"].items())
    console.print(
        f"rounds {_spread(found['rounds'], '.0f')}, seconds {_spread(found['seconds'], '.1f')}, "
        f"ended: {ended}; false alarms of the twin: {_share(found['twin_alarm'])}\n"
    )


def _machine(found: Record) -> str:
    """What was seen of the machine, sessions' median and range."""
    seen = found["machine"]
    words = {
        "others_cores": ("others used {} cores", ".2f"),
        "pressure_percent": ("work waited for a CPU {} % of the time", ".0f"),
        "stolen_percent": ("{} % stolen", ".1f"),
    }
    return ", ".join(
        text.format(_spread(seen[name], form)) for name, (text, form) in words.items() if seen[name]
    )


def _cells(found: Record) -> list[str]:
    names = "holds", "holds_same", "false_different", "holds_slower", "finds_slower"
    return [*(_share(found[name]) for name in names if name in found), _width(found)]


def _width(found: Record) -> str:
    return f"{100 * found['half_width']['median']:.2f} %"


def _share(found: Record) -> str:
    """A share in percent with its binomial interval."""
    ends = f"{100 * found['low']:.0f}..{100 * found['high']:.0f}"
    return f"{100 * found['share']:.1f} % ({ends})"


def _spread(found: Record | None, form: str) -> str:
    if found is None:
        return "unknown"
    median, least, most = (format(found[each], form) for each in ("median", "least", "most"))
    return f"{median} ({least}..{most})"


def _truth(found: Record) -> str:
    """What the ratios really are."""
    told = (
        f"{name} {each['value']:.4f} ({each['low']:.4f}..{each['high']:.4f})"
        for name, each in found["by_cpu_clock"].items()
        if each["low"] is not None
    )
    return f"truth: 1 and {found['truth']:.4f}, as built; by the CPU clock {', '.join(told)}\n"


def _goals(conditions: Record) -> list[str]:
    lines = []
    for name, each in conditions.items():
        ours, (least, most) = each["methods"][ROUNDS], GOALS[name]
        span = f"{100 * least:.0f}..{100 * most:.0f} %" if most < 1 else f"at least {least:.0%}"
        lines += [
            f"{name}: held {_share(ours['holds'])} (goal: {span}); "
            f"called different {_share(ours['false_different'])} (goal: at most {FALSE:.0%}); "
            f"3 % found within {WITHIN_S:.0f} s {_share(each['found_in_time'])} (goal: always)"
        ]
    return [*lines, ""]


def _show_simulated(found: Record, console: Console) -> None:
    num = next(iter(found.values()))["holds_same"]["of"]
    drawn = table("world", right=(*COLUMNS[1:], "rounds"), title=f"made up, {num} sessions each")
    for name, each in found.items():
        drawn.add_row(name, *_cells(each), _spread(each["rounds"], ".0f"))
    console.print(drawn)
