"""What CUDA's allocator gave out at its peak against what live tensors hold."""

import pytest
import torch

from harness import networks
from harness.measure.memory import cuda_peak
from harness.measure.watch import watch
from harness.network import deploy
from harness.training.loop import initialise

pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")


@pytest.mark.parametrize("name", ["bisenetv2", "pidnet_s", "ddrnet23_slim"])
def test_the_allocator_gave_out_little_more_than_live_tensors_hold(name, monkeypatch):
    monkeypatch.setattr(torch.backends.cudnn, "benchmark", False)  # which tries big workspaces
    device, size = torch.device("cuda"), (512, 1024)
    network = deploy(initialise(networks.get(name), 19, seed=0))
    expected = watch(network, size).peak_bytes
    network = network.to(device)
    image = torch.zeros(1, 3, *size, device=device)

    def work():
        with torch.no_grad():
            network(image)

    work()  # makes the handles, which stay
    assert expected <= cuda_peak(work, device) < 1.5 * expected
