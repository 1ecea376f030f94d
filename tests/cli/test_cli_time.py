"""twopath time and cost over networks of one's own and on backends; what they leave behind."""

import json
import re
from pathlib import Path

from harness.backends.contract import backends
from harness.cli import parser
from harness.measure.estimate import ratio
from harness.timing_shown import too_few

QUICK = ("--size", "32x64", "--rounds", "1", "--seconds", "1")
NETS = '''"""A network of my own."""

from torch import nn


class Mine(nn.Module):
    """A head for training is left on."""

    def __init__(self, num_classes):
        super().__init__()
        self.body, self.head = nn.Conv2d(3, 8, 3, 4, 1), nn.Conv2d(8, num_classes, 1)
        self.aux = nn.Conv2d(8, num_classes, 1)

    def forward(self, image):
        image = self.body(image).relu()
        return self.head(image), self.aux(image)
'''

OTHER = """

class Fickle(Mine):
    def forward(self, image):
        return self.head(self.body(image * 2 if image.mean() > 9 else image))
"""


def test_a_network_of_ones_own_beside_a_built_in_one_leaves_a_receipt(twopath):
    Path("nets.py").write_text(NETS)
    told = twopath("time", "bisenetv2_small", "nets.py:Mine", *QUICK).out
    assert "backend folded+channels_last" in told
    assert "These are no headline figures:" in told
    assert "  nets.py:Mine: dead_head at network.aux: computed and thrown away" in told
    (receipt,) = Path("runs", "receipts").iterdir()
    assert told.split()[-1] == str(receipt)
    checked = twopath("verify", receipt)
    assert (checked.code, checked.out) == (0, f"{receipt}: ok\n")


def test_of_two_backends_the_table_says_which_network_is_on_which(twopath):
    Path("nets.py").write_text(NETS + OTHER)
    told = twopath("time", "bisenetv2_small", "nets.py:Fickle", *QUICK).out
    heading, _, first, second = told.splitlines()[1:5]
    assert heading.split()[:2] == ["network", "backend"]
    assert first.split()[:2] == ["bisenetv2_small", "folded+channels_last"]
    assert second.split()[:2] == ["nets.py:Fickle", "channels_last"]
    assert second.endswith("too few rounds to tell (1 of 6)")
    (receipt,) = Path("runs", "receipts").iterdir()
    made = json.loads(receipt.read_text())
    assert set(made["counts"]) == {"bisenetv2_small", "nets.py:Fickle"}
    small = made["counts"]["bisenetv2_small"]
    assert small["params"] == made["models"]["bisenetv2_small"]["params"] and small["gmacs"] > 0


def test_a_row_of_json_names_its_receipt_verdict_and_findings(twopath):
    (row,) = json.loads(twopath("time", "bisenetv2_small", *QUICK, "--runs", "r", "--json").out)
    assert Path("r", "receipts", f"{row['latency_receipt']}.json").is_file()
    assert row["latency_verdict"] in ("proven", "unproven", "violated")
    assert row["latency_findings"] == [] and row["latency_headline_ok"] is False
    assert row["latency_headline_reasons"]


def test_backends_share_a_session_and_one_that_fails_says_why(twopath):
    Path("nets.py").write_text(
        NETS.replace(
            "image = self.body", "image = image + float(image.max())\n        image = self.body"
        )
    )
    words = ("nets.py:Mine", *QUICK, "--backend", "folded", "--backend", "eager")
    told = twopath("time", *words).out
    assert re.search(r"nets.py:Mine on folded +not timed", told)
    assert "nets.py:Mine on folded was not timed: ValueError: torch.fx cannot trace it" in told
    assert "than nets.py:Mine on eager" not in told, "one alone is compared with none"


def test_a_backend_that_is_not_there_loses_its_own_rows_alone(twopath, monkeypatch):
    monkeypatch.setattr(backends.get("openvino"), "packages", ("no_such_package",))
    words = ("time", "bisenetv2_small", *QUICK, "--backend", "openvino")
    both = twopath(*words, "--backend", "eager")
    assert both.code == 0 and re.search(r"bisenetv2_small on openvino +not timed", both.out)
    why = "backend 'openvino' needs no_such_package: pip install 'twopath[openvino]'"
    assert f"bisenetv2_small on openvino was not timed: {why}\n" in both.out
    alone = twopath(*words)
    assert (alone.code, alone.err) == (2, f"twopath: {why}\n")


def test_a_backend_that_is_not_known_is_answered_with_one_that_is(twopath):
    answer = twopath("time", "bisenetv2_small", *QUICK, "--backend", "onnxruntim")
    assert answer.code == 2 and "onnxruntime" in answer.err
    assert not Path("runs").exists()


