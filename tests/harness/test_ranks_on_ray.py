"""Processes that train one trial together as Ray's actors, here on two nodes."""

import sys
from dataclasses import replace
from pathlib import Path

import pytest
from drive import answer, start
from raylets import node
from tiny import learnt, rows, session

from harness.plugins import load_file
from harness.runners.gang import interface_of
from harness.runners.local import InProcess

SHARED = Path(__file__).parent / "shared_study.py"
REASONS = {
    "raise second": "RuntimeError: not today",
    "kill second": "RuntimeError: process 1 of 2 died (lost by Ray); the system may have run out "
    "of memory",
}


def test_ranks_on_two_nodes_give_the_row_of_two_processes_here(tmp_path, address):
    # Neither node has room for both processes.
    with node(tmp_path / "second.log", f"--address={address}", "--num-cpus=1"):
        options = ["--on", "ray", "--address", address, "--processes", "2"]
        summary = answer(start(SHARED, tmp_path / "ray", *options))
    assert (summary["trained"], summary["failed"]) == (1, 2)
    many = rows(tmp_path / "ray", "shared")
    assert {act: many[f"odd(act={act})", 0]["reason"] for act in REASONS} == REASONS

    shared = load_file(SHARED)
    sound = replace(shared.study, space=replace(shared.BOTH, head=shared.HEADS[0]))
    session(sound, tmp_path / "here", runner=InProcess(), processes=2).run()
    (one,) = rows(tmp_path / "here", "shared").values()
    (other,) = (row for row in many.values() if row["state"] == "done")
    assert (one["key"], learnt(one)) == (other["key"], learnt(other))
    assert (other["processes"], other["train_device"]) == (2, one["train_device"])


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells")
def test_the_interface_of_an_address_is_found():
    assert interface_of("127.0.0.1") == "lo"
    assert interface_of("203.0.113.7") is None, "an address for documentation, which nobody has"
