"""Costs are counted exactly, leave the network as it was, and say what they left out."""

from dataclasses import replace

import pytest
import torch
from tiny import BOTH
from torch import nn
from torch.nn import functional

from harness import networks
from harness.measure import checked
from harness.measure.candidates import cost_of
from harness.measure.checked import DISAGREE, count_checked
from harness.measure.cost import COST_PROTOCOL, count
from harness.measure.static import count_static
from harness.network import deploy
from harness.training.loop import initialise


class Body(nn.Module):
    """A convolution of 3 to 4 channels, then what is given."""

    def __init__(self, then=lambda image: image, **options):
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 3, **options)
        self.then = then

    def forward(self, image):
        return self.then(self.conv(image))


def counted(*arguments, size=(20, 30), **options):
    return count(Body(*arguments, **options).eval(), size)


CONV = 3 * 4 * 9 * 20 * 30
"""Multiply-adds of the convolution at 20 x 30, its size kept."""


def figures(cost):
    return cost.params, cost.gmacs, cost.gmacs_conv, cost.activations


def test_a_convolution_counts_one_for_each_multiply_add():
    cost = counted(padding=1)
    assert cost.gmacs_conv * 1e9 == pytest.approx(CONV, abs=0.5)
    assert cost.gmacs == cost.gmacs_conv
    assert (cost.params, cost.activations) == (3 * 4 * 9 + 4, 4 * 20 * 30)
    assert (cost.uncounted_ops, cost.cost_size) == ({}, "20x30")


@pytest.mark.parametrize(
    ("same", "other"),
    [
        ({"padding": "same"}, {"padding": 1}),
        ({"padding": "valid"}, {"padding": 0}),
        ({"padding": "same", "dilation": 2}, {"padding": 2, "dilation": 2}),
    ],
)
def test_padding_by_name_costs_as_much_as_by_number(same, other):
    assert counted(**same) == counted(**other)


@pytest.mark.parametrize("name", networks.names())
def test_both_counters_agree_on_every_named_network_to_the_integer(name):
    network = deploy(initialise(networks.get(name), 19, seed=0))
    cost = count(network, (64, 96))
    assert figures(cost) == figures(count_static(network.to("meta"), (64, 96)))
    assert cost.gmacs > cost.gmacs_conv, "resizing counts as well"
    assert not cost.unknown_ops


def attention(image):
    tokens = image.flatten(2).transpose(1, 2)
    return functional.scaled_dot_product_attention(tokens, tokens, tokens)


def test_attention_is_not_free():
    cost = counted(attention, padding=1)
    both_products = 2 * 4 * (20 * 30) ** 2
    assert cost.gmacs_conv * 1e9 == pytest.approx(CONV + both_products, abs=0.5)
    static = count_static(Body(attention, padding=1).eval().to("meta"), (20, 30))
    assert (static.gmacs, static.gmacs_conv) == (cost.gmacs, cost.gmacs_conv)


class Attentive(nn.Module):
    """An attention layer of torch's own over the pixels of an image."""

    def __init__(self):
        super().__init__()
        self.attention = nn.MultiheadAttention(3, 1, batch_first=True)

    def forward(self, image):
        pixels = image.flatten(2).transpose(1, 2)
        return self.attention(pixels, pixels, pixels, need_weights=False)[0]


def test_torchs_own_attention_layer_is_counted_in_full():
    cost = count(Attentive().eval(), (8, 8))
    assert cost.complete, cost.unknown_ops
    # Three projections in, one out; queries by keys, weights by values.
    assert cost.gmacs_conv * 1e9 == 4 * 64 * 3 * 3 + 2 * 64 * 64 * 3


def test_an_operator_that_may_hide_multiply_adds_makes_a_count_incomplete():
    cost = counted(lambda image: image.cumsum(2) * 2, padding=1)
    assert cost.uncounted_ops == {"aten::cumsum": 1, "aten::mul": 1}
    assert cost.unknown_ops == {"aten::cumsum": 1}
    assert not cost.complete and cost.record()["count"] == "incomplete"


class Doubled(torch.autograd.Function):
    """A function of a stranger's own, which a traced graph cannot look into."""

    @staticmethod
    def forward(context, image):
        return image * 2


def test_a_custom_autograd_function_makes_a_count_incomplete():
    cost = count_checked(Body(Doubled.apply, padding=1).eval(), (20, 30))
    assert cost.unknown_ops == {"prim::PythonOp.Doubled": 1}


def test_products_of_matrices_count_with_the_convolutions():
    cost = counted(lambda image: image @ image.transpose(2, 3), padding=1)
    assert cost.gmacs_conv * 1e9 == pytest.approx(CONV + 4 * 20 * 30 * 20, abs=0.5)


def test_what_is_not_counted_is_listed_with_its_number():
    cost = counted(lambda image: (image.sigmoid() * image).sigmoid(), padding=1)
    assert cost.uncounted_ops == {"aten::mul": 1, "aten::sigmoid": 2}


