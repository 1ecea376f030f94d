"""The command cost: parameters, multiply-adds and memory, and what is wrong with a network."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Iterator
from functools import partial
from typing import Any

import torch
from rich.console import Console
from torch import nn

from harness.architecture import Architecture
from harness.backends.steps import said
from harness.commands import Rows, load_named
from harness.foreign import (
    ended,
    folded_if_traced,
    is_foreign,
    load_module,
    num_channels,
    other_classes,
    short_name,
)
from harness.measure.anatomy import anatomy
from harness.measure.candidates import cost_of
from harness.measure.checked import DISAGREE, count_checked
from harness.measure.faults import findings_of
from harness.measure.training_memory import SMALLEST_BATCH, Trained, training_peak
from harness.mistakes import is_users, one_line
from harness.networks import get
from harness.study import Recipe
from harness.terminal import Answer, table

Given = dict[str, Architecture | str]


def given_by(names: list[str]) -> Given:
    """The networks that words on a command line mean, by what they are called from there on.

    A stranger's is called FILE.py:NAME without its folder, unless two would be called alike.
    """
    twice = next((each for at, each in enumerate(names) if each in names[:at]), None)
    if twice:
        raise ValueError(f"network {twice!r} is named twice")
    short = [short_name(each) for each in names]
    found: Given = {}
    for name in names:
        label = short_name(name)
        if is_foreign(name):
            found[label if short.count(label) == 1 else name] = name
        else:
            found[name] = get(name)
    return found


def cost(options: Namespace) -> Answer:
    """The costs of the named networks.

    One that cannot be counted is in the answer with its reason; ValueError if none can, and what
    ``load_module`` and ``get`` raise for one that is not there.
    """
    load_named(options)
    rows, wrong = [], []
    for name, each in given_by(options.networks).items():
        row = {"network": name, "num_classes": options.classes}
        try:
            rows.append(row | _cost_of(each, options))
        except (KeyError, OSError):  # there is no such network
            raise
        except Exception as error:  # whatever a network does, the others' rows stay
            told = one_line(error) if is_users(error) else said(error)
            rows.append(row | {"cost_error": told})
            wrong.append(error)
    if len(wrong) == len(rows):
        raise wrong[0]
    return Answer(record=rows, show=partial(show_costs, rows, options))


def _cost_of(given: Architecture | str, options: Namespace) -> dict[str, Any]:
    """The cost of a network; of a stranger's, also what the fault detector finds."""
    if isinstance(given, Architecture):
        return cost_of(given, options.classes, options.size, training=True)
    module = load_module(given, options.classes)
    try:
        deployed, boundary = _ended(module, options.size)
        cost = _counted(deployed, options.size)
        found = num_channels(module, options.size)
    except (Exception, SystemExit) as error:  # whatever the stranger's network does with an image
        height, width = options.size
        raise ValueError(f"{given} cannot be counted at {height}x{width}: {said(error)}") from error
    faults = findings_of(deployed, options.size, boundary=boundary, device=torch.device("cpu"))
    cost |= _training(module, options.size)
    told = other_classes(found, options.classes)
    if told:
        cost |= {"num_classes": found, "classes_note": told}
    return {**cost, "findings": [str(each) for each in faults]}


def _training(module: nn.Module, size: tuple[int, int]) -> dict[str, Any]:
    """The peak memory of a step that trains a stranger's network, or why it is unknown."""
    try:
        peak = training_peak(Trained(module), Recipe(), size, SMALLEST_BATCH)
    except (Exception, SystemExit) as error:  # whatever the stranger's network does so
        return {"training_error": said(error)}
    return {"training_peak_bytes": peak, "training_batch": SMALLEST_BATCH}


def _counted(deployed: nn.Module, size: tuple[int, int]) -> dict[str, Any]:
    """The cost of a stranger's network, folded where that takes nothing of it away."""
    cost = count_checked(deployed, size).record()
    # Folding takes away what is never called, of which the figures are to tell.
    is_sound = not cost["dead_modules"] and not cost["uncalled_modules"]
    folded = folded_if_traced(deployed) if is_sound else deployed
    if folded is not deployed:
        cost = count_checked(folded, size).record()
    return {**cost, "folded": folded is not deployed}


