"""Windows, scales and flips: every pixel is seen, and views are averaged as probabilities."""

import numpy as np
import pytest
import torch
from torch import nn

from harness.data.augment import normalise
from harness.network import assemble, deploy
from harness.scoring import Scoring
from harness.training.views import corners, predict
from studies.published import BISENETV2_SMALL

SIZE = (48, 80)


def images(num=2, size=SIZE, seed=0):
    return torch.from_numpy(
        np.random.default_rng(seed).integers(0, 256, (num, *size, 3), dtype=np.uint8)
    )


class ByColour(nn.Module):
    """Three classes, by the colour of a pixel alone; keeps the sizes and corners it is given."""

    def __init__(self):
        super().__init__()
        self.given = []

    def forward(self, pixels):
        self.given.append(tuple(pixels.shape[-2:]))
        return 2 * pixels


def slope(width):
    """A line from -1 to 14 that is steeper above nought."""
    line = torch.linspace(-1, 2, width)
    return torch.where(line > 0, 7 * line, line)


class ByPlace(nn.Module):
    """Two classes, by where a pixel lies in what the network is given, whatever it shows."""

    def forward(self, pixels):
        one = slope(pixels.shape[-1]).expand(len(pixels), 1, pixels.shape[-2], -1)
        return torch.cat([one, -one], dim=1)


@pytest.mark.parametrize("side", [32, 33, 64, 99, 100])
@pytest.mark.parametrize(("window", "stride"), [(32, 32), (32, 21), (31, 1), (20, 20)])
def test_windows_cover_a_side_and_end_at_its_edge(side, window, stride):
    starts = corners(side, window, stride)
    seen = np.zeros(side, int)
    for start in starts:
        assert 0 <= start <= side - window
        seen[start : start + window] += 1
    assert seen.min() >= 1
    assert starts == sorted(set(starts))
    assert (starts[0], starts[-1]) == (0, side - window)


def test_a_side_of_whole_windows_is_seen_once():
    assert corners(96, 32, 32) == [0, 32, 64]
    assert corners(32, 32, 21) == [0]


def test_windows_of_a_network_that_looks_at_one_pixel_say_what_the_whole_says():
    whole = predict(ByColour(), images(), 3, labels=SIZE, scoring=Scoring())
    model = ByColour()
    scoring = Scoring(mode="sliding", window=(32, 40), stride=(20, 30))
    assert torch.equal(predict(model, images(), 3, labels=SIZE, scoring=scoring), whole)
    assert model.given == [(32, 40)] * 6


def test_overlapping_windows_are_averaged_as_probabilities():
    scoring = Scoring(mode="sliding", window=(48, 60), stride=(48, 10))
    got = predict(ByPlace(), images(1), 2, labels=SIZE, scoring=scoring)[0, 0]
    line = slope(60)
    chance = torch.softmax(torch.stack([line, -line]), dim=0)[0]
    summed, times = torch.zeros(80), torch.zeros(80)
    for left in (0, 10, 20):
        summed[left : left + 60] += chance
        times[left : left + 60] += 1
    assert torch.equal(got, (summed / times < 0.5).long())
    logits = torch.zeros(80)
    for left in (0, 10, 20):
        logits[left : left + 60] += line
    assert not torch.equal(got, (logits < 0).long())  # else the test could not tell


def test_a_window_larger_than_the_image_is_refused():
    scoring = Scoring(mode="sliding", window=(64, 64))
    with pytest.raises(ValueError, match="window 64x64 is larger than the image, which is 48x80"):
        predict(ByColour(), images(), 3, labels=SIZE, scoring=scoring)


def test_scales_and_flips_are_given_and_turned_back():
    model = ByColour()
    scoring = Scoring(scales=(1.0, 1.5), flip=True)
    smooth = torch.arange(80, dtype=torch.uint8).mul(3)[None, None, :, None].expand(1, 48, 80, 3)
    offset = torch.tensor([0, 60, 0], dtype=torch.uint8)
    got = predict(model, smooth + offset, 3, labels=SIZE, scoring=scoring)
    assert model.given == [(48, 80), (48, 80), (72, 120), (72, 120)]
    once = predict(ByColour(), smooth + offset, 3, labels=SIZE, scoring=Scoring())
    assert (got == once).float().mean() > 0.97
    assert len(once.unique()) > 1


def test_a_flip_is_the_mean_of_both_ways():
    got = predict(ByPlace(), images(1), 2, labels=SIZE, scoring=Scoring(flip=True))[0, 0]
    line = slope(80)
    chance = torch.softmax(torch.stack([line, -line]), dim=0)[0]
    assert torch.equal(got, (chance + chance.flip(0) < 1.0).long())


def test_logits_are_resized_to_the_labels():
    class Half(nn.Module):
        def forward(self, pixels):
            left = torch.ones(len(pixels), 1, *pixels.shape[-2:])
            left[..., pixels.shape[-1] // 2 :] = -1
            return torch.cat([left, -left], dim=1)

    got = predict(Half(), images(), 2, labels=(96, 160), scoring=Scoring())
    assert tuple(got.shape) == (2, 96, 160)
    assert got[..., :79].max() == 0 and got[..., 81:].min() == 1


def test_a_network_may_be_given_another_size_than_the_labels():
    model = ByColour()
    got = predict(model, images(), 3, labels=SIZE, scoring=Scoring(size=(32, 40)))
    assert (model.given, tuple(got.shape)) == ([(32, 40)], (2, *SIZE))


@pytest.mark.parametrize(
    "scoring",
    [
        Scoring(scales=(0.75, 1.0), flip=True),
        Scoring(mode="sliding", window=(32, 64), scales=(1.0, 1.25)),
    ],
)
def test_a_real_network_takes_every_view(scoring):
    network = deploy(assemble(BISENETV2_SMALL, 5))
    assert tuple(predict(network, images(1), 5, labels=SIZE, scoring=scoring).shape) == (1, *SIZE)


def test_one_pass_is_the_plain_argmax_to_the_bit():
    network = deploy(assemble(BISENETV2_SMALL, 5))
    with torch.inference_mode():
        plain = network(normalise(images())).argmax(dim=1)
    assert torch.equal(predict(network, images(), 5, labels=SIZE, scoring=Scoring()), plain)
