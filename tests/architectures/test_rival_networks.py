"""STDC-Seg, DDRNet, PIDNet and PP-LiteSeg are the published networks, by their figures and code.

Figures "measured" are those of the authors' code at 1024x2048, its multiply-adds counted by torch.
"""

import hashlib

import pytest
import torch
from torch import nn

import architectures  # noqa: F401 - registers the built-in parts
from architectures.semantic.ddrnet import DdrNet
from architectures.semantic.pidnet import PidNet
from architectures.semantic.pp_liteseg import PpLiteSeg
from architectures.semantic.stdc import Stdc
from architectures.semantic.stdc_backbone import LEFT_OUT, StdcBackbone
from harness import Architecture, Part
from harness.components import Feature
from harness.measure.static import matrix_macs
from harness.network import assemble, deploy
from harness.weights import VARIABLE

IMAGE = Feature(3, 1)
NETWORKS = {
    "stdc1": (Part("stdc"), 256),
    "ddrnet23_slim": (Part("ddrnet"), 64),
    "ddrnet23": (Part("ddrnet", width=64), 128),
    "pidnet_s": (Part("pidnet"), 128),
    "pp_liteseg_t": (Part("pp_liteseg"), 32),
}


def network(name):
    semantic, width = NETWORKS[name]
    with torch.device("meta"):
        whole = Architecture(detail="none", semantic=semantic, head=Part("seg", width=width))
        return assemble(whole, 19)


def num_params(module):
    return sum(each.numel() for each in module.parameters())


def macs(module, height, width):
    return matrix_macs(module.eval(), torch.empty(1, 3, height, width, device="meta"))


@pytest.mark.parametrize(
    ("name", "gmacs"),
    [
        ("stdc1", 67.452),  # measured, without the heads whose output it throws away
        ("ddrnet23_slim", 36.281),  # measured; the paper: 36.3
        ("ddrnet23", 143.1),  # the paper
        ("pidnet_s", 47.194),  # measured; the paper has 47.6 and does not say of what
    ],
)
def test_multiply_adds_are_the_published_ones_to_the_last_digit(name, gmacs):
    digits = len(str(gmacs).partition(".")[2])
    assert round(macs(network(name), 1024, 2048) / 1e9, digits) == gmacs


@pytest.mark.parametrize(
    ("name", "width", "millions"),
    [
        ("ddrnet23_slim", 32, 5.696),  # measured; the paper: 5.7
        ("ddrnet23", 64, 20.1),  # the paper
        ("pidnet_s", 32, 7.626),  # measured; the paper: 7.6
    ],
)
def test_parameters_are_the_published_ones_with_the_two_biases_of_the_stem(name, width, millions):
    digits = len(str(millions).partition(".")[2])
    assert round((num_params(network(name)) + 2 * width) / 1e6, digits) == millions


def test_parameters_of_stdc_seg_are_those_of_its_code_with_all_that_it_leaves_unused():
    def head(in_channels, width, classes):
        return in_channels * width * 9 + 2 * width + width * classes

    classifier = 1024 * 1024 * 2 + 2 * 2 * 1024 + 1024 * 1000
    details = sum(head(channels, 64, 1) for channels in (512, 256, 64, 32))
    unused = classifier + details + 2 * head(128, 64, 19)
    # The 19 biases of our classifier: theirs has none.
    assert num_params(network("stdc1")) - 19 + unused == 12_048_928  # measured: 12.049 M


@pytest.mark.parametrize(("depth", "millions", "mega_macs"), [(1, 8.44, 813), (2, 12.47, 1446)])
def test_stdc_backbone_with_its_classifier_is_the_published_one(depth, millions, mega_macs):
    """Published are also batch norms (2 an element), ReLUs (1), poolings (1 an input element)."""
    with torch.device("meta"):
        backbone = StdcBackbone(IMAGE, depth=depth)
    layers, last = 1024 * 1024 + 1024 * 1000, 1024 * 49
    params = num_params(backbone) + 1024 * 1024 + layers + 4 * 1024
    assert round(params / 1e6, 2) == millions
    elements = [2 * last, last, 1024, last]

    def tally(module, inputs, output):
        pooling = isinstance(module, nn.AvgPool2d)
        norm = isinstance(module, nn.BatchNorm2d)
        elements.append(inputs[0].numel() if pooling else (1 + norm) * output.numel())

    for module in backbone.modules():
        if isinstance(module, (nn.BatchNorm2d, nn.AvgPool2d, nn.ReLU)):
            module.register_forward_hook(tally)
    products = macs(backbone, 224, 224) + 1024 * last + layers
    assert round((products + sum(elements)) / 1e6) == mega_macs


