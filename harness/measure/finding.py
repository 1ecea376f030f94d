"""The faults that can make a figure mean something else than it says, by name."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from types import MappingProxyType

from harness.names import unknown

FAULTS = MappingProxyType(
    {
        "non_finite_weights": "weights that are NaN or infinite",
        "denormal_weights": "weights so small that a CPU takes a hundred times as long over them",
        "non_finite_activations": "a layer gives NaN or infinity",
        "denormal_activations": "a layer gives numbers too small for a CPU to be quick about",
        "dead_activations": "a layer gives nothing but zeros",
        "training_mode": "batch norm, dropout or another layer is in training mode",
        "random_outputs": "the same image gives different outputs, as with dropout",
        "overwrites_input": "the network writes over the image that it is given",
        "cannot_run": "the network fails on an image of this size",
        "aux_heads_on": "the network gives more than one output, as in training",
        "unmerged_blocks": "blocks that can be merged for deployment are not",
        "uncalled_modules": "layers with weights that no image reaches",
        "dead_head": "layers whose outputs are computed and thrown away",
        "deleted_batch_norm": "batch norms of the trained network are gone without being folded",
        "swapped_resize": "another kind of resizing than in the trained network",
        "other_outputs": "other outputs than the trained network's",
        "wrong_output_boundary": "the clock stops at another place than asked for",
        "tf32_on": "float32 products that are rounded to ten bits of mantissa",
        "missing_synchronisation": "the clock stops before the device is done",
        "threads_above_free_cores": "more threads than there are cores free for them",
        "co_tenant_cpu": "other processes use the CPUs meanwhile",
        "co_tenant_gpu": "other processes use the GPU meanwhile",
        "stolen_time": "the host of this virtual machine gives its CPUs to others",
        "cpu_pressure": "work waits for a CPU",
        "gpu_throttled": "the GPU is held back by heat or by its power supply",
    }
)
"""Every fault that Twopath can name, and what it means."""


@dataclass(frozen=True, kw_only=True)
class Finding:
    """One fault: its name, where it is (a module, a process, a device), and what was seen."""

    name: str
    where: str
    told: str

    def __post_init__(self) -> None:
        if self.name not in FAULTS:
            raise KeyError(unknown("fault", self.name, FAULTS))

    def __str__(self) -> str:
        return f"{self.name} at {self.where}: {self.told}"

    def record(self) -> dict[str, str]:
        """The finding as a flat row."""
        return asdict(self)


PROVEN, UNPROVEN, VIOLATED = "proven", "unproven", "violated"


def verdict(num_found: int, num_unseen: int) -> str:
    """Whether a machine was for one measurement alone, so far as was seen."""
    if num_found:
        return VIOLATED
    return UNPROVEN if num_unseen else PROVEN
