"""Random scale, crop and flip of an image and its mask together, and the image's colour jitter."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from harness.data.dataset import IGNORE, Pixels

MEAN = (0.485, 0.456, 0.406)
STD = (0.229, 0.224, 0.225)
"""The red, green and blue statistics of ImageNet, in 0..1: fixed, so that no data set leaks in."""

PADDING = tuple(round(255 * value) for value in MEAN)
"""The colour around an image that is smaller than its crop: about zero once normalised."""


DRAWN = 4
"""How many numbers place an image; what else is drawn of it comes after them."""

GREY = (0.2989, 0.587, 0.114)
"""How much of red, green and blue is in grey, by ITU-R BT.601 as torchvision rounds it."""


@dataclass(frozen=True, kw_only=True)
class Placement:
    """Where an image lands: scaled to ``size``, then cut or padded to ``crop``, then flipped.

    ``top`` and ``left`` are the crop's corner in the scaled image; negative where it is padded.
    """

    size: tuple[int, int]
    crop: tuple[int, int]
    top: int
    left: int
    flip: bool


def place(
    rng: np.random.Generator,
    size: tuple[int, int],
    *,
    crop: tuple[int, int],
    scales: tuple[float, ...],
    flip: bool,
) -> Placement:
    """Draws one placement: a scale, a uniform corner, a flip half of the time.

    Two ``scales`` are the ends of a range; more are a set, each as likely as another. The same four
    numbers are drawn whatever the options are, so that recipes stay comparable.
    """
    scale, down, right, coin = (float(value) for value in rng.random(DRAWN))
    if len(scales) > 2:
        scale = scales[int(scale * len(scales))]
    else:
        scale = scales[0] + (scales[1] - scales[0]) * scale
    height, width = (max(1, round(side * scale)) for side in size)
    return Placement(
        size=(height, width),
        crop=crop,
        top=_corner(down, height - crop[0]),
        left=_corner(right, width - crop[1]),
        flip=flip and coin < 0.5,
    )


def _corner(fraction: float, room: int) -> int:
    """A whole number between 0 and ``room``, which is negative for an image below the crop."""
    return min(int(fraction * (abs(room) + 1)), abs(room)) * (1 if room > 0 else -1)


def cut(frame: Pixels, placement: Placement) -> tuple[Pixels, Pixels]:
    """The crop of an image (bilinear, antialiased where it shrinks) and of its mask (nearest).

    ``frame`` (H, W, 4) is red, green, blue and the mask, one after the other in memory: it is read
    where it lies, and no more of it than the crop shows. Outside the image is ``PADDING``, outside
    the mask is IGNORE.
    """
    sides = zip(
        (placement.top, placement.left),
        placement.crop,
        placement.size,
        frame.shape[:2],
        strict=True,
    )
    (top, height, source_rows), (left, width, source_columns) = (_overlap(*each) for each in sides)
    box = (source_columns[0], source_rows[0], source_columns[1], source_rows[1])
    whole = Image.frombuffer("RGBX", frame.shape[1::-1], frame, "raw", "RGBX", 0, 1)
    image, mask = (
        _laid(whole.resize((width, height), kernel, box=box), (left, top), placement)
        for kernel in (Image.Resampling.BILINEAR, Image.Resampling.NEAREST)
    )
    pixels = np.frombuffer(image.tobytes("raw", "RGB"), np.uint8)
    labels = np.frombuffer(mask.tobytes("raw", "X"), np.uint8)
    return pixels.reshape(*placement.crop, 3), labels.reshape(placement.crop)


def _overlap(
    corner: int, crop: int, scaled: int, side: int
) -> tuple[int, int, tuple[float, float]]:
    """Along one axis: where in the crop the image begins, how long it is, and of which stretch."""
    first, last = max(corner, 0), min(corner + crop, scaled)
    return first - corner, last - first, (first * side / scaled, last * side / scaled)


def _laid(shown: Image.Image, corner: tuple[int, int], placement: Placement) -> Image.Image:
    """What is shown, laid on the padding if it does not fill the crop, and flipped."""
    size = placement.crop[1], placement.crop[0]
    if shown.size != size:
        padded = Image.new("RGBX", size, (*PADDING, IGNORE))
        padded.paste(shown, corner)
        shown = padded
    return shown.transpose(Image.Transpose.FLIP_LEFT_RIGHT) if placement.flip else shown


def factors(rng: np.random.Generator, strengths: tuple[float, float, float]) -> list[float]:
    """Draws one image's factors of brightness, contrast and saturation: 1 leaves it as it is.

    Each is uniform between ``max(0, 1 - strength)`` and ``1 + strength``, as torchvision's
    ColorJitter has it.
    """
    lows = [max(0.0, 1 - each) for each in strengths]
    ends = zip(lows, strengths, rng.random(3).tolist(), strict=True)
    return [low + (1 + strength - low) * drawn for low, strength, drawn in ends]


def jitter(images: Tensor, factors: Tensor) -> Tensor:
    """Images (N, H, W, 3) of 0..255 in other colours, float32, by the factors (N, 3) of each.

    Brightness first, then contrast, then saturation, where torchvision's ColorJitter draws the
    order; each is clamped to 0..255. Contrast is about the mean grey of the crop, padding included.
    """
    by = factors.to(images.device, torch.float32).reshape(-1, 3, 1, 1, 1)
    images = (images.float() * by[:, 0]).clamp_(0, 255)
    mean = _grey(images).mean((1, 2, 3), keepdim=True)
    images = torch.lerp(mean, images, by[:, 1]).clamp_(0, 255)
    return torch.lerp(_grey(images), images, by[:, 2]).clamp_(0, 255)


def _grey(images: Tensor) -> Tensor:
    red, green, blue = (images[..., each : each + 1] * share for each, share in enumerate(GREY))
    return red + green + blue


def check_crop(
    size: tuple[int, int], *, crop: tuple[int, int], scales: tuple[float, ...]
) -> str | None:
    """What to warn of where images (H, W) fill the crop only when enlarged; None if all is well.

    ValueError for a crop that they never fill.
    """
    largest = max(scales)
    if any(round(side * largest) < cropped for side, cropped in zip(size, crop, strict=True)):
        raise ValueError(
            f"recipe.crop={crop} is never filled by images of {size}, "
            f"not even at {largest}, the largest of recipe.scales"
        )
    needed = max(cropped / side for side, cropped in zip(size, crop, strict=True))
    if needed <= 1:
        return None
    return (
        f"recipe.crop={crop} is larger than the images, {size}: "
        f"those scaled by less than {needed:.2f} are padded"
    )


def normalise(images: Tensor) -> Tensor:
    """Maps images (N, H, W, 3) of 0..255 to float32 (N, 3, H, W), by ``MEAN`` and ``STD``."""
    mean = torch.tensor(MEAN, device=images.device) * 255
    std = torch.tensor(STD, device=images.device) * 255
    return ((images.float() - mean) / std).permute(0, 3, 1, 2)
