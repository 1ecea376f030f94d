"""Each check of the contract finds the fault it is for, and a sound plugin passes them all."""

import random

import pytest
import torch
from torch import nn

from architectures.layers import ConvBN, conv
from harness import contracts
from harness.architecture import Part
from harness.components import (
    REGISTRIES,
    AuxHeads,
    Context,
    Detail,
    Feature,
    Fusion,
    Semantic,
    resize_like,
)
from harness.registry import Registry


@pytest.fixture
def only(monkeypatch):
    """Registers one class as the only part of its kind, under the name ``it``."""

    def register(kind, cls):
        whole = REGISTRIES[kind]
        monkeypatch.setitem(REGISTRIES, kind, Registry(kind, whole.contract, whole.inputs))
        REGISTRIES[kind].register("it")(cls)

    return register


class WeightedSum(Fusion):
    """A sound plugin, as the documentation shows it."""

    def __init__(self, detail: Feature, semantic: Feature, *, width: int = 128):
        super().__init__(out=Feature(width, detail.stride))
        self.detail = ConvBN(detail.channels, width, 1)
        self.semantic = ConvBN(semantic.channels, width, 1)
        self.weight = nn.Parameter(torch.zeros(2))

    def forward(self, detail, semantic):
        a, b = self.weight.softmax(0)
        return a * self.detail(detail) + b * resize_like(self.semantic(semantic), detail)


class WrongChannels(Detail):
    """Declares twice the channels it gives."""

    def __init__(self, image: Feature):
        super().__init__(taps={"only": Feature(16, 8)})
        self.layer = conv(image.channels, 8, stride=8)

    def forward(self, image):
        return {"only": self.layer(image)}


class WrongStride(Semantic):
    """Declares stride 4 and gives stride 2."""

    def __init__(self, image: Feature):
        super().__init__(taps={"only": Feature(8, 4)})
        self.layer = conv(image.channels, 8, stride=2)

    def forward(self, image):
        return {"only": self.layer(image)}


class WrongName(Detail):
    """Gives a tap under another name than it declares."""

    def __init__(self, image: Feature):
        super().__init__(taps={"one": Feature(8, 8)})
        self.layer = conv(image.channels, 8, stride=8)

    def forward(self, image):
        return {"other": self.layer(image)}


class FixedSteps(Fusion):
    """Upsamples by a fixed factor, so that odd sizes do not meet."""

    def __init__(self, detail: Feature, semantic: Feature):
        super().__init__(out=Feature(semantic.channels, detail.stride))
        self.up = nn.Upsample(scale_factor=semantic.stride / detail.stride)

    def forward(self, detail, semantic):
        return self.up(semantic)


class Unused(Context):
    """Has a layer that nothing goes through."""

    def __init__(self, pyramid: dict):
        self.tap, out = list(pyramid.items())[-1]
        super().__init__(out=out)
        self.forgotten = conv(4, 4)

    def forward(self, pyramid):
        return pyramid[self.tap] * 2


class Branching(Context):
    """Decides by its data, which no graph can hold."""

    def __init__(self, pyramid: dict):
        self.tap, out = list(pyramid.items())[-1]
        super().__init__(out=out)

    def forward(self, pyramid):
        feature = pyramid[self.tap]
        return feature if feature.sum() > 0 else -feature


class InPlace(Context):
    """Overwrites a tap that an auxiliary head may read."""

    def __init__(self, pyramid: dict):
        self.tap, out = list(pyramid.items())[-1]
        super().__init__(out=out)

    def forward(self, pyramid):
        return pyramid[self.tap].relu_()


class Restless(Context):
    """Gives something else each time."""

    def __init__(self, pyramid: dict):
        self.tap, out = list(pyramid.items())[-1]
        super().__init__(out=out)

    def forward(self, pyramid):
        return pyramid[self.tap] * random.random()


class DeadKnob(Context):
    """Takes an option and forgets it."""

    def __init__(self, pyramid: dict, *, strength: float = 1.0):
        self.tap, out = list(pyramid.items())[-1]
        super().__init__(out=out)

    def forward(self, pyramid):
        return pyramid[self.tap] * 2


class FreeText(Context):
    """Has an option for which no other value can be guessed."""

    def __init__(self, pyramid: dict, *, activation: str = "relu"):
        self.tap, out = list(pyramid.items())[-1]
        super().__init__(out=out)
        self.activation = {"relu": torch.relu, "tanh": torch.tanh}[activation]

    def forward(self, pyramid):
        return self.activation(pyramid[self.tap])


class Deaf(Fusion):
    """Never looks at the semantic path."""

    def __init__(self, detail: Feature, semantic: Feature):
        super().__init__(out=detail)

    def forward(self, detail, semantic):
        return detail * 2


