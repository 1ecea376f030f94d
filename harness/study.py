"""A study is a question as frozen values: a space, a recipe, seeds, objectives and a budget."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, fields, replace
from types import MappingProxyType
from typing import Any, Literal

from harness.architecture import KINDS, Architecture
from harness.holes import choice
from harness.names import known_fields, unknown
from harness.notebook import html_table
from harness.papers import Published
from harness.recipe import Recipe as Recipe
from harness.recipe import recipe_fields as recipe_fields
from harness.rungs import Rungs as Rungs
from harness.scoring import Scoring
from harness.searching import Search as Search

DIRECTIONS: Mapping[str, str] = MappingProxyType(
    {
        "miou": "max",
        "pixel_accuracy": "max",
        "latency_ms": "min",
        "gmacs": "min",
        "params": "min",
        "activations": "min",
    }
)
"""The figures a study may aim at, and which way is better."""

BOUNDARIES = ("labels_full", "logits_full", "logits_native")
BOUNDARIES_IN = ("dev", "host_u8")
TIMES: Mapping[str, str] = MappingProxyType(
    {
        "t_e2e": "one batch in flight, from the call until its result is there",
        "t_gpu": "the device's time for a batch while its queue is full; CUDA only",
        "t_thr": "batches back to back, divided by their number: throughput, no latency",
    }
)
"""The figures of time, which are never mixed; a batch is one frame unless more are asked for."""

BASELINE = "baseline"


@known_fields
@dataclass(frozen=True, kw_only=True)
class Budget:
    """Upper bounds; a candidate over any of them is rejected before it trains."""

    gmacs: float | None = None
    params: float | None = None
    activations: float | None = None
    latency_ms: float | None = None

    def __post_init__(self) -> None:
        for name in (each.name for each in fields(self)):
            bound = getattr(self, name)
            if bound is not None and not (isinstance(bound, (int, float)) and bound > 0):
                raise ValueError(f"budget.{name} is a number above 0, not {bound!r}")


@known_fields
@dataclass(frozen=True, kw_only=True)
class Timing:
    """How latency is timed: which figure, between which boundaries, in how many rounds.

    ``figures`` are of ``harness.study.TIMES``, and the first is the headline, ``latency_ms``.
    The clock starts at ``boundary_in``: ``dev`` (a normalised image on the device) or
    ``host_u8`` (an image as a camera gives it, bytes on the host, normalised on the device). It
    stops at ``boundary``: ``labels_full`` (the class of every pixel at input size),
    ``logits_full`` (resized to input size) or ``logits_native`` (as the head gives them).
    ``size`` is (height, width); None means the size at which images are given to the network when
    accuracy is scored. ``backend`` is how the network is run (``docs/backends.md``), and ``tf32``
    lets a GPU round products of float32.

    Candidates are interleaved over ``rounds`` of two bursts each; a burst has at most ``burst``
    samples and takes about ``burst_ms`` at most. More rounds follow, up to ``most_rounds`` (None:
    half as many again), until every ratio is known within ``target`` (a share, half the width of
    its interval) or ``limit_s`` have passed. Before them each is called ``warmup`` times and on,
    until it is steady or for ``warmup_s``; ``images`` different ones take turns. ``threads`` are
    CPU threads: one by default, since on a machine that anything else uses, as many as there are
    cores mostly wait for one another. All is done again in so many fresh ``processes``, if more
    than one, of which the intervals are then made; a headline takes five.
    """

    boundary: Literal["labels_full", "logits_full", "logits_native"] = "labels_full"
    boundary_in: Literal["dev", "host_u8"] = "dev"
    figures: tuple[str, ...] = ("t_e2e",)
    batch: int = 1
    size: tuple[int, int] | None = None
    images: int = 4
    warmup: int = 6
    warmup_s: float = 1.0
    backend: str = "folded+channels_last"
    tf32: bool = False
    rounds: int = 12
    most_rounds: int | None = None
    burst: int = 5
    burst_ms: float = 200.0
    target: float = 0.02
    limit_s: float = 120.0
    threads: int = 1
    processes: int = 1

    def __post_init__(self) -> None:
        if self.boundary not in BOUNDARIES:
            raise ValueError(unknown("boundary", self.boundary, BOUNDARIES))
        if self.boundary_in not in BOUNDARIES_IN:
            raise ValueError(unknown("boundary_in", self.boundary_in, BOUNDARIES_IN))
        object.__setattr__(self, "figures", _figures(self.figures, self.boundary_in))
        for name in ("batch", "images", "rounds", "burst", "threads", "processes"):
            if getattr(self, name) < 1:
                raise ValueError(f"timing.{name} must be at least 1, not {getattr(self, name)}")
        for name in ("burst_ms", "target", "limit_s"):
            if not getattr(self, name) > 0:
                raise ValueError(f"timing.{name} is a number above 0, not {getattr(self, name)!r}")
        if self.most_rounds is not None and self.most_rounds < self.rounds:
            raise ValueError(
                f"timing.most_rounds={self.most_rounds} is below timing.rounds={self.rounds}"
            )


def _figures(given: Any, boundary_in: str) -> tuple[str, ...]:
    """The figures to time, each once; ValueError for one that is not known or cannot be had."""
    figures = (given,) if isinstance(given, str) else tuple(given)
    for name in figures:
        if name not in TIMES:
            raise ValueError(unknown("figure of time", name, TIMES))
    if not figures or len(set(figures)) != len(figures):
        raise ValueError(f"timing.figures are one or more different ones, not {figures}")
    if "t_gpu" in figures and boundary_in != "dev":
        raise ValueError("t_gpu is time on the device: it goes with boundary_in='dev' only")
    return figures


@known_fields
@dataclass(frozen=True, kw_only=True)
class Variants:
    """A space given candidate by candidate, each with its label; one of them is the baseline."""

    items: tuple[tuple[str, Architecture], ...]
    baseline: str = BASELINE


@known_fields
@dataclass(frozen=True, kw_only=True)
class Study:
    """One question, the candidates that could answer it, and how they are trained and judged.

    ``space`` is an Architecture with holes (every combination, or a search), or what
    ``one_at_a_time`` returns. Seeds are trials of their own. ``stopping`` leaves off bad trials
    early, judged on the share of train images that ``scoring.held_out`` says. ``published`` are
    rows that papers print, which a report shows beside what is measured; they change no trial and
    no judgement.
    """

    name: str
    question: str
    space: Architecture | Variants
    recipe: Recipe = field(default_factory=Recipe)
    seeds: tuple[int, ...] = (0,)
    objectives: Mapping[str, str] = field(
        default_factory=lambda: {"miou": "max", "latency_ms": "min"}
    )
    budget: Budget = Budget()
    search: Search | None = None
    stopping: Rungs | None = None
    timing: Timing = Timing()
    scoring: Scoring = field(default_factory=Scoring)
    published: tuple[Published, ...] = ()

    def __post_init__(self) -> None:
        _check_published(self.published)
        if not isinstance(self.seeds, Iterable) or isinstance(self.seeds, str):
            raise TypeError(
                f"study.seeds are one or more numbers, as (0, 1, 2), not {self.seeds!r}"
            )
        object.__setattr__(self, "seeds", tuple(self.seeds))
        object.__setattr__(self, "objectives", dict(self.objectives))
        object.__setattr__(self, "published", tuple(self.published))
        _check_study(self)

    def _repr_html_(self) -> str:
        rest = [(each.name, getattr(self, each.name)) for each in fields(self)[3:]]
        shown = [*_space_shown(self.space), *rest]
        return html_table(("", ""), shown, title=f"{self.name}: {self.question}")


def _space_shown(space: Architecture | Variants) -> Iterator[tuple[str, str]]:
    """A space line by line: its parts, or the baseline's and what each variant has instead."""
    if isinstance(space, Architecture):
        yield from ((kind, str(getattr(space, kind))) for kind in KINDS)
        return
    known = dict(space.items)
    first = known.get(space.baseline, space.items[0][1])
    yield from ((f"{space.baseline}: {kind}", str(getattr(first, kind))) for kind in KINDS)
    for name, each in space.items:
        parts = [(kind, getattr(each, kind)) for kind in KINDS]
        other = [f"{kind}={part}" for kind, part in parts if part != getattr(first, kind)]
        if other:
            yield name, ", ".join(other)


