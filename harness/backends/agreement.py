"""Whether a backend computes what the network computes: held against fp32 eager on real images.

A pixel agrees if the class that the backend picks is the one that the network picks in fp32. In
fp16 or bf16 that alone would refuse sound backends: of an untrained BiSeNetV2 2 to 3 % of the
pixels change their class in bf16, since their two best logits are nearly the same. How near is too
near is a matter of network and format, and it is found without the backend, which might be wrong:
the *resolution* is how much the logits change (root mean square) when nothing but the weights and
the image are rounded to the format, and all is computed in fp32. A class whose logit is within
``TIE`` resolutions of the best is as good as the best.

Measured over five named networks, untrained, and three after 40 steps (streets, 96x192): with
``TIE`` = 8 what sound bf16 and fp16 give agrees on 99.96 % and more of the pixels, ENet without
training excepted (99.86 %: it is refused); swapped colour channels, a nearest or corner-aligned
resize in place of the bilinear one, and images a tenth brighter, on 97.9 % and less, in ENet
99.6 %. In fp32 only exact ties are forgiven.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from harness.backends.steps import said
from harness.measure.precision import float32
from harness.network import Deployed

MIN_IMAGES = 8
TIE = 8.0
MIN_DECIDED = 0.1
"""The least share of pixels that are no ties; with fewer, agreement says nothing."""

OFF_BY, OFF_BY_FP32 = 4.0, 0.02
"""How far logits may be off (root mean square): in resolutions, and in fp32 in parts of their
standard deviation. Sound backends were off by at most 1.7 and by 0.0015."""

WANTED = {torch.float32: 0.9999}
WANTED_LOW = 0.999
"""The least share of pixels that agree: in fp32, and in any lower precision."""

Call = Callable[[Tensor], Tensor]


@dataclass(frozen=True, kw_only=True)
class Equivalence:
    """How a backend agrees with fp32 eager.

    ``agreement`` is the share of pixels whose class is the same, or as good as the same;
    ``agreement_strict`` that of the same alone. ``max_abs_error`` is of the logits, None where
    the backend gives classes. ``why`` says why it does not hold.
    """

    agreement: float
    agreement_strict: float
    max_abs_error: float | None
    num_images: int
    why: str | None = None

    @property
    def holds(self) -> bool:
        """Whether the backend may be timed as this network."""
        return self.why is None


def check_backend(
    call: Call,
    network: nn.Module,
    images: Tensor,
    *,
    dtype: torch.dtype = torch.float32,
    batch: int = 1,
) -> Equivalence:
    """Holds a backend against the network, both from images to the same output boundary.

    ``network`` is in fp32 and eval mode, on the images' device; ``images`` (M, 3, H, W) are
    normalised, and are given ``batch`` at a time. ``dtype`` is the backend's precision.
    ValueError for fewer than 8 images, or a number that is no multiple of ``batch``.
    """
    return check_together({"": (call, dtype)}, network, images, batch=batch)[""]


def check_together(
    calls: Mapping[str, tuple[Call, torch.dtype]], network: nn.Module, images: Tensor, *, batch: int
) -> dict[str, Equivalence]:
    """``check_backend`` for backends of one network by name, which then runs once for all."""
    if len(images) < MIN_IMAGES or len(images) % batch:
        raise ValueError(
            f"a backend is checked on {MIN_IMAGES} images or more, in batches of {batch}; "
            f"not on {len(images)}"
        )
    judging = network_of_logits(network)
    tallies = {name: _Tally() for name in calls}
    lower = {dtype: rounded(judging, dtype) for _, dtype in calls.values() if dtype in ROUNDED}
    with torch.inference_mode():
        for image in images.split(batch):
            with float32():
                output = network(image)
                logits = _logits(judging, network, image, output)
                change = {low: _change(each, logits, image, low) for low, each in lower.items()}
            for name, (call, dtype) in calls.items():
                tallies[name].add(call, image, output, logits, change.get(dtype, 0.0))
    return {name: tallies[name].result(dtype) for name, (_, dtype) in calls.items()}


def network_of_logits(network: nn.Module) -> nn.Module:
    """A network that ends in classes, as it is before they are picked; others as they are."""
    if isinstance(network, Deployed) and network.boundary == "labels_full":
        network = copy.copy(network)
        network.boundary = "logits_full"
        return network
    of_logits = getattr(network, "of_logits", None)  # of a stranger's, see harness.foreign
    return of_logits() if of_logits else network


ROUNDED = (torch.float16, torch.bfloat16)


def rounded(network: nn.Module, dtype: torch.dtype) -> nn.Module:
    """A copy whose weights and statistics are rounded to a format, and computed with in fp32."""
    network = copy.deepcopy(network)
    for tensor in (*network.parameters(), *network.buffers()):
        if tensor.is_floating_point():
            tensor.data = tensor.data.to(dtype).to(tensor.dtype)
    return network


def _logits(judging: nn.Module, network: nn.Module, image: Tensor, output: Tensor) -> Tensor | None:
    """The logits of a batch; None for a network that gives classes and hides their logits."""
    logits: Tensor = output if judging is network else judging(image)
    return logits if logits.is_floating_point() else None


def _change(module: nn.Module, logits: Tensor | None, image: Tensor, dtype: torch.dtype) -> float:
    """The resolution: how much the logits change when weights and image are rounded."""
    if logits is None:
        return 0.0
    return _rms(module(image.to(dtype).to(image.dtype)) - logits)


def _rms(values: Tensor) -> float:
    return float(values.float().square().mean().sqrt())


class _Tally:
    """Adds up over batches how one backend agrees; after a fault that ends it, no more is run."""

    def __init__(self) -> None:
        self.pixels = self.same = self.good = self.decided = 0
        self.num_images = 0
        self.off = self.allowed = 0.0
        self.error: float | None = None
        self.why: str | None = None

    def add(
        self, call: Call, image: Tensor, output: Tensor, logits: Tensor | None, resolution: float
    ) -> None:
        """Runs the backend on a batch."""
        if self.why:
            return
        self.num_images += len(image)
        try:
            given = call(image).to(output.device)
        except Exception as error:  # libraries raise whatever they like
            self.why = f"fails: {said(error)}"
            return
        self.why = _fault(given, output)
        if self.why is None:
            self._count(given, output, logits, TIE * resolution)
        if self.why is None and output.is_floating_point():
            self._hold(given.float() - output, output, resolution)

    def _count(self, given: Tensor, output: Tensor, logits: Tensor | None, tie: float) -> None:
        picked = _classes(given)
        same = picked == _classes(output)
        self.pixels += same.numel()
        self.same += int(same.sum())
        if logits is None or logits.shape[1] == 1:
            self.good += int(same.sum())
            self.decided += same.numel()
            return
        best = logits.topk(2, dim=1).values
        last = logits.shape[1] - 1
        chosen = logits.gather(1, picked.clamp(max=last)[:, None])[:, 0]
        as_good = (picked <= last) & (best[:, 0] - chosen <= tie)
        self.good += int((same | as_good).sum())
        self.decided += int((best[:, 0] - best[:, 1] > tie).sum())

    def _hold(self, error: Tensor, output: Tensor, resolution: float) -> None:
        """Looks at the logits too, which show a fault where one class is best everywhere."""
        allowed = max(OFF_BY * resolution, OFF_BY_FP32 * float(output.std()))
        self.error = max(self.error or 0.0, float(error.abs().max()))
        self.off += _rms(error) ** 2 * len(error)
        self.allowed += allowed**2 * len(error)

    def result(self, dtype: torch.dtype) -> Equivalence:
        """The figures, and whether they are enough."""
        pixels = max(self.pixels, 1)
        return Equivalence(
            agreement=self.good / pixels,
            agreement_strict=self.same / pixels,
            max_abs_error=self.error,
            num_images=self.num_images,
            why=self.why or self._shortfall(pixels, dtype),
        )

    def _shortfall(self, pixels: int, dtype: torch.dtype) -> str | None:
        wanted, agreement = WANTED.get(dtype, WANTED_LOW), self.good / pixels
        if pixels - self.good > max(1, (1 - wanted) * pixels):  # one pixel alone decides nothing
            return (
                f"disagrees with fp32 eager: the class of {agreement:.3%} of the pixels is the "
                f"same, {wanted:.2%} are needed"
            )
        if self.off > self.allowed:
            off, allowed = ((each / self.num_images) ** 0.5 for each in (self.off, self.allowed))
            return f"its logits are off by {off:.2g}, where {allowed:.2g} is allowed"
        if self.decided / pixels < MIN_DECIDED:
            return (
                f"cannot be judged: in {str(dtype)[6:]} the best class of only "
                f"{self.decided / pixels:.1%} of the pixels stands out"
            )
        return None


def _fault(given: Tensor, output: Tensor) -> str | None:
    """What ends a comparison at once: another boundary, or values that are no numbers."""
    floats = given.is_floating_point(), output.is_floating_point()
    if given.shape != output.shape or floats[0] != floats[1]:
        return f"gives {_form(given)} where the network gives {_form(output)}"
    if not floats[0] and given.dtype != output.dtype:
        return f"gives {_form(given)} where the network gives {_form(output)}"
    if floats[0] and not bool(given.isfinite().all()):
        return "gives values that are not finite"
    return None


def _form(tensor: Tensor) -> str:
    return f"{str(tensor.dtype)[6:]} {tuple(tensor.shape)}"


def _classes(output: Tensor) -> Tensor:
    """The class of every pixel (N, H, W), int64, of logits or classes."""
    return output.argmax(1) if output.is_floating_point() else output.long()
