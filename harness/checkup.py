"""Looks at one machine, on that machine: what a study needs there and whether it has it."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any

import torch

from harness.architecture import Part
from harness.data.roots import DataRoots, open_dataset
from harness.measure.device import num_cores
from harness.measure.nvml import gpu_facts, open_gpu
from harness.mistakes import one_line
from harness.plugins import GROUP, load_plugins
from harness.shipment import Shipment, unpacked
from harness.training.ranks import Ranks
from harness.training.together import together

ROOM_BYTES = 2**30
"""Less free disk than this is too little for checkpoints and weights."""

SHARED = "mount the folder of --runs on every node under the same path"


@dataclass(frozen=True, kw_only=True)
class Check:
    """What one look found; ``remedy`` says what to do where it does not fit."""

    name: str
    is_ok: bool
    said: str
    remedy: str = ""


@dataclass(frozen=True, kw_only=True)
class Asked:
    """What to look for: the driver's files, data and token, and what it itself found.

    ``data`` are data sets with the fingerprints that the driver sees; ``token`` is the name and
    text of a file in ``runs``, None where the driver could not write one.
    """

    runs: Path
    roots: DataRoots
    shipment: Shipment
    plugins: tuple[str, ...] = ()
    installed: tuple[str, ...] = ()
    data: tuple[tuple[Part, str], ...] = ()
    token: tuple[str, str] | None = None


def installed_plugins() -> tuple[str, ...]:
    """The names of the plugins that are installed here as packages."""
    return tuple(sorted(entry.name for entry in entry_points(group=GROUP)))


def examined(asked: Asked) -> list[Check]:
    """Every check of this machine; one that breaks has failed with what it said."""
    looks: dict[str, Callable[[Asked], Check]] = {
        "plugins": _plugins,
        "data": _data,
        "storage": _storage,
        "disk": _disk,
        "gpus": _gpus,
        "cores": _cores,
        "processes": _processes,
    }
    return [_tried(name, look, asked) for name, look in looks.items()]


def _tried(name: str, look: Callable[[Asked], Check], asked: Asked) -> Check:
    try:
        return look(asked)
    except Exception as error:
        said = f"{type(error).__name__}: {one_line(error)[:300]}"
        return Check(name=name, is_ok=False, said=said, remedy=REMEDIES[name])


REMEDIES = {
    "plugins": "install on this node what the plugin imports; data files beside it do not travel",
    "data": "put the data there under the same path, or say where with --data NAME=PATH",
    "storage": SHARED,
    "disk": SHARED,
    "gpus": "nvidia-smi on this node shows whether its driver works",
    "cores": "",
    "processes": "allow processes of one machine to talk over its loopback interface",
}


def _plugins(asked: Asked) -> Check:
    places = unpacked(asked.shipment)
    left_out = load_plugins([places.get(file, file) for file in asked.plugins])
    missing = sorted(set(asked.installed) - set(installed_plugins()))
    said = [*left_out, *(f"plugin {name!r} is not installed" for name in missing)]
    remedy = "install the same plugin packages on every node"
    if said:
        return Check(name="plugins", is_ok=False, said="; ".join(said), remedy=remedy)
    num = len(asked.plugins)
    return Check(name="plugins", is_ok=True, said=f"{num} of {num} files and what is installed")


def _data(asked: Asked) -> Check:
    for part, fingerprint in asked.data:
        if open_dataset(part, asked.roots).fingerprint() != fingerprint:
            said = f"{part.name} is not the data that the driver sees"
            return Check(name="data", is_ok=False, said=said, remedy=REMEDIES["data"])
    names = ", ".join(part.name for part, _ in asked.data) or "none was asked for"
    return Check(name="data", is_ok=True, said=names)


def _storage(asked: Asked) -> Check:
    """Reads what the driver wrote and writes an answer beside it."""
    if asked.token is None:
        said = f"the driver itself could not write to {asked.runs}"
        return Check(
            name="storage", is_ok=False, said=said, remedy="say another folder with --runs"
        )
    name, text = asked.token
    file = asked.runs / name
    if not file.is_file() or file.read_text() != text:
        said = f"{asked.runs} here is not the driver's: its token is not in it"
        return Check(name="storage", is_ok=False, said=said, remedy=SHARED)
    answer = file.with_name(f"{name}.{os.urandom(4).hex()}")
    answer.write_text(text)
    answer.unlink()
    return Check(name="storage", is_ok=True, said=f"token read and answered in {asked.runs}")


def _disk(asked: Asked) -> Check:
    there = next(each for each in (asked.runs, *asked.runs.parents) if each.exists())
    free = shutil.disk_usage(there).free
    said = f"{free / 2**30:.1f} GiB free at {there}"
    remedy = "make room, or say another folder with --runs"
    return Check(name="disk", is_ok=free >= ROOM_BYTES, said=said, remedy=remedy)


def _cards() -> Iterator[dict[str, Any]]:
    index = 0
    while (gpu := open_gpu(index)) is not None:
        yield gpu_facts(gpu)
        index += 1


def _gpus(asked: Asked) -> Check:
    cards, seen = list(_cards()), torch.cuda.device_count()
    names = [f"{each['gpu']} (driver {each['driver']})" for each in cards]
    said = ", ".join(names) or "none"
    if len(cards) == seen:
        return Check(name="gpus", is_ok=True, said=said)
    remedy = "install a torch built for this driver's CUDA, or a newer driver"
    if seen > len(cards):
        remedy = "install a driver whose library nvidia-ml-py can load"
    said = f"the driver has {len(cards)} ({said}), torch sees {seen}"
    return Check(name="gpus", is_ok=False, said=said, remedy=remedy)


def _cores(asked: Asked) -> Check:
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    said = f"{num_cores()} cores, {memory / 2**30:.1f} GiB of memory"
    return Check(name="cores", is_ok=True, said=said)


def _processes(asked: Asked) -> Check:
    """Lets two processes add up what they have, as those that train a trial together do."""
    sums = together(meet, 1.0, 2, lambda said: None)
    fits = sums == [2.0, 2.0]
    return Check(name="processes", is_ok=fits, said="two processes met and added up")


def meet(given: float, ranks: Ranks, say: Callable[[Any], None]) -> float:
    """The sum of what all processes were given."""
    return float(ranks.sum(torch.tensor(given)))
