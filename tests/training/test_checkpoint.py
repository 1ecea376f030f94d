"""Checkpoints: an interrupted run ends as if it had not been, and a bad file harms nothing."""

import errno
import hashlib
import io
import os
import signal
from dataclasses import replace

import pytest
import torch
from torch.amp.grad_scaler import GradScaler
from toys import Toy, recipe, same, tiny, weights

import architectures  # noqa: F401 - registers the built-in parts
from harness import leaving
from harness.training import checkpoint as module
from harness.training import loop
from harness.training.learner import make_learner, take_step
from harness.training.loop import fit, initialise
from studies.published import BISENETV2_SMALL


@pytest.fixture(autouse=True)
def save_each_step(monkeypatch):
    monkeypatch.setattr(loop, "SAVE_EVERY_S", 0.0)
    monkeypatch.setattr(loop, "SAVE_SHARE", float("inf"))


@pytest.fixture
def path(tmp_path):
    return tmp_path / "trials" / "one.pt"


def run(network, path=None, *, stop_at=None, until=None, dataset=None, seed=0, **changes):
    """Trains, and raises KeyboardInterrupt at some step."""

    def on_step(step):
        if step.step == stop_at:
            raise KeyboardInterrupt

    data = dataset or Toy()
    return fit(
        network,
        data,
        recipe(**changes),
        seed=seed,
        device="cpu",
        checkpoint=path,
        on_step=on_step,
        until=until,
    )


def interrupt(network, path, step):
    with pytest.raises(KeyboardInterrupt):
        run(network, path, stop_at=step)


@pytest.mark.parametrize("step", [2, 5, 8])
def test_an_interrupted_run_ends_as_an_uninterrupted_one(path, step):
    whole, resumed = tiny(), tiny(seed=9)
    once = run(whole)
    interrupt(tiny(), path, step)
    again = run(resumed, path)  # from other weights: all of them must come from the file
    assert again.resumed_from == step - 1
    assert same(weights(whole), weights(resumed))
    assert again.history == once.history


def test_a_run_may_be_interrupted_many_times(path):
    whole, resumed = tiny(), tiny()
    run(whole)
    for step in (2, 3, 3, 6):
        interrupt(tiny(), path, step)
    assert run(resumed, path).resumed_from == 5
    assert same(weights(whole), weights(resumed))


@pytest.mark.parametrize("ema", [None, 0.9])
def test_a_run_that_pauses_ends_as_one_that_does_not(path, monkeypatch, ema):
    monkeypatch.setattr(loop, "SAVE_EVERY_S", 1e9)
    whole, paused = tiny(), tiny(seed=9)
    once = run(whole, ema=ema)
    half = run(tiny(), path, until=3, ema=ema)
    assert (half.resumed_from, half.history[-1][0]) == (0, 3)
    assert run(tiny(), path, until=5, ema=ema).resumed_from == 3
    again = run(paused, path, ema=ema)
    assert (again.resumed_from, again.history) == (5, once.history)
    assert same(weights(whole), weights(paused))


def test_a_pause_takes_up_nothing_that_lies_beyond_it(path):
    run(tiny(), path)  # saved after each step: the file and the one before are of the last two
    early, later = tiny(), tiny()
    assert run(early, path, until=3).resumed_from == 0
    run(later, until=3)
    assert same(weights(early), weights(later))


def test_a_real_network_resumes_to_the_bit(path):
    whole, broken = (initialise(BISENETV2_SMALL, 3, 0) for _ in range(2))
    run(whole)
    interrupt(broken, path, 4)
    resumed = initialise(BISENETV2_SMALL, 3, 1)
    run(resumed, path)
    assert same(weights(whole), weights(resumed))


def test_resuming_leaves_the_callers_random_state_alone(path):
    interrupt(tiny(), path, 4)
    before = torch.get_rng_state()
    run(tiny(), path)
    assert torch.equal(before, torch.get_rng_state())


def test_a_finished_run_trains_no_more(path):
    first, second = tiny(), tiny(seed=9)
    done = run(first, path)
    taken = []
    again = fit(
        second, Toy(), recipe(), seed=0, device="cpu", checkpoint=path, on_step=taken.append
    )
    assert taken == [] and again.resumed_from == 8
    assert same(weights(first), weights(second))
    assert (again.history, again.train_s) == (done.history, done.train_s)


def test_the_last_step_is_saved_however_short_the_run(path, monkeypatch):
    monkeypatch.setattr(loop, "SAVE_EVERY_S", 1e9)
    run(tiny(), path)
    assert run(tiny(), path).resumed_from == 8


def test_the_time_of_all_sessions_is_added_up(path):
    interrupt(tiny(), path, 6)
    saved = module._read_whole(path)["progress"]["train_s"]
    assert run(tiny(), path).train_s > saved > 0


