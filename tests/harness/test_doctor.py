"""What a study needs is looked for on every machine, and what does not fit is named there."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from raylets import free_port, node

from harness import cli, doctor
from harness.checkup import Check
from harness.doctor import judged
from harness.versions import versions

ROOT = Path(__file__).parents[2]
PLUGIN = """
import os
import zz_beside_it
from architectures.fusion.sum import Sum
from harness.components import fusions

if os.environ.get("TWOPATH_TEST_NODE") and "twopath-plugins-" not in __file__:
    raise RuntimeError("this is the driver's own file")

@fusions.register("travelled")
class Travelled(Sum):
    pass
"""
STUDY = """
from dataclasses import replace
from harness import Part, Recipe, Study, Timing
from studies.published import BISENETV2_SMALL
study = Study(
    name="travels", question="?", space=replace(BISENETV2_SMALL, fusion="travelled"),
    recipe=Recipe(dataset=Part("streets", size=(32, 64), train=4, val=2), crop=(32, 64), steps=2,
                  batch=2, warmup_steps=0),
    timing=Timing(rounds=1, burst=1, warmup=0, threads=1),
)
"""


@pytest.fixture
def files(tmp_path):
    """A plugin with a module beside it, and a study that uses it."""
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "zz_beside_it.py").write_text("")
    (tmp_path / "mine" / "zz_travels.py").write_text(PLUGIN)
    (tmp_path / "study.py").write_text(STUDY)
    return tmp_path


def command(folder, *words, **environment):
    """Runs a command in a folder; gives its exit code and its JSON answer."""
    ran = subprocess.run(
        [sys.executable, "-m", "harness.cli", *map(str, words), "--json"],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1", **environment},
        stdout=subprocess.PIPE,
        text=True,
        timeout=300,
    )
    return ran.returncode, json.loads(ran.stdout or "null")


def head(own_ray, port):
    """The options of a cluster's first node."""
    return [
        "--head",
        "--num-cpus=1",
        f"--port={port}",
        f"--temp-dir={own_ray}",
        "--include-dashboard=false",
        f"--dashboard-port={free_port()}",
    ]


def test_a_plugin_that_only_the_driver_has_is_run_elsewhere(files, own_ray):
    port, elsewhere = free_port(), files / "elsewhere"
    elsewhere.mkdir()
    there = {"TWOPATH_TEST_NODE": "1", "PYTHONPATH": str(ROOT), "folder": elsewhere}
    with node(files / "head.log", *head(own_ray, port), **there):
        where = ["--address", f"127.0.0.1:{port}", "--plugin", files / "mine" / "zz_travels.py"]
        code, found = command(files, "run", "study.py", "--on", "ray", *where)
    assert (code, [row["state"] for row in found["rows"]]) == (0, ["done"]), found


def test_each_node_is_looked_at_and_what_does_not_fit_is_named(files, own_ray):
    port, other = free_port(), files / "other"
    (other / "twopath-9.9.dist-info").mkdir(parents=True)
    metadata = "Metadata-Version: 2.1\nName: twopath\nVersion: 9.9\n"
    (other / "twopath-9.9.dist-info" / "METADATA").write_text(metadata)
    (files / "only_here").mkdir()
    (files / "only_here" / "zz_only_here.py").write_text("")
    (files / "lone.py").write_text("import zz_only_here\n")
    with (
        node(files / "head.log", *head(own_ray, port), PYTHONPATH=str(ROOT)),
        node(
            files / "other.log",
            f"--address=127.0.0.1:{port}",
            "--num-cpus=1",
            PYTHONPATH=f"{other}{os.pathsep}{ROOT}",
        ),
    ):
        path = f"{ROOT}{os.pathsep}{files / 'only_here'}"
        words = ["doctor", "--address", f"127.0.0.1:{port}", "--plugin", "lone.py"]
        code, found = command(files, *words, PYTHONPATH=path)
    here, *nodes, between = found["machines"].values()
    assert (code, found["fits"]) == (1, False)
    assert all(check["is_ok"] for check in here)
    wrong = [{c["name"]: c["said"] for c in checks if not c["is_ok"]} for checks in nodes]
    sound, odd = sorted(wrong, key=len)
    assert list(sound) == ["plugins"] and "No module named 'zz_only_here'" in sound["plugins"]
    assert odd["versions"].startswith("twopath 9.9 there, ")
    assert [(check["is_ok"], check["said"]) for check in between] == [
        (True, "processes on 2 nodes that train met and added up")
    ]
    assert not (files / "runs").exists(), "tokens are removed again"


@pytest.fixture
def lone(tmp_path, monkeypatch, capsys):
    """Runs doctor in this process, without the two processes that add up."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("harness.checkup.together", lambda *given: [2.0, 2.0])

    def run(*words):
        code = cli.main(["doctor", *map(str, words), "--json"])
        checks = json.loads(capsys.readouterr().out)["machines"][doctor.HERE]
        return code, {check["name"]: check for check in checks if not check["is_ok"]}

    return run


def test_a_machine_on_which_everything_fits_is_left_as_it_was(lone, tmp_path):
    assert lone() == (0, {})
    assert list(tmp_path.iterdir()) == []


def test_storage_that_cannot_be_written_is_named_with_its_remedy(lone, tmp_path):
    (tmp_path / "file").write_text("")
    code, wrong = lone("--runs", tmp_path / "file" / "runs")
    assert (code, list(wrong)) == (1, ["storage"])
    assert "--runs" in wrong["storage"]["remedy"]


def test_data_that_is_not_there_is_named(lone, tmp_path):
    code, wrong = lone("--data", f"camvid={tmp_path / 'nowhere'}")
    assert (code, "--data NAME=PATH" in wrong["data"]["remedy"]) == (1, True)


def test_a_disk_that_is_full_and_processes_that_do_not_meet_are_named(lone, monkeypatch):
    monkeypatch.setattr("harness.checkup.ROOM_BYTES", 2**80)

    def broken(*given):
        raise RuntimeError("connection refused")

    monkeypatch.setattr("harness.checkup.together", broken)
    code, wrong = lone()
    assert (code, list(wrong)) == (1, ["disk", "processes"])
    assert wrong["processes"]["said"] == "RuntimeError: connection refused"


def test_a_card_that_torch_does_not_see_is_named(lone, monkeypatch):
    card = {"gpu": "NVIDIA H100", "driver": "570.1"}
    monkeypatch.setattr("harness.checkup._cards", lambda: iter([card]))
    _, wrong = lone()
    assert wrong["gpus"]["said"] == "the driver has 1 (NVIDIA H100 (driver 570.1)), torch sees 0"


def test_a_node_that_does_not_answer_does_not_fit():
    assert [c.is_ok for c in judged("no answer within 180 s", None)] == [False]
    fine = Check(name="disk", is_ok=True, said="")
    assert [c.is_ok for c in judged(versions(), [fine])] == [True, True]
    assert [c.is_ok for c in judged(versions(), "it died")] == [True, False]
    assert [c.is_ok for c in judged({**versions(), "torch": "1.0"}, [fine])] == [False, True]
