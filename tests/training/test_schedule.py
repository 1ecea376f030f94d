"""The learning rate in closed form: linear warm-up times the poly rule."""

import numpy as np
import pytest

from harness.study import Recipe
from harness.training.schedule import learning_rate


@pytest.mark.parametrize("step", [0, 1, 4, 9, 10, 50, 99])
def test_warm_up_times_poly(step):
    recipe = Recipe(steps=100, lr=0.05, warmup_steps=10, power=0.9)
    expected = 0.05 * min(1, (step + 1) / 10) * (1 - step / 100) ** 0.9
    assert learning_rate(step, recipe) == pytest.approx(expected, rel=1e-12)


def test_some_rates_by_hand():
    recipe = Recipe(steps=4, lr=1.0, warmup_steps=2, power=2.0)
    rates = [learning_rate(step, recipe) for step in range(4)]
    assert rates == [0.5, 0.5625, 0.25, 0.0625]


def test_no_warm_up_begins_at_the_full_rate():
    assert learning_rate(0, Recipe(steps=10, lr=0.3, warmup_steps=0)) == 0.3


def test_power_zero_is_constant():
    recipe = Recipe(steps=10, lr=0.3, warmup_steps=0, power=0)
    assert {learning_rate(step, recipe) for step in range(10)} == {0.3}


def test_the_rate_stays_above_zero_to_the_last_step():
    assert learning_rate(9, Recipe(steps=10, warmup_steps=20)) > 0


@pytest.mark.parametrize("step", [0, 1, 4, 9, 10, 50, 99])
def test_warm_up_times_cosine(step):
    recipe = Recipe(steps=100, lr=0.05, warmup_steps=10, schedule="cosine")
    expected = 0.05 * min(1, (step + 1) / 10) * np.cos(np.pi * step / 200) ** 2
    assert learning_rate(step, recipe) == pytest.approx(expected, rel=1e-12)


def test_a_cosine_falls_to_half_at_the_middle():
    recipe = Recipe(steps=4, lr=1.0, warmup_steps=0, schedule="cosine")
    rates = [learning_rate(step, recipe) for step in range(4)]
    assert rates == pytest.approx([1, (2 + 2**0.5) / 4, 0.5, (2 - 2**0.5) / 4])
