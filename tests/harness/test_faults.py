"""Each fault is put into a real network, found there, and named; a sound one has none."""

import copy
from pathlib import Path

import pytest
import torch
from networks_with_faults import CPU, SIZE, Net, folded, found, sound
from torch import nn
from torch.nn import functional

from harness import networks
from harness.measure.faults import findings_of, not_at
from harness.measure.finding import FAULTS, Finding
from harness.measure.values import denormal_share
from harness.network import deploy
from harness.training.loop import initialise


@pytest.mark.parametrize("boundary", ["labels_full", "logits_full", "logits_native"])
def test_a_sound_network_has_no_fault(boundary):
    net = sound(boundary=boundary)
    assert found(net, boundary=boundary, reference=copy.deepcopy(net)) == {}


def test_the_networks_are_left_as_they_are():
    net, reference = sound(), sound()
    before = copy.deepcopy(net.state_dict())
    found(net.train(), reference=reference.train())
    assert net.training and reference.training
    assert all(torch.equal(value, before[name]) for name, value in net.state_dict().items())
    assert not net._forward_hooks and not net.norm._forward_hooks


@pytest.mark.parametrize("bad", [float("nan"), float("inf")])
def test_weights_that_are_no_numbers(bad):
    net = sound()
    with torch.no_grad():
        net.second.weight[0, 0, 0, 0] = bad
    seen = found(net)
    assert seen["non_finite_weights"].where == "second.weight"
    assert seen["non_finite_activations"].where == "second"


def test_statistics_that_are_no_numbers():
    net = sound()
    net.norm.running_var[3] = float("nan")
    assert found(net)["non_finite_weights"].where == "norm.running_var"


def test_denormal_weights():
    net = sound()
    with torch.no_grad():
        net.head.weight.mul_(1e-39)
    assert found(net)["denormal_weights"].where == "head.weight"


def test_denormal_activations_even_where_the_processor_flushes_them():
    net = sound()
    with torch.no_grad():
        net.norm.weight.fill_(1e-39)
        net.norm.bias.zero_()
    torch.set_flush_denormal(True)
    try:
        assert "denormal_activations" in found(net)
        assert float(torch.tensor(1e-40) * 1.0) == 0, "as it was set before"
    finally:
        torch.set_flush_denormal(False)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16])
def test_a_denormal_is_known_by_its_bits(dtype):
    tiny = torch.finfo(dtype).tiny
    values = torch.tensor([0.0, 1.0, -1.0, tiny, -tiny], dtype=dtype)
    assert denormal_share(values) == 0
    bits = {torch.float32: torch.int32, torch.float64: torch.int64, torch.bfloat16: torch.int16}
    values[0] = torch.ones(1, dtype=bits[dtype]).view(dtype)[0]
    assert denormal_share(values) == pytest.approx(0.2)
    assert denormal_share(torch.empty(0)) == 0


def test_activations_that_died():
    net = sound()
    with torch.no_grad():
        net.norm.bias.fill_(-1e6)
    seen = found(net)
    assert set(seen) == {"dead_activations"}
    assert "relu" in seen["dead_activations"].told


def test_training_mode():
    seen = found(sound().train())
    assert "norm" in seen["training_mode"].where
    assert "random_outputs" in seen, "and its dropout"


def test_dropout_alone():
    net = sound()
    net.drop.train()
    seen = found(net)
    assert seen["training_mode"].where == "drop"
    assert set(seen) == {"training_mode", "random_outputs"}


def test_an_image_that_is_written_over():
    class Over(Net):
        def feature(self, image):
            return super().feature(image.mul_(2))

    assert set(found(Over().eval())) == {"overwrites_input"}


def test_dropout_that_no_mode_turns_off():
    class Dropping(Net):
        def feature(self, image):
            return functional.dropout(super().feature(image), 0.5, training=True)

    assert set(found(Dropping().eval())) == {"random_outputs"}


