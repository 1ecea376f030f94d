"""What ``make bench-run`` found, as a table to paste."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from rich.console import Console

from harness.terminal import table

Record = dict[str, Any]
Line = tuple[str, str, str]


def show(found: Record, console: Console) -> None:
    """Prints the record: what was measured, its figure, and the goal."""
    before, after = found["load_before"], found["load_after"]
    console.print(
        f"{found['cpu']}, {found['cores']} cores; load {before['load']:.1f} before and "
        f"{after['load']:.1f} after; {found['seconds']:.0f} s\n"
    )
    drawn = table("what", right=("figure", "goal"))
    for name, lines in LINES.items():
        if name in found:
            for line in lines(found[name]):
                drawn.add_row(*line)
    console.print(drawn)
    if "busy" in found.get("cluster", {}):
        _show_busy(found["cluster"], console)


def _planning(found: Record) -> Iterator[Line]:
    for seeds, each in found.items():
        yield (
            f"planning {each['trials']:,} trials, {seeds} a candidate",
            f"{each['seconds']:.1f} s ({each['cpu_s']:.1f} s of CPU)",
            "under 10 s",
        )


def _ledger(found: Record) -> Iterator[Line]:
    yield "4 kB written through to this disk", _tails(found["fsync"]), ""
    for rows, each in found.items():
        if rows != "fsync":
            for what, values in each.items():
                yield f"ledger of {int(rows):,} rows: {what}", _tails(values), "under 2 ms"


def _local(found: Record) -> Iterator[Line]:
    yield "the bare function", _tails(found["bare_ms"]), ""
    for trials, each in found["studies"].items():
        name = f"local study of {int(trials):,}"
        yield f"{name}: over the bare function, a trial", _ms(each["overhead_ms"]), "at most 20 ms"
        first, last = (
            f"{_ms(each[f'{which}_ms'])} ({_ms(each[f'{which}_cpu_ms'])} of CPU)"
            for which in ("first", "last")
        )
        yield f"{name}: first trials", first, ""
        yield f"{name}: last trials", last, "as the first"
        yield f"{name}: planned and measured, a trial", _ms(each["plan_ms"]), ""


def _propose(found: Record) -> Iterator[Line]:
    yield (
        f"a proposal by TPE that knows {found['told']:,}",
        f"{_spread(found['ms'])} ms ({found['cpu_ms'][0]:.0f} ms of CPU)",
        "under 250 ms",
    )


def _workers(found: Record) -> Iterator[Line]:
    for what, each in found.items():
        name = f"{each['trials']} trials that {what}, two workers over one"
        whole = f"{each['ratio']:.3f} ({each['two_s']:.1f} s of {each['one_s']:.1f} s)"
        yield f"{name}", whole, "at most 0.55"
        at_work = f"{each['ratio_at_work']:.3f} ({each['start_s']:.1f} s to start)"
        yield f"{name}, once they run", at_work, ""


def _ray(found: Record) -> Iterator[Line]:
    for of, clock in (("ms", "by the clock"), ("cpu_ms", "CPU time of the driver")):
        each = found[of]
        yield f"Tune as it comes, a trial, {clock}", f"{_spread(each['tune'])} ms", ""
        yield f"Tune that keeps nothing, a trial, {clock}", f"{_spread(each['bare'])} ms", ""
        yield f"ours on Ray, a trial, {clock}", f"{_spread(each['ours'])} ms", ""
        goal = "at most 1.10" if of == "ms" else ""
        yield f"ours over Tune as it comes, {clock}", _spread(each["ratio"], 2), goal
        yield f"ours over Tune that keeps nothing, {clock}", _spread(each["bare_ratio"], 2), ""
        yield f"a report of a trial, {clock}", _ms(each["report"]), ""


def _cluster(found: Record) -> Iterator[Line]:
    yield (
        f"{found['workers']:,} trials in flight, driver and ledger, a trial",
        f"{_ms(found['session_ms'])}: {found['session_a_s']:.0f} trials a second",
        "",
    )
    if "serve_ms" in found:
        yield "the same with Ray", f"{1e3 / found['serve_ms']:.0f} trials a second", ""


LINES = {
    "plan": _planning,
    "ledger": _ledger,
    "local": _local,
    "propose": _propose,
    "workers": _workers,
    "ray": _ray,
    "cluster": _cluster,
}


def _show_busy(found: Record, console: Console) -> None:
    """How busy simulated workers are."""
    lengths = next(iter(found["busy"].values()))
    console.print(
        f"\n{found['workers']:,} simulated workers on Ray: share of their time in which they "
        f"train (the driver takes {_ms(found['serve_ms'])} a trial and {_ms(found['hear_ms'])} a "
        "report), and trials a second"
    )
    drawn = table("a report every", right=tuple(f"trials of {each} s" for each in lengths))
    for every, row in found["busy"].items():
        cells = (_cell(each) for each in row.values())
        drawn.add_row(f"{every} s", *cells)
    console.print(drawn)


def _cell(each: Record) -> str:
    return f"{100 * each['share']:.0f} %, {each['share'] * each['wanted_a_s']:.3g}"


def _ms(value: float) -> str:
    return f"{value:.2f} ms"


def _tails(values: list[float]) -> str:
    """Median and tenths."""
    return f"{values[0]:.2f} ms ({values[1]:.2f}..{values[2]:.2f})"


def _spread(values: list[float], decimals: int = 1) -> str:
    median, least, most = (f"{each:.{decimals}f}" for each in values)
    return f"{median} ({least}..{most})"
