"""Writes a network as an ONNX file, for the engines that read one and for ``twopath export``."""

from __future__ import annotations

import hashlib
import logging
import tempfile
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from io import StringIO
from pathlib import Path

import torch
from torch import Tensor, nn

from harness.backends.contract import Call, Running, package_version
from harness.measure.precision import undecided
from harness.mistakes import first_line

INPUT, OUTPUT = "image", "output"


def write_onnx(
    network: nn.Module,
    example: Tensor,
    file: Path,
    *,
    dynamic: bool = False,
    notes: Mapping[str, str] | None = None,
) -> int:
    """Writes a network in eval mode for inputs like an example (N, 3, H, W); gives the opset.

    ``dynamic`` leaves batch, height and width open. ``notes`` go into the file. The weights are
    in the file, which can hold 2 GB.
    """
    open_sides = ({0: "batch", 2: "height", 3: "width"},) if dynamic else None
    if dynamic and len(example) == 1:  # a batch of one would be taken for a constant
        example = torch.cat([example, example])
    with plainly("torch.onnx"), undecided():
        program = torch.onnx.export(
            network,
            (example,),
            dynamo=True,
            dynamic_shapes=open_sides,
            input_names=[INPUT],
            output_names=[OUTPUT],
            verbose=False,
        )
    assert program is not None
    program.model.metadata_props.update(notes or {})
    program.save(str(file), external_data=False)
    return int(program.model.opset_imports[""])


@contextmanager
def temporary_onnx(network: nn.Module, example: Tensor) -> Iterator[Path]:
    """A network as an ONNX file that goes away again."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "network.onnx"
        write_onnx(network, example, file)
        yield file


def taken_by_engine(
    running: Running,
    network: nn.Module,
    example: Tensor,
    package: str,
    load: Callable[[Path], Call],
) -> Running:
    """A network once an engine has read it as an ONNX file, with the file's digest."""
    with temporary_onnx(network, example) as file:
        return running.taken(load(file), version=package_version(package), file_sha256=sha256(file))


def sha256(file: Path) -> str:
    """The digest of a file's content."""
    with file.open("rb") as opened:
        return hashlib.file_digest(opened, "sha256").hexdigest()


@contextmanager
def plainly(exporter: str) -> Iterator[None]:
    """An exporter of torch's at work: silent, and if it fails RuntimeError with why, in a line."""
    try:
        with _quiet():
            yield
    except (Exception, SystemExit) as error:  # pages of advice, of which the cause is what counts
        raise RuntimeError(f"{exporter} cannot export it: {first_line(error)}") from error


@contextmanager
def _quiet() -> Iterator[None]:
    """The exporter warns of what it could do were torchvision there, and of itself; where it
    fails it prints the graphs that it tried.
    """
    loggers = [logging.getLogger(name) for name in ("torch.onnx", "torch.fx", "torch.export")]
    before = [each.level for each in loggers]
    for each in loggers:
        each.setLevel(logging.CRITICAL)
    try:
        with warnings.catch_warnings(), redirect_stderr(StringIO()), redirect_stdout(StringIO()):
            warnings.simplefilter("ignore")
            yield
    finally:
        for each, level in zip(loggers, before, strict=True):
            each.setLevel(level)
