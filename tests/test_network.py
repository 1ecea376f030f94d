"""Assembly of networks, what they give, and what is left of them when they are deployed."""

from dataclasses import replace

import pytest
import torch
from torch import nn

import architectures  # noqa: F401 - registers the built-in parts
from harness import Architecture, Part, choice
from harness.components import AuxHeads, Feature, Head, aux_placements, contexts, fusions, heads
from harness.fold import fold_batch_norms
from harness.network import assemble, deploy

TINY = Architecture(
    detail=Part("detail_branch", width=8),
    semantic=Part("semantic_branch", width=16, ratio=0.5, expansion=2),
    context="context_embedding",
    fusion="bga",
    head=Part("seg", width=8),
    aux_heads=Part("every_stage", width=8),
)
DETAIL_ONLY = replace(TINY, semantic="none", context="none", fusion="none", aux_heads="none")
SEMANTIC_ONLY = replace(TINY, detail="none", fusion="none")
ODD_SIZES = [(32, 32), (33, 47), (90, 120)]


def built(architecture=TINY, *, seed=0):
    """A network whose batch norms are far from the identity, as they are after training."""
    torch.manual_seed(seed)
    network = assemble(architecture, 5)
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.running_mean.normal_(0, 0.3)
            module.running_var.uniform_(0.5, 2)
            nn.init.uniform_(module.weight, 0.5, 1.5)
            nn.init.normal_(module.bias, 0, 0.3)
    return network


def num_batch_norms(module):
    return sum(isinstance(each, nn.BatchNorm2d) for each in module.modules())


@pytest.mark.parametrize("size", ODD_SIZES)
@pytest.mark.parametrize("context", list(contexts))
@pytest.mark.parametrize("fusion", [name for name in fusions if name != "none"])
def test_every_fusion_and_context_gives_logits_at_image_size(fusion, context, size):
    network = built(replace(TINY, fusion=fusion, context=context))
    logits = network(torch.randn(2, 3, *size))
    assert logits.main.shape == (2, 5, *size)
    assert all(each.shape == logits.main.shape for each in logits.aux.values())


@pytest.mark.parametrize("size", ODD_SIZES)
@pytest.mark.parametrize("architecture", [DETAIL_ONLY, SEMANTIC_ONLY], ids=["detail", "semantic"])
def test_one_path_alone_is_a_network(architecture, size):
    assert built(architecture).eval()(torch.randn(1, 3, *size)).main.shape == (1, 5, *size)


def test_training_gives_one_output_for_each_aux_head_and_eval_none():
    network, image = built(), torch.randn(2, 3, 64, 64)
    stages = [f"semantic.stage{at}" for at in (2, 3, 4, 5)]
    assert list(network.train()(image).aux) == stages
    assert network.eval()(image).aux == {}


def test_each_aux_head_learns_from_its_own_tap():
    network = built()
    network(torch.randn(2, 3, 64, 64)).aux["semantic.stage3"].square().sum().backward()
    trained = [any(p.grad is not None for p in head.parameters()) for head in network.aux_heads]
    assert trained == [False, True, False, False]
    stages = network.paths.semantic.stages
    assert all(p.grad is not None for p in stages["stage3"].parameters())
    assert all(p.grad is None for p in stages["stage4"].parameters())


@pytest.mark.parametrize("size", ODD_SIZES)
@pytest.mark.parametrize(
    "architecture",
    [*(replace(TINY, fusion=f) for f in fusions if f != "none"), DETAIL_ONLY, SEMANTIC_ONLY],
    ids=[*(f for f in fusions if f != "none"), "detail", "semantic"],
)
def test_deployed_network_gives_the_same_logits(architecture, size):
    network, image = built(architecture).eval(), torch.randn(1, 3, *size)
    with torch.no_grad():
        want = network(image).main
        got = deploy(network)(image)
    assert (got - want).abs().max() <= 1e-4 * want.abs().max()


@pytest.mark.parametrize(
    ("changes", "left"),
    [
        ({}, 1),
        ({"fusion": "sum"}, 1),
        ({"fusion": "concat"}, 1),
        ({"fusion": "ffm"}, 1),
        ({"context": "none"}, 0),
        ({"context": "none", "semantic": Part("semantic_branch", expand_in="dwconv")}, 0),
    ],
)
def test_only_the_batch_norm_behind_the_pooling_cannot_be_folded(changes, left):
    network = built(replace(TINY, **changes))
    assert num_batch_norms(deploy(network)) == left
    aux = num_batch_norms(network.aux_heads)
    assert num_batch_norms(deploy(network, fold=False)) == num_batch_norms(network) - aux


def test_deployed_network_has_no_aux_heads_and_no_gradients():
    network = built()
    for deployed in (deploy(network), deploy(network, fold=False)):
        assert not any("aux" in name for name, _ in deployed.named_modules())
        assert not any(weight.requires_grad for weight in deployed.parameters())
        assert not deployed.training


def test_aux_heads_do_not_change_what_is_deployed():
    bare, image = built(replace(TINY, aux_heads="none")), torch.randn(1, 3, 40, 56)
    network = built()
    bare.load_state_dict(network.state_dict(), strict=False)
    assert torch.equal(deploy(bare)(image), deploy(network)(image))


