"""How accuracy is scored, as frozen values: part of a trial's key and of its row."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from harness.names import known_fields, unknown

CHOICES = {
    "mode": ("whole", "sliding"),
    "absent": ("exclude", "cityscapes"),
    "select": ("last", "best"),
}

SMALLEST_SIDE = 32
"""The least height and width, in pixels, that a network takes."""

Size = tuple[int, int]


@known_fields
@dataclass(frozen=True, kw_only=True)
class Scoring:
    """How a trained network is scored; the default is one pass over each whole image.

    Labels are never resized: logits are, bilinearly, to the size of the mask as the data set has
    it, which may be larger than what the network is given.

    ``size`` is (height, width) of what the network is given, in pixels; None means the data set's
    own, at which latency is timed too. ``mode`` "sliding" cuts that into windows of ``window``,
    ``stride`` apart (None: two thirds of the window); the last of a row or column is moved back to
    end at the edge, so that every pixel is seen and none is padded. A window larger than the image
    is refused. ``scales`` (each a factor of ``size``) and ``flip`` add views of the image. Views
    and windows are averaged as probabilities: a softmax bounds what each can say, where a mean of
    logits would let the one with the largest numbers outvote the others.

    ``absent`` says what happens to a class that no labelled pixel has. "exclude" leaves it out of
    mIoU, so that every candidate is averaged over the same classes; "cityscapes" does so only if
    it was not predicted either and else counts it as 0, as the Cityscapes scripts do. Where all
    classes are labelled, as in Cityscapes' own val split, both are the same.

    ``select`` is which weights are scored: those of the "last" step, or the "best" of ``looks``
    evenly spaced steps, judged by mIoU on the last ``held_out`` share of the train images, which
    are then not trained on. Never by the val split: its best step would flatter the candidate. On
    the same images a study with ``stopping`` judges its rungs.
    """

    size: Size | None = None
    mode: Literal["whole", "sliding"] = "whole"
    window: Size | None = None
    stride: Size | None = None
    scales: tuple[float, ...] = (1.0,)
    flip: bool = False
    absent: Literal["exclude", "cityscapes"] = "exclude"
    select: Literal["last", "best"] = "last"
    held_out: float | None = None
    looks: int = 10

    def __post_init__(self) -> None:
        for name in ("size", "window", "stride", "scales"):
            if isinstance(getattr(self, name), list):
                object.__setattr__(self, name, tuple(getattr(self, name)))
        for name, known in CHOICES.items():
            if getattr(self, name) not in known:
                raise ValueError(unknown(f"scoring.{name}", str(getattr(self, name)), known))
        _check_views(self)
        _check_window(self)
        _check_select(self)


def _check_views(scoring: Scoring) -> None:
    _check_size("size", scoring.size, SMALLEST_SIDE)
    scales = scoring.scales
    sound = isinstance(scales, tuple) and all(_is_number(each) and each > 0 for each in scales)
    if not sound or not scales or len(set(scales)) != len(scales):
        raise ValueError(f"scoring.scales is one or more different factors, not {scales!r}")
    if not isinstance(scoring.flip, bool):
        raise TypeError(f"scoring.flip is True or False, not {scoring.flip!r}")


def _check_window(scoring: Scoring) -> None:
    window, stride = scoring.window, scoring.stride
    if scoring.mode == "whole" and (window or stride):
        raise ValueError("scoring.window and scoring.stride need mode='sliding'")
    if scoring.mode == "sliding" and window is None:
        raise ValueError("scoring.mode 'sliding' needs a window=(height, width)")
    _check_size("window", window, SMALLEST_SIDE)
    _check_size("stride", stride, 1)
    if window and stride and any(s > w for s, w in zip(stride, window, strict=True)):
        raise ValueError(f"scoring.stride {stride} would leave gaps between windows of {window}")


def _check_select(scoring: Scoring) -> None:
    share = scoring.held_out
    is_share = _is_number(share) and 0 < float(share or 0) <= 0.5
    if scoring.select == "best" and not is_share:
        raise ValueError(
            "scoring.select 'best' needs held_out, the share of train images to judge by, "
            f"above 0 and at most 0.5; not {share!r}"
        )
    if share is not None and not is_share:
        raise ValueError(
            f"scoring.held_out is a share of the train images, at most 0.5, not {share!r}"
        )
    if scoring.select == "last" and scoring.looks != Scoring.looks:
        raise ValueError("scoring.looks is for select='best'; 'last' needs no look")
    if type(scoring.looks) is not int or scoring.looks < 1:
        raise ValueError(f"scoring.looks is a whole number of at least 1, not {scoring.looks!r}")


def _check_size(name: str, value: Any, least: int) -> None:
    if value is None:
        return
    whole = isinstance(value, tuple) and all(type(side) is int for side in value)
    if not whole or len(value) != 2 or min(value) < least:
        raise ValueError(f"scoring.{name} is (height, width), both at least {least}, not {value!r}")


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def scaled(size: Size, scale: float) -> Size:
    """A size times a factor, in whole pixels."""
    return round(size[0] * scale), round(size[1] * scale)


def stride_of(scoring: Scoring) -> Size | None:
    """How far windows lie apart: what was said, or two thirds of the window."""
    if scoring.window is None:
        return None
    return scoring.stride or (scoring.window[0] * 2 // 3, scoring.window[1] * 2 // 3)


def check_fit(scoring: Scoring, size: Size) -> None:
    """ValueError if some view of images of a size is too small for a network or the window."""
    window, given = scoring.window, scoring.size or size
    for scale in scoring.scales:
        view = scaled(given, scale)
        if scale != 1 and min(view) < SMALLEST_SIDE:
            raise ValueError(
                f"scoring at scale {scale:g} gives images of {_text(view)}; "
                f"a network needs {SMALLEST_SIDE} pixels each way"
            )
        if window and (window[0] > view[0] or window[1] > view[1]):
            raise ValueError(
                f"scoring.window {_text(window)} is larger than the image, which is {_text(view)} "
                f"at scale {scale:g}"
            )


def columns_of(scoring: Scoring, size: Size) -> dict[str, Any]:
    """What a row says of its scoring, given the size of the data set; sizes are HxW."""
    window, stride = scoring.window, stride_of(scoring)
    return {
        "scoring_size": _text(scoring.size or size),
        "scoring_mode": scoring.mode,
        "scoring_window": _text(window) if window else None,
        "scoring_stride": _text(stride) if stride else None,
        "scoring_scales": ", ".join(f"{scale:g}" for scale in scoring.scales),
        "scoring_flip": scoring.flip,
        "scoring_absent": scoring.absent,
        "scoring_select": scoring.select,
        "scoring_held_out": scoring.held_out,
    }


def _text(size: Size) -> str:
    return f"{size[0]}x{size[1]}"
