"""The bench of training: its arms do the same work, and what it computes of them is right."""

import json
from pathlib import Path

import pytest
import torch

BENCH = Path(__file__).parent.parent / "bench"
WORDS = ["--threads", "1", "--crop", "32", "64", "--batch", "2", "--steps", "1", "--rounds", "1"]
WITHOUT = ["--without", "compile", "memory"]


@pytest.fixture
def train(monkeypatch):
    monkeypatch.syspath_prepend(str(BENCH))
    import train

    return train


@pytest.fixture
def bench(train, tmp_path):
    return train.bench_of(train.options_of(WORDS), tmp_path)


def test_the_plain_loop_learns_what_ours_does(train, tmp_path):
    import plain

    from harness.training.learner import make_learner, take_step

    # A smaller batch lets batch norm blow up the last bit, in which the two normalise otherwise.
    larger = [*WORDS, "--crop", "64", "128", "--batch", "4"]
    bench = train.bench_of(train.options_of(larger), tmp_path)
    images, masks = bench.constant()
    network = bench.network().to(memory_format=torch.channels_last).train()
    learner = make_learner(network, bench.recipe, bench.device)
    steps = range(bench.recipe.steps)
    ours = [float(take_step(learner, images, masks, number)) for number in steps]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(plain, "endless", lambda batches: iter([(images, masks)] * len(ours)))
        theirs = plain.train(bench.network(), bench.frames(), bench.recipe, bench.device)
    assert theirs == pytest.approx(ours, rel=1e-5)
    assert theirs[0] != theirs[1]


def test_the_common_ohem_keeps_what_ours_keeps(train):
    import plain

    from harness.training.losses import hard_cross_entropy

    labels = torch.randint(5, (2, 16, 16), generator=torch.Generator().manual_seed(0))
    for sharpness in (0.1, 30.0):  # most pixels are hard, and fewer than the least kept
        logits = sharpness * torch.nn.functional.one_hot(labels, 5).permute(0, 3, 1, 2).float()
        logits = logits + torch.randn(logits.shape, generator=torch.Generator().manual_seed(1))
        common, ours = plain.ohem(logits, labels), hard_cross_entropy(logits, labels)
        assert float(common) == pytest.approx(float(ours), rel=1e-3)


def test_each_arm_reports_its_steps_and_the_loop_its_parts(train, bench):
    import arms

    found = arms.arms(bench)
    for name in (arms.STEP, arms.PLAIN, arms.CONTIGUOUS, arms.SORTED):
        burst = found[name]()
        assert burst.steps == 1 and burst.seconds > 0 and burst.cpu_s > 0
    twice = [found[arms.LOOP]() for _ in range(2)]  # the second does not resume the first
    for burst in twice:
        assert 0 < burst.step_s < burst.seconds and 0 < burst.wait_s < burst.seconds
        assert burst.save_s > 0


def test_the_channels_last_switch_changes_how_images_lie_in_memory(train, bench):
    import arms

    seen = []
    for channels_last in (True, False):
        learner = arms._learner(bench, channels_last=channels_last)
        layer = next(m for m in learner.network.modules() if isinstance(m, torch.nn.Conv2d))
        layer.register_forward_pre_hook(lambda _, given: seen.append(given[0].stride()))
        images = torch.zeros(2, 32, 64, 3).permute(0, 3, 1, 2)
        learner.forward(images)
    assert [stride[1] for stride in seen] == [1, 32 * 64]


def test_arms_are_met_in_mirrored_order_and_compared_by_round(train):
    from interleave import Burst, interleave, ratio

    met = []

    def arm(name, seconds):
        values = iter(seconds)

        def run():
            met.append(name)
            return Burst(steps=2, seconds=next(values), cpu_s=1.0)

        return run

    rounds = interleave({"a": arm("a", [2, 4, 20, 40]), "b": arm("b", [1, 2, 5, 10])}, 2)
    assert met[:2] == met[3:1:-1] and met[4:6] == met[7:5:-1]
    found = ratio(rounds["a"], rounds["b"])
    assert (found.median, found.least, found.most) == (3.0, 2.0, 4.0)
    assert ratio(rounds["a"], rounds["b"], "cpu_s").median == 1.0


def test_the_record_is_strict_json_and_what_is_left_out_is_said(train, capsys):
    before = torch.get_num_threads()
    assert train.main([*WORDS, *WITHOUT, "ohem", "--json"]) == 0
    torch.set_num_threads(before)
    found = json.loads(capsys.readouterr().out)
    assert set(found["left_out"]) == {"compile", "memory", "ohem"}
    assert len(found["arms"]) == 6 and len(found["loops"]) == 6
    assert [name.split(":")[0] for name in found["brings"]] == ["channels_last", "cache"]


def test_the_tables_have_both_goals(train):
    from told import targets

    arm = {"step_share": [0.9, 0.9, 0.9], "wait_share": [0.08, 0.07, 0.09]}
    pair = {"wall": [1.1, 1.0, 1.2], "cpu": [1.05, 1.0, 1.1]}
    over, wait = targets({"loops": {"our loop / bare step": pair}, "arms": {"our loop": arm}})
    assert over.startswith("loop over bare step: +10.0, +0.0, +20.0 % by the clock")
    assert over.endswith("(goal: at most 3 %); neither step nor waiting: 2.00 %")
    assert wait == "waiting for data: 8.00 (7.00..9.00) % (goal: under 3 %)"
