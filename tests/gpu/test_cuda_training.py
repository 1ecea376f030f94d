"""Training on a CUDA device: what a CPU computes, resumed as it was, in every precision."""

import sys
from pathlib import Path

import pytest
import torch

sys.path.insert(0, str(Path(__file__).parents[1] / "training"))

from toys import Toy, recipe, tiny, weights

from harness.training import loop
from harness.training.loop import fit
from harness.training.together import together

pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")

LOSS = {"rel": 1e-3}


def curve(plan, device, *, dropout=0.0, **options):
    """The losses and the weights of a run of tens of steps."""
    network = tiny(dropout=dropout)
    learnt = fit(network, Toy(), recipe(**plan), seed=3, device=device, **options)
    held = {name: each.cpu() for name, each in weights(network).items()}
    return [loss for _, loss, _ in learnt.history], held, learnt


@pytest.mark.parametrize("loss", ["ce", "ohem"])
def test_a_gpu_learns_what_a_cpu_does(loss, float32_as_it_is):
    plan = {"batch": 4, "lr": 0.01, "loss": loss, "color_jitter": (0.4, 0.4, 0.4)}
    here, there = curve(plan, "cpu")[0], curve(plan, "cuda:0")[0]
    assert there == pytest.approx(here, **LOSS)
    assert len(there) == 8, "a loss that is read late is not lost"


@pytest.mark.parametrize("amp", ["bf16", "fp16"])
def test_half_precision_learns_about_the_same(amp):
    plan = {"batch": 4, "lr": 0.01, "steps": 40}
    whole, half = curve(plan, "cuda:0"), curve({**plan, "amp": amp}, "cuda:0")
    assert half[2].precision == amp
    assert half[0][-1] == pytest.approx(whole[0][-1], rel=0.1)
    assert half[0][-1] < half[0][0]


@pytest.mark.parametrize("amp", [False, "fp16"])
def test_an_interrupted_run_goes_on(amp, tmp_path, monkeypatch, float32_as_it_is):
    monkeypatch.setattr(loop, "SAVE_EVERY_S", 0.0)
    monkeypatch.setattr(loop, "SAVE_SHARE", float("inf"))
    plan = {"batch": 4, "lr": 0.01, "ema": 0.9, "amp": amp}
    file = tmp_path / "run.pt"

    def stop(step):
        if step.step == 5:
            raise InterruptedError

    whole = curve(plan, "cuda:0", dropout=0.3)
    with pytest.raises(InterruptedError):
        curve(plan, "cuda:0", dropout=0.3, checkpoint=file, on_step=stop)
    resumed = curve(plan, "cuda:0", dropout=0.3, checkpoint=file)
    assert resumed[2].resumed_from == 4
    assert resumed[0] == pytest.approx(whole[0], **LOSS)


def test_a_loss_that_is_lost_stops_the_run_and_names_its_step():
    with pytest.raises(FloatingPointError, match=r"at step \d of 8, learning rate"):
        curve({"lr": 1e30, "warmup_steps": 0}, "cuda:0")


def shared(plan, ranks, say):
    losses, held, _ = curve(plan, f"cuda:{ranks.rank}", ranks=ranks)
    return losses, {name: each.numpy() for name, each in held.items()}


@pytest.mark.skipif(torch.cuda.device_count() < 2, reason="needs two CUDA devices")
def test_two_gpus_learn_what_one_does(float32_as_it_is):
    plan = {"batch": 4, "lr": 0.01}
    alone = curve(plan, "cuda:0")[0]
    for losses, _ in together(shared, plan, 2, lambda said: None):
        assert losses == pytest.approx(alone, **LOSS)
