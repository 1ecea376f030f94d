"""Several processes that train one network are one process, up to rounding."""

import os
import signal

import numpy as np
import pytest
import torch
import torch.distributed as dist
from torch import nn
from toys import Tiny, Toy, recipe, tiny, weights

from harness import leaving
from harness.network import Logits
from harness.training import loop
from harness.training.loop import fit
from harness.training.ranks import ALONE
from harness.training.together import together

CLOSE = {"rtol": 1e-3, "atol": 1e-4}

# Images are smaller than the crop, and so each process has another share of the labelled pixels.
PADDED = {"crop": (48, 48), "scales": (0.5, 1.5), "batch": 6}
PLANS = {
    "plain": PADDED,
    "in parts": {**PADDED, "batch": 12, "accumulate": 2},
    "hard pixels, weighed": {**PADDED, "loss": "ohem", "class_weights": "balanced"},
    "averaged, clipped": {**PADDED, "ema": 0.9, "clip_norm": 0.5},
}


class Exact(nn.BatchNorm2d):
    """Torch's own is off by 1e-4 where the channels come last on a CPU."""

    def forward(self, input):
        return super().forward(input.contiguous())


class Idle(Tiny):
    """Has parameters that no loss reaches."""

    def __init__(self):
        super().__init__()
        self.spare = nn.Conv2d(3, 3, 1)


class Unsound(Tiny):
    """Gives NaN in the second process only; the first one must hear of it."""

    def forward(self, images):
        logits = super().forward(images)
        return Logits(logits.main * (torch.nan if dist.get_rank() else 1.0), logits.aux)


def hear_nothing(said):
    raise AssertionError(said)


def every_plan(given, ranks, say):
    torch.set_num_threads(1)
    return {name: trained(plan, ranks) for name, plan in PLANS.items()}


def trained(plan, ranks, checkpoint=None, stop_at=None, dropout=0.0, leaves=False):
    """The loss curve and the weights of a run, and its batch norm; None if it was stopped.

    With ``leaves`` the second process is asked to leave, which saves.
    """
    network = tiny(dropout=dropout)
    network.stem[1] = Exact(4)

    def stop(step):
        if step.step == stop_at and not leaves:
            raise InterruptedError
        if step.step == stop_at and ranks.rank == 1:
            leaving.ask()

    try:
        learnt = fit(
            network,
            Toy(),
            recipe(**plan),
            seed=3,
            device="cpu",
            checkpoint=checkpoint,
            ranks=ranks,
            on_step=stop,
        )
    except (InterruptedError, KeyboardInterrupt):
        leaving._now.is_asked = False
        return None
    held = {name: each.numpy() for name, each in weights(network).items()}
    return learnt.history, held, type(network.stem[1])


@pytest.fixture(scope="module")
def by_world():
    return {1: [every_plan(None, ALONE, hear_nothing)]} | {
        world: together(every_plan, None, world, hear_nothing) for world in (2, 3)
    }


@pytest.mark.parametrize("world", [2, 3])
@pytest.mark.parametrize("plan", PLANS)
def test_the_curve_and_the_weights_are_those_of_one_process(by_world, plan, world):
    alone, shares = by_world[1][0][plan], [each[plan] for each in by_world[world]]
    for history, held, norm in shares:
        losses = [[loss for _, loss, _ in each] for each in (history, alone[0])]
        np.testing.assert_allclose(*losses, **CLOSE)
        for name, each in held.items():
            np.testing.assert_allclose(each, alone[1][name], err_msg=name, **CLOSE)
            assert np.array_equal(each, shares[0][1][name]), "processes part"
        assert norm is Exact, "a network keeps the batch norms that it came with"


def test_the_plans_are_not_alike(by_world):
    losses = {plan: each[0][-1][1] for plan, each in by_world[1][0].items()}
    assert len(set(losses.values())) == len(PLANS)


def interrupted(given, ranks, say):
    folder, leaves = given
    torch.set_num_threads(1)
    if not leaves:
        loop.SAVE_EVERY_S = 0.0
        loop.SAVE_SHARE = float("inf")
    plan = {"batch": 4}
    whole = trained(plan, ranks, dropout=0.3)
    file = folder / "run.pt"
    assert trained(plan, ranks, file, stop_at=5, dropout=0.3, leaves=leaves) is None
    assert file.exists(), "all leave once the first has written"
    return whole, trained(plan, ranks, file, dropout=0.3)


@pytest.mark.parametrize("leaves", [False, True])
def test_an_interrupted_run_of_two_goes_on_to_the_bit(tmp_path, leaves):
    for whole, resumed in together(interrupted, (tmp_path, leaves), 2, hear_nothing):
        assert whole[0] == resumed[0]
        assert all(np.array_equal(each, resumed[1][name]) for name, each in whole[1].items())
    newer = os.stat(tmp_path / "run.pt")
    assert newer.st_size, "one of the two wrote it"


def failing(how, ranks, say):
    torch.set_num_threads(1)
    say(f"{ranks.rank} is here")
    if how == "dies" and ranks.rank == 1:
        os.kill(os.getpid(), signal.SIGKILL)
    if how == "errs" and ranks.rank == 1:
        raise ValueError("the second has a reason")
    network = {"idle": Idle, "unsound": Unsound}.get(how, Tiny)()
    fit(network, Toy(), recipe(batch=2), seed=0, device="cpu", ranks=ranks)


@pytest.mark.parametrize(
    ("how", "error", "told"),
    [
        ("dies", RuntimeError, r"process 1 of 2 died \(SIGKILL\)"),
        ("errs", ValueError, "the second has a reason"),
        ("idle", ValueError, "2 parameters are reached by no loss, the first spare.weight"),
        ("unsound", FloatingPointError, "the loss is nan at step [1-8] of 8, learning rate"),
    ],
)
def test_the_first_failure_ends_all_and_is_told(how, error, told):
    heard = []
    with pytest.raises(error, match=told):
        together(failing, how, 2, heard.append)
    assert {"0 is here", "1 is here"} >= set(heard)
