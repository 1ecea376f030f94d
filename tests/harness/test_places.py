"""A network lies at another place in memory in each round, unless it cannot be moved."""

import pytest
import torch
from torch import nn

from harness import Timing
from harness.backends.contract import Running
from harness.measure.estimate import DRAWN, KEPT, KEPT_SHARE, apart_of, ratio, ratio_of_rows
from harness.measure.figured import TWIN, ratios_of
from harness.measure.latency import time_together
from harness.measure.places import Tenant

CPU = torch.device("cpu")
TIMING = Timing(rounds=8, most_rounds=8, warmup=0, warmup_s=0.0, burst=1, limit_s=1e6)


class Witness(nn.Module):
    """Notes where its weight and its image lie, and what it gives."""

    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter(torch.arange(3.0).view(1, 3, 1, 1))
        self.seen = []

    def __deepcopy__(self, memo):
        other = Witness()
        other.weight = nn.Parameter(self.weight.detach().clone())
        other.seen = self.seen
        return other

    def forward(self, image):
        is_weak = self.weight.is_inference()
        self.seen.append((self.weight.data_ptr(), image.data_ptr(), is_weak))
        return self.weight * image


def tenant(network, device=CPU, engine=None, images=2):
    running = Running(network=network, device=device, engine=engine)
    return Tenant(running, [torch.ones(1, 3, 8, 8) * n for n in range(images)], lambda given: given)


def test_weights_and_images_move_and_the_answer_stays():
    network = Witness()
    lodged = tenant(network)
    before = [lodged(), lodged()]
    lodged.move()
    network.seen.clear()
    assert [torch.equal(*pair) for pair in zip([lodged(), lodged()], before, strict=True)] == (
        [False, False]  # the call after the move has had the first image
    )
    assert torch.equal(lodged(), before[1]) and lodged.place == DRAWN
    places = set()
    for _ in range(20):
        lodged.move()
        places |= {weight for weight, _, _ in network.seen}
        assert torch.equal(lodged(), before[1])
    assert len(places) > 2
    assert not any(is_weak for *_, is_weak in network.seen)


def test_the_network_that_was_handed_in_is_left_as_it_is():
    network = nn.Conv2d(3, 2, 1)
    where = network.weight.data_ptr()
    time_together({"a": network}, TIMING, (16, 16), CPU)
    assert network.weight.data_ptr() == where and not network.weight.is_inference()


@pytest.mark.parametrize("kind", ["engine", "cuda"])
def test_what_cannot_move_stays(kind):
    calls = []
    network = nn.Identity()
    if kind == "engine":
        lodged = tenant(None, engine=lambda image: calls.append(image))
    else:
        lodged = tenant(network, device=torch.device("cuda"))
    lodged.move()
    assert lodged.place == KEPT and not calls


def test_rows_say_whether_a_place_was_drawn():
    still = Running(network=None, device=CPU, engine=lambda image: image)
    rows = time_together({"a": nn.Identity(), "b": still}, TIMING, (16, 16), CPU).rows
    assert {name: row["latency_place"] for name, row in rows.items()} == {"a": DRAWN, "b": KEPT}


def test_what_stays_must_differ_by_more_than_copies_that_stay():
    rounds = [1000, 1001, 1002, 999, 1000, 998, 1001, 1000]
    more = [each * 1.002 for each in rounds]
    row = {"latency_session": "s", "latency_place": DRAWN}
    first, second = ({**row, "latency_rounds_ns": each} for each in (more, rounds))
    drawn = ratio_of_rows(first, second)
    kept = ratio_of_rows(first, {**second, "latency_place": KEPT})
    assert (drawn.answer, kept.answer) == ("slower", "not distinguishable")
    assert kept.value == drawn.value and drawn.p < 0.05 < kept.p == 1
    assert kept.high / drawn.high == pytest.approx(1 + KEPT_SHARE, rel=1e-4)
    much = ratio([each * 1.01 for each in rounds], rounds, apart=apart_of(True))
    assert much.answer == "slower" and much.p < 0.05


def test_a_receipts_ratios_are_those_of_its_rows():
    networks = {"a": nn.Conv2d(3, 2, 1), "b": nn.Conv2d(3, 2, 3)}
    session = time_together(networks, TIMING, (16, 16), CPU)
    told = {kept: ratios_of(session.bursts, "ab", ["t_e2e"], kept)[0] for kept in ("", "a", "b")}
    assert told["a"] == told["b"] and told["a"]["low"] < told[""]["low"]
    assert told[""]["low"] == ratio_of_rows(session.rows["b"], session.rows["a"]).low
    assert TWIN not in session.rows