def counts_of(networks: Given, num_classes: int, size: tuple[int, int]) -> dict[str, Any]:
    """What networks cost, by name, for the receipt of their times.

    One that cannot be counted is left out: whether it can be timed shows when it is. What
    ``load_module`` raises comes through.
    """
    found = {}
    for name, each in networks.items():
        own = None if isinstance(each, Architecture) else load_module(each, num_classes)
        try:
            if isinstance(each, Architecture):
                found[name] = cost_of(each, num_classes, size)
            elif own is not None:
                found[name] = _counted(_ended(own, size)[0], size)
        except (Exception, SystemExit):  # whatever a stranger's part or network does
            continue
    return found


def _ended(module: nn.Module, size: tuple[int, int]) -> tuple[nn.Module, str]:
    """A network that ends in logits at full size, or in classes if it gives them itself."""
    gives_labels = "int" in anatomy(module, size).output_dtype
    boundary = "labels_full" if gives_labels else "logits_full"
    return ended(module, boundary, size), boundary


def show_costs(rows: Rows, options: Namespace, console: Console) -> None:
    """Prints costs with the convention they are in, and what was not counted."""
    height, width = options.size
    title = f"Cost of one {height}x{width} image, {options.classes} classes"
    drawn = table("network", right=tuple(COST_COLUMNS), title=title)
    for row in rows:
        if "cost_error" in row:
            drawn.add_row(row["network"], "not counted")
            continue
        drawn.add_row(
            row["network"] + " *" * bool(row["unknown_ops"]),
            *(_scaled(row.get(key), *how) for key, how in COST_COLUMNS.values()),
        )
    console.print(drawn)
    sound = [row for row in rows if "cost_error" not in row]
    console.print(
        "One multiply-add = 1 (conv: those of convolutions and matrix products), deployed graph "
        f"(no auxiliary heads; batch norm folded, or it is said below), {sound[0]['cost_tool']}. "
        "Moved: what a float32 pass reads and writes if no operator is fused. Peak: the most "
        "that live tensors hold, weights included, workspaces and the allocator's "
        "rounding not; train: the same for a "
        f"step on {SMALLEST_BATCH} images with SGD and the cross entropy of all outputs."
    )
    for row in rows:
        if "cost_error" in row:
            wrong = f"{row['network']} was not counted: {row['cost_error']}"
            console.print(wrong, markup=False, highlight=False)
    for row in sound:
        for note in _cost_notes(row):
            console.print(f"{row['network']}: {note}")


COST_COLUMNS: dict[str, tuple[str, tuple[float, int]]] = {
    "params M": ("params", (1e-6, 3)),
    "GMACs": ("gmacs", (1, 3)),
    "conv": ("gmacs_conv", (1, 3)),
    "moved GB": ("unfused_bytes", (1e-9, 2)),
    "peak MB": ("inference_peak_bytes", (1e-6, 0)),
    "train MB": ("training_peak_bytes", (1e-6, 0)),
}
"""What ``twopath cost`` shows at a glance, by heading: key, and scale with decimals."""


def _scaled(value: float | None, scale: float, decimals: int) -> str:
    return "unknown" if value is None else f"{value * scale:.{decimals}f}"


def _cost_notes(row: dict[str, Any]) -> Iterator[str]:
    """What a reader must know beside a network's figures."""
    if "classes_note" in row:
        yield row["classes_note"]
    yield f"not counted: {_calls(row['uncounted_ops'])}"
    if row["unknown_ops"]:
        yield f"* the count is INCOMPLETE, {_doubts(row['unknown_ops'])}"
    if "training_error" in row:
        yield (
            "the memory of a training step is unknown, where one was tried on the meta device, "
            f"without values: {row['training_error']}"
        )
    if row["dead_modules"]:
        yield f"computes what nothing uses: {', '.join(row['dead_modules'])}"
    if row.get("folded") is False:
        is_kept = row["dead_modules"] or row["uncalled_modules"]
        why = "folding would take away what is never used" if is_kept else "it cannot be folded"
        yield f"its batch norms are not folded in these figures: {why}"
    for each in row.get("findings", ()):
        yield f"found: {each}"
    if row["uncalled_modules"]:
        yield f"has parameters that are never used: {', '.join(row['uncalled_modules'])}"


def _doubts(unknown: dict[str, int]) -> str:
    """Why a count may be too low."""
    operators = {name: times for name, times in unknown.items() if name != DISAGREE}
    doubts = [f"{_calls(operators)} may hide multiply-adds"] if operators else []
    return " and ".join(doubts + [f"{DISAGREE} about its multiply-adds"] * (DISAGREE in unknown))


def _calls(operators: dict[str, int]) -> str:
    return ", ".join(f"{name} x{times}" for name, times in operators.items()) or "nothing"
