"""Checkpoints: an interrupted run ends as if it had not been, and a bad file harms nothing."""

import pytest
import torch
from toys import Toy, recipe, same, tiny, weights

import architectures  # noqa: F401 - registers the built-in parts
from harness.training import checkpoint as module
from harness.training import loop
from harness.training.loop import fit, initialise
from studies.published import BISENETV2_SMALL


@pytest.fixture(autouse=True)
def save_each_step(monkeypatch):
    monkeypatch.setattr(loop, "SAVE_EVERY_S", 0.0)


@pytest.fixture
def path(tmp_path):
    return tmp_path / "trials" / "one.pt"


def run(network, path=None, *, stop_at=None, dataset=None, seed=0, **changes):
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


@pytest.mark.parametrize("damage", ["empty", "short", "cut", "flipped", "other"])
def test_a_damaged_checkpoint_is_ignored_with_a_warning(path, damage):
    whole, again = tiny(), tiny()
    run(whole)
    interrupt(tiny(), path, 5)
    path.write_bytes(spoilt(path.read_bytes())[damage])
    with pytest.warns(RuntimeWarning, match=r"one\.pt is damaged"):
        assert run(again, path).resumed_from == 0
    assert same(weights(whole), weights(again))


@pytest.mark.parametrize(
    "other",
    [
        {"seed": 1},
        {"lr": 0.2},
        {"steps": 9},
        {"dataset": Toy(seed=1)},
        {"network": tiny(width=5)},
        {"network": tiny(aux=False)},
    ],
    ids=["seed", "recipe", "steps", "dataset", "width", "head"],
)
def test_another_trials_checkpoint_is_refused(path, other):
    interrupt(tiny(), path, 5)
    content = path.read_bytes()
    other = dict(other)
    with pytest.raises(ValueError, match=r"one\.pt is the checkpoint of another trial"):
        run(other.pop("network", None) or tiny(), path, **other)
    assert path.read_bytes() == content


def test_only_the_checkpoint_is_left_in_its_folder(path):
    interrupt(tiny(), path, 5)
    assert list(path.parent.iterdir()) == [path]


def test_a_write_that_breaks_off_leaves_the_last_checkpoint(path, monkeypatch):
    interrupt(tiny(), path, 5)
    content = path.read_bytes()

    def full(_):
        raise OSError("no space left on device")

    with monkeypatch.context() as broken:
        broken.setattr(module.os, "fsync", full)
        with pytest.raises(OSError, match="no space"):
            run(tiny(), path)
    assert list(path.parent.iterdir()) == [path]
    assert path.read_bytes() == content
    assert run(tiny(), path).resumed_from == 4
