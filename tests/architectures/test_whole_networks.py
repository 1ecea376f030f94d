"""The networks that are not two-path have the layers of their papers, and bear odd sizes."""

import pytest
import torch
from torch import nn
from torch.nn import functional

from architectures.head.classifier import Classifier
from architectures.head.transposed import Transposed
from architectures.semantic.dfanet import DFANet
from architectures.semantic.enet import Down, ENet, Initial, Up
from architectures.semantic.fast_scnn import Bottleneck, FastSCNN
from architectures.semantic.icnet import ICNet
from architectures.semantic.unet import UNet
from architectures.semantic.vgg import FCN32s, SegNet, unpool
from harness import Architecture, Part
from harness.components import Feature, semantics
from harness.network import assemble, deploy

IMAGE = Feature(3, 1)
ALONE = {"detail": "none", "context": "none", "fusion": "none"}


def of(module, kind):
    return [each for each in module.modules() if isinstance(each, kind)]


def widths(module):
    return [(each.in_channels, each.out_channels) for each in of(module, nn.Conv2d)]


def shapes(module, layers, image):
    """Heights and widths of what some layers give for an image, in their order."""
    seen = []
    for layer in layers:
        layer.register_forward_hook(lambda _, __, out: seen.append(tuple(out.shape[-2:])))
    with torch.no_grad():
        module.eval()(image)
    return seen


@pytest.mark.parametrize(
    ("name", "options", "taps"),
    [
        ("enet", {}, {"stage3": (128, 8), "decoder": (16, 2)}),
        ("segnet", {"width": 4}, {"decoder": (4, 1)}),
        ("fcn32s", {"width": 4, "fc_width": 6}, {"fc7": (6, 32)}),
        ("unet", {"width": 4}, {"decoder": (4, 1)}),
        ("icnet", {"width": 4}, {"stage4": (32, 16), "stage3": (128, 8), "fused": (128, 4)}),
        ("icnet", {}, {"stage4": (256, 16), "stage3": (128, 8), "fused": (128, 4)}),
        ("dfanet", {}, {"decoder": (32, 4)}),
        ("fast_scnn", {}, {"stage3": (64, 8), "stage5": (128, 32), "fused": (128, 8)}),
    ],
)
def test_taps_are_what_the_classifiers_read(name, options, taps):
    part = semantics.build(Part(name, **options), IMAGE)
    assert part.taps == {tap: Feature(*each) for tap, each in taps.items()}


@pytest.mark.parametrize(
    ("part", "head"),
    [
        ("enet", "transposed"),
        (Part("segnet", width=8), Part("classifier", kernel=3)),
        (Part("unet", width=8), "classifier"),
        (Part("icnet", width=8), "classifier"),
    ],
    ids=["enet", "segnet", "unet", "icnet"],
)
def test_deployed_network_is_exported_and_gives_the_same_at_an_odd_size(part, head):
    torch.manual_seed(0)
    network = assemble(Architecture(semantic=part, head=head, **ALONE), 5).eval()
    image = torch.randn(1, 3, 45, 71)
    with torch.no_grad():
        want = network(image).main
        got = torch.export.export(deploy(network), (image,)).module()(image)
    assert want.shape == (1, 5, 45, 71)
    assert (got - want).abs().max() <= 1e-4 * want.abs().max()


def test_enet_has_the_bottlenecks_of_table_1():
    network = ENet(IMAGE)
    middles = [layer.branch[2] for layer in network.stage3]
    kinds = [m.dilation[0] if isinstance(m, nn.Conv2d) else "asymmetric" for m in middles]
    assert kinds == [1, 2, "asymmetric", 4, 1, 8, "asymmetric", 16] * 2
    assert [each.kernel_size for each in middles[2]] == [(1, 5), (5, 1)]
    assert [len(network.stage2), len(network.decoder2)] == [4, 2]


def test_enet_drops_a_tenth_behind_its_second_halving_and_nothing_in_its_decoder():
    rates = [each.p for each in of(ENet(IMAGE), nn.Dropout2d)]
    assert rates == [0.01] * 5 + [0.1] * 17


def test_enet_has_prelu_in_its_encoder_and_relu_in_its_decoder():
    network = ENet(IMAGE)
    decoder = nn.ModuleList([network.up2, network.decoder2, network.up1, network.decoder1])
    assert not of(decoder, nn.PReLU)
    assert len(of(network, nn.PReLU)) == 1 + 3 * 22


def test_two_batch_norms_of_the_first_block_are_one_behind_both():
    block, image = Initial(3, 16), torch.randn(2, 3, 20, 30)
    joined = torch.cat([block.left[0](image), functional.max_pool2d(image, 2)], dim=1)
    want = block.activation(functional.batch_norm(joined, None, None, training=True))
    torch.testing.assert_close(block(image), want)