def _check_published(given: Any) -> None:
    if not isinstance(given, (list, tuple)):
        raise TypeError(
            "study.published is Published rows, as a PaperTable has in .rows, "
            f"not {type(given).__name__}"
        )
    for each in given:
        if not isinstance(each, Published):
            raise TypeError(f"study.published has Published rows, not {each!r}")


def _check_study(study: Study) -> None:
    if not isinstance(study.name, str) or not study.name.strip():
        raise ValueError("a study needs a name")
    if not isinstance(study.space, (Architecture, Variants)):
        raise TypeError(
            "study.space is an Architecture or one_at_a_time(...), "
            f"not {type(study.space).__name__}"
        )
    if not isinstance(study.scoring, Scoring):
        raise TypeError(f"study.scoring is Scoring(...), not {study.scoring!r}")
    if study.scoring.select == "best" and study.recipe.ema is not None:
        raise ValueError(
            "scoring.select='best' looks at the weights of a step, recipe.ema scores their "
            "average; leave out one of them"
        )
    if not study.seeds or len(set(study.seeds)) != len(study.seeds):
        raise ValueError(f"study.seeds must be one or more different numbers, not {study.seeds}")
    if study.search and isinstance(study.space, Variants):
        raise ValueError("a search needs an Architecture with holes, not one_at_a_time(...)")
    _check_objectives(study.objectives)
    _check_stopping(study)


