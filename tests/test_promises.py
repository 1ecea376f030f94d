"""A part that does not do what it declares is named, with its class and file."""

from dataclasses import replace

import pytest
import torch
from torch import nn

from harness import Architecture, Part
from harness.components import (
    AuxHeads,
    Context,
    Detail,
    Feature,
    Fusion,
    Head,
    aux_placements,
    contexts,
    details,
    fusions,
    heads,
)
from harness.network import BrokenPromise, assemble
from harness.promises import check_promises

TINY = Architecture(
    detail=Part("detail_branch", width=4),
    semantic=Part("semantic_branch", width=8, ratio=0.5, expansion=2),
    context="context_embedding",
    fusion="sum",
    head=Part("seg", width=4),
)


class Thin(Fusion):
    """Declares twice the channels it gives."""

    def __init__(self, detail, semantic):
        super().__init__(out=Feature(2 * detail.channels, detail.stride))

    def forward(self, detail, semantic):
        return detail


class Small(Head):
    """Gives half the size it declares."""

    def __init__(self, feature, num_classes):
        super().__init__(out=Feature(num_classes, feature.stride))
        self.classify = nn.Conv2d(feature.channels, num_classes, 1, 2)

    def forward(self, feature):
        return self.classify(feature)


class Fails(Context):
    """Cannot run."""

    def __init__(self, pyramid):
        super().__init__(out=list(pyramid.values())[-1])

    def forward(self, pyramid):
        return torch.cat([pyramid["stage4"], pyramid["stage5"]])


class HiddenTap(Context):
    """Declares a tap on the way to its output, and gives the output alone."""

    def __init__(self, pyramid):
        super().__init__(out=pyramid["stage5"], taps={"stage4": pyramid["stage4"]})

    def forward(self, pyramid):
        return pyramid["stage5"]


class FalseTap(HiddenTap):
    """Gives another feature than the one it declares as a tap."""

    def forward(self, pyramid):
        return {"stage4": pyramid["stage3"], "out": pyramid["stage5"]}


class Renamed(Detail):
    """Gives a tap that it does not declare."""

    def __init__(self, image):
        super().__init__(taps={"stage3": Feature(3, 8)})

    def forward(self, image):
        return {"stage4": image[:, :, ::8, ::8]}


BROKEN = [
    ("fusion", fusions, Thin, r"output is \(1, 8, 9, 13\) for a 72x104 image, not 16 channels at"),
    (
        "head",
        heads,
        Small,
        r"output is \(1, 5, 5, 7\) for a 72x104 image, not 5 channels at",
    ),
    ("context", contexts, Fails, "forward pass fails for a 72x104 image: RuntimeError: Sizes of"),
    ("context", contexts, HiddenTap, r"the taps \['stage4', 'out'\] and gives Tensor"),
    (
        "context",
        contexts,
        FalseTap,
        r"stage4 is \(1, 8, 9, 13\) for .*, not 8 channels at stride 16",
    ),
    ("detail", details, Renamed, r"declares the taps \['stage3'\] and gives \['stage4'\]"),
]


@pytest.mark.parametrize(("kind", "registry", "cls", "seen"), BROKEN)
def test_the_part_at_fault_is_named_with_its_class_and_file(kind, registry, cls, seen):
    registry.register("it")(cls)
    architecture = replace(TINY, **{kind: "it"})
    network = assemble(architecture, 5)
    where = rf"{kind} 'it' \({cls.__name__} in .*test_promises\.py\)"
    with pytest.raises(BrokenPromise, match=f"{where}.*{seen}"):
        check_promises(network, architecture)


@pytest.mark.parametrize("upsample", ["bilinear", "pixel_shuffle", "deferred"])
def test_a_context_with_taps_and_a_head_that_spreads_places_are_sound(upsample):
    head = Part("seg", width=4, upsample=upsample)
    changes = {"context": Part("arm", width=4), "aux_heads": "v1", "head": head}
    architecture = replace(TINY, **changes)
    check_promises(assemble(architecture, 5), architecture)
    alone = replace(TINY, detail="none", context="none", fusion="none", head=head)
    check_promises(assemble(alone, 5), alone)


def test_a_sound_network_is_left_as_it_was():
    network = assemble(TINY, 5).train()
    before = {key: each.clone() for key, each in network.state_dict().items()}
    check_promises(network, TINY)
    assert network.training and all(each.training for each in network.modules())
    assert all(torch.equal(each, before[key]) for key, each in network.state_dict().items())
    assert not any(each._forward_hooks or each._forward_pre_hooks for each in network.modules())


class Listed(Detail):
    """Declares its taps as a list."""

    def __init__(self, image):
        super().__init__(taps=[image])

    def forward(self, image):
        return {"stage0": image}


class Forgetful(AuxHeads):
    """Chooses nothing, not even no taps."""

    def __init__(self, taps):
        pass


class Nested(Context):
    """Declares the pyramid as its output."""

    def __init__(self, pyramid):
        super().__init__(out=pyramid)

    def forward(self, pyramid):
        return pyramid


UNDECLARED = [
    ("detail", details, Listed, r"\(taps=\.\.\.\) with a dict of Features, .*, not \[Feature\("),
    ("context", contexts, Nested, r"\(out=\.\.\.\) with a Feature, .*, not \{'stage2': Feature\("),
    ("aux_heads", aux_placements, Forgetful, r"\(chosen=\.\.\.\) with a tuple of names, not None"),
]


@pytest.mark.parametrize(("kind", "registry", "cls", "seen"), UNDECLARED)
def test_a_part_that_does_not_declare_what_it_gives_is_named(kind, registry, cls, seen):
    registry.register("it")(cls)
    where = rf"{kind} 'it' \({cls.__name__} in .*test_promises\.py\)"
    with pytest.raises(BrokenPromise, match=f"{where}: must call .*{seen}"):
        assemble(replace(TINY, **{kind: "it"}), 5)
