"""A network that somebody hands in as a plain ``nn.Module``, named as ``path/to/file.py:Model``."""

from __future__ import annotations

import copy
import inspect
from collections.abc import Callable, Mapping
from pathlib import Path
from types import ModuleType
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from harness.fold import fold_batch_norms
from harness.measure.anatomy import anatomy
from harness.measure.traffic import meant_first, tensors_in
from harness.mistakes import one_line
from harness.names import no_such_file, unknown
from harness.plugins import load_file
from harness.study import BOUNDARIES

CLASSES = ("num_classes", "n_classes", "classes", "nclass", "num_class")
"""The names under which networks take their number of classes."""


def is_foreign(given: str) -> bool:
    """Whether a name on the command line means a file's network, not a named one."""
    file = given.rpartition(":")[0]
    return given.endswith(".py") or file.endswith(".py")


def short_name(given: str) -> str:
    """FILE.py:NAME without its folder; any other name as it is."""
    return Path(given).name if is_foreign(given) else given


def load_module(given: str, num_classes: int = 19) -> nn.Module:
    """The network of FILE.py:NAME, a class or function that needs no arguments, or an instance.

    One that takes its number of classes is told it. FileNotFoundError for a file that is not
    there, KeyError for an unknown name, TypeError for what gives no network or needs more, and
    ValueError for what fails, or is not of that form.
    """
    file, _, name = given.rpartition(":")
    if not file and given.endswith(".py"):
        file, name = given, ""
    if not file.endswith(".py"):
        raise ValueError(f"a network of your own is FILE.py:NAME, as nets.py:Model, not {given!r}")
    if not Path(file).is_file():
        raise FileNotFoundError(no_such_file("file", file))
    module = load_file(file)
    if not name:
        known = ", ".join(_networks_of(module)) or "nothing that may give one"
        raise ValueError(
            f"a network of your own is FILE.py:NAME, and {given!r} names none; {file} has {known}"
        )
    return _built(_named(module, name, file), given, num_classes)


def _named(module: ModuleType, name: str, file: str) -> Any:
    if not hasattr(module, name):
        raise KeyError(unknown(f"network in {file}", name, _networks_of(module)))
    return getattr(module, name)


def _networks_of(module: ModuleType) -> list[str]:
    """The names of a file that may give a network."""
    return [each for each in vars(module) if _may_give_one(module, each)]


def _may_give_one(module: ModuleType, name: str) -> bool:
    """Whether a name of a file is its own, and may give a network: one that asks for too much,
    or a class of another kind, is not.
    """
    value = getattr(module, name)
    if name.startswith("_") or isinstance(value, nn.Module):
        return not name.startswith("_")
    is_own = getattr(value, "__module__", None) == module.__name__
    if not is_own or not callable(value) or _is_other_class(value):
        return False
    needed = _needed(_parameters(value))
    return not needed or (len(needed) == 1 and needed[0] in CLASSES)


def _is_other_class(value: Any) -> bool:
    return isinstance(value, type) and not issubclass(value, nn.Module)


def _built(source: Any, given: str, num_classes: int) -> nn.Module:
    if isinstance(source, nn.Module):
        return source
    if _is_other_class(source):
        raise TypeError(f"{given} is a class that is no torch.nn.Module")
    if not callable(source):
        raise TypeError(f"{given} is of type {type(source).__name__}; it must give an nn.Module")
    options = _options(source, given, num_classes)
    try:
        built = source(**options)
    except (Exception, SystemExit) as error:
        raise ValueError(f"{given} fails: {type(error).__name__}: {one_line(error)}") from error
    if not isinstance(built, nn.Module):
        raise TypeError(f"{given} gives {type(built).__name__}, not an nn.Module")
    return built


def _options(source: Callable[..., Any], given: str, num_classes: int) -> dict[str, int]:
    """The number of classes, where it is taken; TypeError if more is needed."""
    parameters = _parameters(source)
    needed = _needed(parameters)
    if not needed:
        taken = (each.name for each in parameters if _takes_number(each))
        return {name: num_classes for name in (next(taken, None),) if name}
    if len(needed) == 1 and needed[0] in CLASSES:
        return {needed[0]: num_classes}
    name = given.rpartition(":")[2]
    raise TypeError(
        f"{given} needs {', '.join(needed)}; name a function that needs nothing, as "
        f"def mine(): return {name}({', '.join(f'{each}=...' for each in needed)})"
    )


def _parameters(source: Callable[..., Any]) -> list[inspect.Parameter]:
    """What can be given by name; nothing of what is written in C."""
    unnamed = inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD
    try:
        found = inspect.signature(source).parameters.values()
    except (TypeError, ValueError):
        return []
    return [each for each in found if each.kind not in unnamed]


