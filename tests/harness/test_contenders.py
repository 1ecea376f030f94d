"""Networks come to be timed on backends, and none that computes something else is timed."""

import pickle
from contextlib import contextmanager
from dataclasses import replace

import pytest
import torch
from tiny import ALONE, rows, run, tiny
from torch import nn

from harness import Timing
from harness.backends.contract import Backend, backends, still_a_network
from harness.measure import candidates
from harness.measure.candidates import Order, latencies_of, timing_device
from harness.measure.contenders import calibrate, contenders
from harness.measure.latency import held
from harness.measure.recheck import verify
from harness.runners.local import InProcess

CPU, SIZE = torch.device("cpu"), (32, 64)
QUICK = Timing(rounds=1, most_rounds=1, burst=1, warmup=0, warmup_s=0.0)

NETS = '''"""Networks of a stranger."""

import torch
from torch import nn


class Plain(nn.Module):
    """Gives logits at a quarter of the size, and others that a deployed network would not."""

    def __init__(self, num_classes):
        super().__init__()
        self.body = nn.Sequential(nn.Conv2d(3, 8, 3, 4, 1), nn.BatchNorm2d(8), nn.ReLU())
        self.head, self.aux = (nn.Conv2d(8, num_classes, 1) for _ in range(2))

    def forward(self, image):
        image = self.body(image)
        return {"out": self.head(image), "aux": [self.aux(image)]}


class Fickle(Plain):
    """Does what it sees fit."""

    def forward(self, image):
        image = self.body(image)
        return self.head(image * 2 if image.mean() > 9 else image)
'''

MINUTE = '''

import math


class Minute(Plain):
    """Weighs next to nothing."""

    def __init__(self, num_classes):
        super().__init__(num_classes)
        nn.init.constant_(self.body[0].weight, 1e-40)
'''


@pytest.fixture
def nets(tmp_path):
    (tmp_path / "nets.py").write_text(NETS)
    return tmp_path / "nets.py"


@pytest.fixture
def wrong():
    """A backend that picks the class below."""

    @backends.register("wrong")
    class Wrong(Backend):
        """Other classes than the network's."""

        def apply(self, running, example):
            network = still_a_network(running, "wrong")
            return running.taken(lambda image: (network(image).int() - 1).clamp(0).to(torch.uint8))


def ready(given, timing=QUICK, names=()):
    with held(timing):
        return contenders(given, 5, timing, SIZE, CPU, names)


def test_each_network_is_on_each_backend_that_agrees(wrong):
    order = Order(
        given={"it": ALONE},
        num_classes=5,
        timing=QUICK,
        size=SIZE,
        backends=("eager", "wrong", "folded+bf16"),
    )
    found = latencies_of(order)
    assert list(found.rows) == ["it on eager", "it on wrong", "it on folded+bf16"]
    eager, bad, low = found.rows.values()
    assert "disagrees with fp32 eager" in bad["latency_error"] and "latency_ms" not in bad
    assert bad["backend_agreement"] < 0.99 and bad["latency_backend"] == "wrong"
    assert (eager["backend_agreement"], eager["backend_num_images"]) == (1.0, 8)
    assert (low["latency_backend"], low["latency_dtype"]) == ("folded+bf16", "bfloat16")
    assert eager["latency_session"] == low["latency_session"]
    (receipt,) = found.receipts
    assert set(receipt["rows"]) == {"it on eager", "it on folded+bf16"}
    assert receipt["models"]["it on folded+bf16"]["equivalence"]["backend_agreement"] > 0.999


def test_a_networks_usual_backend_changes_nothing_but_how_it_is_run():
    one = ready({"it": ALONE})["it"]
    weights = [each for each in one.network.modules() if isinstance(each, nn.Conv2d)]
    assert not any(each.is_inference() for each in one.network.parameters())
    assert not any(isinstance(each, nn.BatchNorm2d) for each in one.network.modules())
    assert weights[0].weight.is_contiguous(memory_format=torch.channels_last)
    image = torch.randn(1, 3, *SIZE)
    with torch.inference_mode():
        assert torch.equal(one.running(image), one.trained(image))


def test_a_study_on_another_backend_is_held_to_agree_first(wrong):
    other = replace(QUICK, backend="wrong")
    assert "disagrees with fp32 eager" in ready({"it": ALONE}, other)["it"].why


def test_a_stranger_is_folded_where_that_can_be_done(nets):
    found = ready({"plain": f"{nets}:Plain", "fickle": f"{nets}:Fickle"})
    assert found["plain"].facts["latency_backend"] == "folded+channels_last"
    assert found["fickle"].facts["latency_backend"] == "channels_last"
    for each in found.values():
        assert each.running(torch.zeros(1, 3, *SIZE)).shape == (1, *SIZE)


