"""The average of weights against its closed form."""

import pytest
import torch
from toys import Toy, recipe, same, tiny, weights

from harness.training.average import Average, decay_at
from harness.training.loop import fit


def test_the_decay_rises_to_what_the_recipe_says():
    assert [decay_at(step, 0.9) for step in (1, 2, 10)] == pytest.approx([2 / 11, 3 / 12, 11 / 20])
    assert decay_at(10_000, 0.9) == 0.9


def test_the_average_is_a_weighted_sum_of_the_steps():
    network = tiny()
    average = Average(network, 0.6)
    expected = network.stem[0].weight.detach().double()
    running = network.stem[1].running_mean.double()
    for step in range(1, 15):
        with torch.no_grad():
            network.stem[0].weight.add_(step)
        network.stem[1].running_mean.mul_(0.5).add_(1)
        network.stem[1].num_batches_tracked.add_(1)
        average.update(network, step)
        decay = min(0.6, (1 + step) / (10 + step))
        expected = decay * expected + (1 - decay) * network.stem[0].weight.detach()
        running = decay * running + (1 - decay) * network.stem[1].running_mean
    average.give(network)
    torch.testing.assert_close(network.stem[0].weight.detach(), expected.float())
    torch.testing.assert_close(network.stem[1].running_mean, running.float())
    assert network.stem[1].num_batches_tracked == 14


def test_a_run_ends_with_the_average_of_its_steps():
    plain, averaged, seen = tiny(), tiny(), []
    by_hand = Average(plain, 0.7)

    def follow(step):
        by_hand.update(plain, step.step)
        seen.append(step.loss)

    fit(plain, Toy(), recipe(), seed=0, device="cpu", on_step=follow)
    fitted = fit(averaged, Toy(), recipe(ema=0.7), seed=0, device="cpu")
    assert [loss for _, loss, _ in fitted.history] == seen  # averaging changes no step
    assert not same(weights(plain), weights(averaged))
    by_hand.give(plain)
    assert same(weights(plain), weights(averaged))
