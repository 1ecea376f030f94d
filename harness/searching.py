"""How a space is searched, as a value: how many candidates, proposed by whom, which ones first."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from harness.architecture import Architecture
from harness.names import known_fields, unknown

SAMPLERS: Mapping[str, str] = {
    "tpe": "Optuna's tree-structured Parzen estimator, for one objective or several",
    "nsga2": "Optuna's NSGA-II, a genetic algorithm: for hundreds of candidates",
    "random": "chance alone: what the others must beat",
    "front": "a model of accuracy over costs that are counted before anything trains",
}
"""The samplers by name, and what each is."""


class OwnSampler(str):
    """A sampler of the user's: text, its class's name, wherever a study is written down.

    ``given`` is a sampler of Optuna's or a callable that makes one from ``seed=``.
    """

    given: Any

    def __new__(cls, given: Any) -> OwnSampler:
        made = super().__new__(cls, _name_of(given))
        made.given = given
        return made


def _name_of(given: Any) -> str:
    inner = getattr(given, "func", given)  # functools.partial
    return str(getattr(inner, "__name__", type(given).__name__))


@known_fields
@dataclass(frozen=True, kw_only=True)
class Search:
    """Proposes candidates instead of enumerating the space.

    ``trials`` is the number of different candidates. ``sampler`` is a name of ``SAMPLERS``, a
    sampler of Optuna's, or what makes one from ``seed=``: a class, a function, a
    ``functools.partial``. ``enqueue`` holds what to try first: architectures of the space, or
    answers to its holes, as ``{"fusion": "bga", "recipe.lr": 0.05}``; what an entry leaves open
    is for the sampler to fill.
    """

    trials: int
    sampler: Any = "tpe"
    seed: int = 0
    enqueue: tuple[Architecture | Mapping[str, Any], ...] = ()

    def __post_init__(self) -> None:
        if self.trials < 1:
            raise ValueError(f"search.trials must be at least 1, not {self.trials}")
        if not isinstance(self.seed, int) or self.seed < 0:
            raise ValueError(f"search.seed is a whole number of at least 0, not {self.seed!r}")
        object.__setattr__(self, "sampler", _sampler(self.sampler))
        object.__setattr__(self, "enqueue", _enqueued(self.enqueue))


def _sampler(given: Any) -> str:
    if isinstance(given, OwnSampler):
        return given
    if isinstance(given, str):
        if given not in SAMPLERS:
            raise ValueError(unknown("sampler", given, SAMPLERS))
        return given
    if callable(given) or hasattr(given, "sample_relative"):
        return OwnSampler(given)
    raise TypeError(
        f"search.sampler is one of {', '.join(SAMPLERS)}, a sampler of Optuna's or what makes one "
        f"from seed=, not {given!r}"
    )


def _enqueued(given: Any) -> tuple[Architecture | Mapping[str, Any], ...]:
    if isinstance(given, (str, Mapping, Architecture)):
        raise TypeError(f"search.enqueue is a list of what to try first, not {given!r}")
    for each in given:
        if not isinstance(each, (Architecture, Mapping)):
            raise TypeError(
                f"search.enqueue has architectures, or answers as {{'fusion': 'bga'}}, not {each!r}"
            )
    return tuple(dict(each) if isinstance(each, Mapping) else each for each in given)