def test_the_cost_of_a_network_of_ones_own_says_what_is_wrong_with_it(twopath):
    Path("nets.py").write_text(NETS)
    told = twopath("cost", "nets.py:Mine", "--size", "32x64").out
    assert "nets.py:Mine: found: dead_head at network.aux" in told
    assert "nets.py:Mine: computes what nothing uses: network.aux" in told


SOUND = """
from torch import nn

class Sound(nn.Sequential):
    def __init__(self):
        super().__init__(nn.Conv2d(3, 8, 3, padding=1, bias=False), nn.BatchNorm2d(8))

class Idle(Sound):
    def __init__(self):
        super().__init__()
        self.head = nn.Conv2d(8, 2, 1)

    def forward(self, image):
        return self[1](self[0](image))
"""


def test_ones_own_is_counted_folded_as_built_in_networks_are(twopath, tmp_path):
    (tmp_path / "sound.py").write_text(SOUND)
    words = ("cost", "sound.py:Sound", "sound.py:Idle", "--size", "32x64")
    sound, idle = json.loads(twopath(*words, "--json").out)
    assert (sound["folded"], sound["params"]) == (True, 8 * 27 + 8)
    assert (idle["folded"], idle["uncalled_modules"]) == (False, ["network.head"])
    told = "its batch norms are not folded in these figures: folding would take away what is never"
    assert f"sound.py:Idle: {told} used" in twopath(*words).out


def test_the_memory_of_training_ones_own_is_counted_or_said_why_not(twopath):
    Path("nets.py").write_text(NETS + OTHER)
    words = ("cost", "nets.py:Mine", "nets.py:Fickle", "--size", "32x64")
    mine, fickle = json.loads(twopath(*words, "--json").out)
    assert mine["training_peak_bytes"] > mine["inference_peak_bytes"]
    assert mine["training_batch"] == 2 and "training_error" not in mine
    assert "training_peak_bytes" not in fickle and "meta tensors" in fickle["training_error"]
    told = "nets.py:Fickle: the memory of a training step is unknown"
    assert told in twopath(*words).out


def test_for_many_comparisons_at_once_it_takes_more_rounds():
    assert too_few(5) == "too few rounds to tell (5 of 6)"
    assert too_few(7, 1 - 0.05 / 5) == "too few rounds to tell (7 of 8)"
    for number, comparisons in ((6, 1), (8, 5)):
        values = range(100, 100 + number)
        assert ratio(values, [each - 50 for each in values], comparisons).low is not None
        assert ratio(values[1:], [each - 50 for each in values[1:]], comparisons).low is None


def test_backends_are_listed_and_shown(twopath):
    assert "onnxruntime" in json.loads(twopath("list", "--json").out)["backend"]
    assert "NHWC" in twopath("show", "channels_last").out


def test_a_backend_is_shown_with_what_it_needs(twopath, monkeypatch):
    monkeypatch.setattr(backends.get("onnxruntime"), "packages", ("json", "no_such_package"))
    told = twopath("show", "onnxruntime").out
    assert "Runs on cpu alone." in told
    missing = "no_such_package not installed here: pip install 'twopath[onnx]'."
    assert f"Needs json, no_such_package: {missing}" in told
    found = json.loads(twopath("show", "onnxruntime", "--json").out)
    assert found["needs"] == {"json": True, "no_such_package": False}
    monkeypatch.setattr(backends.get("onnxruntime"), "packages", ("json",))
    assert "Needs json: installed here." in twopath("show", "onnxruntime").out


LOUD = """
import os, sys
print("to stdout")
sys.__stdout__.write("past it\\n")
os.write(1, b"past Python\\n")
from torch import nn

class Loud(nn.Conv2d):
    def __init__(self):
        super().__init__(3, 4, 1)

    def forward(self, image):
        print("forward")
        return super().forward(image)
"""


def test_what_ones_own_file_prints_goes_to_standard_error(start, tmp_path):
    (tmp_path / "loud.py").write_text(LOUD)
    process = start("cost", "loud.py:Loud", "--size", "32x64", "--json")
    out, err = process.communicate(timeout=120)
    assert json.loads(out)[0]["network"] == "loud.py:Loud"
    assert all(each in err for each in ("to stdout", "past it", "past Python", "forward"))


def test_spaces_in_a_backends_name_are_not_part_of_it():
    words = ["time", "bisenetv2", "--backend", "folded + channels_last"]
    assert parser().parse_args(words).backend == ["folded+channels_last"]
