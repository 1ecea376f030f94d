"""A plugin that only the driver has works on another node, with what it imports from beside it."""

import sys
from pathlib import Path

import pytest

from harness import shipment
from harness.mistakes import NotInstalledError
from harness.plugins import load_file
from harness.runners.slots import Slot, Wanted, check_room, slot_of, why_waiting
from harness.shipment import renamed, shipped, unpacked
from harness.versions import differing, versions


@pytest.fixture
def plugin(tmp_path, monkeypatch):
    """A plugin that imports a module from beside it, loaded here."""
    monkeypatch.setattr(shipment.tempfile, "gettempdir", lambda: str(tmp_path))
    folder = tmp_path / "mine"
    folder.mkdir()
    (folder / "zz_beside.py").write_text('"""Beside it."""\n\nVALUE = 7\n')
    (folder / "zz_plugin.py").write_text('"""A plugin."""\n\nfrom zz_beside import VALUE\n')
    (folder / "zz_unused.py").write_text('"""Not imported."""\n')
    load_file(folder / "zz_plugin.py")
    return folder / "zz_plugin.py"


def test_what_a_plugin_imports_from_beside_it_goes_along(plugin):
    sent = shipped((str(plugin),))
    assert [inside for _, inside, _ in sent.files] == ["zz_beside.py", "zz_plugin.py"]
    places = unpacked(sent)
    here = Path(places[str(plugin)])
    assert here.read_text() == plugin.read_text() and here != plugin
    for name in ("zz_beside", "zz_plugin"):
        del sys.modules[name]
    plugin.unlink()
    assert load_file(here).VALUE == 7
    assert renamed((1, (str(plugin),), ("a",)), places) == (1, (str(here),), ("a",))


def test_a_file_that_was_meddled_with_is_written_anew(plugin):
    sent = shipped((str(plugin),))
    here = Path(unpacked(sent)[str(plugin)])
    here.write_text("raise SystemExit")
    assert Path(unpacked(sent)[str(plugin)]).read_text() == plugin.read_text()


def test_code_is_not_run_from_a_folder_that_others_can_write_to(plugin, tmp_path):
    first = unpacked(shipped((str(plugin),)))[str(plugin)]
    next(tmp_path.glob("twopath-plugins-*")).chmod(0o777)
    assert unpacked(shipped((str(plugin),)))[str(plugin)] != first


def test_another_version_of_twopath_is_refused(monkeypatch):
    sent = shipped(())
    monkeypatch.setattr(shipment, "version", lambda name: "9.9")
    with pytest.raises(NotInstalledError, match=r"this node has twopath 9\.9, the study was"):
        unpacked(sent)


def test_versions_that_differ_are_named():
    ours = versions()
    assert differing(ours, versions()) == []
    assert differing(ours, {**ours, "ray": "1.0"}) == [f"ray 1.0 there, {ours['ray']} here"]


@pytest.mark.parametrize(
    ("wanted", "has_gpus", "bundles"),
    [
        (Wanted(cpus=3), False, [{"CPU": 3, "GPU": 0}]),
        (Wanted(cpus=4, processes=2), True, [{}, {"CPU": 2, "GPU": 1}, {"CPU": 2, "GPU": 1}]),
        (Wanted(cpus=4, processes=2), False, [{}, {"CPU": 2, "GPU": 0}, {"CPU": 2, "GPU": 0}]),
        (Wanted(cpus=3, gpus=0.5), True, [{"CPU": 3, "GPU": 0.5}]),
    ],
)
def test_a_trial_asks_for_a_gpu_a_process_or_for_a_share_of_one(wanted, has_gpus, bundles):
    assert slot_of(wanted, has_gpus=has_gpus).bundles() == bundles


def test_gpus_that_a_cluster_does_not_have_are_refused():
    with pytest.raises(ValueError, match=r"--gpus-per-trial 0\.5, but no node that is up has"):
        slot_of(Wanted(cpus=1, gpus=0.5), has_gpus=False)


def test_cores_that_processes_cannot_share_are_refused():
    told = "--cpus-per-trial 5 cannot be shared equally by 2 processes"
    with pytest.raises(ValueError, match=told):
        slot_of(Wanted(cpus=5, processes=2), has_gpus=True)


def test_a_trial_that_no_node_can_hold_is_refused_with_what_would_make_it_smaller():
    nodes = [{"Alive": True, "Resources": {"CPU": 4.0}}, {"Alive": False, "Resources": {}}]
    with pytest.raises(
        ValueError, match="more than 4; a smaller --cpus-per-trial, or fewer --threads, would"
    ):
        check_room(Slot(cpus=8), nodes)
    with pytest.raises(ValueError, match="wants 2 times 3 CPU, each on one node, and the nodes"):
        check_room(Slot(cpus=3, processes=2), nodes)
    check_room(Slot(cpus=2, processes=2), nodes)


def test_why_a_trial_waits_is_said():
    nodes = [{"Alive": True, "Resources": {"CPU": 4.0}}, {"Alive": False, "Resources": {}}]
    said = why_waiting(Slot(cpus=8, gpus=1), nodes, {})
    assert said == "none of 1 nodes has 8 CPU and 1 GPU; one must join the cluster"
    said = why_waiting(Slot(cpus=4), nodes, {"CPU": 1.0})
    assert "1 of 1 nodes have that much, but in the whole cluster 1 CPU are free" in said
    said = why_waiting(Slot(cpus=3, processes=2), nodes, {})
    assert "have no room for 2 times 3 CPU, each on one node; one must" in said
