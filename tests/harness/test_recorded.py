"""A session leaves one receipt, whose id all its rows carry."""

from dataclasses import replace

import pytest
import torch

from harness import networks
from harness.measure.evidence import watch
from harness.measure.latency import NOTHING_TIMED, time_together
from harness.measure.receipt import read
from harness.measure.recheck import verify
from harness.measure.recorded import Occasion, recorded, refused
from harness.network import deploy
from harness.study import Timing
from harness.training.loop import initialise

CPU, SIZE = torch.device("cpu"), (32, 48)
TIMING = Timing(warmup=1, warmup_s=0.01, rounds=6, most_rounds=6, burst=1, limit_s=0.01)


def occasion_in(folder):
    return Occasion(folder=folder, command="twopath time a b", timing=TIMING, size=SIZE, device=CPU)


@pytest.fixture(scope="module")
def networks_timed():
    network = initialise(networks.get("bisenetv2_small"), 5, seed=0)
    both = [deploy(network, boundary="labels_full", fold=fold) for fold in (True, False)]
    return {"folded": both[0], "unfolded": both[1]}


@pytest.fixture(scope="module")
def session(networks_timed):
    return time_together(networks_timed, TIMING, SIZE, CPU, watch=watch)


def test_all_rows_carry_the_receipts_id(tmp_path, session, networks_timed):
    found = recorded(
        session,
        networks_timed,
        occasion_in(tmp_path),
        abouts={"folded": {"transforms": ["fold"], "counts": {"gmacs": 1.5}, "weights": "mine"}},
        trained=dict.fromkeys(networks_timed, networks_timed["unfolded"]),
    )
    [path] = tmp_path.iterdir()
    assert {row["latency_receipt"] for row in found.rows.values()} == {path.stem}
    assert verify(path) == []
    receipt = read(path)
    model = receipt["models"]["folded"]
    assert (model["findings"], model["transforms"], model["weights"]) == ([], ["fold"], "mine")
    assert model["input"] == [1, 3, 32, 48] and model["boundary"] == "labels_full"
    assert model["source_sha256"] == receipt["models"]["unfolded"]["source_sha256"]
    assert model["weights_sha256"] != receipt["models"]["unfolded"]["weights_sha256"]
    assert receipt["counts"] == {"folded": {"gmacs": 1.5}}
    for name, row in found.rows.items():
        assert row["latency_headline_ok"] is (refused(tmp_path, path.stem, name) == [])
        without = {
            k: v for k, v in row.items() if k not in ("latency_receipt", "latency_headline_ok")
        }
        assert without == session.rows[name]


def test_a_session_in_which_nothing_was_timed_leaves_none(tmp_path):
    failed = replace(NOTHING_TIMED, rows={"a": {"latency_error": "no"}})
    occasion = occasion_in(tmp_path / "none")
    assert recorded(failed, {}, occasion) is failed
    assert not occasion.folder.exists()


def test_a_network_that_could_not_be_timed_keeps_its_row(tmp_path, session, networks_timed):
    rows = {**session.rows, "broken": {"latency_error": "no"}}
    mixed = replace(session, rows=rows)
    found = recorded(mixed, networks_timed, occasion_in(tmp_path))
    assert found.rows["broken"] == {"latency_error": "no"}
    assert verify(next(tmp_path.iterdir())) == []
