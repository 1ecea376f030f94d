"""The best weights of a run: judged on images held out of train, and never on val."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from toys import Toy

from harness.data.dataset import Dataset
from harness.scoring import Scoring
from harness.training import select
from harness.training.loop import Step
from harness.training.select import Best, HeldOut, steps_to_judge


def test_the_last_images_of_train_are_held_out_and_val_is_not_seen():
    whole = Toy(train=10, val=3)
    held = HeldOut(whole, 0.25)
    assert (held.count("train"), held.count("val")) == (7, 3)
    seen = [held.load("train", i)[0][0, 0, 0] for i in range(7)]
    assert seen == list(range(7))
    assert [held.load("val", i)[0][0, 0, 0] for i in range(3)] == [7, 8, 9]
    for number in range(3):
        image, mask = whole.load("train", 7 + number)
        assert all(map(np.array_equal, held.load("val", number), (image, mask)))
    assert held.size == whole.size and held.label_map == whole.label_map
    assert isinstance(held, Dataset)


def test_what_is_held_out_is_in_the_fingerprint():
    prints = {HeldOut(Toy(train=10), share).fingerprint() for share in (0.1, 0.2)}
    assert len(prints | {Toy(train=10).fingerprint()}) == 3


def test_a_split_too_small_to_hold_out_of_is_refused():
    with pytest.raises(ValueError, match=r"0\.5 of 1 train images"):
        HeldOut(Toy(train=1), 0.5)


@pytest.mark.parametrize(
    ("steps", "looks", "judged"),
    [(100, 4, {25, 50, 75, 100}), (3, 10, {1, 2, 3}), (7, 2, {4, 7}), (5, 1, {5})],
)
def test_the_steps_judged_are_evenly_spaced_and_have_the_last(steps, looks, judged):
    assert steps_to_judge(steps, looks) == judged


@pytest.fixture
def best(tmp_path, monkeypatch):
    """Keeps the best of weights whose mIoU is the one number that they are."""
    network = torch.nn.Linear(1, 1, bias=False).requires_grad_(False)
    monkeypatch.setattr(select, "deploy", lambda net: net)
    monkeypatch.setattr(
        select,
        "evaluate",
        lambda net, *_, **__: type("S", (), {"miou": round(net.weight.item(), 3)}),
    )
    return Best(
        file=tmp_path / "best.pt",
        network=network,
        dataset=HeldOut(Toy(train=4), 0.5),
        scoring=Scoring(select="best", held_out=0.5, looks=4),
        device="cpu",
    )


def look(best, step, miou):
    best.network.weight.fill_(miou)
    best.look(Step(step=step, steps=4, loss=1.0, lr=0.1, seconds=0.0))


def test_the_first_of_the_best_weights_is_put_back(best):
    for step, miou in enumerate([0.1, 0.5, 0.5, 0.2], start=1):
        look(best, step, miou)
    assert best.restore() == {"selected_step": 2, "selected_miou": 0.5}
    assert best.network.weight.item() == 0.5
    assert [path.name for path in best.file.parent.iterdir()] == ["best.pt"]


def test_steps_taken_again_after_a_crash_change_nothing(best):
    for step, miou in [(1, 0.1), (2, 0.5), (3, 0.4), (2, 0.5), (3, 0.4), (4, 0.5)]:
        look(best, step, miou)
    assert best.restore()["selected_step"] == 2


def test_steps_between_looks_are_not_judged(best):
    few = replace(best, scoring=Scoring(select="best", held_out=0.5, looks=1))
    look(few, 1, 0.9)
    assert not few.file.exists()
    look(few, 4, 0.1)
    assert few.restore()["selected_step"] == 4
