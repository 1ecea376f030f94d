"""The faults that only a GPU can have, put in for real."""

import copy

import torch
from torch import nn

from harness import networks
from harness.measure.faults import findings_of, synchronised_ns, tf32, unsynchronised
from harness.network import deploy
from harness.training.loop import initialise

GPU = torch.device("cuda:0")


def test_tf32_is_on_by_default_and_rounds(float32_as_it_is):
    conv = nn.Conv2d(64, 64, 3).to(GPU)
    image = torch.randn(1, 64, 64, 64, device=GPU)
    with torch.no_grad():
        exact = copy.deepcopy(conv).double()(image.double())
        errors = {}
        for precision in ("ieee", "tf32"):
            torch.backends.cudnn.conv.fp32_precision = precision
            errors[precision] = float((conv(image) - exact).abs().max())
            assert bool(list(tf32(conv, GPU))) is (precision == "tf32")
    if torch.cuda.get_device_capability(GPU) >= (8, 0):
        assert errors["tf32"] > 10 * errors["ieee"]


def test_a_clock_that_does_not_wait_for_the_device():
    matrix = torch.randn(4096, 4096, device=GPU)

    def call():
        for _ in range(4):
            matrix @ matrix

    witness = synchronised_ns(call, torch.cuda.synchronize)
    hasty = [synchronised_ns(call, lambda: None, times=1) for _ in range(5)]
    torch.cuda.synchronize()
    patient = [synchronised_ns(call, torch.cuda.synchronize, times=1) for _ in range(5)]
    assert [each.name for each in unsynchronised(hasty, witness)] == ["missing_synchronisation"]
    assert not list(unsynchronised(patient, witness))


def test_a_published_network_has_no_fault_on_a_gpu(float32_as_it_is):
    network = initialise(networks.get("bisenetv2"), 19, seed=0)
    deployed, trained = (deploy(network, boundary="labels_full", fold=f) for f in (True, False))
    given = {"boundary": "labels_full", "device": GPU, "reference": trained}
    assert findings_of(deployed, (256, 512), **given) == ()