def test_the_containers_of_a_traced_network_are_in_no_mode():
    traced = torch.fx.symbolic_trace(nn.Sequential(nn.Sequential(nn.Conv2d(3, 5, 1))).eval())
    traced.get_submodule("0").train()
    traced.get_submodule("0.0").eval()
    assert "training_mode" not in found(traced.eval())


class WithAux(Net):
    """Also computes an auxiliary head, and may give it."""

    def __init__(self, gives):
        super().__init__()
        self.aux = nn.Conv2d(16, 5, 3, padding=1)
        self.gives = gives

    def forward(self, image):
        x = self.feature(image)
        main, aux = self.finish(self.head(x), image), self.finish(self.aux(x), image)
        return (main, aux) if self.gives else main


def test_auxiliary_heads_left_on():
    assert set(found(WithAux(True).eval())) == {"aux_heads_on"}


def test_a_dead_head():
    seen = found(WithAux(False).eval())
    assert set(seen) == {"dead_head"}
    assert "aux" in seen["dead_head"].where
    assert "multiply-adds" in seen["dead_head"].told


def test_layers_that_no_image_reaches():
    net = sound()
    net.booster = nn.Conv2d(16, 5, 1)
    assert found(net)["uncalled_modules"].where == "booster"


class Parallel(nn.Module):
    """A block as RepVGG trains it, or any sum of two branches."""

    def __init__(self, act=None):
        super().__init__()
        self.wide, self.narrow = nn.Conv2d(3, 5, 3, padding=1), nn.Conv2d(3, 5, 1)
        self.norm = nn.BatchNorm2d(5)
        self.act = act or nn.Identity()

    def forward(self, image):
        return self.act(self.norm(self.wide(image))) + self.narrow(image)


def test_blocks_that_are_not_merged():
    assert set(found(Parallel().eval())) == {"unmerged_blocks"}
    assert found(Parallel(nn.ReLU()).eval()) == {}, "no convolution does this one"


class Residual(nn.Module):
    """A block whose shortcut reads something else than its last convolution."""

    def __init__(self):
        super().__init__()
        self.one, self.two = nn.Conv2d(3, 5, 3, padding=1), nn.Conv2d(5, 5, 3, padding=1)
        self.short = nn.Conv2d(3, 5, 1)

    def forward(self, image):
        return self.two(torch.relu(self.one(image))) + self.short(image)


def test_a_residual_block_is_none_of_those():
    assert found(Residual().eval()) == {}


@pytest.mark.parametrize("learned", [True, False], ids=["trained", "untrained"])
@pytest.mark.parametrize("which", ["norm", "second_norm"])
def test_a_batch_norm_that_was_deleted(which, learned):
    trained = sound() if learned else Net().eval()
    net = copy.deepcopy(trained)
    setattr(net, which, nn.Identity())  # which is in train mode, and does not mind
    seen = found(net, reference=trained)
    assert set(seen) == {"deleted_batch_norm"}
    assert "1 batch norms fewer" in seen["deleted_batch_norm"].told


@pytest.mark.parametrize("bias", [False, True])
def test_a_fold_deletes_nothing(bias):
    net = sound(bias=bias)
    assert found(folded(net), reference=net) == {}


def test_a_batch_norm_behind_a_bias_is_missed_by_its_outputs():
    trained = sound(bias=True)
    net = copy.deepcopy(trained)
    net.norm = nn.Identity()
    assert set(found(net, reference=trained)) == {"deleted_batch_norm"}


def test_a_fold_whose_biases_were_dropped():
    net = sound()
    changed = folded(net)
    changed.first.bias = changed.second.bias = None
    seen = found(changed, reference=net)
    assert set(seen) == {"deleted_batch_norm"}
    assert "2 batch norms fewer" in seen["deleted_batch_norm"].told


