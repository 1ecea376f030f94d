"""A session leaves one receipt, whose id all its rows carry."""

from dataclasses import replace

import pytest
import torch

from harness import networks
from harness.measure import receipt as receipt_file
from harness.measure.evidence import watch
from harness.measure.headline import ONE_PROCESS
from harness.measure.latency import NOTHING_TIMED, time_together
from harness.measure.receipt import keep, read
from harness.measure.recheck import verify
from harness.measure.recorded import Occasion, recorded
from harness.network import deploy
from harness.study import Timing
from harness.training.loop import initialise

CPU, SIZE = torch.device("cpu"), (32, 48)
TIMING = Timing(warmup=1, warmup_s=0.01, rounds=6, most_rounds=6, burst=1, limit_s=0.01)

OF_RECEIPT = (
    "latency_receipt",
    "latency_headline_ok",
    "latency_headline_reasons",
    "latency_findings",
)


def occasion():
    return Occasion(command="twopath time a b", timing=TIMING, size=SIZE, device=CPU)


@pytest.fixture(scope="module")
def networks_timed():
    network = initialise(networks.get("bisenetv2_small"), 5, seed=0)
    both = [deploy(network, boundary="labels_full", fold=fold) for fold in (True, False)]
    return {"folded": both[0], "unfolded": both[1]}


@pytest.fixture(scope="module")
def session(networks_timed):
    return time_together(networks_timed, TIMING, SIZE, CPU, watch=watch)


def test_all_rows_carry_the_receipts_id(tmp_path, session, networks_timed):
    found, sealed = recorded(
        session,
        networks_timed,
        occasion(),
        abouts={"folded": {"transforms": ["fold"], "counts": {"gmacs": 1.5}, "weights": "mine"}},
        trained=dict.fromkeys(networks_timed, networks_timed["unfolded"]),
    )
    keep(tmp_path, sealed)
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
        judged = receipt["headlines"][name]
        assert row["latency_headline_ok"] is False
        assert row["latency_headline_reasons"] == [*judged["reasons"], ONE_PROCESS]
        assert row["latency_findings"] == []
        assert {k: v for k, v in row.items() if k not in OF_RECEIPT} == session.rows[name]


def test_a_session_in_which_nothing_was_timed_leaves_none():
    failed = replace(NOTHING_TIMED, rows={"a": {"latency_error": "no"}})
    assert recorded(failed, {}, occasion()) == (failed, None)


def test_a_network_that_could_not_be_timed_keeps_its_row(tmp_path, session, networks_timed):
    rows = {**session.rows, "broken": {"latency_error": "no"}}
    found, sealed = recorded(replace(session, rows=rows), networks_timed, occasion())
    assert found.rows["broken"] == {"latency_error": "no"}
    assert verify(tmp_path / f"{keep(tmp_path, sealed)}.json") == []


def test_a_receipt_of_another_machine_is_kept_as_it_was_sealed(
    tmp_path, session, networks_timed, monkeypatch
):
    _, sealed = recorded(session, networks_timed, occasion())
    monkeypatch.setattr(receipt_file, "_names_of_here", lambda: ["perf_counter", "twopath"])
    assert verify(tmp_path / f"{keep(tmp_path, sealed)}.json") == []