def test_what_is_wrong_with_a_stranger_is_in_its_row_and_receipt(nets):
    given = {"nets.py:Plain": f"{nets}:Plain", "it": ALONE}
    found = latencies_of(Order(given=given, num_classes=5, timing=QUICK, size=SIZE))
    assert found.rows["it"]["latency_findings"] == []
    told, several = found.rows["nets.py:Plain"]["latency_findings"]
    assert told.startswith("dead_head at network.aux")
    assert several.startswith("aux_heads_on") and "only 'out' is used" in several
    assert told in found.rows["nets.py:Plain"]["latency_headline_reasons"]
    (model,) = (m for name, m in found.receipts[0]["models"].items() if name.endswith("Plain"))
    assert (model["weights"], model["architecture"]) == ("as handed in", None)
    assert str(nets.parent) not in str(found.receipts)


def test_a_stranger_that_cannot_run_has_its_reason(nets):
    nets.write_text(NETS.replace("self.body(image)\n        return {", "1 / 0\n        return {"))
    assert "ZeroDivisionError" in ready({"plain": f"{nets}:Plain"})["plain"].why


@pytest.mark.parametrize("backend", ["folded+channels_last", "eager"])
def test_weights_too_small_are_found_although_they_are_timed_as_zeros(nets, backend):
    nets.write_text(NETS + MINUTE)
    given = {"it": f"{nets}:Minute"}
    names = () if backend == QUICK.backend else (backend,)
    order = Order(given=given, num_classes=5, timing=QUICK, size=SIZE, backends=names)
    (row,) = latencies_of(order).rows.values()
    told = [each for each in row["latency_findings"] if each.startswith("denormal_weights")]
    assert len(told) == 1 and "at network.body.0.weight: 100.0% of them" in told[0]


def test_weights_that_are_no_numbers_are_named(nets):
    nets.write_text(NETS + MINUTE.replace("1e-40", "math.nan"))
    assert (
        "non_finite_weights at network.body.0.weight" in ready({"it": f"{nets}:Minute"})["it"].why
    )


def test_statistics_are_of_the_images_and_nothing_else_changes():
    norm = nn.BatchNorm2d(2)
    network = nn.Sequential(norm, nn.Dropout(0.5)).eval()
    calibrate(network, torch.cat([torch.zeros(2, 2, 3, 3), torch.full((2, 2, 3, 3), 4.0)]))
    assert norm.running_mean.tolist() == [2, 2]
    assert (norm.momentum, norm.training, network.training) == (0.1, False, False)


def test_the_device_of_a_latency_tells_its_backend(wrong):
    assert ", wrong " in timing_device(replace(QUICK, backend="wrong"))
    with pytest.raises(KeyError, match="folded"):
        timing_device(replace(QUICK, backend="foldet"))


def test_an_unknown_backend_ends_a_study_before_it_trains(tmp_path):
    with pytest.raises(KeyError, match="foldet"):
        run(tiny(timing=replace(QUICK, backend="foldet")), tmp_path)
    assert not (tmp_path / "trials").exists()


class Elsewhere(InProcess):
    """A runner that measures on a machine whose files are not ours."""

    def call(self, function, *arguments):
        order = pickle.loads(pickle.dumps(arguments))
        return pickle.loads(pickle.dumps(function(*order)))


def test_receipts_come_back_from_another_machine_with_their_rows(tmp_path):
    run(tiny(), tmp_path, runner=Elsewhere())
    (row,) = rows(tmp_path).values()
    (file,) = (tmp_path / "receipts").iterdir()
    assert file.stem == row["latency_receipt"] and verify(file) == []
    assert row["latency_verdict"] in ("proven", "unproven", "violated")
    assert isinstance(row["latency_headline_reasons"], list)


class Spoiled:
    """A watch that saw another at work."""

    def check(self):
        """Nothing more."""

    def record(self):
        found = {"name": "co_tenant_cpu", "where": "cpu", "told": "others"}
        return {"verdict": "violated", "reasons": ["cpu: others"], "findings": [found]}


def test_of_a_violated_session_milliseconds_are_no_facts():
    @contextmanager
    def watch(device, threads):
        yield Spoiled()

    order = Order(given={"it": ALONE}, num_classes=5, timing=QUICK, size=SIZE)
    ((session, receipt),) = candidates.sessions_of(order, watch=watch)
    row = session.rows["it"]
    assert (row["latency_contended"], row["latency_headline_ok"]) == (True, False)
    assert "is violated: cpu: others" in row["latency_headline_reasons"][0]
    assert receipt["headlines"]["it"]["ratios_only"] is True
