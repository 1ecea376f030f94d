"""What torch was set to that decides whether a run repeats to the bit, for a trial's row."""

from __future__ import annotations

from typing import Any

import torch


def flags() -> dict[str, Any]:
    """The determinism and precision flags in force, as a row has them.

    ``float32_matmul`` is "highest" where no TF32 is allowed; ``cudnn_tf32`` is torch's default for
    convolutions. The ``cudnn`` flags say nothing of a run on a CPU.
    """
    return {
        "deterministic_algorithms": torch.are_deterministic_algorithms_enabled(),
        "cudnn_deterministic": torch.backends.cudnn.deterministic,
        "cudnn_benchmark": torch.backends.cudnn.benchmark,
        "cudnn_tf32": torch.backends.cudnn.allow_tf32,
        "float32_matmul": torch.get_float32_matmul_precision(),
    }
