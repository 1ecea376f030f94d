"""Writes a network as a file that other programs run, and proves that the file agrees."""

from __future__ import annotations

import shutil
import tempfile
from argparse import Namespace
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import torch
from rich.console import Console
from torch import Tensor, nn

from harness.backends.agreement import MIN_IMAGES, check_backend
from harness.backends.contract import check_available
from harness.backends.onnx_file import plainly, sha256, write_onnx
from harness.backends.onnxruntime_engine import load_onnx
from harness.backends.openvino_engine import load_openvino
from harness.backends.prepare import sample_images
from harness.backends.steps import said
from harness.backends.tensorrt_engine import build_engine, load_engine
from harness.commands import load_named
from harness.data.augment import MEAN, STD
from harness.foreign import (
    ended,
    folded_if_traced,
    is_foreign,
    load_module,
    num_channels,
    other_classes,
    short_name,
)
from harness.measure.contenders import why_not
from harness.names import check_writable, named_by
from harness.network import deploy
from harness.networks import get
from harness.terminal import Answer
from harness.training.loop import initialise
from harness.weights import read

WEIGHTS = "weights.pt"
"""What the weights are called in the folder of a trial."""

OTHER_SIZE = (96, 160)
"""At this size, and in batches of two, a file with open sizes is checked as well."""

Call = Callable[[Tensor], Tensor]


@dataclass(frozen=True, kw_only=True)
class Order:
    """What is to be written: a network for images like ``example``, to ``file``."""

    network: nn.Module
    example: Tensor
    file: Path
    dynamic: bool
    notes: Mapping[str, str]


@dataclass(frozen=True, kw_only=True)
class Format:
    """A kind of file: its ending, the backend whose packages it needs, how it is made and read.

    ``beside`` are the endings of what is written beside it.
    """

    ending: str
    beside: tuple[str, ...] = ()
    needs: str
    write: Callable[[Order], dict[str, Any]]
    load: Callable[[Path], Call]


def _write_onnx(order: Order) -> dict[str, Any]:
    opset = write_onnx(
        order.network, order.example, order.file, dynamic=order.dynamic, notes=order.notes
    )
    return {"opset": opset}


def _write_openvino(order: Order) -> dict[str, Any]:
    import openvino

    between = order.file.with_suffix(".onnx")
    facts = _write_onnx(Order(**{**vars(order), "file": between}))
    # Left alone it would round the weights to fp16.
    openvino.save_model(openvino.convert_model(between), order.file, compress_to_fp16=False)
    between.unlink()
    return facts


def _write_tensorrt(order: Order) -> dict[str, Any]:
    between = order.file.with_suffix(".onnx")
    facts = _write_onnx(Order(**{**vars(order), "file": between}))
    order.file.write_bytes(build_engine(between))
    between.unlink()
    return facts


def _write_torch(order: Order) -> dict[str, Any]:
    names = torch.export.Dim.AUTO
    open_sides = ({0: names, 2: names, 3: names},) if order.dynamic else None
    example = torch.cat([order.example] * 2) if order.dynamic else order.example
    with plainly("torch.export"), torch.no_grad():
        program = torch.export.export(order.network, (example,), dynamic_shapes=open_sides)
    torch.export.save(program, order.file, extra_files=dict(order.notes))
    return {}


def _load_torch(file: Path) -> Call:
    call: Call = torch.export.load(file).module()
    return call


FORMATS = {
    "onnx": Format(ending=".onnx", needs="onnxruntime", write=_write_onnx, load=load_onnx),
    "openvino": Format(
        ending=".xml",
        beside=(".bin",),
        needs="openvino",
        write=_write_openvino,
        load=load_openvino,
    ),
    "tensorrt": Format(
        ending=".engine",
        needs="tensorrt",
        write=_write_tensorrt,
        load=lambda file: load_engine(file.read_bytes()),
    ),
    "torch": Format(ending=".pt2", needs="eager", write=_write_torch, load=_load_torch),
}
"""The kinds of file by the name that ``--to`` knows them by."""