def _needed(parameters: list[inspect.Parameter]) -> list[str]:
    return [each.name for each in parameters if each.default is each.empty]


def _takes_number(each: inspect.Parameter) -> bool:
    """Whether it is a number of classes that has a default; a list of their names is none."""
    is_number = each.default is None or type(each.default) is int
    return each.name in CLASSES and is_number and each.kind is not each.POSITIONAL_ONLY


def num_channels(module: nn.Module, size: tuple[int, int]) -> int | None:
    """How many classes a network's logits tell apart; None for one that gives classes itself."""
    seen = anatomy(module, size)
    return seen.output[1] if len(seen.output) == 4 and "int" not in seen.output_dtype else None


def other_classes(found: int | None, asked: int) -> str | None:
    """What is to be said where a network gives another number of classes than was asked for."""
    if found in (None, asked):
        return None
    return f"it gives {found} classes and takes no number: the {asked} of --classes are not its own"


def ended(module: nn.Module, boundary: str, size: tuple[int, int]) -> nn.Module:
    """A copy in eval mode that ends at a boundary, for images of (height, width) in pixels.

    What is missing is put behind it, bilinear resizing and the largest of the classes; nothing is
    taken away. Of several outputs ``out`` is meant, or the first if none is called so, and all
    are computed. What the network raises comes through; ValueError for one that gives classes
    where logits are asked for, or no image of either.
    """
    if boundary not in BOUNDARIES:
        raise ValueError(unknown("boundary", boundary, BOUNDARIES))
    seen = anatomy(module, size)
    gives_labels = "int" in seen.output_dtype
    if gives_labels != (boundary == "labels_full") and gives_labels:
        raise ValueError(f"the network gives classes; its boundary is labels_full, not {boundary}")
    if not gives_labels and len(seen.output) != 4:
        shape = "x".join(map(str, seen.output)) or "a single number"
        raise ValueError(f"the network gives {shape}, neither logits (N, C, H, W) nor classes")
    ours = copy.deepcopy(module).eval().requires_grad_(False)
    if gives_labels or (boundary == "logits_native" and seen.num_outputs == 1):
        return ours
    is_small = boundary != "logits_native" and seen.output[-2:] != size
    labels = None
    if boundary == "labels_full":
        labels = torch.uint8 if seen.output[1] <= 256 else torch.int32
    with torch.no_grad():
        way = way_to_tensor(ours(torch.zeros(1, 3, *size)))
    return Ended(ours, way, is_small, labels).eval()


def folded_if_traced(network: nn.Module) -> nn.Module:
    """A copy with folded batch norms; the network itself where ``torch.fx`` cannot trace it."""
    try:
        return fold_batch_norms(network).requires_grad_(False)
    except (Exception, SystemExit):  # whatever the stranger's code does when it is traced
        return network


def way_to_tensor(value: Any) -> tuple[Any, ...] | None:
    """The keys that lead to the first tensor in nested lists and mappings; None without one."""
    if isinstance(value, Tensor):
        return ()
    items: Any = ()
    if isinstance(value, Mapping):
        items = meant_first(value)
    elif isinstance(value, (list, tuple)):
        items = enumerate(value)
    ways = ((key, way_to_tensor(each)) for key, each in items)
    return next(((key, *way) for key, way in ways if way is not None), None)


class Ended(nn.Module):
    """A network with what is missing behind it: resizing to the image's size, classes.

    All that hangs on its output is decided before, so that ``torch.fx`` can trace it.
    """

    def __init__(
        self,
        network: nn.Module,
        way: tuple[Any, ...] | None,
        is_small: bool,
        labels: torch.dtype | None,
    ) -> None:
        super().__init__()
        self.network = network
        self.way = way
        self.is_small = is_small
        self.labels = labels

    def forward(self, image: Tensor) -> Any:
        """Gives logits (N, C, h, w), or classes (N, H, W)."""
        logits = self._logits(self.network(image))
        if self.is_small:
            size = image.shape[-2:]
            logits = functional.interpolate(logits, size=size, mode="bilinear", align_corners=False)
        return logits if self.labels is None else logits.argmax(1).to(self.labels)

    def of_logits(self) -> nn.Module:
        """The same network before classes are picked; itself if it picks none."""
        shallow = copy.copy(self)
        shallow.labels = None
        return shallow

    def _logits(self, given: Any) -> Any:
        if self.way is None:  # in an object of the stranger's own
            return next(tensors_in(given))
        for key in self.way:
            given = given[key]
        return given
