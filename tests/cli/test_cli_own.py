"""Networks of one's own on the command line: one that is wrong takes no other along."""

import json

import pytest

from harness.cli import main
from harness.study import TIMES

NETS = """
import sys
import torch
from torch import nn

class Good(nn.Module):
    def __init__(self, num_classes=19):
        super().__init__()
        self.conv = nn.Conv2d(3, num_classes, 3, stride=2, padding=1)

    def forward(self, image):
        return self.conv(image)

class Fixed(Good):
    def __init__(self):
        super().__init__(5)
        self.place = nn.Parameter(torch.zeros(1, 5, 16, 48))

    def forward(self, image):
        return self.conv(image) + self.place

class Leaves(Good):
    def forward(self, image):
        sys.exit(3)

class Torn(Good):
    def forward(self, image):
        logits = self.conv(image)
        return logits * 2 if logits.sum() > 3 else logits
"""
SIZE = ("--size", "32x96", "--classes", "7")


@pytest.fixture
def told(tmp_path, monkeypatch, capsys):
    """Runs a command; gives its exit code, output and errors."""
    (tmp_path / "nets.py").write_text(NETS)
    monkeypatch.chdir(tmp_path)
    return lambda *words: (main(list(words)), *capsys.readouterr())


def test_one_that_cannot_be_counted_loses_its_row_only(told):
    networks = [f"nets.py:{name}" for name in ("Leaves", "Fixed", "Good")]
    code, out, err = told("cost", *networks, *SIZE, "--json")
    leaves, fixed, good = json.loads(out)
    assert (code, err) == (0, "")
    assert leaves["cost_error"].endswith("SystemExit: 3") and "params" not in leaves
    assert fixed["cost_tool"].endswith("at 32x96") and fixed["count"] == "complete"
    assert "gives 5 classes" in fixed["classes_note"] and fixed["num_classes"] == 5
    assert good["num_classes"] == 7 and "classes_note" not in good
    shown = told("cost", *networks, *SIZE)[1]
    assert "not counted" in shown and "Leaves was not counted:" in shown


def test_none_that_can_be_counted_is_an_error(told):
    code, _, err = told("cost", "nets.py:Leaves", *SIZE)
    assert code == 2 and "SystemExit: 3" in err and "Traceback" not in err


def test_what_cannot_be_timed_is_said_on_a_line(told):
    code, _, err = told("time", "nets.py:Leaves", *SIZE)
    assert code == 2 and "SystemExit: 3" in err and "Traceback" not in err
    code, _, err = told("time", "nets.py:Good", "--batch", str(10**12), *SIZE)
    assert code == 2 and "cannot be timed: RuntimeError" in err and "Traceback" not in err


def test_more_threads_than_cores_are_refused(capsys):
    assert main(["time", "bisenetv2", "--threads", "100000"]) == 2
    assert "'100000' is more than the" in capsys.readouterr().err


def test_a_number_of_classes_that_is_not_the_networks_is_not_written_down(told):
    words = ("--to", "torch", "--force", *SIZE, "--json")
    record = json.loads(told("export", "nets.py:Fixed", *words)[1])
    assert record["num_classes"] == 5 and "gives 5 classes" in record["classes_note"]
    record = json.loads(told("export", "nets.py:Good", *words)[1])
    assert record["num_classes"] == 7 and "classes_note" not in record


def test_an_export_that_fails_says_why_on_one_line_and_prints_no_graph(told):
    code, out, err = told("export", "nets.py:Torn", "--to", "torch", *SIZE)
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert "cannot be written for torch: RuntimeError: torch.export cannot export it: Guard" in err
    assert "For more" not in err and "\x1b" not in err


def test_times_are_told_by_the_batch_which_they_are_of():
    assert all("batch" in about and "frame" not in about for about in TIMES.values())
