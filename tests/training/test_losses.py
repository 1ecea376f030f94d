"""The loss against its closed form."""

import numpy as np
import pytest
import torch
from torch.nn import functional
from torch.utils._python_dispatch import TorchDispatchMode

from harness.data.dataset import IGNORE
from harness.network import Logits
from harness.training.losses import (
    balanced_weights,
    cross_entropy,
    hard_cross_entropy,
    network_loss,
)


def drawn(seed=0):
    generator = torch.Generator().manual_seed(seed)
    logits = torch.randn(2, 3, 4, 5, generator=generator)
    labels = torch.randint(0, 3, (2, 4, 5), generator=generator)
    return logits, labels


def test_loss_is_the_mean_over_labelled_pixels():
    logits, labels = drawn()
    labels[0] = IGNORE
    expected = functional.cross_entropy(logits[1:], labels[1:])
    torch.testing.assert_close(cross_entropy(logits, labels), expected)


def test_ignored_pixels_have_no_gradient():
    logits, labels = drawn()
    labels[:, 0] = IGNORE
    logits.requires_grad_()
    cross_entropy(logits, labels).backward()
    assert not logits.grad[:, :, 0].any()
    assert logits.grad[:, :, 1:].any()


def test_a_batch_without_a_labelled_pixel_costs_nothing():
    logits, labels = drawn()
    logits.requires_grad_()
    loss = cross_entropy(logits, torch.full_like(labels, IGNORE))
    loss.backward()
    assert loss.item() == 0
    assert not logits.grad.any()


def test_auxiliary_losses_are_summed_and_weighed():
    logits, labels = drawn()
    aux = {"one": drawn(1)[0], "two": drawn(2)[0]}
    both = cross_entropy(aux["one"], labels) + cross_entropy(aux["two"], labels)
    for weight in (0.0, 0.5, 2.0):
        loss = network_loss(Logits(logits, aux), labels, aux_weight=weight)
        torch.testing.assert_close(loss, cross_entropy(logits, labels) + weight * both)


def test_labels_meet_smaller_logits_at_the_middle_of_each_place():
    logits, _ = drawn()
    labels = torch.full((2, 12, 15), IGNORE)
    middle = torch.randint(0, 3, (2, 4, 5), generator=torch.Generator().manual_seed(1))
    labels[:, 1::3, 1::3] = middle
    torch.testing.assert_close(cross_entropy(logits, labels), cross_entropy(logits, middle))


WEIGHTS = torch.tensor([0.5, 2.0, 3.5])


def test_class_weights_are_as_in_torchs_own_weighted_mean():
    logits, labels = drawn()
    labels[0, 1] = IGNORE
    expected = functional.cross_entropy(logits, labels, weight=WEIGHTS, ignore_index=IGNORE)
    torch.testing.assert_close(cross_entropy(logits, labels, WEIGHTS), expected)


