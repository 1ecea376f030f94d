"""The cluster examples are what Ray, Kubernetes and bash can read, and stay closed to strangers."""

import json
import subprocess
from pathlib import Path

import jsonschema
import pytest
import ray
import yaml

from harness.cli import parser
from harness.runners.cluster import SLOT

ROOT = Path(__file__).parent.parent
FOLDER = ROOT / "examples" / "cluster"


def read(name):
    return yaml.safe_load((FOLDER / name).read_text())


def test_ray_accepts_the_example_for_ray_up():
    schema = Path(ray.__file__).parent / "autoscaler" / "ray-schema.json"
    config = read("ray-up.yaml")
    jsonschema.validate(config, json.loads(schema.read_text()))
    starts = config["head_start_ray_commands"][-1], config["worker_start_ray_commands"][-1]
    assert all(line.startswith("RAY_AUTH_MODE=token ") for line in starts)
    assert "--dashboard-host=127.0.0.1" in starts[0]


def test_the_cluster_for_kubernetes_is_whole_and_closed():
    cluster = read("raycluster.yaml")
    assert (cluster["apiVersion"], cluster["kind"]) == ("ray.io/v1", "RayCluster")
    spec = cluster["spec"]
    assert spec["authOptions"] == {"mode": "token"}
    assert spec["headGroupSpec"]["rayStartParams"]["dashboard-host"] == "127.0.0.1"
    groups = [spec["headGroupSpec"], *spec["workerGroupSpecs"]]
    for pod in (group["template"]["spec"] for group in groups):
        [container] = pod["containers"]
        mounts = {each["name"]: each["mountPath"] for each in container["volumeMounts"]}
        assert mounts["shared"] == "/shared", "the run storage is under one path"
        assert set(mounts) == {volume["name"] for volume in pod["volumes"]}
        assert container["resources"].keys() == {"limits", "requests"}


def test_the_measuring_node_takes_no_trial():
    params = read("raycluster.yaml")["spec"]["workerGroupSpecs"][1]["rayStartParams"]
    assert (params["num-cpus"], params["num-gpus"]) == ("0", "0")
    assert json.loads(json.loads(params["resources"])) == {SLOT: 1}


def test_the_slurm_script_is_bash_and_its_commands_are_ours():
    script = FOLDER / "study.slurm"
    subprocess.run(["bash", "-n", script], check=True)
    text = script.read_text()
    assert "RAY_AUTH_MODE=token" in text and "--dashboard-host=127.0.0.1" in text
    at = ["--address", "10.0.0.1:6379", "--runs", "/r"]
    parser().parse_args(["doctor", "fusion", *at])
    parser().parse_args(["run", "fusion", "--on", "ray", *at, "--workers", "2", "--threads", "1"])


@pytest.mark.parametrize("name", ["ray-up.yaml", "raycluster.yaml", "study.slurm"])
def test_every_example_is_in_the_guide(name):
    assert f"(../examples/cluster/{name})" in (ROOT / "docs" / "cluster.md").read_text()
