"""Training: what the seed decides, what the recipe decides, and how a bad loss ends it."""

import pytest
import torch
from torch import nn
from torch.nn import functional
from toys import Toy, recipe, same, tiny, weights

import architectures  # noqa: F401 - registers the built-in parts
from harness.data.augment import normalise
from harness.data.dataset import IGNORE
from harness.data.frames import Frames
from harness.training.batches import batch
from harness.training.learner import precision
from harness.training.loop import fit, initialise
from harness.training.optimizer import make_optimizer
from harness.training.schedule import learning_rate
from harness.training.streams import stream
from studies.published import BISENETV2_SMALL


def train(network, *, dataset=None, seed=0, on_step=lambda _: None, **changes):
    fitted = fit(
        network, dataset or Toy(), recipe(**changes), seed=seed, device="cpu", on_step=on_step
    )
    return weights(network), fitted


def plainly(network, recipe, *, parts=1, clip=None):
    """SGD as anyone would write it, on the batches of a recipe."""
    torch.manual_seed(stream(0, "dropout"))
    network.to(memory_format=torch.channels_last).train()
    decayed = [m.weight for m in network.modules() if isinstance(m, nn.Conv2d)]
    rest = [p for p in network.parameters() if all(p is not d for d in decayed)]
    groups = [{"params": decayed, "weight_decay": recipe.weight_decay}, {"params": rest}]
    optimizer = torch.optim.SGD(groups, recipe.lr, momentum=recipe.momentum)
    for number in range(recipe.steps):
        for group in optimizer.param_groups:
            group["lr"] = learning_rate(number, recipe)
        images, masks = batch(Frames(Toy(), "train"), recipe, seed=0, step=number)
        optimizer.zero_grad()
        size = len(images) // parts
        for some, labels in zip(images.split(size), masks.long().split(size), strict=True):
            logits = network(normalise(some))
            loss = functional.cross_entropy(logits.main, labels, ignore_index=IGNORE)
            for aux in logits.aux.values():
                loss = loss + functional.cross_entropy(aux, labels, ignore_index=IGNORE)
            (loss / parts).backward()
        if clip is not None:
            gradients = [p.grad for p in network.parameters()]
            norm = sum(float(each.double().square().sum()) for each in gradients) ** 0.5
            for each in gradients:
                each.mul_(min(1.0, clip / norm))
        optimizer.step()
    return weights(network)


def close(one, other):
    """Whether two networks hold the same but for rounding."""
    return all(torch.allclose(one[name], other[name], atol=1e-5) for name in one)


def test_it_is_plain_sgd():
    assert close(train(tiny())[0], plainly(tiny(), recipe()))


def test_clipping_shortens_the_gradient_to_its_norm():
    clipped = train(tiny(), clip_norm=0.2)[0]
    assert close(clipped, plainly(tiny(), recipe(), clip=0.2))
    assert not close(clipped, plainly(tiny(), recipe()))
    assert same(train(tiny(), clip_norm=1e6)[0], train(tiny())[0])


def test_a_batch_in_parts_is_the_mean_of_its_parts():
    changes = {"batch": 6, "accumulate": 3}
    parted = train(tiny(), **changes)[0]
    assert close(parted, plainly(tiny(), recipe(**changes), parts=3))
    assert not close(parted, plainly(tiny(), recipe(batch=6)))


def test_a_batch_in_parts_is_the_whole_batch_where_nothing_else_sees_the_batch():
    def net():
        network = tiny(dropout=0.0)
        network.stem[1] = nn.Identity()
        return network

    # One scale and no padding: every part has as many labelled pixels.
    changes = {"batch": 6, "scales": (1.0, 1.0)}
    parted, fitted = train(net(), accumulate=3, **changes)
    whole, once = train(net(), **changes)
    assert close(parted, whole)
    assert [p[1] for p in fitted.history] == pytest.approx([p[1] for p in once.history], rel=1e-5)


def test_jitter_of_no_strength_is_no_jitter_to_the_bit():
    assert same(train(tiny(), color_jitter=(0, 0, 0))[0], train(tiny())[0])
    assert not same(train(tiny(), color_jitter=(0.4, 0, 0))[0], train(tiny())[0])


def test_a_crop_that_no_image_fills_is_refused_before_a_step_is_taken():
    taken = []
    with pytest.raises(ValueError, match=r"recipe.crop=\(96, 32\) is never filled by images of"):
        train(tiny(), crop=(96, 32), on_step=taken.append)
    assert taken == []


def test_class_weights_come_from_the_train_split():
    seen = []

    class Skewed(Toy):
        def load(self, split, index):
            image, mask = super().load(split, index)
            seen.append(split)
            return image, mask * 0 if index else mask * 0 + 1

    network = tiny()
    _, fitted = train(network, dataset=Skewed(), class_weights="balanced", steps=1, lr=0)
    assert set(seen) == {"train"} and seen.count("train") == 5
    frames = Frames(Skewed(), "train")
    images, masks = batch(frames, recipe(steps=1), seed=0, step=0)
    torch.manual_seed(stream(0, "dropout"))
    logits = tiny().train()(normalise(images))
    weight = torch.tensor([5 / (2 * 4), 5 / (2 * 1), 0.0])
    losses = [
        functional.cross_entropy(each, masks.long(), weight=weight, ignore_index=IGNORE)
        for each in (logits.main, *logits.aux.values())
    ]
    assert fitted.history[0][1] == pytest.approx(sum(losses).item(), rel=1e-4)


@pytest.mark.parametrize("amp", ["bf16", "fp16"])
def test_reduced_precision_is_for_cuda_and_the_run_says_what_it_was(amp):
    trained, fitted = train(tiny(), amp=amp)
    assert fitted.precision == "float32"
    assert same(trained, train(tiny())[0])
    assert precision(recipe(amp=amp), torch.device("cuda")) == amp
    assert precision(recipe(), torch.device("cuda")) == "float32"


def test_a_compiled_network_learns_the_same(monkeypatch):
    asked, compiled = [], torch.compile

    def traced(network):
        asked.append(network)
        return compiled(network, backend="aot_eager")  # all of it but the code generator

    monkeypatch.setattr(torch, "compile", traced)
    network = tiny(dropout=0.0)
    trained, _ = train(network, compile=True)
    assert asked == [network]
    assert close(trained, train(tiny(dropout=0.0))[0])


def test_weights_that_are_not_finite_end_the_run():
    network = tiny()
    network.extra = nn.Parameter(torch.tensor(float("nan")))  # no loss sees it
    with pytest.raises(FloatingPointError, match="weights are not finite after step 8 of 8"):
        train(network)


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
        {"scales": (0.75, 1.0, 2.0)},
        {"loss": "ohem"},
        {"class_weights": "balanced"},
        {"optimizer": "adamw"},
        {"decay": "all", "weight_decay": 0.1},
        {"schedule": "cosine"},
        {"ema": 0.5},
        {"clip_norm": 0.1},
        {"batch": 4, "accumulate": 2},
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