def test_pp_liteseg_costs_less_than_stdc_seg_on_the_same_backbone():
    """The paper has neither parameters nor multiply-adds, but claims a lighter decoder."""
    assert num_params(network("pp_liteseg_t")) == 8_027_827
    assert macs(network("pp_liteseg_t"), 512, 1024) == 11_421_139_968
    assert macs(network("stdc1"), 512, 1024) == 16_863_133_696


@pytest.mark.parametrize(
    ("name", "left"), [("ddrnet23_slim", 12), ("pidnet_s", 9), ("stdc1", 0), ("pp_liteseg_t", 0)]
)
def test_batch_norms_that_cannot_be_folded_are_those_of_the_authors_graph(name, left):
    """Measured on the authors' code: 12 and 9, those of the pyramid and the first of the head."""
    folded = deploy(network(name))
    assert sum(isinstance(each, nn.BatchNorm2d) for each in folded.modules()) == left


@pytest.mark.parametrize(
    ("part", "taps"),
    [
        (Stdc, {"arm5": Feature(128, 16), "arm4": Feature(128, 8), "fused": Feature(256, 8)}),
        (DdrNet, {"stage3": Feature(64, 8), "fused": Feature(128, 8)}),
        (
            PidNet,
            {"branch_p": Feature(64, 8), "branch_d": Feature(64, 8), "fused": Feature(128, 8)},
        ),
        (
            PpLiteSeg,
            {"fused5": Feature(128, 32), "fused4": Feature(64, 16), "fused3": Feature(32, 8)},
        ),
    ],
)
def test_last_taps_are_those_that_the_papers_heads_read(part, taps):
    assert list(part(IMAGE).taps.items())[-len(taps) :] == list(taps.items())


@pytest.mark.parametrize(
    ("name", "heads", "width"),
    [
        ("stdc1", ("semantic.arm4", "semantic.arm5"), 64),
        ("ddrnet23_slim", ("semantic.stage3",), 64),
        ("pidnet_s", ("semantic.branch_p",), 128),
        ("pp_liteseg_t", ("semantic.fused4", "semantic.fused5"), 64),
    ],
)
def test_networks_train_with_the_heads_of_their_papers(name, heads, width):
    semantic, main = NETWORKS[name]
    whole = Architecture(
        detail="none",
        semantic=semantic,
        head=Part("seg", width=main),
        aux_heads=Part("by_name", names=heads, width=width),
    )
    logits = assemble(whole, 19).train()(torch.randn(2, 3, 33, 47))
    assert tuple(logits.aux) == heads
    assert {each.shape for each in (logits.main, *logits.aux.values())} == {(2, 19, 33, 47)}


@pytest.mark.parametrize("part", [Stdc, PpLiteSeg])
def test_stages_of_the_backbone_are_taps_too(part):
    stages = StdcBackbone(IMAGE).taps
    assert [(each.channels, each.stride) for each in stages.values()] == [
        (64, 4),
        (256, 8),
        (512, 16),
        (1024, 32),
    ]
    assert stages.items() <= part(IMAGE).taps.items()


@pytest.mark.parametrize(("size", "widths"), [("tiny", [128, 64, 32]), ("base", [128, 96, 64])])
def test_decoder_of_pp_liteseg_narrows_as_its_features_grow(size, widths):
    taps = PpLiteSeg(IMAGE, size=size).taps
    assert [each.channels for name, each in taps.items() if "fused" in name] == widths


@pytest.mark.parametrize("part", [DdrNet, PidNet])
def test_width_scales_every_tap_and_below_1_is_refused(part):
    narrow, wide = part(IMAGE, width=8).taps, part(IMAGE).taps
    assert [4 * each.channels for each in narrow.values()] == [e.channels for e in wide.values()]
    with pytest.raises(ValueError, match=r"option 'width' of '.*net' must be at least 1, not 0"):
        part(IMAGE, width=0)


def test_stdc_backbone_takes_the_authors_file_with_its_classifier_and_copies(tmp_path, monkeypatch):
    torch.manual_seed(0)
    source = StdcBackbone(IMAGE)
    state = dict(source.state_dict())
    assert "features.0.conv.weight" in state
    assert "features.2.conv_list.3.bn.running_var" in state
    assert "features.2.avd_layer.1.bias" in state
    state |= {f"{start}0.weight": torch.zeros(1) for start in LEFT_OUT}
    torch.save(state, tmp_path / "stdc.pth")
    digest = hashlib.sha256((tmp_path / "stdc.pth").read_bytes()).hexdigest()
    (tmp_path / "stdc.pth").rename(tmp_path / f"stdc-{digest[:8]}.pth")
    monkeypatch.setenv(VARIABLE, str(tmp_path))
    assert source.weights is None
    part = StdcBackbone(IMAGE, weights=f"stdc-{digest[:8]}.pth")
    part.load_state_dict(part.weights.state())
    assert torch.equal(
        part.features[7].conv_list[3].conv.weight, state["features.7.conv_list.3.conv.weight"]
    )