def test_resizing_counts_apart_from_convolutions():
    cost = counted(
        lambda image: functional.interpolate(image, (40, 60), mode="bilinear"), padding=1
    )
    assert cost.gmacs * 1e9 == pytest.approx(CONV + 4 * 4 * 40 * 60, abs=0.5)
    assert cost.gmacs_conv * 1e9 == pytest.approx(CONV, abs=0.5)


def state(network):
    """All of a module that counting might touch."""
    return {
        "modes": [each.training for each in network.modules()],
        "grads": [(each.requires_grad, each.grad) for each in network.parameters()],
        "hooks": [
            (dict(each._forward_hooks), dict(each._forward_pre_hooks), dict(each._backward_hooks))
            for each in network.modules()
        ],
        "dice": torch.random.get_rng_state().tolist(),
    }


@pytest.mark.parametrize("counter", [count, count_checked])
def test_counting_changes_no_bit_of_the_network(counter):
    network = deploy(initialise(BOTH, 5, seed=0), fold=False)
    next(network.parameters()).requires_grad_(True)
    next(network.modules()).register_forward_hook(lambda *_: None)
    values, before = {k: v.clone() for k, v in network.state_dict().items()}, state(network)
    counter(network, (33, 47))
    after = network.state_dict()
    assert any("running_mean" in name for name in values)
    assert all(torch.equal(after[name], value) for name, value in values.items())
    assert state(network) == before
    assert torch.backends.mha.get_fastpath_enabled(), "as it is unless someone turns it off"


def test_a_network_in_train_mode_is_not_counted():
    with pytest.raises(AssertionError, match="train mode"):
        count(Body(), (20, 30))


class Wasteful(Body):
    """Computes something and throws it away, which a traced graph does not show."""

    def forward(self, image):
        self.conv(image)
        return self.then(self.conv(image))


class Spare(Body):
    """Holds a convolution that is never called."""

    def __init__(self):
        super().__init__(padding=1)
        self.spare = nn.Sequential(nn.Conv2d(4, 2, 1))


def test_a_dead_branch_that_the_traced_graph_does_not_hold_is_named():
    assert count_checked(Body(padding=1).eval(), (20, 30)).dead_modules == ()
    found = count_checked(Wasteful(padding=1).eval(), (20, 30))
    assert (found.dead_modules, found.complete) == (("conv",), True)
    assert found.gmacs_conv * 1e9 == pytest.approx(2 * CONV, abs=0.5), "what is done is counted"
    assert found.record()["dead_modules"] == ["conv"]


def test_a_module_that_is_never_called_is_named():
    assert count_checked(Spare().eval(), (20, 30)).uncalled_modules == ("spare.0",)


def test_a_count_that_the_second_counter_does_not_confirm_is_incomplete(monkeypatch):
    monkeypatch.setattr(checked, "count", lambda *of: replace(count(*of), gmacs_conv=1.0))
    found = count_checked(Body(padding=1).eval(), (20, 30))
    assert found.unknown_ops == {DISAGREE: 1} and found.record()["count"] == "incomplete"


class Settled(Body):
    """Makes a tensor on the CPU, so that it cannot run on the meta device."""

    def forward(self, image):
        return super().forward(image) + torch.ones(1).to("cpu")


def test_a_network_that_cannot_run_on_the_meta_device_is_counted_on_the_cpu():
    cost = count_checked(Settled(padding=1).eval(), (20, 30))
    assert cost.complete and cost.gmacs_conv * 1e9 == pytest.approx(CONV)
    assert cost.unfused_bytes > 0 and cost.inference_peak_bytes > 0


def test_the_fast_count_is_fvcores():
    network = deploy(initialise(BOTH, 5, seed=0))
    assert figures(count_checked(network, (45, 60))) == figures(count(network, (45, 60)))


def test_auxiliary_heads_cost_nothing_and_neither_do_batch_norms():
    bare = cost_of(replace(BOTH, aux_heads="none"), 5, (32, 64))
    assert cost_of(BOTH, 5, (32, 64)) == bare
    assert "aten::batch_norm" not in bare["uncounted_ops"]
    trained = sum(each.numel() for each in initialise(BOTH, 5, seed=0).parameters())
    assert bare["params"] < trained


def test_a_cost_is_a_flat_row_that_says_by_what_and_at_what_size():
    row = cost_of(BOTH, 5, (32, 64))
    assert row["cost_tool"].startswith("torch ")
    assert "checked by fvcore" in row["cost_tool"] and row["cost_tool"].endswith("at 64x96")
    assert (row["cost_size"], row["cost_protocol"]) == ("32x64", COST_PROTOCOL)
    assert cost_of(BOTH, 5, (64, 64))["gmacs"] == pytest.approx(2 * row["gmacs"], rel=0.1)
    assert cost_of(BOTH, 5, (64, 64))["params"] == row["params"]


def test_a_count_without_the_second_counter_does_not_claim_to_be_complete():
    row = count_static(Body(padding=1).eval().to("meta"), (20, 30)).record()
    assert row["count"] == "unchecked" and "unchecked" not in row
    assert cost_of(BOTH, 5, (32, 64))["count"] == "complete"
