"""A head that goes wrong in the ways that a stranger's part may; loaded like a plugin."""

import os
import signal
import sys
import time
from pathlib import Path

import torch
import torch.distributed as dist
from torch import nn

from harness.components import Feature, Head, heads
from harness.runners.patience import Pulse

SOUND, STEP_S, PIDS = "TWOPATH_TEST_SOUND", "TWOPATH_TEST_STEP_S", "TWOPATH_TEST_PIDS"
"""Environment variables: the head does no harm; seconds that a step takes; a folder of pids."""

IMPATIENT = "TWOPATH_TEST_IMPATIENT"
"""Another: seconds after which a trial that hangs, or is slow, has been silent for too long."""

HELD = "TWOPATH_TEST_HELD"
"""Another: the third step waits until this file is there, and leaves one named .waits beside it."""


@heads.register("odd")
class Odd(Head):
    """One convolution, which does what ``act`` says from the third training step on."""

    def __init__(self, feature: Feature, num_classes: int, *, act: str = "nothing") -> None:
        super().__init__(out=Feature(num_classes, feature.stride))
        if act == "refuse":
            raise ValueError("this head fits no feature")
        self.classify = nn.Conv2d(feature.channels, num_classes, 1)
        self.act = act
        self.num_steps = 0

    def forward(self, feature: torch.Tensor) -> torch.Tensor:
        """Maps a feature to logits, unless it does not."""
        logits = self.classify(feature)
        if self.act == "unbounded" and not self.training:
            return logits / 0
        if not self.training or SOUND in os.environ:
            return logits
        self.num_steps += 1
        if self.act == "slow":
            _step_slowly(self.num_steps)
        elif self.num_steps > 2:
            return _go_wrong(self.act, logits)
        return logits


def _go_wrong(act, logits):
    if act.endswith(" second"):  # in the second of a trial's processes only
        if dist.get_rank() != 1:
            return logits
        act = act.removesuffix(" second")
    _END.get(act, lambda: None)()
    return logits * float("nan") if act == "nan" else logits


def _fail():
    raise RuntimeError("not\ntoday")


def _starve():
    raise MemoryError


def _hang():
    _lose_patience()
    time.sleep(600)


def _lose_patience():
    if IMPATIENT in os.environ:
        most_s = float(os.environ[IMPATIENT])
        Pulse.is_over = property(lambda self: self.silent_s > most_s)


def _starve_gpu():
    raise torch.cuda.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB")


_END = {
    "raise": _fail,
    "starve": _starve,
    "hoard": lambda: torch.empty(2**60, dtype=torch.uint8),
    "starve_gpu": _starve_gpu,
    "hang": _hang,
    "kill": lambda: os.kill(os.getpid(), signal.SIGKILL),
    "quit": lambda: os._exit(3),
    "exit": lambda: sys.exit("enough"),
}
"""How a step may end that does not go on."""


def _step_slowly(number):
    if PIDS in os.environ:
        Path(os.environ[PIDS], str(os.getpid())).touch()
    if number > 2:
        _lose_patience()
    time.sleep(float(os.environ.get(STEP_S, "0")))
    if number > 2 and HELD in os.environ:
        Path(f"{os.environ[HELD]}.waits").touch()
        while not Path(os.environ[HELD]).exists():
            time.sleep(0.05)
