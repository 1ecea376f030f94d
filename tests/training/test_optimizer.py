"""The optimizer against rules written out by hand; which layers decay, which learn faster."""

import pytest
import torch
from torch import nn
from toys import recipe, tiny

import architectures  # noqa: F401 - registers the built-in parts
from harness.training.loop import initialise
from harness.training.optimizer import make_optimizer, set_rate
from harness.training.start import backbone
from harness.weights import FileWeights
from studies.published import BISENETV1_XCEPTION39, BISENETV2_SMALL


def gradients(count):
    generator = torch.Generator().manual_seed(0)
    return [torch.randn(2, 3, 1, 1, generator=generator, dtype=torch.float64) for _ in range(count)]


def stepped(recipe, rates):
    """The weights of one convolution after steps along drawn gradients at some rates."""
    layer = nn.Conv2d(3, 2, 1, bias=False).double()
    nn.init.constant_(layer.weight, 0.5)
    optimizer = make_optimizer(layer, recipe)
    for gradient, rate in zip(gradients(len(rates)), rates, strict=True):
        layer.weight.grad = gradient.clone()
        set_rate(optimizer, rate)
        optimizer.step()
    return layer.weight.detach()


RATES = [0.1, 0.2, 0.05]


def test_sgd_is_the_rule_of_its_momentum():
    weight, velocity = torch.full((2, 3, 1, 1), 0.5, dtype=torch.float64), 0
    for gradient, rate in zip(gradients(3), RATES, strict=True):
        velocity = 0.8 * velocity + gradient + 0.01 * weight
        weight = weight - rate * velocity
    found = stepped(recipe(momentum=0.8, weight_decay=0.01), RATES)
    torch.testing.assert_close(found, weight)


def test_adamw_is_the_rule_of_its_paper():
    weight = torch.full((2, 3, 1, 1), 0.5, dtype=torch.float64)
    first = second = torch.zeros_like(weight)
    for number, (gradient, rate) in enumerate(zip(gradients(3), RATES, strict=True), 1):
        weight = weight * (1 - rate * 0.01)
        first = 0.8 * first + 0.2 * gradient
        second = 0.999 * second + 0.001 * gradient**2
        step = (first / (1 - 0.8**number)) / ((second / (1 - 0.999**number)).sqrt() + 1e-8)
        weight = weight - rate * step
    found = stepped(recipe(optimizer="adamw", momentum=0.8, weight_decay=0.01), RATES)
    torch.testing.assert_close(found, weight)


def by_name(network, value, **changes):
    """What each parameter's group says of a value, by the parameter's name."""
    optimizer = make_optimizer(network, recipe(**changes))
    told = {id(p): group[value] for group in optimizer.param_groups for p in group["params"]}
    assert len(told) == sum(len(group["params"]) for group in optimizer.param_groups)
    return {name: told[id(each)] for name, each in network.named_parameters()}


def test_all_parameters_decay_if_the_recipe_says_so():
    decays = by_name(tiny(), "weight_decay", decay="all", weight_decay=0.01)
    assert set(decays.values()) == {0.01}
    decays = by_name(tiny(), "weight_decay", weight_decay=0.01)
    assert decays["stem.0.weight"] == 0.01
    assert decays["stem.0.bias"] == decays["stem.1.weight"] == 0.0


def test_rates_are_multiplied_outside_of_the_semantic_path():
    network = initialise(BISENETV1_XCEPTION39, 3, 0)
    factors = by_name(network, "lr_factor", new_layers_lr=10)
    slow = {name for name, factor in factors.items() if factor == 1.0}
    assert slow == {name for name in factors if name.startswith("paths.semantic.")}
    assert set(factors.values()) == {1.0, 10.0}
    optimizer = make_optimizer(network, recipe(new_layers_lr=10))
    set_rate(optimizer, 0.5)
    assert {group["lr"] for group in optimizer.param_groups} == {0.5, 5.0}


def test_rates_are_multiplied_outside_of_what_weights_are_loaded_into():
    network = initialise(BISENETV2_SMALL, 3, 0)
    inner = next(name for name, _ in network.paths.detail.named_children())
    network.paths.detail.weights = FileWeights("some", into=inner)
    assert backbone(network) == [network.paths.detail.get_submodule(inner)]
    factors = by_name(network, "lr_factor", new_layers_lr=10)
    slow = {name for name, factor in factors.items() if factor == 1.0}
    assert slow == {name for name in factors if name.startswith(f"paths.detail.{inner}.")}


def test_without_a_backbone_nothing_is_new():
    alone = BISENETV2_SMALL.__class__(detail="detail_branch", semantic="none", head="seg")
    for network in (initialise(alone, 3, 0), tiny()):
        assert set(by_name(network, "lr_factor", new_layers_lr=10).values()) == {1.0}


@pytest.mark.parametrize("decay", ["conv", "all"])
def test_one_rate_makes_no_group_more(decay):
    network = initialise(BISENETV2_SMALL, 3, 0)
    optimizer = make_optimizer(network, recipe(decay=decay))
    assert len(optimizer.param_groups) == (2 if decay == "conv" else 1)
