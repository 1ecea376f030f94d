"""The command verify: a line for each receipt, exit code 1 on a mismatch, and no torch."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from made_up_receipts import content

from harness.cli import main
from harness.measure.receipt import write

ROOT = Path(__file__).parents[2]


@pytest.fixture
def verified(capsys):
    """Runs the command; gives its exit code and what it printed."""
    return lambda *words: (main(["verify", *map(str, words)]), capsys.readouterr().out)


@pytest.fixture
def receipt(tmp_path):
    return tmp_path / f"{write(tmp_path, content())}.json"


def test_a_receipt_that_holds_true(verified, receipt):
    assert verified(receipt) == (0, f"{receipt}: ok\n")


def test_one_that_was_changed_beside_one_that_was_not(verified, receipt, tmp_path):
    made = json.loads(receipt.read_text())
    made["rows"]["slow"]["latency_ms"] = 0.5
    changed = tmp_path / "changed.json"
    changed.write_text(json.dumps(made))
    code, out = verified(receipt, changed)
    first, second, *what = out.splitlines()
    assert code == 1
    assert first.endswith(": ok")
    assert second == f"{changed}: DOES NOT MATCH"
    assert what[0].startswith("  id ")
    assert what[1].startswith("  rows.slow.latency_ms is 0.5, and from the rest follows ")
    found = json.loads(verified(changed, "--json")[1])
    assert [len(each["mismatches"]) for each in found] == [2]


def test_what_is_no_receipt_is_said_on_a_line(verified, tmp_path):
    code, out = verified(tmp_path / "none.json")
    assert code == 1
    assert out.count("\n") == 1 and "it cannot be read" in out
    (tmp_path / "other.json").write_text('{"name": "twopath"}')
    code, out = verified(tmp_path / "other.json")
    assert (code, out) == (1, f"{tmp_path / 'other.json'}: is no receipt: it has no 'schema'\n")


def test_torch_is_not_needed(receipt):
    code = (
        "import sys; from harness.cli import main; code = main(['verify', sys.argv[1]]); "
        "assert 'torch' not in sys.modules; sys.exit(code)"
    )
    subprocess.run([sys.executable, "-c", code, str(receipt)], check=True, cwd=ROOT)
