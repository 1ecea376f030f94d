"""The borrowed backbones are the published ones: layers, weights' names, parameters and costs."""

import hashlib
from dataclasses import dataclass

import pytest
import torch
from torch import nn

import architectures  # noqa: F401 - registers the built-in parts
from architectures.semantic import mobilenet_v2, resnet, shufflenet_v2, xception39
from harness import Architecture, Part
from harness.components import Feature, semantics
from harness.measure.static import matrix_macs
from harness.network import assemble
from harness.training.start import load_weights
from harness.weights import VARIABLE

IMAGE = Feature(3, 1)


@dataclass(frozen=True)
class Published:
    """What torchvision 0.29 publishes of a model: its documentation's parameters and GMACs.

    ``names`` is the start of a sha256 of its state's names and shapes, without the classifier:
    a linear layer to 1000 classes, and before it a 1x1 convolution to ``wide`` channels, if any.
    """

    part: Part
    widths: tuple[int, ...]
    params: int
    gmacs: float
    names: str
    wide: int | None = None

    @property
    def classifier(self):
        """Parameters and multiply-adds, at 224x224, of what the part leaves out."""
        deepest = self.widths[-1]
        if self.wide is None:
            return 1000 * deepest + 1000, 1000 * deepest
        linear, mixing = 1000 * self.wide, deepest * self.wide
        return linear + 1000 + mixing + 2 * self.wide, linear + 7 * 7 * mixing


def shuffled(scale, widths, wide, params, gmacs, names):
    part = Part("shufflenet_v2", scale=scale)
    return Published(part, (24, *widths), params, gmacs, names, wide)


MODELS = {
    "resnet18": Published(
        Part("resnet18"), (64, 128, 256, 512), 11_689_512, 1.814, "504739f3083bec5e"
    ),
    "resnet50": Published(
        Part("resnet50"), (256, 512, 1024, 2048), 25_557_032, 4.089, "c1f7fd3808aa49e7"
    ),
    "resnet101": Published(
        Part("resnet101"), (256, 512, 1024, 2048), 44_549_160, 7.801, "a36254db3e8fffb4"
    ),
    "mobilenet_v2": Published(
        Part("mobilenet_v2"),
        (24, 32, 96, 320),
        3_504_872,
        0.301,
        "a9904cca7f49e6a0",
        1280,
    ),
    "x0.5": shuffled(0.5, (48, 96, 192), 1024, 1_366_792, 0.040, "aa0308a267a6d686"),
    "x1.0": shuffled(1.0, (116, 232, 464), 1024, 2_278_604, 0.145, "90e086009d89228e"),
    "x1.5": shuffled(1.5, (176, 352, 704), 1024, 3_503_624, 0.296, "e60601bcbc6c349b"),
    "x2.0": shuffled(2.0, (244, 488, 976), 2048, 7_393_996, 0.583, "fe6d697031b0d412"),
}
every_model = pytest.mark.parametrize("model", MODELS.values(), ids=MODELS)


def on_meta(part):
    with torch.device("meta"):
        return semantics.build(part, IMAGE).eval()


def num_params(module):
    return sum(each.numel() for each in module.parameters())


def macs(module, *size):
    return matrix_macs(module, torch.empty(1, 3, *size, device="meta"))


@every_model
def test_taps_are_the_published_widths_at_strides_4_to_32(model):
    want = {f"stage{at}": Feature(width, 2**at) for at, width in enumerate(model.widths, start=2)}
    assert on_meta(model.part).taps == want


@every_model
def test_parameters_are_the_published_ones_without_the_classifier(model):
    assert num_params(on_meta(model.part)) == model.params - model.classifier[0]


@every_model
def test_multiply_adds_at_224_are_the_published_ones(model):
    whole = macs(on_meta(model.part), 224, 224) + model.classifier[1]
    assert whole / 1e9 == pytest.approx(model.gmacs, abs=0.0006)


@every_model
def test_weights_bear_torchvisions_names(model):
    state = on_meta(model.part).state_dict()
    lines = sorted(f"{name} {tuple(each.shape)}" for name, each in state.items())
    digest = hashlib.sha256("\n".join(lines).encode()).hexdigest()
    assert digest.startswith(model.names)


CLASSIFIERS = {
    "resnet18": ["fc.weight"],
    "xception39": ["fc.weight"],
    "mobilenet_v2": ["features.18.0.weight", "classifier.1.weight"],
    "shufflenet_v2": ["conv5.1.running_mean", "fc.bias"],
}


@pytest.mark.parametrize("name", CLASSIFIERS)
def test_a_published_file_loads_with_nothing_missing_and_nothing_left_over(
    name, tmp_path, monkeypatch
):
    monkeypatch.setenv(VARIABLE, str(tmp_path))
    published = semantics.build(Part(name), IMAGE).state_dict()
    torch.save(published | {key: torch.zeros(1) for key in CLASSIFIERS[name]}, tmp_path / "plain")
    digest = hashlib.sha256((tmp_path / "plain").read_bytes()).hexdigest()
    file = (tmp_path / "plain").rename(tmp_path / f"{name}-{digest[:8]}.pth")
    part = Part(name, weights=file.name)
    network = assemble(Architecture(detail="none", semantic=part), 5)
    assert load_weights(network)["weights"] == file.name
    loaded = network.paths.semantic.state_dict()
    assert list(loaded) == list(published)
    assert all(torch.equal(loaded[key], published[key]) for key in published)


