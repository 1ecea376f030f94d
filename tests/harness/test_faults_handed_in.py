"""Faults that folding hides, statistics of the batch, further outputs, and no false alarms."""

import pytest
import torch
from networks_with_faults import CPU, SIZE, Net, folded, found, sound
from torch import nn
from torch.nn import functional

from harness.fold import fold_batch_norms
from harness.foreign import ended
from harness.measure.faults import findings_of


class Spare(Net):
    """Has a batch norm that it does by a function, and a head that it computes for nothing."""

    def __init__(self):
        super().__init__()
        self.spare = nn.BatchNorm2d(16)
        self.aux = nn.Conv2d(16, 5, 3, padding=1)

    def feature(self, image):
        x = super().feature(image)
        self.aux(x)
        return functional.batch_norm(x, torch.zeros(16), torch.ones(16))


def test_folding_hides_nothing_of_what_was_handed_in():
    net = Spare().eval()
    deployed = fold_batch_norms(net)
    assert "uncalled_modules" not in found(deployed)
    seen = found(deployed, reference=net)
    assert {name: each.where for name, each in seen.items()} == {
        "uncalled_modules": "spare",
        "dead_head": "aux",
    }
    assert "never read, in the network as it was handed in" in seen["uncalled_modules"].told
    once = [each.name for each in findings_of(net, SIZE, boundary="logits_full", device=CPU)]
    assert once.count("uncalled_modules") == 1


class ByBatch(Net):
    """Normalises by the images at hand, whatever the mode."""

    def feature(self, image):
        return functional.batch_norm(super().feature(image), None, None, training=True)


def test_statistics_of_the_batch():
    seen = found(ByBatch().eval())
    assert seen["training_mode"].where == "the network"
    assert "statistics of the batch" in seen["training_mode"].told
    net = sound()
    net.norm = nn.BatchNorm2d(16, track_running_stats=False).eval()
    assert found(net)["training_mode"].where == "norm"


def test_instance_norm_mixes_no_images():
    net = sound()
    net.norm = nn.InstanceNorm2d(16).eval()
    assert found(net) == {}


class Several(Net):
    """Gives its logits, twice them, and under a name."""

    def __init__(self, named):
        super().__init__()
        self.named = named

    def forward(self, image):
        logits = super().forward(image)
        return {"aux": logits * 2, "out": logits} if self.named else (logits, logits * 2)


@pytest.mark.parametrize(("named", "used"), [(False, "the first"), (True, "'out'")])
def test_outputs_that_nobody_uses(named, used):
    handed = ended(Several(named), "labels_full", SIZE)
    deployed = fold_batch_norms(handed)
    for given in ({}, {"reference": handed}):
        seen = found(deployed if given else handed, boundary="labels_full", **given)
        assert set(seen) == {"aux_heads_on"}
        assert f"gives 2 outputs where a deployed network gives one; only {used} is used" in (
            seen["aux_heads_on"].told
        )


class Attending(Net):
    """Throws the averaged weights of its attention away, as nn.MultiheadAttention has it."""

    def __init__(self):
        super().__init__()
        self.attention = nn.MultiheadAttention(16, 2, batch_first=True)

    def feature(self, image):
        x = super().feature(image)
        given = x.flatten(2).transpose(1, 2)
        return self.attention(given, given, given)[0].transpose(1, 2).reshape(x.shape)


def test_dead_work_that_costs_next_to_nothing():
    assert found(Attending().eval()) == {}

    class Tiny(Net):
        def feature(self, image):
            x = super().feature(image)
            functional.adaptive_avg_pool2d(x, 1)
            return x

    assert found(Tiny().eval()) == {}

    class Head(Tiny):
        def __init__(self):
            super().__init__()
            self.tiny = nn.Linear(1, 1)

        def feature(self, image):
            self.tiny(image.mean().view(1, 1))
            return super().feature(image)

    assert found(Head().eval())["dead_head"].where == "tiny"


def test_dead_operators_have_a_place():
    class Enlarging(Net):
        def forward(self, image):
            functional.interpolate(image, scale_factor=2)
            return super().forward(image)

    where = found(Enlarging().eval())["dead_head"].where
    assert where == "the network (aten::upsample_nearest2d)"


@pytest.mark.parametrize("also", ["both", "handed_in"])
def test_random_outputs_are_compared_with_nothing(also):
    class Dropping(Net):
        def feature(self, image):
            return functional.dropout(super().feature(image), 0.5, training=True)

    torch.manual_seed(0)
    net = Dropping().eval()
    ours = fold_batch_norms(net)
    if also == "handed_in":
        ours = folded(sound())
    seen = found(ours, reference=net)
    assert set(seen) == {"random_outputs"}
    assert ("handed in" in seen["random_outputs"].told) == (also == "handed_in")