def _check_stopping(study: Study) -> None:
    held_out = study.scoring.held_out
    if study.stopping is None:
        if study.scoring.select == "last" and held_out is not None:
            raise ValueError(
                "scoring.held_out is for select='best' or study.stopping; without them every "
                "image is trained on"
            )
        return
    if not isinstance(study.stopping, Rungs):
        raise TypeError(f"study.stopping is Rungs(...), not {study.stopping!r}")
    if held_out is None:
        raise ValueError(
            "study.stopping judges on train images that are held out: give "
            "scoring=Scoring(held_out=0.1) or another share"
        )
    if "miou" not in study.objectives:
        raise ValueError(
            "study.stopping judges by mIoU, which is no objective of the study; it has "
            f"{', '.join(study.objectives)}"
        )


def _check_objectives(objectives: Mapping[str, str]) -> None:
    if not objectives:
        raise ValueError("a study needs at least one objective")
    for name, direction in objectives.items():
        if name not in DIRECTIONS:
            raise ValueError(unknown("objective", name, DIRECTIONS))
        if direction != DIRECTIONS[name]:
            raise ValueError(f"objective {name!r} is {DIRECTIONS[name]!r}, not {direction!r}")


def one_at_a_time(baseline: Architecture, **changes: Any) -> Variants:
    """The baseline, and the baseline with one change at a time.

    A keyword that is a part's kind gives that part's alternatives, one or a list of them:
    ``fusion=["sum", "concat"]``. Any other keyword names a change of several parts at once:
    ``detail_only=dict(semantic="none", context="none", fusion="none")``, or a whole network:
    ``enet=ENET``.
    """
    items = [(BASELINE, baseline)]
    for name, change in changes.items():
        if name in KINDS:
            options = change if isinstance(change, (list, tuple)) else [change]
            if not options:
                raise ValueError(f"{name} has no alternative: its list is empty")
            items += [(f"{name}={each}", replace(baseline, **{name: each})) for each in options]
        elif isinstance(change, Architecture):
            items.append((name.replace("_", " "), change))
        elif isinstance(change, Mapping):
            _check_kinds(name, change)
            items.append((name.replace("_", " "), replace(baseline, **change)))
        else:
            raise ValueError(
                f"{unknown('part', name, KINDS)}; any other name is given a dict of parts or an "
                f"Architecture, not {change!r}"
            )
    return Variants(items=tuple(items))


def _check_kinds(name: str, change: Mapping[str, Any]) -> None:
    for kind in change:
        if kind not in KINDS:
            raise ValueError(f"in {name!r}: {unknown('part', kind, KINDS)}")


def grid(baseline: Architecture, **alternatives: list[Any]) -> Architecture:
    """Leaves some parts of a baseline open: ``grid(BISENETV2, fusion=["sum", "bga"])``."""
    _check_kinds("grid", alternatives)
    return replace(baseline, **{kind: choice(*each) for kind, each in alternatives.items()})
