"""Weights & Biases is told by an actor of Ray; offline, so that nothing leaves this machine."""

import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest
from tiny import rows

TINY = '"""A study of one trial."""\nfrom tiny import tiny\n\nstudy = tiny()\n'


@pytest.mark.skipif(not find_spec("wandb"), reason="wandb is not installed")
def test_wandb_keeps_the_curve_and_the_scores_of_a_trial_on_ray(tmp_path, own_ray):
    (tmp_path / "study.py").write_text(TINY)
    words = [sys.executable, "-m", "harness.cli", "run", str(tmp_path / "study.py"), "--on", "ray"]
    words += ["--track", "wandb", "--track", "tensorboard", "--runs", str(tmp_path / "runs")]
    here = str(Path(__file__).parent)
    path = os.pathsep.join([here, str(Path(here).parents[1])])
    offline = {"WANDB_MODE": "offline", "PYTHONPATH": path}
    subprocess.run(words, env={**os.environ, **offline}, check=True, timeout=300)
    (row,) = rows(tmp_path / "runs").values()
    (kept,) = (tmp_path / "runs" / "wandb" / "tiny").rglob("run-*.wandb")
    assert row["state"] == "done" and row["key"][:16] in kept.name
    told = kept.read_bytes()
    assert all(each in told for each in (b"miou", b"iou/road", b"loss", row["key"].encode()))
