"""Whether a GPU is shared is seen on a real one, in processes of their own."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

WATCH = """
import json, torch
from harness.measure.evidence import watch
with watch(torch.device("cuda:0"), 1) as watching:
    image = torch.randn(64, 64, 256, 256, device="cuda:0")
    for _ in range(3):
        image.mul_(1.0)
        torch.cuda.synchronize()
        watching.check()
    print(json.dumps(watching.record(), allow_nan=False))
"""
HOLD = """
import torch
held = torch.ones(256, 2**20, device="cuda:0")
torch.cuda.synchronize()
print("held", flush=True)
input()
"""


def watched():
    """What a process that is new to the GPU sees there."""
    ran = subprocess.run(
        [sys.executable, "-c", WATCH], cwd=ROOT, capture_output=True, text=True, check=True
    )
    return json.loads(ran.stdout)


@pytest.fixture
def co_tenant():
    """Another process that has a gigabyte of the GPU."""
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    holding = subprocess.Popen([sys.executable, "-c", HOLD], cwd=ROOT, **pipes)
    assert holding.stdout.readline() == "held\n"
    yield
    holding.communicate("\n")


def test_a_gpu_for_one_alone_has_nobody_else_on_it():
    record = watched()
    assert not [each for each in record["findings"] if each["name"] == "co_tenant_gpu"]
    gpu = record["gpu"]
    assert gpu["num_others"] in (0, None), "None where the driver lists no process here"
    assert gpu["facts"]["gpu"] and gpu["facts"]["driver"]
    assert gpu["sm_mhz"][0] > 0 and gpu["temperature_c"][0] > 0
    assert gpu["context_before"] is False


def test_another_process_is_found(co_tenant):
    record = watched()
    assert "co_tenant_gpu" in [each["name"] for each in record["findings"]]
    assert record["verdict"] == "violated"