def test_padding_of_a_halving_bottleneck_is_read_at_odd_sizes_only():
    narrow = Down(4, 16, dropout=0.1).branch[0]
    for size in ((8, 12), (9, 13)):
        feature = torch.randn(1, 4, *size)
        got, inside = narrow[1](narrow[0](feature)), narrow[1](feature)
        height, width = inside.shape[-2:]
        assert torch.equal(got[..., :height, :width], inside)
        assert got.shape[-2:] == (-(-size[0] // 2), -(-size[1] // 2))


@pytest.mark.parametrize("size", [(8, 12), (9, 13)])
def test_doubling_bottleneck_puts_maxima_back_where_they_were(size):
    up, before = Up(16, 4).eval(), torch.randn(2, 4, *size)
    _, places = functional.max_pool2d(before, 2, ceil_mode=True, return_indices=True)
    feature = torch.randn(2, 16, *places.shape[-2:])
    nn.init.zeros_(up.branch[-1][1].weight)
    values = up.shortcut(feature).relu()
    got = up(feature, places, before.shape)
    assert got.shape == before.shape
    assert torch.equal(got.flatten(2).gather(2, places.flatten(2)), values.flatten(2))
    assert got.count_nonzero() == values.count_nonzero()


def test_both_networks_on_vgg16_have_its_thirteen_layers():
    plain = FCN32s(IMAGE, width=4, fc_width=8).stages
    normed = SegNet(IMAGE, width=4).encoder
    multiples = [1, 1, 2, 2, 4, 4, 4, 8, 8, 8, 8, 8, 8]
    assert [out // 4 for _, out in widths(plain)] == multiples
    assert widths(normed) == widths(plain)
    assert [len(of(each, nn.BatchNorm2d)) for each in (plain, normed)] == [0, 13]


def test_vgg16_has_as_many_weights_as_torchvisions():
    with torch.device("meta"):
        stages = FCN32s(IMAGE, fc_width=1).stages
    assert sum(each.numel() for each in stages.parameters()) == 14_714_688


def test_fully_connected_layers_of_fcn32s_are_a_7x7_and_a_1x1():
    first, second = of(FCN32s(IMAGE, width=4, fc_width=8).classifier, nn.Conv2d)
    assert (first.kernel_size, second.kernel_size) == ((7, 7), (1, 1))
    assert widths(nn.ModuleList([first, second])) == [(32, 8), (8, 8)]


def test_decoder_of_segnet_is_its_encoder_backwards_but_for_the_classifier():
    network = SegNet(IMAGE, width=4)
    backwards = [(out, before) for before, out in reversed(widths(network.encoder))]
    assert widths(network.decoder) == backwards[:-1]


def test_segnet_unpools_to_the_places_of_its_own_maxima():
    network, image = SegNet(IMAGE, width=4).eval(), torch.randn(1, 3, 45, 71)
    pools, unpooled = [], []
    network.pool.register_forward_hook(lambda _, args, out: pools.append((*args, out[1])))
    for stage in network.decoder:
        stage.register_forward_pre_hook(lambda _, args: unpooled.append(*args))
    with torch.no_grad():
        assert network(image)["decoder"].shape == (1, 4, 45, 71)
    for (whole, places), feature in zip(pools, reversed(unpooled), strict=True):
        assert feature.shape == whole.shape
        assert feature.count_nonzero() > 0
        assert feature.flatten(2).scatter(2, places.flatten(2), 0).count_nonzero() == 0


@pytest.mark.parametrize("size", [(8, 12), (9, 12), (9, 13)])
def test_unpooling_is_that_of_torch(size):
    whole = torch.randn(2, 4, *size)
    feature, places = functional.max_pool2d(whole, 2, ceil_mode=True, return_indices=True)
    want = nn.MaxUnpool2d(2)(feature, places, output_size=size)
    assert torch.equal(unpool(feature, places, whole.shape), want)


def test_unet_has_the_weights_of_the_original():
    with torch.device("meta"):
        trunk = UNet(Feature(1, 1))
    assert sum(each.numel() for each in trunk.parameters()) == 31_030_528


def test_unet_joins_features_of_one_size_and_norms_every_3x3_if_told():
    plain, normed = (UNet(IMAGE, width=4, norm=norm) for norm in (False, True))
    assert widths(plain)[-2:] == [(8, 4), (4, 4)]
    assert [len(of(each, nn.BatchNorm2d)) for each in (plain, normed)] == [0, 18]
    assert shapes(plain, plain.up, torch.randn(1, 3, 45, 71)) == [
        (6, 9),
        (12, 18),
        (23, 36),
        (45, 71),
    ]


def test_icnet_runs_its_deepest_layers_at_a_32nd_of_the_image():
    network = ICNet(IMAGE, width=4)
    layers = [network.shared, network.deep, network.shallow_end]
    assert shapes(network, layers, torch.randn(1, 3, 128, 192)) == [(8, 12), (4, 6), (16, 24)]


def test_icnet_halves_as_bilinear_resizing_does():
    image = torch.randn(2, 3, 10, 16)
    want = functional.interpolate(image, scale_factor=0.5, mode="bilinear", align_corners=False)
    torch.testing.assert_close(ICNet(IMAGE, width=4).halve(image), want)


def test_icnet_before_compression_has_the_layers_of_resnet50():
    with torch.device("meta"):
        network = ICNet(IMAGE, width=64)
    blocks = [*network.shared[4:], *network.deep]
    ends = [each.branch[-1][0].out_channels for each in blocks]
    assert ends == [256] * 3 + [512] * 4 + [1024] * 6 + [2048] * 3
    dilations = [each.branch[1].dilation[0] for each in blocks]
    assert dilations == [1] * 7 + [2] * 6 + [4] * 3


def test_dfanet_joins_each_stage_with_the_same_one_of_the_backbone_before():
    backbones = DFANet(IMAGE).backbones
    joined = [[stage[0].branch[0][0][0].in_channels for stage in each.stages] for each in backbones]
    assert joined == [[8, 48, 96], [240, 144, 288], [240, 144, 288]]
    assert [len(stage) for stage in backbones[0].stages] == [4, 6, 4]


def test_each_backbone_of_dfanet_starts_at_half_the_resolution_of_the_one_before():
    network = DFANet(IMAGE)
    attentions = [each.attention for each in network.backbones]
    assert shapes(network, attentions, torch.randn(1, 3, 128, 192)) == [(8, 12), (4, 6), (2, 3)]


def test_attention_of_dfanet_weighs_channels_by_their_means():
    attention, feature = DFANet(IMAGE).backbones[0].attention, torch.randn(2, 192, 3, 4)
    mean = feature.mean((2, 3), keepdim=True)
    want = feature * attention.project(attention.fc(mean))
    torch.testing.assert_close(attention(feature), want)
    assert not torch.equal(attention(feature), feature)


def test_fast_scnn_has_the_bottlenecks_of_table_1():
    blocks = of(FastSCNN(IMAGE), Bottleneck)
    ends = [(each.branch[-1][0].out_channels, each.branch[1][0].stride[0]) for each in blocks]
    assert ends == [(64, 2), (64, 1), (64, 1), (96, 2), (96, 1), (96, 1)] + [(128, 1)] * 3
    assert [each.adds for each in blocks] == [False, True, True] * 3
    assert all(
        each.branch[0][0].out_channels == 6 * each.branch[0][0].in_channels for each in blocks
    )


def test_fast_scnn_fuses_at_the_size_of_what_both_resolutions_share():
    network = FastSCNN(IMAGE)
    layers = [network.down, network.extract, network.fuse]
    assert shapes(network, layers, torch.randn(1, 3, 128, 192)) == [(16, 24), (4, 6), (16, 24)]


@pytest.mark.parametrize("kernel", [1, 3])
def test_classifier_is_one_convolution(kernel):
    head = Classifier(Feature(8, 4), 5, kernel=kernel)
    assert head.out == Feature(5, 4)
    assert sum(each.numel() for each in head.parameters()) == 5 * (8 * kernel**2 + 1)
    assert head(torch.randn(2, 8, 7, 9)).shape == (2, 5, 7, 9)


def test_transposed_head_makes_four_pixels_of_each():
    head = Transposed(Feature(8, 2), 5)
    assert head.out == Feature(5, 1)
    feature = torch.randn(2, 8, 7, 9)
    weight = head.classify.weight
    want = torch.einsum("nihw,iokl->nohkwl", feature, weight).reshape(2, 5, 14, 18)
    torch.testing.assert_close(head(feature), want)


def test_transposed_head_refuses_a_feature_of_the_size_of_the_image():
    with pytest.raises(ValueError, match="head 'transposed' doubles"):
        Transposed(Feature(8, 1), 5)


@pytest.mark.parametrize(
    ("cls", "option"),
    [
        (SegNet, "width"),
        (FCN32s, "width"),
        (FCN32s, "fc_width"),
        (UNet, "width"),
        (ICNet, "width"),
    ],
)
def test_widths_that_leave_nothing_are_refused(cls, option):
    with pytest.raises(ValueError, match=f"option '{option}' of .* must be at least 1, not 0"):
        cls(IMAGE, **{option: 0})
