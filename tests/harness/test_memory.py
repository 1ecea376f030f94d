"""The peak of live tensors: a closed form, real tensors on the CPU, and torch's own profiler."""

import pytest
import torch
from torch import nn
from torch.profiler import ProfilerActivity, profile

from harness import Recipe, networks
from harness.measure.memory import Live
from harness.measure.training_memory import Trained, training_peak
from harness.measure.watch import watch
from harness.network import deploy
from harness.training.learner import make_learner, take_step
from harness.training.loop import initialise

SIZE = (96, 128)


def held(tensors):
    """Bytes that tensors hold together."""
    storages = {t.untyped_storage().data_ptr(): t.untyped_storage().nbytes() for t in tensors}
    return sum(storages.values())


def test_a_chain_holds_two_features_at_a_time():
    chain = nn.Sequential(*(nn.Conv2d(3, 3, 1, bias=False) for _ in range(5)))
    image = 4 * 3 * 8 * 12
    assert watch(chain, (8, 12)).peak_bytes == 3 * image + 5 * 4 * 9, "the caller's image stays"


def test_tensors_that_share_memory_count_once():
    whole = torch.zeros(4, 8)
    with Live([whole, whole[1:]]) as live:
        whole.view(-1).add_(1)
        del whole
    assert live.peak_bytes == 4 * 8 * 4


@pytest.mark.parametrize("name", ["bisenetv2", "pidnet_s", "ddrnet23_slim"])
def test_without_values_memory_is_what_real_tensors_hold(name):
    network = deploy(initialise(networks.get(name), 19, seed=0), fold=False)
    image = torch.zeros(1, 3, *SIZE)
    with torch.no_grad(), Live((*network.parameters(), *network.buffers(), image)) as live:
        network(image)
    # A batch norm's statistics of the batch, empty in eval mode, have a length on meta.
    assert watch(network, SIZE).peak_bytes == pytest.approx(live.peak_bytes, rel=1e-4)


def profiled(work):
    """The peak of what was allocated while work ran, as torch's allocator reports it."""
    with profile(activities=[ProfilerActivity.CPU], profile_memory=True) as seen:
        work()
    events = [each for each in seen.profiler.kineto_results.events() if each.name() == "[memory]"]
    now = peak = 0
    for event in sorted(events, key=lambda each: each.start_ns()):
        now += event.nbytes()
        peak = max(peak, now)
    return peak


@pytest.mark.parametrize("name", ["pidnet_s", "ddrnet23_slim"])
def test_torchs_allocator_reports_the_same_but_for_workspaces(name):
    network = deploy(initialise(networks.get(name), 19, seed=0), fold=False)
    image = torch.zeros(1, 3, *SIZE)
    with torch.no_grad():
        above = profiled(lambda: network(image))
    seen = held((*network.parameters(), *network.buffers(), image)) + above
    assert watch(network, SIZE).peak_bytes == pytest.approx(seen, rel=0.03)


@pytest.mark.parametrize(
    "options", [{}, {"optimizer": "adamw", "loss": "ohem", "ema": 0.99}, {"accumulate": 2}]
)
def test_a_training_step_holds_what_a_real_one_holds(options):
    recipe = Recipe(dataset="streets", batch=4, crop=(64, 96), **options)
    network = initialise(networks.get("bisenetv2_small"), 19, seed=0)
    expected = training_peak(network, recipe)
    learner = make_learner(network.train(), recipe, torch.device("cpu"))
    images, masks = torch.zeros(4, 64, 96, 3, dtype=torch.uint8), torch.zeros(4, 64, 96).byte()
    take_step(learner, images, masks, 0)
    learner.optimizer.zero_grad(set_to_none=True)
    kept = [t for each in learner.optimizer.state.values() for t in each.values()]
    averaged = learner.average.state_dict().values() if learner.average else ()
    tensors = (*network.parameters(), *network.buffers(), images, masks, *kept, *averaged)
    with Live(t for t in tensors if isinstance(t, torch.Tensor)) as live:
        take_step(learner, images, masks, 1)
    assert expected == pytest.approx(live.peak_bytes, rel=0.001)


class Strange(nn.Module):
    """A network of ours as a stranger hands one in: plain outputs, an auxiliary one in a list."""

    def __init__(self, network):
        super().__init__()
        self.network = network
        self.unused = nn.Parameter(torch.zeros(3), requires_grad=False)

    def forward(self, image):
        given = self.network(image)
        return {"aux": list(given.aux.values()), "out": given.main}


def test_a_strangers_network_takes_what_ours_takes():
    network = initialise(networks.get("bisenetv2_small"), 19, seed=0)
    ours, theirs = (
        training_peak(each, Recipe(), (64, 96), 2) for each in (network, Trained(Strange(network)))
    )
    assert theirs == ours + 3 * 4
    with pytest.raises(ValueError, match="it gives no logits"):
        training_peak(
            Trained(nn.Sequential(nn.Conv2d(3, 1, 1), nn.Flatten())), Recipe(), (64, 96), 2
        )


def test_a_training_step_holds_more_with_more_images_and_leaves_the_network_alone():
    network = initialise(networks.get("bisenetv2_small"), 19, seed=0).eval()
    before = {name: value.clone() for name, value in network.state_dict().items()}
    two, four = (training_peak(network, Recipe(), (64, 96), batch) for batch in (2, 4))
    weights = held(network.parameters())
    assert two - weights > 0.5 * (four - two) and four > two > 3 * weights
    assert all(torch.equal(network.state_dict()[name], each) for name, each in before.items())
    assert not any(each.training for each in network.modules())
