"""The bench of our intervals: what it takes for the truth is true, and what it counts is right."""

import json
import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

BENCH = Path(__file__).parent.parent / "bench"


@pytest.fixture
def measure(monkeypatch):
    monkeypatch.syspath_prepend(str(BENCH))
    import measure

    short = replace(measure.TIMING, rounds=6, most_rounds=6, burst=2, warmup=1, warmup_s=0.0)
    monkeypatch.setattr(measure, "TIMING", short)
    monkeypatch.setattr(measure, "TURNS", 2)
    return measure


def test_a_copy_computes_the_same_elsewhere_and_the_slower_one_convolution_more(measure):
    import known

    network, copied, slower = known.networks().values()
    image = torch.randn(1, 3, *known.SIZE)
    assert torch.equal(network(image), copied(image))
    assert network[1].weight.data_ptr() != copied[1].weight.data_ptr()
    assert len(slower) / len(network) == pytest.approx(1.03, abs=0.001)
    assert {each.weight.shape for each in slower[1:]} == {(known.WIDTH, known.WIDTH, 3, 3)}
    assert 1e-6 < float(network(image).std()) < 1e6, "no denormal numbers at the end of it"


def test_the_truth_is_as_built_and_asks_little_of_the_clock(measure):
    import known

    layer, stem = 25.0, 10.0
    times = [(known.STEM, 0), (known.NETWORK, known.LAYERS), (known.SLOWER, known.LAYERS + 1)]
    clean = {name: stem + layer * layers for name, layers in times}
    told = known.truth([clean])
    assert told == pytest.approx(clean[known.SLOWER] / clean[known.NETWORK])
    assert known.clocked([clean, clean], known.SLOWER).value == pytest.approx(told)
    wrong = {**clean, known.STEM: 1.5 * stem}
    assert known.truth([wrong, wrong, clean]) == pytest.approx(told, abs=0.0003)


def test_the_witness_takes_the_cpu_time_of_every_network(measure):
    import known

    seen = known.witness(known.networks(), 1)
    assert set(seen) == {known.STEM, known.NETWORK, known.COPY, known.SLOWER}
    assert 0 < seen[known.STEM] < seen[known.NETWORK]


@pytest.mark.parametrize("method", ["of_means", "of_medians"])
def test_naive_intervals_are_fair_where_samples_are_independent(measure, method):
    import naive

    dice = np.random.default_rng(1)
    held = []
    for _ in range(300):
        first, second = np.exp(0.1 * dice.standard_normal((2, 60)))
        low, high = getattr(naive, method)(1.1 * first, second)
        held.append(low <= 1.1 <= high)
    assert np.mean(held) >= 0.95 - 2 * math.sqrt(0.05 * 0.95 / 300)
    assert 0.02 < (high - low) / 2 < 0.1


def session(measure, same, slower, **facts):
    """A raw record in which the arms' times are told: medians of rounds, and blocks."""
    wobble = 1e6 * (1 + 0.01 * np.sin(np.arange(12)))
    arms = {"network": 1.0, "its copy": same, "3 % more work": slower}
    bursts = [
        [name, number, place, 0, [round(level * wobble[number])] * 2]
        for number in range(12)
        for place in (0, 1)
        for name, level in arms.items()
    ]
    rest = {"condition": "quiet", "seconds": 3.0, "ended": "precise"}
    return {
        "bursts": bursts,
        "blocks": {name: [level * each for each in wobble] for name, level in arms.items()},
        "witness": {"first layer alone": 1, "network": 100, "its copy": 100, "3 % more work": 103},
        "twin": "not distinguishable",
        "machine": {"others_cores": 1.0, "pressure_percent": None, "stolen_percent": 0.0},
        **rest,
        **facts,
    }


def test_what_intervals_hold_is_counted_by_condition(measure):
    from shares import ROUNDS, judged

    sessions = [
        session(measure, 1.0, 1.03),
        session(measure, 1.1, 1.03, twin="slower"),
        session(measure, 1.0, 1.0),
        session(measure, 1.0, 1.03, seconds=61.0),
        session(measure, 1.2, 1.2, condition="loaded"),
    ]
    found = judged(sessions)
    assert found["truth"] == pytest.approx(1.03)
    assert found["by_cpu_clock"]["3 % more work"]["value"] == pytest.approx(1.03)
    quiet, loaded = found["conditions"]["quiet"], found["conditions"]["loaded"]
    ours = quiet["methods"][ROUNDS]
    names = "holds_same", "holds_slower", "false_different", "finds_slower"
    assert [ours[name]["count"] for name in names] == [3, 3, 1, 3]
    assert (ours["holds"]["count"], ours["holds"]["of"]) == (6, 8)
    assert (quiet["twin_alarm"]["count"], quiet["found_in_time"]["count"]) == (1, 2)
    assert quiet["machine"]["pressure_percent"] is None
    assert loaded["methods"][ROUNDS]["holds"]["share"] == 0
    assert ours["false_different"]["low"] < 0.25 < ours["false_different"]["high"]


def test_made_up_worlds_are_held_as_often_as_promised(measure):
    from simulated import WORLDS, simulate

    from harness.measure.stopping import Stop

    stop = Stop(least=12, most=27, target=0.01, limit_s=math.inf)
    for name, world in WORLDS.items():
        found = simulate(world, stop, 200)
        least = 0.95 - 2.5 * math.sqrt(0.05 * 0.95 / 200)
        assert found["holds_same"]["share"] >= least, name
        assert found["holds_slower"]["share"] >= least, name


def test_a_study_is_measured_kept_and_judged_again(measure, tmp_path, capsys):
    kept = str(tmp_path / "raw.json")
    assert measure.main(["--sessions", "2", "--simulated", "0", "--json", "--raw", kept]) == 0
    out, err = capsys.readouterr()
    first = json.loads(out)
    assert set(first["conditions"]) == {"quiet", "loaded"}
    assert "session 2 of 2" in err
    raw = json.loads(Path(kept).read_text())["sessions"][0]
    assert {len(each) for each in raw["blocks"].values()} == {6 * 2 * 2}
    assert measure.main(["--simulated", "0", "--json", "--replay", kept]) == 0
    assert json.loads(capsys.readouterr().out) == first
    assert measure.main(["--simulated", "20", "--replay", kept]) == 0
    assert "rounds (ours)" in capsys.readouterr().out
