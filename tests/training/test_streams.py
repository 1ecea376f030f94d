"""Streams of chance: one number for each purpose and seed."""

import subprocess
import sys
from typing import get_args

import pytest
import torch
from toys import Toy, recipe, same, tiny, weights

from harness.data.frames import Frames
from harness.training import batches, loop, streams
from harness.training.flags import flags
from harness.training.loop import fit, initialise
from harness.training.streams import Purpose, stream
from studies.published import BISENETV2_SMALL


def test_no_two_streams_are_alike():
    numbers = [stream(seed, each) for seed in range(50) for each in get_args(Purpose)]
    assert len(set(numbers)) == len(numbers) == 200
    assert all(0 <= number < 2**63 for number in numbers)


def test_a_stream_is_the_same_in_every_process():
    script = "from harness.training.streams import stream; print(stream(3, 'order'))"
    said = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    assert int(said.stdout) == stream(3, "order")


def drawn(seed=0):
    """What each purpose leads to: initial weights, order, placements and dropout."""
    toy, made = Toy(train=9), recipe(steps=9, batch=2, scales=(0.5, 2.0))
    shown = [batches.batch(Frames(toy, "train"), made, seed=seed, step=step) for step in range(3)]
    network = tiny(dropout=0.5)
    # Nothing but dropout is left to chance: one whole image, over and over.
    plain = recipe(steps=2, batch=2, scales=(1.0, 1.0), flip=False)
    fit(network, Toy(train=1), plain, seed=seed, device="cpu")
    return {
        "initial": weights(initialise(BISENETV2_SMALL, 3, seed)),
        "order": {"": torch.tensor(batches.order(seed, 0, 99))},
        "augment": {
            str(number): torch.stack([masks.float() for masks in images])
            for number, images in enumerate(_placements(shown))
        },
        "dropout": weights(network),
    }


def _placements(shown):
    """The masks of each step alone, told apart from which image they are of by their padding."""
    return [[(masks == 255)] for _, masks in shown]


@pytest.mark.parametrize("purpose", get_args(Purpose))
def test_each_stream_changes_what_it_names_and_nothing_else(purpose, monkeypatch):
    before = drawn()

    def shifted(seed, asked):
        return stream(seed + 1000 if asked == purpose else seed, asked)

    for module in (batches, loop, streams):
        monkeypatch.setattr(module, "stream", shifted, raising=False)
    after = drawn()
    assert {name for name in before if not same(before[name], after[name])} == {purpose}


def test_another_seed_changes_all_of_them():
    one, other = drawn(0), drawn(1)
    assert not any(same(one[name], other[name]) for name in one)


@pytest.mark.parametrize("strengths", [None, (0.5, 0.5, 0.5)])
def test_candidates_of_one_seed_see_the_same_images_cut_and_coloured_alike(strengths):
    networks = [tiny(0, width=4), tiny(1, width=8, aux=False, dropout=0.0)]
    for network in networks:
        fit(network, Toy(), recipe(color_jitter=strengths), seed=3, device="cpu")
    one, other = (network.seen for network in networks)
    assert len(one) == len(other) == 8
    assert all(map(torch.equal, one, other))


def test_flags_say_what_torch_was_set_to(monkeypatch):
    before = flags()
    assert before == {
        "deterministic_algorithms": False,
        "cudnn_deterministic": False,
        "cudnn_benchmark": False,
        "cudnn_tf32": True,
        "float32_matmul": "highest",
    }
    monkeypatch.setattr(torch.backends.cudnn, "deterministic", True)
    monkeypatch.setattr(torch.backends.cudnn, "benchmark", True)
    monkeypatch.setattr(torch.backends.cudnn, "allow_tf32", False)
    torch.use_deterministic_algorithms(True)
    torch.set_float32_matmul_precision("high")
    try:
        after = flags()
    finally:
        torch.use_deterministic_algorithms(False)
        torch.set_float32_matmul_precision("highest")
    assert all(before[name] != after[name] for name in before)