def spoilt(content):
    middle = len(content) // 2
    flipped = bytes([content[middle] ^ 1])
    return {
        "empty": b"",
        "short": content[:20],
        "cut": content[:-100],
        "flipped": content[:middle] + flipped + content[middle + 1 :],
        "other": b"not a checkpoint at all" * 50,
    }


DAMAGES = ["empty", "short", "cut", "flipped", "other"]


def damage(path, how):
    path.write_bytes(spoilt(path.read_bytes())[how])


@pytest.mark.parametrize("how", DAMAGES)
def test_of_a_damaged_checkpoint_the_one_before_is_used(path, how, capsys):
    whole, again = tiny(), tiny(seed=9)
    run(whole)
    interrupt(tiny(), path, 5)
    damage(path, how)
    assert run(again, path).resumed_from == 3
    [line] = capsys.readouterr().err.splitlines()
    assert line == f"checkpoint {path} is damaged: the one before it is used"
    assert same(weights(whole), weights(again))


def test_a_checkpoint_of_two_processes_goes_on_in_one_and_says_so(path, capsys):
    interrupt(tiny(), path, 5)
    state = module._read_whole(path)
    state["random"] *= 2  # as two processes save it
    buffer = io.BytesIO()
    torch.save(state, buffer)
    path.write_bytes(hashlib.sha256(buffer.getvalue()).digest() + buffer.getvalue())
    assert run(tiny(), path).resumed_from == 4
    [line] = capsys.readouterr().err.splitlines()
    assert line.endswith("by 2 processes and goes on in 1: the same training up to rounding, but "
                         "not to the bit")  # fmt: skip


def test_an_interrupt_is_heeded_once_the_step_is_saved(path, monkeypatch):
    monkeypatch.setattr(loop, "SAVE_EVERY_S", 600.0)
    whole, resumed = tiny(), tiny(seed=9)
    run(whole)

    def on_step(step):
        if step.step == 3:
            signal.raise_signal(signal.SIGINT)

    with pytest.raises(KeyboardInterrupt), leaving.heeded(signal.SIGINT):
        fit(tiny(), Toy(), recipe(), seed=0, device="cpu", checkpoint=path, on_step=on_step)
    assert run(resumed, path).resumed_from == 3
    assert same(weights(whole), weights(resumed))


def test_with_both_damaged_training_starts_anew(path, capsys):
    whole, again = tiny(), tiny()
    run(whole)
    interrupt(tiny(), path, 5)
    for each in (path, before(path)):
        damage(each, "cut")
    assert run(again, path).resumed_from == 0
    first, second = capsys.readouterr().err.splitlines()
    assert first.endswith("is damaged: the one before it is used")
    assert second == f"checkpoint {before(path)} is damaged: training starts anew"
    assert same(weights(whole), weights(again))


def test_a_damaged_file_never_takes_the_place_of_a_sound_one(path):
    interrupt(tiny(), path, 5)
    damage(path, "cut")
    interrupt(tiny(), path, 5)  # goes on from 3, saves 4
    damage(path, "cut")
    assert run(tiny(), path).resumed_from == 3


def test_a_crash_between_both_renames_loses_one_save(path):
    whole, again = tiny(), tiny()
    run(whole)
    interrupt(tiny(), path, 5)
    path.unlink()
    assert run(again, path).resumed_from == 3
    assert same(weights(whole), weights(again))


@pytest.mark.parametrize(
    ("what", "other"),
    [
        ("seed", {"seed": 1}),
        ("recipe", {"lr": 0.2}),
        ("recipe", {"steps": 9}),
        ("recipe", {"ema": 0.9}),
        ("data", {"dataset": Toy(seed=1)}),
        ("network", {"network": tiny(width=5)}),
        ("network", {"network": tiny(aux=False)}),
        ("network, recipe", {"network": tiny(aux=False), "lr": 0.2}),
    ],
    ids=lambda other: other if isinstance(other, str) else next(iter(other)),
)
def test_another_trials_checkpoint_is_refused(path, what, other):
    interrupt(tiny(), path, 5)
    content = path.read_bytes()
    other = dict(other)
    with pytest.raises(ValueError, match=rf"one\.pt is .* another trial: another {what};"):
        run(other.pop("network", None) or tiny(), path, **other)
    assert path.read_bytes() == content


def before(path):
    return path.with_name("one.pt.before")


def test_only_the_last_two_checkpoints_are_left_in_their_folder(path):
    interrupt(tiny(), path, 7)
    assert sorted(path.parent.iterdir()) == [path, before(path)]
    steps = [module._read_whole(each)["progress"]["step"] for each in (before(path), path)]
    assert steps == [5, 6]
    module.remove(path)
    assert not list(path.parent.iterdir())


