"""Colour jitter: brightness, contrast and saturation of each image, as torchvision has them."""

import numpy as np
import pytest
import torch

from harness.data.augment import GREY, factors, jitter, normalise


def images(count=3):
    generator = torch.Generator().manual_seed(1)
    return torch.randint(0, 256, (count, 5, 7, 3), dtype=torch.uint8, generator=generator)


def jittered(given, *by):
    """What one image becomes, in numpy and double precision, one channel at a time."""
    brightness, contrast, saturation = by
    lit = np.clip(given.numpy().astype(float) * brightness, 0, 255)
    mean = sum(lit[..., c] * share for c, share in enumerate(GREY)).mean()
    lit = np.clip(mean + contrast * (lit - mean), 0, 255)
    grey = sum(lit[..., c] * share for c, share in enumerate(GREY))[..., None]
    return np.clip(grey + saturation * (lit - grey), 0, 255)


@pytest.mark.parametrize("by", [(0.3, 1, 1), (1, 1.7, 1), (1, 1, 0.2), (1.9, 0.4, 1.6), (0, 2, 2)])
def test_each_factor_is_its_closed_form(by):
    given = images(1)
    found = jitter(given, torch.tensor([by]))
    assert found.dtype == torch.float32 and found.shape == given.shape
    np.testing.assert_allclose(found[0].numpy(), jittered(given[0], *by), atol=1e-3)


def test_known_colours_end_where_they_must():
    given = torch.tensor([[[[200, 100, 0], [200, 100, 0]]]], dtype=torch.uint8)
    assert jitter(given, torch.tensor([[2.0, 1, 1]]))[0, 0, 0].tolist() == [255, 200, 0]
    grey = 0.2989 * 200 + 0.587 * 100
    for by in ((1.0, 0, 1), (1.0, 1, 0)):  # no contrast: the mean grey; no saturation: its own
        assert jitter(given, torch.tensor([by])).flatten().tolist() == pytest.approx([grey] * 6)


def test_each_image_has_factors_of_its_own():
    given = images()
    by = torch.tensor([[0.5, 1.2, 0.7], [1, 1, 1], [1.4, 0.6, 1.3]])
    together = jitter(given, by)
    for number in range(3):
        alone = jitter(given[number : number + 1], by[number : number + 1])
        torch.testing.assert_close(together[number : number + 1], alone)


def test_factors_of_one_change_nothing_to_the_bit():
    given = images()
    assert torch.equal(normalise(jitter(given, torch.ones(3, 3))), normalise(given))
    assert factors(np.random.default_rng(0), (0, 0, 0)) == [1, 1, 1]


def test_factors_use_their_whole_range_and_are_never_below_nothing():
    drawn = np.array([factors(np.random.default_rng(seed), (0.2, 0.5, 3)) for seed in range(400)])
    for column, (low, high) in enumerate(((0.8, 1.2), (0.5, 1.5), (0, 4))):
        assert low <= drawn[:, column].min() < low + 0.05 * (high - low)
        assert high >= drawn[:, column].max() > high - 0.05 * (high - low)
    assert abs(np.corrcoef(drawn.T)[np.triu_indices(3, 1)]).max() < 0.2
