"""How every candidate is trained, as one frozen value that is checked when it is written."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, fields
from types import MappingProxyType
from typing import Any

from harness.architecture import Part
from harness.holes import Hole
from harness.names import known_fields, unknown

KNOWN: Mapping[str, tuple[Any, ...]] = MappingProxyType(
    {
        "loss": ("ce", "ohem"),
        "class_weights": (None, "balanced"),
        "optimizer": ("sgd", "adamw"),
        "decay": ("conv", "all"),
        "schedule": ("poly", "cosine"),
        "amp": (False, "bf16", "fp16"),
        "flip": (False, True),
        "compile": (False, True),
    }
)
"""The fields that take one of a few values."""


@known_fields
@dataclass(frozen=True, kw_only=True)
class Recipe:
    """How every candidate is trained. Any field but ``dataset`` may be a hole.

    The data: ``crop`` is (height, width) in pixels, both at least 32. Two ``scales`` are the ends
    from which the scale of an image is drawn before the crop; more are a set to draw from.
    ``color_jitter`` is three strengths of at least 0, of brightness, contrast and saturation, as
    torchvision's ColorJitter has them: see harness/data/augment.py.

    The loss: ``loss`` is cross-entropy, of all labelled pixels or (``ohem``) of the hard ones;
    ``class_weights="balanced"`` weighs classes by how rare they are among the labels of the train
    split; ``aux_weight`` weighs the sum of the auxiliary losses. See harness/training/losses.py.

    The optimizer: SGD with ``momentum``, or AdamW, whose first beta it then is. Weights of
    convolutions and linear layers decay, or (``decay="all"``) every parameter. Layers outside the
    backbone learn ``new_layers_lr`` times as fast: see harness/training/start.py. A gradient whose
    norm is above ``clip_norm`` is shortened to it. ``lr`` falls by the poly rule
    ``(1 - step / steps) ** power`` or by half a cosine, after ``warmup_steps`` of linear warm-up.
    ``ema`` is the decay of the average of the weights that is scored instead of the last ones.

    The machine: ``batch`` images a step, in ``accumulate`` parts one after the other, each with
    batch statistics of its own; the loss is the mean over parts. ``amp`` is autocast in "bf16" or
    "fp16" (with scaled gradients), on CUDA only: elsewhere all is float32. True means "bf16".
    ``compile`` runs the network through ``torch.compile``.
    """

    dataset: Any = "streets"
    crop: Any = (64, 128)
    steps: Any = 200
    batch: Any = 8
    lr: Any = 0.05
    momentum: Any = 0.9
    weight_decay: Any = 5e-4
    power: Any = 0.9
    warmup_steps: Any = 20
    scales: Any = (0.75, 2.0)
    flip: Any = True
    color_jitter: Any = None
    aux_weight: Any = 1.0
    amp: Any = False
    loss: Any = "ce"
    class_weights: Any = None
    optimizer: Any = "sgd"
    new_layers_lr: Any = 1.0
    decay: Any = "conv"
    schedule: Any = "poly"
    ema: Any = None
    clip_norm: Any = None
    accumulate: Any = 1
    compile: Any = False

    def __post_init__(self) -> None:
        if isinstance(self.dataset, str):
            object.__setattr__(self, "dataset", Part(self.dataset))
        if self.amp is True:
            object.__setattr__(self, "amp", "bf16")
        for name in ("crop", "scales", "color_jitter"):
            if isinstance(getattr(self, name), list):
                object.__setattr__(self, name, tuple(getattr(self, name)))
        _check(self)


def recipe_fields() -> tuple[str, ...]:
    """The names of a recipe's fields, for messages and rows."""
    return tuple(each.name for each in fields(Recipe))