def test_deploying_leaves_the_network_as_it_was():
    network = built().train()
    before = {key: value.clone() for key, value in network.state_dict().items()}
    image = torch.randn(2, 3, 40, 56)
    deploy(network)(image)
    assert network.training
    assert all(weight.requires_grad for weight in network.parameters())
    after = network.state_dict()
    assert list(after) == list(before)
    assert all(torch.equal(after[key], before[key]) for key in before)


def test_labels_are_the_classes_of_the_logits():
    image = torch.randn(2, 3, 33, 47)
    labels = deploy(built(), boundary="labels_full")(image)
    assert torch.equal(labels, deploy(built())(image).argmax(1).to(torch.uint8))


class Late(Head):
    """A deferred head."""

    def __init__(self, feature, num_classes):
        super().__init__(out=Feature(num_classes, feature.stride), deferred=True)
        self.classify = nn.Conv2d(feature.channels, num_classes, 1)

    def forward(self, feature):
        return self.classify(feature)


def test_a_deferred_head_learns_and_picks_classes_at_its_own_stride():
    heads.register("late")(Late)
    network, image = built(replace(TINY, head="late")), torch.randn(2, 3, 90, 120)
    assert network.train()(image).main.shape == (2, 5, 12, 15)
    native = deploy(network, boundary="logits_native")(image)
    labels = deploy(network, boundary="labels_full")(image)
    assert torch.equal(labels, deploy(network)(image).argmax(1).to(torch.uint8))
    picked = native.argmax(1)[:, [0, 5, 11]][:, :, [0, 7, 14]]  # at the corners and the middle
    assert torch.equal(labels[:, [0, 45, 89]][:, :, [0, 60, 119]], picked.to(torch.uint8))


def test_an_unknown_boundary_is_refused():
    with pytest.raises(ValueError, match="logits_native"):
        deploy(built(), boundary="logits_nativ")


def test_native_logits_are_at_the_stride_of_the_head():
    assert deploy(built(), boundary="logits_native")(torch.randn(1, 3, 90, 120)).shape == (
        1,
        5,
        12,
        15,
    )


def test_assembly_is_reproducible_from_the_seed():
    one, same, other = built(seed=3), built(seed=3), built(seed=4)
    pairs = zip(one.state_dict().values(), same.state_dict().values(), strict=True)
    assert all(torch.equal(a, b) for a, b in pairs)
    assert not torch.equal(one.head.classify.weight, other.head.classify.weight)


class Shared(nn.Module):
    """A convolution that runs twice, and one that two layers read: neither may fold."""

    def __init__(self):
        super().__init__()
        self.twice, self.read = nn.Conv2d(3, 3, 1), nn.Conv2d(3, 3, 1)
        self.norms = nn.ModuleList(nn.BatchNorm2d(3) for _ in range(3))

    def forward(self, image):
        first = self.norms[0](self.twice(image))
        second = self.norms[1](self.twice(first))
        read = self.read(second)
        return self.norms[2](read) + read


def test_a_convolution_that_is_shared_is_not_folded():
    module, image = Shared().eval(), torch.randn(1, 3, 4, 4)
    for norm in module.norms:
        norm.running_mean.normal_()
    folded = fold_batch_norms(module)
    assert num_batch_norms(folded) == 3
    assert torch.equal(folded(image), module(image))


REFUSED = [
    ({"detail": "none"}, ValueError, "fusion 'bga' needs both paths, but detail is absent"),
    (
        {"semantic": "none", "context": "none"},
        ValueError,
        "fusion 'bga' needs both paths, but semantic is absent; use fusion='none'",
    ),
    ({"semantic": "none"}, ValueError, "context 'context_embedding' needs a semantic path"),
    ({"fusion": "none"}, ValueError, "fusion 'none' is for one path alone"),
    (
        {"detail": "none", "semantic": "none"},
        ValueError,
        "detail and semantic are both 'none': there is no path left",
    ),
    ({"fusion": "bgaa"}, KeyError, "unknown fusion 'bgaa'. Did you mean 'bga'?"),
    ({"fusion": choice("bga", "sum")}, ValueError, "fusion is still open: choice(bga, sum)"),
    ({"head": Part("seg", wdith=3)}, KeyError, "Did you mean 'width'?"),
    (
        {"aux_heads": Part("by_name", names=("semantic.stage6",))},
        ValueError,
        "unknown tap 'semantic.stage6'. Did you mean 'semantic.stage5'?",
    ),
]


@pytest.mark.parametrize(("changes", "error", "message"), REFUSED)
def test_parts_that_do_not_fit_are_refused_with_what_would(changes, error, message):
    with pytest.raises(error) as caught:
        assemble(replace(TINY, **changes), 5)
    assert message in str(caught.value.args[0])


def test_a_placement_that_chooses_an_unknown_tap_is_refused(monkeypatch):
    class Stray(AuxHeads):
        def __init__(self, taps):
            super().__init__(chosen=("semantic.stage9",), head=Part("seg"))

    monkeypatch.setitem(aux_placements._classes, "stray", Stray)
    message = "aux_heads stray: unknown tap 'semantic.stage9'.*Known: detail.stage1, .*context"
    with pytest.raises(ValueError, match=message):
        assemble(replace(TINY, aux_heads="stray"), 5)