def test_a_write_that_breaks_off_leaves_the_last_checkpoints(path, monkeypatch):
    interrupt(tiny(), path, 5)
    content = {each: each.read_bytes() for each in path.parent.iterdir()}

    def full(_):
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as broken:
        broken.setattr(os, "fsync", full)
        with pytest.raises(OSError, match=r"No space left on device: .*one\.pt'"):
            run(tiny(), path)
    assert content == {each: each.read_bytes() for each in path.parent.iterdir()}
    assert run(tiny(), path).resumed_from == 4


EVERYTHING = {
    "loss": "ohem",
    "class_weights": "balanced",
    "optimizer": "adamw",
    "lr": 0.01,
    "decay": "all",
    "schedule": "cosine",
    "new_layers_lr": 10.0,
    "scales": (0.75, 1.0, 1.5),
    "color_jitter": (0.5, 0.5, 0.5),
    "ema": 0.9,
    "clip_norm": 0.5,
    "batch": 4,
    "accumulate": 2,
}


@pytest.mark.parametrize("step", [2, 6, 8])
def test_a_recipe_with_everything_resumes_to_the_bit(path, step):
    whole, resumed = tiny(), tiny(seed=9)
    once = run(whole, **EVERYTHING)
    with pytest.raises(KeyboardInterrupt):
        run(tiny(), path, stop_at=step, **EVERYTHING)
    again = run(resumed, path, **EVERYTHING)
    assert again.resumed_from == step - 1
    assert same(weights(whole), weights(resumed))
    assert again.history == once.history


def test_a_real_network_with_everything_resumes_to_the_bit(path):
    whole, broken, resumed = (initialise(BISENETV2_SMALL, 3, seed) for seed in (0, 0, 1))
    run(whole, steps=4, **EVERYTHING)
    with pytest.raises(KeyboardInterrupt):
        run(broken, path, stop_at=3, steps=4, **EVERYTHING)
    run(resumed, path, steps=4, **EVERYTHING)
    assert same(weights(whole), weights(resumed))


def test_a_finished_run_gives_its_average_again(path):
    first, second = tiny(), tiny(seed=9)
    run(first, path, ema=0.9)
    assert run(second, path, ema=0.9).resumed_from == 8
    assert same(weights(first), weights(second))


def test_classes_are_counted_once_a_run(path, monkeypatch):
    with pytest.raises(KeyboardInterrupt):
        run(tiny(), path, stop_at=5, class_weights="balanced")
    monkeypatch.setattr(loop, "_pixels", None)
    assert run(tiny(), path, class_weights="balanced").resumed_from == 4


def test_the_scale_of_gradients_is_kept(path):
    def learner():
        scaler = GradScaler("cpu", init_scale=4.0, growth_interval=2)
        made = make_learner(tiny(), recipe(), torch.device("cpu"))
        return replace(made, scaler=scaler)

    keep = module.Checkpoint(path=path, identity={}, device=torch.device("cpu"))
    batch = torch.zeros(2, 32, 32, 3, dtype=torch.uint8), torch.zeros(2, 32, 32, dtype=torch.uint8)
    one, other = learner(), learner()
    for number in range(5):
        take_step(one, *batch, number)
    keep.save(one, module.Progress(step=5))
    assert keep.restore(other, 5).step == 5
    assert one.scaler.get_scale() == other.scaler.get_scale() == 16.0
    assert one.scaler.state_dict() == other.scaler.state_dict()


def test_a_loss_that_is_not_finite_keeps_the_last_good_checkpoint(path):
    network = tiny()

    def spoil(step):
        if step.step == 4:
            torch.nn.init.constant_(network.stem[0].weight, float("nan"))

    def fitted():
        fit(network, Toy(), recipe(), seed=0, device="cpu", checkpoint=path, on_step=spoil)

    with pytest.raises(FloatingPointError, match="after step 4 of 8, learning rate 0"):
        fitted()
    saved = module._read_whole(path)
    assert saved["progress"]["step"] == 3
    assert all(each.isfinite().all() for each in saved["network"].values())
    whole, again = tiny(), tiny()
    run(whole)
    assert run(again, path).resumed_from == 3
    assert same(weights(whole), weights(again))


def test_what_takes_long_to_save_is_saved_less_often(tmp_path, monkeypatch):
    monkeypatch.setattr(loop, "SAVE_EVERY_S", 0.0)
    saved = []

    def save(self, learner, progress):
        saved.append(progress.step)

    monkeypatch.setattr(module.Checkpoint, "save", save)
    options = {"seed": 0, "device": "cpu", "checkpoint": tmp_path / "run.pt"}
    monkeypatch.setattr(loop, "SAVE_SHARE", float("inf"))
    fit(tiny(), Toy(), recipe(), **options)
    assert saved == list(range(1, 9))
    saved.clear()
    monkeypatch.setattr(loop, "SAVE_SHARE", 1e-9)
    fit(tiny(), Toy(), recipe(), **options)
    assert saved == [1, 8], "the first tells how long it takes, the last is always kept"
