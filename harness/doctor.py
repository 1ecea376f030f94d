"""Says before a study starts what does not fit, on this machine or on any node of a cluster."""

from __future__ import annotations

import os
from argparse import Namespace
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import asdict
from functools import partial
from pathlib import Path

from rich.console import Console

from harness.architecture import Part
from harness.checkup import Asked, Check, examined, installed_plugins, meet
from harness.commands import knock, load_named, plugin_files
from harness.data.dataset import datasets
from harness.data.roots import DataRoots, data_roots, open_dataset
from harness.loading import load_study
from harness.mistakes import one_line
from harness.plan import candidates
from harness.progress import some
from harness.shipment import shipped
from harness.space import holes
from harness.study import Study
from harness.terminal import Answer
from harness.versions import differing, versions

HERE = "this machine"
BETWEEN = "between nodes"

REACH = (
    "a trial of several GPUs must stay on one node then: let nodes reach each other on all ports, "
    "or set GLOO_SOCKET_IFNAME and NCCL_SOCKET_IFNAME on them to the network that they share"
)

SAME = "install the same versions there, or start the study from a machine like the nodes"

Found = dict[str, list[Check]]
"""The checks of each machine by its name."""


def diagnosed(options: Namespace) -> Answer:
    """The answer of ``twopath doctor``: 1 where something does not fit."""
    load_named(options)
    plugins, study = plugin_files(options), None
    if options.study:
        study, own = load_study(options.study)
        plugins += own
    if options.address not in (None, "auto"):
        knock(options.address)
    roots = data_roots(options.data)
    found: Found = {HERE: []}
    data = _data(study, roots, found[HERE])
    with _token(Path(options.runs).resolve(), found[HERE]) as token:
        asked = Asked(
            runs=Path(options.runs).resolve(),
            roots=roots,
            shipment=shipped(plugins),
            plugins=plugins,
            installed=installed_plugins(),
            data=data,
            token=token,
        )
        found[HERE] += [_versions_here(), *examined(asked)]
        if options.address:
            found |= _elsewhere(options.address, asked)
    bad = sum(not check.is_ok for checks in found.values() for check in checks)
    record = {
        "fits": not bad,
        "machines": {name: list(map(asdict, checks)) for name, checks in found.items()},
    }
    return Answer(record=record, show=partial(show, found), code=int(bool(bad)))


def _data(
    study: Study | None, roots: DataRoots, checks: list[Check]
) -> tuple[tuple[Part, str], ...]:
    """The data sets that a study or --data names, as they are here."""
    wanted = [Part(name) for name, _ in roots.named if name in datasets]
    if study is not None:
        wanted = _data_of(study)
    found = []
    for part in wanted:
        try:
            found.append((part, open_dataset(part, roots).fingerprint()))
        except OSError as error:
            remedy = "say where it lies with --data NAME=PATH"
            checks.append(Check(name="data", is_ok=False, said=one_line(error), remedy=remedy))
    return tuple(found)


def _data_of(study: Study) -> list[Part]:
    if isinstance(study.recipe.dataset, Part) and not holes(study.recipe.dataset):
        return [study.recipe.dataset]
    return list(dict.fromkeys(each.recipe.dataset for each in candidates(study)))


@contextmanager
def _token(runs: Path, checks: list[Check]) -> Iterator[tuple[str, str] | None]:
    """A file in the run storage that only a machine that shares it can read; removed again."""
    name, text = f"doctor-{os.urandom(6).hex()}", os.urandom(16).hex()
    made = not runs.exists()
    try:
        runs.mkdir(parents=True, exist_ok=True)
        (runs / name).write_text(text)
    except OSError as error:
        remedy = "say a folder that can be written to with --runs"
        checks.append(Check(name="storage", is_ok=False, said=one_line(error), remedy=remedy))
        yield None
        return
    try:
        yield name, text
    finally:
        (runs / name).unlink(missing_ok=True)
        if made:
            with suppress(OSError):
                runs.rmdir()


def _versions_here() -> Check:
    said = ", ".join(f"{name} {each}" for name, each in versions().items())
    return Check(name="versions", is_ok=True, said=said)


def _elsewhere(address: str, asked: Asked) -> Found:
    """The checks of every node of a cluster, its versions first."""
    from harness.runners.nodes import nodes_of

    theirs, looked = nodes_of(address, versions), nodes_of(address, examined, asked)
    found = {name: judged(theirs[name], looked.get(name)) for name in theirs}
    return found | ({BETWEEN: [_meeting(address)]} if len(found) > 1 else {})


def _meeting(address: str) -> Check:
    """Lets a process on each node add up what all have, as those do that train a trial together."""
    from harness.runners.gang import meeting_at

    try:
        sums = meeting_at(address, meet, 1.0)
    except Exception as error:  # whatever a network or another version may do
        return Check(name="processes", is_ok=False, said=one_line(error)[:300], remedy=REACH)
    said = f"processes on {some(len(sums), 'node')} that train met and added up"
    return Check(
        name="processes", is_ok=sums == [float(len(sums))] * len(sums), said=said, remedy=REACH
    )


def judged(theirs: Mapping[str, str] | str, looked: list[Check] | str | None) -> list[Check]:
    """What a node's answers come to; a string is why it did not answer."""
    if isinstance(theirs, str):
        return [Check(name="versions", is_ok=False, said=theirs, remedy=SAME)]
    differs = differing(versions(), dict(theirs))
    if differs:
        first = Check(name="versions", is_ok=False, said="; ".join(differs), remedy=SAME)
    else:
        first = Check(name="versions", is_ok=True, said="as on this machine")
    if looked is None or isinstance(looked, str):
        said = looked or "the node left the cluster"
        remedy = "see that node's Ray logs, session_latest/logs in Ray's temporary folder"
        return [first, Check(name="checks", is_ok=False, said=said, remedy=remedy)]
    return [first, *looked]


def show(found: Found, console: Console) -> None:
    """Prints a line a check, each with its remedy where it does not fit."""
    for machine, checks in found.items():
        console.print(machine)
        for check in checks:
            console.print(f"  {'ok ' if check.is_ok else 'NOT'} {check.name}: {check.said}")
            if not check.is_ok and check.remedy:
                console.print(f"      {check.remedy}")
    bad = sum(not check.is_ok for checks in found.values() for check in checks)
    console.print(f"{bad} of these do not fit" if bad else "everything fits")
