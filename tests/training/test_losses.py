"""The loss against its closed form."""

import torch
from torch.nn import functional

from harness.data.dataset import IGNORE
from harness.network import Logits
from harness.training.losses import cross_entropy, network_loss


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
