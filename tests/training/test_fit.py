"""Training: what the seed decides, what the recipe decides, and how a bad loss ends it."""

import pytest
import torch
from torch import nn
from toys import Toy, recipe, same, tiny, weights

import architectures  # noqa: F401 - registers the built-in parts
from harness.data.dataset import IGNORE
from harness.training.loop import fit, initialise
from harness.training.optimizer import make_optimizer
from harness.training.schedule import learning_rate
from studies.published import BISENETV2_SMALL


def train(network, *, dataset=None, seed=0, on_step=lambda _: None, **changes):
    fitted = fit(
        network, dataset or Toy(), recipe(**changes), seed=seed, device="cpu", on_step=on_step
    )
    return weights(network), fitted


def test_it_learns():
    network = tiny(dropout=0.0, width=16)
    _, fitted = train(network, steps=60, batch=4, lr=0.3, scales=(1, 1))
    losses = [loss for _, loss, _ in fitted.history]
    assert sum(losses[-5:]) < 0.5 * sum(losses[:5])


def test_the_same_seed_gives_the_same_weights():
    assert same(train(tiny())[0], train(tiny())[0])


def test_another_seed_gives_other_weights():
    assert not same(train(tiny(), seed=0)[0], train(tiny(), seed=1)[0])


def test_the_callers_random_state_has_no_say_and_is_left_alone():
    once, _ = train(tiny())
    torch.manual_seed(99)
    before = torch.get_rng_state()
    again, _ = train(tiny())
    assert torch.equal(before, torch.get_rng_state())
    assert same(once, again)


def test_every_architecture_sees_the_same_batches():
    one, other = tiny(), tiny(width=7, dropout=0.5, aux=False)
    train(one)
    train(other)
    assert len(one.seen) == len(other.seen) == 8
    assert all(map(torch.equal, one.seen, other.seen))


def test_initial_weights_depend_on_the_seed_alone():
    first = weights(initialise(BISENETV2_SMALL, 3, 0))
    torch.manual_seed(5)
    before = torch.get_rng_state()
    assert same(first, weights(initialise(BISENETV2_SMALL, 3, 0)))
    assert torch.equal(before, torch.get_rng_state())
    assert not same(first, weights(initialise(BISENETV2_SMALL, 3, 1)))


def test_each_step_is_told_with_its_rate():
    steps = []
    _, fitted = train(tiny(), on_step=steps.append)
    assert [each.step for each in steps] == list(range(1, 9))
    assert {each.steps for each in steps} == {8}
    assert [each.lr for each in steps] == [learning_rate(n, recipe()) for n in range(8)]
    assert fitted.history == tuple((each.step, each.loss, each.lr) for each in steps)
    assert fitted.resumed_from == 0
    assert 0 <= fitted.data_wait <= 1 and fitted.train_s == steps[-1].seconds > 0


def test_a_long_loss_curve_is_thinned_and_keeps_its_ends():
    _, fitted = train(tiny(), steps=450)
    numbers = [step for step, _, _ in fitted.history]
    assert len(numbers) <= 200
    assert (numbers[0], numbers[-1]) == (1, 450)


def test_the_network_is_left_in_training_mode():
    network = tiny().eval()
    train(network, steps=1)
    assert network.training


def test_a_loss_that_is_not_finite_ends_the_run_naming_step_and_rate():
    network = tiny()

    def spoil(step):
        if step.step == 3:
            nn.init.constant_(network.head.weight, float("nan"))

    rate = f"{learning_rate(3, recipe()):.4g}"
    with pytest.raises(FloatingPointError, match=rf"nan at step 4 of 8, learning rate {rate}"):
        train(network, on_step=spoil)


def test_ignored_images_give_no_nan():
    class Unlabelled(Toy):
        def load(self, split, index):
            image, mask = super().load(split, index)
            return image, mask * 0 + IGNORE

    network = tiny()
    before = weights(network)["head.weight"]
    after, fitted = train(network, dataset=Unlabelled(), weight_decay=0)
    assert {loss for _, loss, _ in fitted.history} == {0.0}
    assert torch.equal(before, after["head.weight"])


def test_the_auxiliary_weight_changes_the_loss():
    first = {w: train(tiny(), steps=1, aux_weight=w)[1].history[0][1] for w in (0, 0.5, 1)}
    assert first[0] < first[0.5] < first[1]
    assert first[1] - first[0] == pytest.approx(2 * (first[0.5] - first[0]), rel=1e-5)


def test_weight_zero_leaves_auxiliary_heads_alone():
    network = tiny()
    before = weights(network)["aux_head.weight"]
    after, _ = train(network, aux_weight=0, weight_decay=0)
    assert torch.equal(before, after["aux_head.weight"])
    assert not torch.equal(before, train(tiny(), weight_decay=0)[0]["aux_head.weight"])


@pytest.mark.parametrize(
    "changes",
    [
        {"lr": 0.2},
        {"momentum": 0.5},
        {"weight_decay": 0.1},
        {"power": 2.0},
        {"warmup_steps": 6},
        {"batch": 3},
        {"crop": (40, 40)},
        {"scales": (1.0, 1.5)},
        {"flip": False},
        {"aux_weight": 0.3},
    ],
    ids=lambda changes: next(iter(changes)),
)
def test_every_field_of_a_recipe_changes_the_weights(changes):
    assert not same(train(tiny())[0], train(tiny(), **changes)[0])


def test_weight_decay_is_for_weights_of_convolutions_and_linear_layers():
    network = nn.Sequential(
        nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.PReLU(4), nn.ConvTranspose2d(4, 4, 2)
    )
    network.append(nn.Linear(4, 2))
    network.register_parameter("scale", nn.Parameter(torch.ones(2)))
    decays = {}
    for group in make_optimizer(network, recipe(weight_decay=0.01)).param_groups:
        decays |= {id(each): group["weight_decay"] for each in group["params"]}
    named = {name: decays.pop(id(each)) for name, each in network.named_parameters()}
    assert not decays
    assert {n for n, decay in named.items() if decay == 0.01} == {
        "0.weight",
        "3.weight",
        "4.weight",
    }
    assert set(named.values()) == {0.01, 0.0}


def test_a_network_of_convolutions_alone_has_an_optimizer():
    optimizer = make_optimizer(nn.Conv2d(3, 3, 1, bias=False), recipe())
    assert [len(group["params"]) for group in optimizer.param_groups] == [1]
