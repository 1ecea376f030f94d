"""The anatomy of any network: what it runs, what of that is wasted, and what is never run."""

import copy

import pytest
import torch
from torch import nn
from torch.nn import functional

from harness import networks
from harness.measure.anatomy import anatomy
from harness.measure.static import matrix_macs
from harness.network import deploy
from harness.training.loop import initialise


class Wasteful(nn.Module):
    """A trunk with a dead head, whose result is enlarged too, and a head that is never called."""

    def __init__(self):
        super().__init__()
        self.trunk = nn.Sequential(nn.Conv2d(3, 4, 3, padding=1), nn.BatchNorm2d(4), nn.ReLU())
        self.dead_head = nn.Sequential(nn.Conv2d(4, 4, 3, padding=1), nn.ReLU(inplace=True))
        self.spare_head = nn.Sequential(nn.Conv2d(4, 4, 3), nn.ReLU())
        self.head = nn.Conv2d(4, 5, 1)
        self.spare_weight = nn.Parameter(torch.zeros(2))

    def forward(self, image):
        feature = self.trunk(image)
        functional.interpolate(self.dead_head(feature), scale_factor=2.0)
        logits = self.head(feature)
        return functional.interpolate(logits, scale_factor=2.0, mode="bilinear", align_corners=True)


def test_dead_and_uncalled_modules_are_named():
    seen = anatomy(Wasteful().eval(), (8, 12))
    assert seen.dead == ("dead_head",)
    assert seen.dead_operators == (("", "aten::upsample_nearest2d"),)
    assert seen.params_uncalled == ("spare_weight", "spare_head.0")
    assert seen.macs_executed - seen.macs_reachable == 4 * 4 * 9 * 8 * 12
    assert seen.macs_reachable == (3 * 4 * 9 + 4 * 5) * 8 * 12


def test_what_a_network_consists_of():
    seen = anatomy(Wasteful().eval(), (8, 12), batch=2)
    assert seen.resizes == (("", "nearest", None), ("", "bilinear", True))
    assert (seen.batch_norms, seen.operators["aten::convolution"]) == (1, 3)
    assert (seen.output, seen.output_dtype, seen.num_outputs) == ((2, 5, 16, 24), "float32", 1)
    assert (seen.training, seen.num_params) == ((), sum(p.numel() for p in Wasteful().parameters()))


def test_modules_in_train_mode_are_named():
    network = Wasteful().eval()
    network.head.train()
    assert anatomy(network, (8, 12)).training == ("head",)


class Twice(nn.Module):
    """Calls one convolution twice and uses one result: only that call is dead."""

    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 3, 1)

    def forward(self, image):
        self.conv(image)
        return {"logits": self.conv(image)}


def test_a_call_may_be_dead_where_its_module_is_not():
    seen = anatomy(Twice(), (8, 8))
    assert seen.dead == ("conv",) and seen.macs_executed == 2 * seen.macs_reachable


class InPlace(nn.Module):
    """Changes its feature through a view and in place: nothing of that is dead."""

    def __init__(self):
        super().__init__()
        self.left, self.right = nn.Conv2d(3, 2, 1), nn.Conv2d(3, 2, 1)

    def forward(self, image):
        whole = image.new_zeros(len(image), 4, *image.shape[2:])
        whole[:, :2] = self.left(image)
        whole[:, 2:].add_(self.right(image))
        return whole.sigmoid_()


def test_work_that_is_written_through_a_view_is_not_dead():
    seen = anatomy(InPlace(), (8, 8))
    assert seen.dead == () and seen.macs_executed == seen.macs_reachable == 2 * 3 * 2 * 64


class Decides(nn.Module):
    """Looks at a value in Python, so that it cannot run without values."""

    def __init__(self):
        super().__init__()
        self.gate, self.conv = nn.Conv2d(3, 1, 1), nn.Conv2d(3, 2, 1)

    def forward(self, image):
        opened = self.gate(image).mean() > -1e9
        return self.conv(image) if opened else image


def test_what_python_reads_is_not_dead():
    seen = anatomy(Decides(), (8, 8))
    assert seen.dead == () and seen.output == (1, 2, 8, 8)


@pytest.mark.parametrize("name", networks.names())
def test_named_networks_waste_nothing(name):
    network = deploy(initialise(networks.get(name), 19, seed=0))
    seen = anatomy(network, (64, 96))
    assert (seen.dead, seen.dead_operators, seen.params_uncalled) == ((), (), ())
    image = torch.empty(1, 3, 64, 96, device="meta")
    assert seen.macs_executed == seen.macs_reachable == matrix_macs(network.to("meta"), image)


def test_the_network_is_left_as_it_was_to_the_bit():
    network = Wasteful()
    network.head.eval()
    network.trunk[0].weight.requires_grad_(False)
    hook = network.head.register_forward_hook(lambda *_: None)
    before, dice = copy.deepcopy(network), torch.random.get_rng_state()
    anatomy(network, (8, 12))
    after = network.state_dict()
    assert all(torch.equal(after[name], value) for name, value in before.state_dict().items())
    flags = [
        (m.training, len(m._forward_hooks), len(m._forward_pre_hooks)) for m in network.modules()
    ]
    was = [(m.training, len(m._forward_hooks), len(m._forward_pre_hooks)) for m in before.modules()]
    assert flags == was and list(network.head._forward_hooks) == [hook.id]
    wanted = [each.requires_grad for each in before.parameters()]
    assert [each.requires_grad for each in network.parameters()] == wanted
    assert torch.equal(torch.random.get_rng_state(), dice)


def test_a_module_that_gives_no_tensor_is_refused():
    class Mute(nn.Module):
        def forward(self, image):
            return None

    with pytest.raises(TypeError, match="Mute gives NoneType, not a tensor"):
        anatomy(Mute(), (8, 8))
