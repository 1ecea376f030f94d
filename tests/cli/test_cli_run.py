"""A study is run from the command line, again, with failures, and with parts of its own."""

import json
import signal

import pytest

OWN_PART = """
from architectures.fusion.sum import Sum
from harness.components import Feature, Fusion, fusions

@fusions.register("{name}")
class Own(Fusion):
    def __init__(self, detail: Feature, semantic: Feature):
        super().__init__(out=detail)
        self.sum = Sum(detail, semantic)

    def forward(self, detail, semantic):
        {body}
        return self.sum(detail, semantic)

print("hello from {name}")
"""


def strict(text):
    """What JSON says to a reader that knows no NaN."""

    def refuse(constant):
        raise AssertionError(constant)

    return json.loads(text, parse_constant=refuse)


def test_a_study_is_run_once_and_answered_for_ever(twopath, write_study, tmp_path):
    study = write_study(fusions='"sum", "concat"')
    first = twopath("run", study)
    assert first.code == 0
    assert "2 trials to run, 0 in the ledger" in first.err.splitlines()
    assert first.err.splitlines()[-1].startswith("2 trained, 0 answered by the ledger, 0 failed")
    assert [line.split()[:2] for line in first.err.splitlines() if "mIoU" in line] == [
        ["done", "sum"],
        ["done", "concat"],
    ]
    assert "runs/reports/tiny/report.html" in first.out.splitlines()
    assert "\x1b" not in first.out + first.err
    again = twopath("run", study)
    assert (again.code, again.out) == (0, first.out)
    assert again.err.splitlines()[-1] == "nothing was trained: the ledger holds 2 trials"
    assert twopath("report", "tiny").out == first.out
    assert (tmp_path / "runs" / "reports" / "tiny" / "report.html").is_file()


def test_json_is_all_that_machines_are_given(twopath, write_study):
    answer = twopath("run", write_study(before='print("hello from a study")\n'), "--json")
    found = strict(answer.out)
    assert answer.code == 0 and answer.err == "hello from a study\n"
    assert found["summary"]["trained"] == 1
    assert [row["state"] for row in found["rows"]] == ["done"]
    report = strict(twopath("report", "tiny", "--json").out)
    assert report == {**found, "summary": None}


def test_failed_trials_are_told_and_the_rest_goes_on(twopath, write_study):
    body = 'if self.training: raise RuntimeError("out of ideas")'
    before = OWN_PART.format(name="moody", body=body)
    study = write_study(before=before, fusions='"moody", "sum"')
    answer = twopath("run", study)
    assert answer.code == 1
    assert "failed moody seed 0: RuntimeError: out of ideas  [1/2]" in answer.err.splitlines()
    again = twopath("run", study)
    assert again.code == 1
    assert "1 failed before, --retry-failed runs such trials again" in again.err
    retried = twopath("run", study, "--retry-failed", "--json")
    found = strict(retried.out)
    assert (retried.code, found["summary"]["failed"], found["summary"]["cached"]) == (1, 1, 1)
    assert [row["state"] for row in found["rows"]] == ["failed", "done"]


def test_json_is_strict_when_every_trial_diverges(twopath, write_study):
    before = OWN_PART.format(name="wild", body='detail = detail * float("nan")')
    answer = twopath("run", write_study(before=before, fusions='"wild"'), "--json")
    assert answer.code == 1
    (row,) = strict(answer.out)["rows"]
    assert row["state"] == "failed" and "finite" in row["reason"]


@pytest.fixture
def study_of_three_parts(write_study, tmp_path):
    """A study with a part of its own, one of a sibling, and one of a plugin that it imports too."""
    (tmp_path / "sibling.py").write_text(OWN_PART.format(name="from_sibling", body=""))
    (tmp_path / "plugin.py").write_text(OWN_PART.format(name="from_plugin", body=""))
    before = "import plugin\nimport sibling\n" + OWN_PART.format(name="from_study", body="")
    names = '"from_study", "from_sibling", "from_plugin"'
    return write_study(name="three", before=before, fusions=names)


def assert_three_parts_ran(code, out, err):
    rows = strict(out)["rows"]
    assert [row["candidate"] for row in rows] == ["from_study", "from_sibling", "from_plugin"]
    assert (code, {row["state"] for row in rows}) == (0, {"done"})
    assert all(f"hello from from_{each}" in err for each in ("study", "sibling", "plugin"))


def test_parts_from_everywhere_run_in_this_process(study_of_three_parts, twopath):
    answer = twopath("run", study_of_three_parts, "--plugin", "plugin.py", "--json")
    assert_three_parts_ran(answer.code, answer.out, answer.err)


@pytest.mark.parametrize("where", ["local", "ray"])
def test_parts_from_everywhere_run_in_workers(study_of_three_parts, start, where):
    words = ("--plugin", "plugin.py", "--json", "--on", where, "--workers", "2")
    process = start("run", study_of_three_parts, *words)
    out, err = process.communicate()
    assert_three_parts_ran(process.returncode, out, err)


def test_an_interrupt_is_one_line_and_the_same_command_goes_on(start, twopath, write_study):
    study = write_study(steps=100, fusions='"sum", "concat", "bga"')
    process = start("run", study, "--workers", "2")
    said = iter(process.stderr.readline, "")
    assert any(line.startswith("done") for line in said)
    process.send_signal(signal.SIGINT)
    # Standard error ends when the last process that holds it does: no worker is left.
    out, err = process.communicate()
    assert (process.returncode, out) == (130, "")
    last = err.splitlines()[-1]
    assert last == "twopath: interrupted; the same command goes on from what was saved"
    assert "Traceback" not in err
    again = twopath("run", study, "--json")
    summary = strict(again.out)["summary"]
    assert again.code == 0
    assert summary["cached"] in (1, 2) and summary["trained"] == 3 - summary["cached"]


def test_a_study_over_budget_says_so(twopath, write_study):
    before = "from harness import Budget\n"
    study = write_study(before=before)
    with open(study, "a") as file:
        file.write("study = replace(study, budget=Budget(params=1000))\n")
    answer = twopath("run", study)
    assert answer.code == 0
    assert answer.err.splitlines()[-1] == "nothing was trained: 1 over budget"
    assert any(line.startswith("rejected ") for line in answer.err.splitlines())