def exported(options: Namespace) -> Answer:
    """Writes the file that the options ask for; ValueError, and no file, if it does not agree."""
    load_named(options)
    form = FORMATS[options.to]
    device = torch.device("cuda" if options.to == "tensorrt" else "cpu")
    check_available(form.needs, device)
    target = _target(form, options)
    pair = _pair(options)
    why = why_not(pair.trained, options.size)
    if why:
        raise ValueError(f"network {options.network!r} cannot be exported: {why}")
    facts = write_checked(form, pair, options, target, device)
    record = {**_about(pair, options), "file": str(target), **facts}
    return Answer(record=record, show=partial(show_exported, record))


def _target(form: Format, options: Namespace) -> Path:
    """Where the file is to lie; nothing is written over, and no folder is made."""
    name = options.network.rpartition(":")[2] if is_foreign(options.network) else options.network
    target = Path(options.out or name + form.ending)
    if target.suffix != form.ending:
        raise ValueError(
            f"--out: a file for --to {options.to} ends in {form.ending}, not as {target}"
        )
    if not target.parent.is_dir():
        raise FileNotFoundError(f"--out {target}: there is no folder {target.parent}")
    for each in (target.with_suffix(ending) for ending in (form.ending, *form.beside)):
        if each.exists() and not options.force:
            raise FileExistsError(
                f"{each} is there already: --force writes over it, --out names another file"
            )
    check_writable(target.parent, "--out")
    return target


@dataclass(frozen=True, kw_only=True)
class Pair:
    """A network as it was trained, ending where it is to end, and as it is to be written.

    ``num_classes`` are those that it tells apart; ``classes_note`` says so if others were asked.
    """

    trained: nn.Module
    deployed: nn.Module
    num_classes: int
    classes_note: str | None = None


def _pair(options: Namespace) -> Pair:
    """The network that the options name, with the weights that they name.

    A stranger's is written as it is where ``torch.fx`` cannot trace it, as folding needs.
    """
    weights = Path(options.weights) if options.weights else None
    if not is_foreign(options.network):
        network = initialise(get(options.network), options.classes, seed=0).eval()
        load_trained(network, weights)
        trained = deploy(network, boundary=options.boundary, fold=False)
        deployed = deploy(network, boundary=options.boundary)
        return Pair(trained=trained, deployed=deployed, num_classes=options.classes)
    module = load_module(options.network, options.classes).eval()
    load_trained(module, weights)
    try:
        strange = ended(module, options.boundary, options.size)
        found = num_channels(module, options.size) or options.classes
    except (Exception, SystemExit) as error:  # whatever the stranger's network does
        raise ValueError(f"network {options.network!r} cannot be run: {said(error)}") from error
    return Pair(
        trained=strange,
        deployed=folded_if_traced(strange),
        num_classes=found,
        classes_note=other_classes(found, options.classes),
    )


def _about(pair: Pair, options: Namespace) -> dict[str, Any]:
    height, width = options.size
    note: dict[str, Any] = {"classes_note": pair.classes_note} if pair.classes_note else {}
    if not is_foreign(options.network):  # how a stranger's images are made is not known
        note |= {"mean": list(MEAN), "std": list(STD)}
    return {
        "network": short_name(options.network),
        "format": options.to,
        "weights": options.weights
        or ("as handed in" if is_foreign(options.network) else "untrained"),
        "num_classes": pair.num_classes,
        "size": f"{height}x{width}",
        "dynamic": options.dynamic,
        "boundary": options.boundary,
        **note,
    }


def write_checked(
    form: Format, pair: Pair, options: Namespace, target: Path, device: torch.device
) -> dict[str, Any]:
    """Writes a network beside where it is to lie, and moves it there once it is seen to agree."""
    reference = pair.trained.to(device)
    images = sample_images(options.size).to(device)
    notes = {f"twopath_{key}": str(value) for key, value in _about(pair, options).items()}
    with (
        named_by("--out"),
        tempfile.TemporaryDirectory(dir=target.parent, prefix=".twopath-") as folder,
    ):
        order = Order(
            network=pair.deployed.to(device),
            example=_example(options).to(device),
            file=Path(folder) / target.name,
            dynamic=options.dynamic,
            notes=notes,
        )
        facts = _written(form, order, options)
        facts |= check_file(form.load(order.file), reference, images, dynamic=options.dynamic)
        size = sum(each.stat().st_size for each in Path(folder).iterdir())
        facts |= {"bytes": size, "sha256": sha256(order.file)}
        for each in Path(folder).iterdir():
            shutil.move(each, target.parent / each.name)
    return facts


