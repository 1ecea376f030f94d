"""What is timed on a CUDA device: two clocks that agree, sound precisions, and nobody beside."""

import json
import statistics
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from harness import Timing, networks
from harness.backends.prepare import arms, sample_images
from harness.measure import sampling
from harness.measure.candidates import Order, latencies_of
from harness.measure.contenders import calibrate
from harness.measure.latency import held
from harness.measure.recheck import verify
from harness.network import deploy
from harness.training.loop import initialise

pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")

GPU, SIZE = torch.device("cuda:0"), (512, 1024)
NAMES = ("bisenetv2", "ddrnet23_slim", "pidnet_s")
ROOT = Path(__file__).parents[2]
TIMING = Timing(figures=("t_gpu", "t_e2e"), rounds=12, most_rounds=12, limit_s=60.0)


@pytest.mark.parametrize("name", NAMES)
def test_events_agree_with_graphs_within_two_percent(name):
    network = initialise(networks.get(name), 19, seed=0)
    network = deploy(network, boundary="labels_full").to(GPU)
    image = torch.randn(1, 3, *SIZE, device=GPU)
    with held(TIMING):
        found = sampling.sampler("t_gpu", lambda: network(image), GPU)
        events = sampling._behind_a_blocker(lambda: network(image))
        assert found.method == "cuda_graph"
        found.take(50), events(50)  # until clocks have settled
        graphs = [statistics.median(found.take(50)) for _ in range(5)]
        each = [statistics.median(events(50)) for _ in range(5)]
    assert statistics.median(each) == pytest.approx(statistics.median(graphs), rel=0.02)


@pytest.mark.parametrize("name", NAMES)
def test_backends_of_a_gpu_agree_with_float32(name):
    network = initialise(networks.get(name), 19, seed=0)
    network = deploy(network, boundary="labels_full", fold=False)
    images = sample_images((256, 512))
    calibrate(network, images[:2])
    wanted = ["folded+channels_last", "folded+channels_last+fp16", "folded+channels_last+bf16"]
    wanted += ["folded+cuda_graph", "folded+channels_last+fp16+cuda_graph"]
    with held(TIMING):
        found = arms({name: network}, wanted, images, GPU)
    assert {label: each.why for label, each in found.items() if each.why} == {}


ALONE = """
import json
from harness import Timing, networks
from harness.measure.candidates import Order, latencies_of
timing = Timing(figures=("t_gpu", "t_e2e"), rounds=12, most_rounds=12, limit_s=60.0)
given = {name: networks.get(name) for name in ("bisenetv2", "ddrnet23_slim")}
found = latencies_of(Order(given=given, num_classes=19, timing=timing, size=(512, 1024)))
print(json.dumps({"rows": found.rows, "receipts": found.receipts}))
"""


def test_a_gpu_that_nobody_shares_is_not_called_shared(tmp_path):
    ran = subprocess.run(
        [
            sys.executable,
            "-c",
            f"from harness.plugins import load_plugins; load_plugins()\n{ALONE}",
        ],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    found = json.loads(ran.stdout.splitlines()[-1])
    (receipt,) = found["receipts"]
    names = {each["name"] for each in receipt["evidence"]["findings"]}
    assert not names & {"co_tenant_gpu", "gpu_throttled"}
    file = tmp_path / f"{receipt['id']}.json"
    file.write_text(json.dumps(receipt))
    assert verify(file) == []
    for row in found["rows"].values():
        assert row["latency_ms"] <= row["latency_t_e2e_ms"], "the host waits for the device"
        assert row["latency_findings"] == [] and row["latency_tf32"] is False


def test_tf32_is_said_and_is_no_headline():
    timing = Timing(rounds=6, most_rounds=6, tf32=True)
    given = {"bisenetv2_small": networks.get("bisenetv2_small")}
    found = latencies_of(Order(given=given, num_classes=19, timing=timing, size=(256, 512)))
    row = found.rows["bisenetv2_small"]
    assert row["latency_tf32"] is True and row["latency_headline_ok"] is False
    assert any(each.startswith("tf32_on") for each in row["latency_findings"])
