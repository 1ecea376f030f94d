"""The processes that train one trial together, and what they tell each other."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import chain
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.modules.batchnorm import _BatchNorm


@dataclass(frozen=True, kw_only=True)
class Ranks:
    """This process's number among the ``world`` processes that share each batch of a trial.

    Where ``world`` is more than 1, torch's default process group must be there. Every call is one
    that all of them make. ``device`` is the number of this process's GPU among those it can see.
    """

    rank: int = 0
    world: int = 1
    device: int = 0

    def sum(self, own: Tensor) -> Tensor:
        """The sum of what each process has, without a gradient."""
        if self.world == 1:
            return own
        return _all_reduced(own)

    def joined(self, own: Tensor) -> Tensor:
        """What each process has (n,), one after the other (world * n,), without a gradient."""
        if self.world == 1:
            return own
        parts = [torch.empty_like(own) for _ in range(self.world)]
        dist.all_gather(parts, own.detach().contiguous())
        return torch.cat(parts)

    def any(self, own: bool) -> bool:
        """Whether any process says so. Asked over the host, so no device is waited for."""
        return self.any_of(own)[0]

    def any_of(self, *own: bool) -> list[bool]:
        """The same of several things, at once."""
        return [bool(each) for each in self.sum(torch.tensor(own, dtype=torch.float32))]

    def told(self, own: Any) -> list[Any]:
        """What each process has to say, as plain values or tensors on the host."""
        if self.world == 1:
            return [own]
        said: list[Any] = [None] * self.world
        dist.all_gather_object(said, own)
        return said

    def wait(self) -> None:
        """Waits until all processes are here."""
        self.any(False)


ALONE = Ranks()


@contextmanager
def statistics_shared(network: nn.Module, ranks: Ranks) -> Iterator[None]:
    """Lets batch norms take mean and variance over the images of all processes.

    They hold the same parameters and statistics meanwhile, and are themselves again afterwards.
    """
    own = {} if ranks.world == 1 else dict(_batch_norms(network))
    for name, norm in own.items():
        network.set_submodule(name, _shared(norm))
    try:
        yield
    finally:
        for name, norm in own.items():
            norm.train(network.get_submodule(name).training)
            network.set_submodule(name, norm)


def _batch_norms(network: nn.Module) -> Iterator[tuple[str, _BatchNorm]]:
    for name, module in network.named_modules():
        if isinstance(module, _BatchNorm) and not isinstance(module, nn.SyncBatchNorm):
            yield name, module


def _shared(norm: _BatchNorm) -> nn.Module:
    """A batch norm on the same tensors: torch's own on a device, ours where torch has none."""
    held = next(chain(norm.parameters(), norm.buffers()), None)
    on_host = held is None or held.device.type == "cpu"
    made: Any = _HostSyncBatchNorm if on_host else nn.SyncBatchNorm
    shared = made(
        norm.num_features,
        eps=norm.eps,
        momentum=norm.momentum,
        affine=norm.affine,
        track_running_stats=norm.track_running_stats,
    )
    shared.train(norm.training)
    shared._parameters.update(norm._parameters)
    shared._buffers.update(norm._buffers)
    return shared  # type: ignore[no-any-return]


class _HostSyncBatchNorm(_BatchNorm):
    """Batch norm over all processes on CPUs, which ``torch.nn.SyncBatchNorm`` refuses."""

    def _check_input_dim(self, input: Tensor) -> None:
        if input.dim() < 2:
            raise ValueError(f"batch norm wants (N, channels, ...), not {tuple(input.shape)}")

    def forward(self, input: Tensor) -> Tensor:
        """The normalised input (N, channels, ...)."""
        if not self.training:
            return self._by_memory(input)
        self._check_input_dim(input)
        axes = [0, *range(2, input.dim())]
        shape = (1, -1, *[1] * (input.dim() - 2))
        count = dist.get_world_size() * input.numel() / input.shape[1]  # shares are equal
        mean = _summed(input.sum(axes)) / count
        centred = input - mean.view(shape)
        variance = _summed(centred.square().sum(axes)) / count
        self._remember(mean.detach(), variance.detach() * count / (count - 1))
        normal = centred * torch.rsqrt(variance + self.eps).view(shape)
        if not self.affine:
            return normal
        return normal * self.weight.view(shape) + self.bias.view(shape)

    def _by_memory(self, input: Tensor) -> Tensor:
        # No word on the input's shape, which tracing for deployment could not follow.
        held = (self.running_mean, self.running_var, self.weight, self.bias)
        return functional.batch_norm(input, *held, self.running_mean is None, 0.0, self.eps)

    def _remember(self, mean: Tensor, variance: Tensor) -> None:
        if not self.track_running_stats:
            return
        assert self.running_mean is not None
        assert self.running_var is not None
        assert self.num_batches_tracked is not None
        self.num_batches_tracked.add_(1)
        share = self.momentum
        if share is None:  # the plain mean over all batches
            share = 1 / float(self.num_batches_tracked)
        self.running_mean.lerp_(mean, share)
        self.running_var.lerp_(variance, share)


def _summed(own: Tensor) -> Tensor:
    """The sum over processes; what each loss owes to it comes from all of them."""
    summed: Tensor = _Summed.apply(own)  # type: ignore[no-untyped-call]
    return summed


class _Summed(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, own: Tensor) -> Tensor:
        return _all_reduced(own)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> Tensor:
        return _all_reduced(gradients[0])


def _all_reduced(own: Tensor) -> Tensor:
    summed = own.detach().clone()
    dist.all_reduce(summed)
    return summed
