"""The optimizer: SGD with momentum, as in both papers, or AdamW; what decays, what learns fast."""

from __future__ import annotations

from itertools import product

from torch import nn
from torch.optim import SGD, AdamW, Optimizer

from harness.study import Recipe
from harness.training.start import backbone

DECAYED = (nn.Conv1d, nn.Conv2d, nn.Conv3d, nn.ConvTranspose2d, nn.Linear)
"""The layers whose weights decay (V2 section 5: "only on the convolution layer parameters")."""

SECOND_BETA = 0.999
"""AdamW's own default; its first beta is the recipe's momentum."""


def make_optimizer(network: nn.Module, recipe: Recipe) -> Optimizer:
    """The recipe's optimizer, in groups that share a weight decay and an ``lr_factor``.

    Weights of ``DECAYED`` layers decay, biases and batch norms do not, unless ``decay`` is "all".
    The factor is ``new_layers_lr`` outside of ``backbone``, as V1's author has 10.
    """
    groups = _groups(network, recipe)
    if recipe.optimizer == "adamw":
        return AdamW(groups, recipe.lr, betas=(recipe.momentum, SECOND_BETA))
    return SGD(groups, recipe.lr, momentum=recipe.momentum)


def set_rate(optimizer: Optimizer, lr: float) -> None:
    """Gives every group its share of a learning rate."""
    for group in optimizer.param_groups:
        group["lr"] = lr * group["lr_factor"]


def _groups(network: nn.Module, recipe: Recipe) -> list[dict[str, object]]:
    decayed, known = _decayed(network, recipe), _known(network)
    factors = (1.0, float(recipe.new_layers_lr))  # if both are 1.0, groups fall together
    kinds: dict[tuple[bool, float], list[nn.Parameter]] = {
        kind: [] for kind in product((True, False), factors)
    }
    for each in network.parameters():
        kinds[id(each) in decayed, factors[id(each) not in known]].append(each)
    return [
        {
            "params": members,
            "weight_decay": recipe.weight_decay if decays else 0.0,
            "lr_factor": factor,
        }
        for (decays, factor), members in kinds.items()
        if members
    ]


def _decayed(network: nn.Module, recipe: Recipe) -> set[int]:
    if recipe.decay == "all":
        return {id(each) for each in network.parameters()}
    layers = (module for module in network.modules() if isinstance(module, DECAYED))
    return {id(layer.weight) for layer in layers}


def _known(network: nn.Module) -> set[int]:
    """The parameters that are not new; all of them in a network without a backbone."""
    known = {id(each) for module in backbone(network) for each in module.parameters()}
    return known or {id(each) for each in network.parameters()}