def _example(options: Namespace) -> Tensor:
    """What the exporter sees: where sizes stay open, an image that is one pixel nowhere inside.

    A side that is 1 at some stage would be taken for one that is always 1.
    """
    size = options.size
    if options.dynamic:
        size = tuple(map(max, size, OTHER_SIZE))
    return torch.zeros(1, 3, *size)


def _written(form: Format, order: Order, options: Namespace) -> dict[str, Any]:
    try:
        return form.write(order)
    except Exception as error:  # libraries raise whatever they like
        raise ValueError(
            f"network {options.network!r} cannot be written for {options.to}: {said(error)}"
        ) from error


def check_file(call: Call, network: nn.Module, images: Tensor, *, dynamic: bool) -> dict[str, Any]:
    """How a file agrees with the network on images one by one, and if it is open on others too.

    ValueError if it does not.
    """
    sets = [("", images, 1)]
    if dynamic:
        others = sample_images(OTHER_SIZE, batch=2).to(images.device)
        sets += [("in batches of two, ", images, 2), ("at 96x160, ", others, 2)]
    agreements, errors = [], []
    for where, shown, batch in sets:
        found = check_backend(call, network, shown, batch=batch)
        if not found.holds:
            raise ValueError(f"nothing is written: {where}the file {found.why}")
        agreements.append(found.agreement_strict)
        errors.append(found.max_abs_error)
    known = [error for error in errors if error is not None]
    return {
        "agreement": min(agreements),
        "max_abs_error": max(known) if known else None,
        "num_images": len(sets) * MIN_IMAGES,
    }


def load_trained(network: nn.Module, place: Path | None) -> None:
    """Loads the weights of a trial's folder, or of a file that ``torch.save`` wrote; none of None.

    FileNotFoundError if there are none; ValueError for those of another network.
    """
    if place is None:
        return
    file = place / WEIGHTS if place.is_dir() else place
    if not file.is_file():
        raise FileNotFoundError(f"--weights: there are no weights {file}")
    given, wanted = read(file), network.state_dict()
    wrong = [
        f"{name} is {_shape(given.get(name))}, not {_shape(wanted.get(name))}"
        for name in sorted({*given, *wanted})
        if _shape(given.get(name)) != _shape(wanted.get(name))
    ]
    if wrong:
        raise ValueError(
            f"{file} has the weights of another network, or of another number of --classes: "
            f"{len(wrong)} tensors differ, as {wrong[-1]}"
        )
    network.load_state_dict(given)


def _shape(tensor: Tensor | None) -> str:
    return "missing" if tensor is None else str(tuple(tensor.shape))


def show_exported(record: dict[str, Any], console: Console) -> None:
    """Prints what was written and how it agrees."""
    size = f"{record['size']} and any other" if record["dynamic"] else record["size"]
    opset = f", opset {record['opset']}" if "opset" in record else ""
    console.print(f"{record['file']}: {record['bytes'] / 1e6:.1f} MB, sha256 {record['sha256']}")
    console.print(
        f"{record['network']}, {record['num_classes']} classes, {size}, ends at "
        f"{record['boundary']}{opset}, weights: {record['weights']}."
    )
    if "classes_note" in record:
        console.print(f"{record['network']}: {record['classes_note']}", markup=False)
    error = record["max_abs_error"]
    logits = "" if error is None else f", logits within {error:.1e}"
    console.print(
        f"Same class as fp32 eager at {record['agreement']:.4%} of the pixels of "
        f"{record['num_images']} images{logits}."
    )
    if "mean" in record:
        console.print(f"Takes RGB in 0..1, less {record['mean']}, divided by {record['std']}.")
