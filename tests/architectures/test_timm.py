"""The backbones of timm, with a package that stands for it and with itself where it is there."""

import sys
from types import SimpleNamespace

import pytest
import torch
from torch import nn

import architectures  # noqa: F401 - registers the built-in parts
from harness import Architecture, Part
from harness.components import Feature, semantics
from harness.mistakes import NotInstalledError, is_users
from harness.network import assemble, deploy
from harness.training.start import load_weights

IMAGE = Feature(3, 1)


class Ladder(nn.Module):
    """A backbone as timm gives it: features of some widths at some strides."""

    output_fmt = "NCHW"

    def __init__(self, strides):
        super().__init__()
        info = [{"num_chs": 2 + at, "reduction": stride} for at, stride in enumerate(strides)]
        self.feature_info = SimpleNamespace(get_dicts=lambda: info)
        self.rungs = nn.ModuleList(
            nn.Conv2d(3, 2 + at, 3, stride, 1) for at, stride in enumerate(strides)
        )

    def forward(self, image):
        return [rung(image) for rung in self.rungs]


class ChannelsLast(Ladder):
    """Gives its features with their channels last."""

    output_fmt = "Format.NHWC"

    def forward(self, image):
        return [feature.permute(0, 2, 3, 1) for feature in super().forward(image)]


class Branching(Ladder):
    """Cannot be traced: what it does depends on what it sees."""

    def forward(self, image):
        return super().forward(image) if image.sum() > 0 else []


MODELS = {
    "ladder": lambda: Ladder((2, 4, 8, 16, 16, 32)),
    "last": lambda: ChannelsLast((4, 8)),
    "branching": lambda: Branching((4, 8)),
    "vit": lambda: Ladder((16, 16)),
    "odd": lambda: Ladder((1, 2, 14)),
}


class FakeTimm:
    """As much of the package as the part uses; every call to the hub is noted."""

    def __init__(self):
        self.fetched = []
        self.is_online = True

    def is_model(self, name):
        return name.partition(".")[0] in MODELS

    def list_models(self):
        return list(MODELS)

    def get_pretrained_cfg(self, name):
        model, _, tag = name.partition(".")
        return SimpleNamespace(
            architecture=model,
            tag=tag or "in1k",
            has_weights=model == "ladder",
            fixed_input_size=model == "vit",
        )

    def create_model(self, name, *, features_only, pretrained, in_chans):
        assert features_only and in_chans == 3
        network = MODELS[name.partition(".")[0]]()
        if pretrained:
            if not self.is_online:
                raise RuntimeError("no network")
            self.fetched.append(name)
            nn.init.constant_(network.rungs[0].weight, 7.0)
        return network


@pytest.fixture
def timm(monkeypatch):
    """A package that stands for timm."""
    fake = FakeTimm()
    monkeypatch.setitem(sys.modules, "timm", fake)
    return fake


def built(model, **options):
    return semantics.build(Part("timm", model=model, **options), IMAGE)


def test_taps_are_the_last_feature_at_each_stride_from_4_on(timm):
    path = built("ladder")
    taps = [Feature(3, 4), Feature(4, 8), Feature(6, 16), Feature(7, 32)]
    assert path.taps == dict(zip(("stage2", "stage3", "stage4", "stage5"), taps, strict=True))
    shapes = {name: tuple(each.shape) for name, each in path(torch.randn(2, 3, 64, 96)).items()}
    assert shapes["stage4"] == (2, 6, 4, 6)
    assert list(shapes) == list(path.taps)


def test_channels_come_first_whatever_the_model_gives(timm):
    shapes = [tuple(each.shape) for each in built("last")(torch.randn(2, 3, 64, 96)).values()]
    assert shapes == [(2, 2, 16, 24), (2, 3, 8, 12)]


@pytest.mark.parametrize(
    ("model", "message"),
    [
        ("laddr", "timm: unknown model 'laddr'. Nearest: ladder$"),
        ("branching", "timm: model 'branching' cannot be a path: symbolically traced"),
        ("vit", "timm: model 'vit' takes images of one size only"),
        ("odd", "timm: model 'odd' has no feature at a stride of 4, 8, 16 ..."),
    ],
)
def test_a_model_that_cannot_be_a_path_is_refused(timm, model, message):
    with pytest.raises(ValueError, match=message) as caught:
        built(model)
    assert is_users(caught.value)


def test_building_fetches_nothing_and_starts_from_scratch_unless_asked(timm):
    assert built("ladder").weights is None
    assert built("ladder", pretrained=True).weights.name == "timm:ladder.in1k"
    assert timm.fetched == []


def test_pretrained_weights_are_those_of_the_tag(timm):
    part = Part("timm", model="ladder.other", pretrained=True)
    network = assemble(Architecture(detail="none", semantic=part), 5)
    row = load_weights(network)
    assert (row["initial_weights"], row["weights"]) == ("pretrained", "timm:ladder.other")
    assert timm.fetched == ["ladder.other"]
    assert (network.paths.semantic.network.rungs[0].weight == 7).all()


def test_weights_that_timm_does_not_have_are_refused(timm):
    with pytest.raises(ValueError, match="timm: model 'last' has no pretrained weights"):
        built("last", pretrained=True)


def test_weights_that_cannot_be_fetched_are_told_by_name(timm):
    timm.is_online = False
    message = "weights timm:ladder.in1k could not be fetched: no network"
    with pytest.raises(ValueError, match=message) as caught:
        built("ladder", pretrained=True).weights.state()
    assert is_users(caught.value)


def test_without_the_package_the_user_is_told_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "timm", None)
    with pytest.raises(NotInstalledError, match=r'pip install "twopath\[timm\]"') as caught:
        built("resnet18")
    assert is_users(caught.value)


@pytest.fixture
def real():
    """The package itself; tests that use it are left out where it is not installed."""
    return pytest.importorskip("timm", exc_type=(ImportError, RuntimeError))


@pytest.mark.parametrize("name", ["resnet18", "mobilenetv2_100", "regnety_002", "fastvit_t8"])
def test_a_real_model_is_a_path_that_deploys(real, name):
    network = assemble(Architecture(detail="none", semantic=Part("timm", model=name)), 5).eval()
    assert list(network.paths.semantic.taps) == ["stage2", "stage3", "stage4", "stage5"]
    image = torch.randn(1, 3, 65, 97)
    with torch.no_grad():
        want, got = network(image).main, deploy(network)(image)
    assert (got - want).abs().max() <= 1e-4 * want.abs().max()


def test_the_real_resnet18_is_ours(real):
    with torch.device("meta"):
        theirs, ours = built("resnet18"), semantics.build(Part("resnet18"), IMAGE)
    assert theirs.taps == ours.taps
    shapes = [
        [(name.removeprefix("network."), each.shape) for name, each in path.state_dict().items()]
        for path in (theirs, ours)
    ]
    assert shapes[0] == shapes[1]


def test_real_weights_have_a_tag(real):
    name = built("resnet18", pretrained=True).weights.name
    assert name == "timm:resnet18.a1_in1k"


@pytest.mark.parametrize("name", ["swin_tiny_patch4_window7_224", "resnet18.nope", "resnet188"])
def test_real_models_that_will_not_do_are_refused(real, name):
    with pytest.raises(ValueError, match=f"timm: .*model '{name}'"):
        built(name)
