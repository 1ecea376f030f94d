"""What a network says of every pixel: from the whole image, from windows, or from several views."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from harness.data.augment import normalise
from harness.scoring import Scoring, Size, check_fit, scaled, stride_of


@torch.inference_mode()
def predict(
    model: nn.Module, images: Tensor, num_classes: int, *, labels: Size, scoring: Scoring
) -> Tensor:
    """The class of every pixel (N, *labels) of uint8 images (N, H, W, 3), int64.

    ValueError for logits of another size or class count and for a window larger than the image,
    FloatingPointError for logits that are not finite.
    """
    pixels = normalise(images)
    given = scoring.size or (pixels.shape[-2], pixels.shape[-1])
    check_fit(scoring, given)
    if is_one_pass(scoring):
        logits = _logits(model, _image(pixels, given), num_classes)
        return resized(logits, labels).argmax(dim=1)
    summed = torch.zeros((), device=pixels.device)
    for scale in scoring.scales:
        view = _image(pixels, scaled(given, scale))
        summed = summed + _chances(model, view, num_classes, labels, scoring)
        if scoring.flip:
            mirrored = _chances(model, view.flip(-1), num_classes, labels, scoring)
            summed = summed + mirrored.flip(-1)
    return summed.argmax(dim=1)


def is_one_pass(scoring: Scoring) -> bool:
    """Whether an image is seen once, so that nothing is averaged."""
    return scoring.mode == "whole" and len(scoring.scales) == 1 and not scoring.flip


def _image(pixels: Tensor, size: Size) -> Tensor:
    """Images at a size, as in training: bilinear, antialiased where they shrink."""
    if tuple(pixels.shape[-2:]) == size:
        return pixels
    return functional.interpolate(pixels, size=size, mode="bilinear", antialias=True)


def resized(values: Tensor, size: Size) -> Tensor:
    """Logits or probabilities (N, classes, H, W) at the size of the labels, bilinear."""
    if tuple(values.shape[-2:]) == size:
        return values
    return functional.interpolate(values, size=size, mode="bilinear", align_corners=False)


def _chances(
    model: nn.Module, view: Tensor, num_classes: int, labels: Size, scoring: Scoring
) -> Tensor:
    """The probability of each class at each label (N, classes, *labels), from one view."""
    stride = stride_of(scoring)
    if scoring.window is None or stride is None:
        return resized(_logits(model, view, num_classes), labels).softmax(dim=1)
    return resized(_slid(model, view, num_classes, scoring.window, stride), labels)


def _slid(model: nn.Module, view: Tensor, num_classes: int, window: Size, stride: Size) -> Tensor:
    """The mean of what the windows over each pixel say, as probabilities at the view's size."""
    height, width = view.shape[-2:]
    summed = view.new_zeros(len(view), num_classes, height, width)
    times = view.new_zeros(height, width)
    for top in corners(height, window[0], stride[0]):
        for left in corners(width, window[1], stride[1]):
            at = (..., slice(top, top + window[0]), slice(left, left + window[1]))
            summed[at] += _logits(model, view[at], num_classes).softmax(dim=1)
            times[at] += 1
    return summed / times


def corners(side: int, window: int, stride: int) -> list[int]:
    """Where windows begin along a side: ``stride`` apart, the last one ending at the edge."""
    return [*range(0, side - window, stride), side - window]


def _logits(model: nn.Module, pixels: Tensor, num_classes: int) -> Tensor:
    logits: Tensor = model(pixels)
    wanted = (pixels.shape[0], num_classes, *pixels.shape[2:])
    if tuple(logits.shape) != wanted:
        raise ValueError(f"the model gave logits {tuple(logits.shape)}, not {wanted}")
    if not logits.isfinite().all():
        raise FloatingPointError("the model gave logits that are not finite")
    return logits