@pytest.mark.parametrize("name", ["resnet50", "resnet101", *CLASSIFIERS])
def test_weights_are_drawn_unless_a_file_is_named(name):
    assert on_meta(Part(name)).weights is None
    assert on_meta(Part(name, weights="net-01234567.pth")).weights.name == "net-01234567.pth"
    with pytest.raises(ValueError, match=r"weights 'net.pth' must be 'scratch' or the name"):
        on_meta(Part(name, weights="net.pth"))


def test_backbones_of_v1_cost_what_its_table_1_says():
    """Table 1 counts multiply-adds at 640x360, and mebibytes of weights in its "Parameters".

    The classifier on top is not described: within 3 %.
    """
    published = {"xception39": (185.5e6, 1.2), "resnet18": (8.3e9, 42.7)}
    measured = {"xception39": (185_928_960, 299_448), "resnet18": (8_495_349_760, 11_176_512)}
    for name, (flops, mebibytes) in published.items():
        backbone = on_meta(Part(name))
        cost = macs(backbone, 360, 640), num_params(backbone)
        assert cost == measured[name]
        assert cost[0] == pytest.approx(flops, rel=0.03)
        assert cost[1] * 4 / 2**20 == pytest.approx(mebibytes, abs=0.1)


def test_xception39_is_the_authors_code():
    backbone = semantics.build(Part("xception39"), IMAGE)
    assert list(backbone.taps.values()) == [
        Feature(8, 4),
        Feature(64, 8),
        Feature(128, 16),
        Feature(256, 32),
    ]
    assert [len(layer) for layer in (backbone.layer1, backbone.layer2, backbone.layer3)] == [
        4,
        8,
        4,
    ]
    # The first convolution, and two for each of three in a block and for three shortcuts.
    convs = [each for each in backbone.modules() if isinstance(each, nn.Conv2d)]
    assert len(convs) == 1 + 2 * (3 * 16 + 3)
    assert {
        "conv1.conv.weight",
        "conv1.bn.weight",
        "layer1.0.proj.conv1.weight",
        "layer1.0.proj.point_wise_cbr.conv.weight",
        "layer3.3.residual_branch.2.point_wise_cbr.bn.running_var",
    } <= set(backbone.state_dict())


def test_xception_block_adds_its_input_before_the_last_relu():
    block = xception39.Block(8, 2, stride=1).eval()
    nn.init.zeros_(block.residual_branch[-1].point_wise_cbr.bn.weight)
    feature = torch.randn(1, 8, 5, 7)
    assert torch.equal(block(feature), feature.relu())


def test_xception_convolutions_end_in_a_relu_but_the_one_before_the_sum():
    branch = xception39.Block(8, 2, stride=2).residual_branch
    relus = [any(isinstance(m, nn.ReLU) for m in each.modules()) for each in branch]
    assert relus == [True, True, False]


@pytest.mark.parametrize("block", [resnet.BasicBlock, resnet.Bottleneck])
def test_residual_block_adds_its_input_before_the_last_relu(block):
    layer, feature = (
        block(block.expansion * 4, 4, 1).eval(),
        torch.randn(1, block.expansion * 4, 5, 7),
    )
    nn.init.zeros_((layer.bn3 if block is resnet.Bottleneck else layer.bn2).weight)
    assert torch.equal(layer(feature), feature.relu())


def test_the_3x3_is_what_strides_in_a_bottleneck():
    layer = resnet.Bottleneck(16, 8, 2)
    convs = (layer.conv1, layer.conv2, layer.conv3)
    assert [(each.kernel_size[0], each.stride[0]) for each in convs] == [(1, 1), (3, 2), (1, 1)]


def test_inverted_residual_adds_its_input_only_where_the_shape_stays():
    feature = torch.randn(1, 8, 5, 7)
    for out_channels, stride, adds in ((8, 1, True), (8, 2, False), (12, 1, False)):
        layer = mobilenet_v2.InvertedResidual(8, out_channels, stride, 6).eval()
        nn.init.zeros_(layer.conv[-1].weight)
        got = layer(feature)
        assert torch.equal(got, feature) if adds else not got.any()


def test_inverted_residual_widens_unless_its_expansion_is_1():
    convs = [
        [each.out_channels for each in layer.modules() if isinstance(each, nn.Conv2d)]
        for layer in (mobilenet_v2.InvertedResidual(8, 4, 1, by) for by in (1, 6))
    ]
    assert convs == [[8, 4], [48, 48, 4]]


def test_shuffling_takes_one_channel_of_each_half_in_turn():
    halves = torch.arange(6.0).view(1, 6, 1, 1).chunk(2, dim=1)
    assert shufflenet_v2._shuffled(*halves).flatten().tolist() == [0, 3, 1, 4, 2, 5]


def test_one_half_of_the_channels_passes_a_shuffled_block():
    layer, feature = shufflenet_v2.ShuffledHalf(8).eval(), torch.randn(1, 8, 5, 7)
    got = layer(feature)
    assert torch.equal(got[:, ::2], feature[:, :4])
    assert torch.equal(got[:, 1::2], layer.branch2(feature[:, 4:]))


def test_a_scale_that_was_not_published_is_refused():
    with pytest.raises(ValueError, match=r"shufflenet_v2: unknown scale 1.25.* Known: 0.5, 1.0"):
        semantics.build(Part("shufflenet_v2", scale=1.25), IMAGE)