class Wasteful(Context):
    """Computes a convolution and throws it away."""

    def __init__(self, pyramid: dict):
        self.tap, out = list(pyramid.items())[-1]
        super().__init__(out=out)
        self.layer = conv(out.channels, 7)

    def forward(self, pyramid):
        self.layer(pyramid[self.tap])
        return pyramid[self.tap] * 2


class Exotic(Context):
    """Uses an operator whose cost nobody has stated."""

    def __init__(self, pyramid: dict):
        self.tap, out = list(pyramid.items())[-1]
        super().__init__(out=out)

    def forward(self, pyramid):
        return pyramid[self.tap].cumsum(2)


class Sociable(Context):
    """Normalises over the images of a batch in eval mode too."""

    def __init__(self, pyramid: dict):
        self.tap, out = list(pyramid.items())[-1]
        super().__init__(out=out)

    def forward(self, pyramid):
        return pyramid[self.tap] - pyramid[self.tap].mean(0)


class Peeking(Context):
    """Reads the weight of a convolution, which folding changes."""

    def __init__(self, pyramid: dict):
        self.tap, out = list(pyramid.items())[-1]
        super().__init__(out=out)
        self.layer = ConvBN(out.channels, out.channels)

    def forward(self, pyramid):
        return self.layer(pyramid[self.tap]) * self.layer[0].weight.square().sum()


class HiddenTap(Context):
    """Declares a tap on the way to its output, and gives the output alone."""

    def __init__(self, pyramid: dict):
        self.tap, out = list(pyramid.items())[-1]
        super().__init__(out=out, taps={"before": out})

    def forward(self, pyramid):
        return pyramid[self.tap] * 2


class Undocumented(Context):  # noqa: D101 - its fault
    def __init__(self, pyramid: dict):
        self.tap, out = list(pyramid.items())[-1]
        super().__init__(out=out)

    def forward(self, pyramid):
        return pyramid[self.tap]


class Stranger(AuxHeads):
    """Chooses a tap of a path that may be absent."""

    def __init__(self, taps: dict):
        super().__init__(chosen=("semantic.stage4",), head=Part("seg"))


class Twice(AuxHeads):
    """Chooses a tap twice."""

    def __init__(self, taps: dict):
        super().__init__(chosen=tuple(taps)[:1] * 2, head=Part("seg"))


BROKEN = [
    ("detail", WrongChannels, contracts.check_output, r"only is \(2, 8, 4, 4\)"),
    ("semantic", WrongStride, contracts.check_output, r"only is \(2, 8, 16, 16\)"),
    ("detail", WrongName, contracts.check_output, r"gives \['other'\]"),
    ("context", HiddenTap, contracts.check_output, r"gives \['out'\], not as declared"),
    ("fusion", FixedSteps, contracts.check_output, r"for a \(33, 47\) image"),
    ("context", Unused, contracts.check_gradients, "no gradient reaches forgotten.weight"),
    ("fusion", Deaf, contracts.check_gradients, "no gradient reaches input 1"),
    ("context", Peeking, contracts.check_folded, "when its batch norms are folded"),
    ("context", Sociable, contracts.check_single, "depends on the others of its batch"),
    ("context", Wasteful, contracts.check_counted, "0 multiply-adds are in the graph, .* are done"),
    ("context", Exotic, contracts.check_counted, r"cannot be counted: \['aten::cumsum'\]"),
    ("context", InPlace, contracts.check_pure, "changes its input in place"),
    ("context", Restless, contracts.check_pure, "something else the second time"),
    ("context", DeadKnob, contracts.check_options, r"'strength' changes nothing from 1.0 to .*0.5"),
    ("context", FreeText, contracts.check_options, "give check_options a value for 'activation'"),
    ("context", Undocumented, contracts.check_documented, "the class has no docstring"),
    ("aux_heads", Stranger, contracts.check_placement, r"chooses \['semantic.stage4'\], but the"),
    ("aux_heads", Twice, contracts.check_placement, "chooses a tap twice"),
]


@pytest.mark.parametrize(("kind", "cls", "check", "message"), BROKEN)
def test_check_finds_its_fault_and_names_the_part(only, kind, cls, check, message):
    only(kind, cls)
    with pytest.raises(AssertionError, match=f"{kind} 'it': .*{message}"):
        check(kind, "it")


def test_a_part_that_decides_by_its_data_is_not_traceable(only):
    only("context", Branching)
    with pytest.raises(torch.fx.proxy.TraceError):
        contracts.check_traceable("context", "it")


def test_a_part_that_decides_by_its_data_cannot_be_exported(only):
    only("context", Branching)
    with pytest.raises(Exception, match="data-dependent"):
        contracts.check_exportable("context", "it")


def test_free_text_is_checked_with_a_value_that_is_given(only):
    only("context", FreeText)
    contracts.check_options("context", "it", {"activation": "tanh"})


def test_the_documented_plugin_passes_every_check(only):
    only("fusion", WeightedSum)
    contracts.check_part("fusion", "it")
