"""The most memory that live tensors hold at a time, by following every storage from birth to death.

That is what the network itself needs. An allocator that rounds up, and the workspaces of fast
convolutions, come on top: ``cuda_peak`` asks the device for what was allocated in all.
"""

from __future__ import annotations

import weakref
from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode

from harness.measure.traffic import tensors_in


class Live(TorchDispatchMode):
    """Follows tensors, those given at the start and those made while it is entered.

    ``live_bytes`` is what they hold now, ``peak_bytes`` the most so far. Tensors that share
    memory count once. It works on any device; on ``meta`` nothing need be there.
    """

    def __init__(self, tensors: Iterable[Tensor] = ()) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.live_bytes = self.peak_bytes = 0
        self._known: dict[int, Any] = {}
        for each in tensors:
            self._meet(each)

    def __torch_dispatch__(
        self, operator: Any, types: Any, inputs: Any = (), options: Any = None
    ) -> Any:
        output = operator(*inputs, **(options or {}))
        for each in tensors_in(output):
            self._meet(each)
        return output

    def _meet(self, tensor: Tensor) -> None:
        storage = tensor.untyped_storage()
        key, size = id(storage), storage.nbytes()
        if key not in self._known:
            self._known[key] = weakref.ref(storage, lambda _: self._part(key, size))
            self.live_bytes += size
            self.peak_bytes = max(self.peak_bytes, self.live_bytes)

    def _part(self, key: int, size: int) -> None:
        del self._known[key]
        self.live_bytes -= size


def cuda_peak(work: Callable[[], Any], device: torch.device) -> int:
    """The most bytes that CUDA's caching allocator had given out while ``work`` ran.

    The other witness of ``Live``: what was there before counts too, allocations are rounded up to
    512 bytes, and the workspaces of convolutions are in it.
    """
    torch.cuda.synchronize(device)
    torch.cuda.reset_peak_memory_stats(device)
    work()
    torch.cuda.synchronize(device)
    return int(torch.cuda.max_memory_allocated(device))