def hard_mean(logits, labels, class_weights=None):
    """OHEM pixel by pixel, in numpy."""
    logits, labels = logits.double().numpy().transpose(0, 2, 3, 1).reshape(-1, 3), labels.numpy()
    odds = []
    for scores, label in zip(logits, labels.ravel(), strict=True):
        chances = np.exp(scores) / np.exp(scores).sum()
        odds.append((1.1 if label == IGNORE else chances[label], label))
    ranked = sorted(chance for chance, _ in odds)
    bar = max(0.7, ranked[max(1, len(odds) // 16) - 1])
    total = weight = 0.0
    for chance, label in odds:
        if label != IGNORE and chance <= bar:
            share = 1.0 if class_weights is None else float(class_weights[label])
            total -= share * np.log(chance)
            weight += share
    return total / weight if weight else 0.0


def mostly_right(share, seed=0):
    """Logits (2, 3, 8, 12) that are sure of the right class at a share of the pixels."""
    generator = torch.Generator().manual_seed(seed)
    labels = torch.randint(0, 3, (2, 8, 12), generator=generator)
    logits = torch.randn(2, 3, 8, 12, generator=generator)
    sure = torch.rand(2, 8, 12, generator=generator) < share
    logits += 6 * functional.one_hot(labels, 3).permute(0, 3, 1, 2) * sure[:, None]
    return logits, labels


@pytest.mark.parametrize("weights", [None, WEIGHTS], ids=["plain", "weighted"])
@pytest.mark.parametrize("ignored", [0, 1, 14, 15, 16])
@pytest.mark.parametrize("sure", [0.0, 0.5, 0.95, 1.0])
def test_hard_pixels_alone_count_as_in_a_plain_loop(sure, ignored, weights):
    logits, labels = mostly_right(sure)
    labels.view(16, 12)[:ignored] = IGNORE
    found = hard_cross_entropy(logits, labels, weights).item()
    assert found == pytest.approx(hard_mean(logits, labels, weights), rel=1e-5, abs=1e-9)


def test_the_hardest_sixteenth_is_kept_where_all_are_easy():
    logits, labels = mostly_right(1.0)
    logits *= 2
    each = functional.cross_entropy(logits, labels, reduction="none").flatten()
    assert each.max() < -np.log(0.7)
    hardest = each.sort(descending=True).values[:12]
    torch.testing.assert_close(hard_cross_entropy(logits, labels), hardest.mean())


def test_easy_pixels_have_no_gradient():
    logits, labels = mostly_right(0.5)
    logits.requires_grad_()
    hard_cross_entropy(logits, labels).backward()
    chance = logits.detach().softmax(1).gather(1, labels[:, None])[:, 0]
    moved = logits.grad.abs().sum(1) > 0
    assert torch.equal(moved, chance <= 0.7)


@pytest.mark.parametrize("weights", [None, WEIGHTS], ids=["plain", "weighted"])
@pytest.mark.parametrize("loss", ["ce", "ohem"])
def test_no_loss_minds_a_batch_without_labels(loss, weights):
    logits, labels = drawn()
    logits.requires_grad_()
    whole = Logits(logits, {"one": logits * 2})
    blank = torch.full_like(labels, IGNORE)
    found = network_loss(whole, blank, aux_weight=1.0, loss=loss, class_weights=weights)
    found.backward()
    assert found.item() == 0
    assert not logits.grad.any()


@pytest.mark.parametrize("loss", ["ce", "ohem"])
def test_a_loss_that_is_not_a_number_is_never_left_out(loss):
    logits, labels = mostly_right(0.5)
    logits[0, 0, 0, 0] = float("nan")
    assert network_loss(Logits(logits, {}), labels, aux_weight=0, loss=loss).isnan()


def test_auxiliary_losses_are_hard_too():
    logits, labels = mostly_right(0.5)
    aux = mostly_right(0.5, seed=1)[0]
    found = network_loss(Logits(logits, {"one": aux}), labels, aux_weight=0.5, loss="ohem")
    expected = hard_mean(logits, labels) + 0.5 * hard_mean(aux, labels)
    assert found.item() == pytest.approx(expected, rel=1e-5)


class Host(TorchDispatchMode):
    """Fails on what brings a value, or a size that depends on values, to the host."""

    ASKING = ("_local_scalar_dense", "nonzero", "masked_select", "unique", "is_nonzero", "equal")

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        name = func.__name__.split(".")[0]
        assert not name.startswith(self.ASKING), f"{name} waits for the device"
        booleans = [a for a in args[1] or () if a is not None] if name == "index" else ()
        assert not any(a.dtype == torch.bool for a in booleans), "a boolean index"
        return func(*args, **(kwargs or {}))


@pytest.mark.parametrize("weights", [None, WEIGHTS], ids=["plain", "weighted"])
@pytest.mark.parametrize("loss", ["ce", "ohem"])
def test_no_loss_waits_for_the_device(loss, weights):
    logits, labels = mostly_right(0.5)
    logits.requires_grad_()
    with Host():
        whole = Logits(logits, {"small": logits[..., ::2, ::2]})
        network_loss(whole, labels, aux_weight=1.0, loss=loss, class_weights=weights).backward()
    with pytest.raises(AssertionError, match="waits for the device"), Host():
        logits.detach().sum().item()


def test_half_precision_logits_are_summed_in_full():
    logits, labels = mostly_right(0.0)
    for loss in ("ce", "ohem"):
        found = network_loss(Logits(logits.half() * 100, {}), labels, aux_weight=0, loss=loss)
        assert found.dtype == torch.float32 and found.isfinite()


def test_balanced_weights_are_the_inverse_of_frequencies():
    weights = balanced_weights([600, 300, 0, 100])
    assert weights == pytest.approx([1000 / (3 * 600), 1000 / (3 * 300), 0, 1000 / (3 * 100)])
    pixels = [600, 300, 0, 100]
    assert sum(w * n for w, n in zip(weights, pixels, strict=True)) == pytest.approx(1000)
    assert balanced_weights([0, 0]) == [0, 0]