def _check(recipe: Recipe) -> None:
    if not isinstance(recipe.dataset, Part):
        raise TypeError(f"recipe.dataset is a name or a Part, not {recipe.dataset!r}")
    for name, known in KNOWN.items():
        _one_of(recipe, name, known)
    _several(recipe, "crop", 32, whole=True)
    _several(recipe, "scales", 0.1, more=True)
    _check_jitter(recipe.color_jitter)
    _at_least(
        recipe,
        "batch",
        2,
        whole=True,
        why=": batch norm behind a global pool has one value an image",
    )
    for name in ("steps", "accumulate"):
        _at_least(recipe, name, 1, whole=True)
    for name in ("lr", "momentum", "weight_decay", "power", "warmup_steps", "aux_weight"):
        _at_least(recipe, name, 0)
    for name in ("momentum", "ema"):
        _below_one(recipe, name)
    for name in ("new_layers_lr", "clip_norm", "ema"):
        _positive(recipe, name)
    _check_together(recipe)


def _check_together(recipe: Recipe) -> None:
    """Refuses what cannot be had at once; what is still open is checked when it is filled."""
    if recipe.schedule == "cosine" and recipe.power != Recipe.power:
        raise ValueError(
            f"recipe.power is of schedule 'poly' and has no say in 'cosine': leave it out, "
            f"not {recipe.power!r}"
        )
    if isinstance(recipe.batch, Hole) or isinstance(recipe.accumulate, Hole):
        return
    if recipe.batch % recipe.accumulate or recipe.batch < 2 * recipe.accumulate:
        raise ValueError(
            f"recipe.accumulate={recipe.accumulate} must cut recipe.batch={recipe.batch} into "
            "equal parts of at least 2 images, or batch norm behind a global pool has one value"
        )


def _one_of(recipe: Recipe, name: str, known: tuple[Any, ...]) -> None:
    value = getattr(recipe, name)
    # By type as well: 1 == True, but it is another key.
    if isinstance(value, Hole) or any(type(value) is type(k) and value == k for k in known):
        return
    raise ValueError(unknown(f"recipe.{name}", value, known))


def _several(
    recipe: Recipe, name: str, least: float, *, whole: bool = False, more: bool = False
) -> None:
    value = getattr(recipe, name)
    if isinstance(value, Hole):
        return
    sound = isinstance(value, tuple) and all(_is_number(each, least, whole) for each in value)
    if not sound or len(value) < 2 or (len(value) > 2 and not more):
        set_too = ", or a set of more" if more else ""
        raise ValueError(
            f"recipe.{name} is two {_numbers(whole)}s of at least {least}{set_too}, not {value!r}"
        )


def _check_jitter(value: Any) -> None:
    if value is None or isinstance(value, Hole):
        return
    sound = isinstance(value, tuple) and all(_is_number(each, 0, False) for each in value)
    if not sound or len(value) != 3:
        raise ValueError(
            "recipe.color_jitter is None or three numbers of at least 0, of brightness, contrast "
            f"and saturation, not {value!r}"
        )


def _at_least(
    recipe: Recipe, name: str, least: float, *, whole: bool = False, why: str = ""
) -> None:
    value = getattr(recipe, name)
    if not isinstance(value, Hole) and not _is_number(value, least, whole):
        raise ValueError(
            f"recipe.{name} is a {_numbers(whole)} of at least {least}, not {value!r}{why}"
        )


def _below_one(recipe: Recipe, name: str) -> None:
    value = getattr(recipe, name)
    if isinstance(value, (int, float)) and value >= 1:
        raise ValueError(f"recipe.{name} is a number below 1, not {value!r}")


def _positive(recipe: Recipe, name: str) -> None:
    value = getattr(recipe, name)
    if value is None and getattr(Recipe, name) is None:
        return
    if not isinstance(value, Hole) and not (_is_number(value, 0, False) and value > 0):
        raise ValueError(f"recipe.{name} is a number above 0, not {value!r}")


def _is_number(value: Any, least: float, whole: bool) -> bool:
    kinds = (int,) if whole else (int, float)
    is_number = isinstance(value, kinds) and not isinstance(value, bool)
    return is_number and math.isfinite(value) and value >= least


def _numbers(whole: bool) -> str:
    return "whole number" if whole else "number"