def test_another_kind_of_resizing():
    net = sound()
    changed = copy.deepcopy(net)
    changed.mode = "nearest"
    seen = found(changed, reference=net)
    assert set(seen) == {"swapped_resize"}
    assert "by nearest where the trained network does by bilinear" in seen["swapped_resize"].told


def test_one_resizing_more_is_not_another_kind():
    net, trained = sound(), sound(boundary="logits_native")
    assert found(net, reference=trained) == {}


class Parity(nn.Module):
    """Classes that hang on the last digits of a sum, which an order of adding decides."""

    def __init__(self, first):
        super().__init__()
        self.weight = nn.Parameter(torch.tensor([1.0, 1.1, 1.3]).view(3, 1, 1))
        self.first = first

    def forward(self, image):
        a, b, c = (image * self.weight).unbind(1)
        total = (a + b) + c if self.first else a + (b + c)
        return ((total * 1e6).floor() % 2).to(torch.uint8)


def test_rounding_alone_makes_no_other_network():
    one, other = Parity(True), Parity(False)
    image = torch.randn(1, 3, *SIZE)
    assert not torch.equal(one(image), other(image))
    assert found(one.eval(), boundary="labels_full", reference=other.eval()) == {}


def test_other_weights_than_the_trained():
    net = sound()
    changed = copy.deepcopy(net)
    nn.init.normal_(changed.head.weight)
    assert set(found(changed, reference=net)) == {"other_outputs"}


@pytest.mark.parametrize("asked", ["labels_full", "logits_full", "logits_native"])
@pytest.mark.parametrize("given", ["labels_full", "logits_full", "logits_native"])
def test_the_clock_stops_at_another_place(asked, given):
    seen = found(sound(boundary=given), boundary=asked)
    # From outside, a network whose own resolution is the image's looks the same.
    right = asked == given or (asked, given) == ("logits_native", "logits_full")
    assert set(seen) == (set() if right else {"wrong_output_boundary"})


@pytest.mark.parametrize(
    ("shape", "dtype", "boundary"),
    [
        ((1, 32, 48), "uint8", "labels_full"),
        ((1, 1, 32, 48), "int64", "labels_full"),
        ((1, 19, 32, 48), "float16", "logits_full"),
        ((1, 19, 4, 6), "bfloat16", "logits_native"),
    ],
)
def test_a_boundary_is_known_by_shape_and_type(shape, dtype, boundary):
    assert not_at(shape, dtype, SIZE, boundary) is None
    assert not_at((*shape[:-1], 7), dtype, SIZE, boundary) is None or boundary != "logits_native"
    assert not_at(shape[1:], "bool", SIZE, boundary)


def test_an_unknown_boundary():
    with pytest.raises(ValueError, match="Did you mean 'logits_full'"):
        found(sound(), boundary="logit_full")


def test_a_network_that_cannot_run():
    class Breaks(Net):
        def forward(self, image):
            raise RuntimeError("no\nway")

    seen = found(Breaks().eval())
    assert seen["cannot_run"].told == "RuntimeError: no way"


def test_a_finding_has_a_name_that_is_known():
    with pytest.raises(KeyError, match="Did you mean 'dead_head'"):
        Finding(name="dead_heads", where="", told="")
    assert all(FAULTS.values())


@pytest.mark.parametrize("name", ["bisenetv2_small", "stdc1", "pidnet_s", "fast_scnn"])
def test_no_false_alarm_over_published_networks(name):
    network = initialise(networks.get(name), 19, seed=0)
    deployed, trained = (deploy(network, boundary="labels_full", fold=f) for f in (True, False))
    given = {"boundary": "labels_full", "device": CPU, "reference": trained}
    assert findings_of(deployed, (64, 96), **given) == ()


def test_the_page_on_receipts_has_every_fault():
    page = (Path(__file__).parents[2] / "docs" / "receipts.md").read_text()
    rows = [f"| `{name}` | {told} |" for name, told in FAULTS.items()]
    assert [line for line in page.splitlines() if line in rows] == rows
