"""The README's code is run: what it shows is what a newcomer gets."""

import re
import shlex
from pathlib import Path

import pytest

from harness import cli

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text()
BLOCKS = re.findall(r"^```(\w+)\n(.*?)^```$", README, flags=re.MULTILINE | re.DOTALL)
PYTHON = [text for language, text in BLOCKS if language == "python"]
COMMANDS = [
    line.split("#")[0].strip().removeprefix(".venv/bin/")
    for language, text in BLOCKS
    if language == "bash"
    for line in text.splitlines()
]
TWOPATH = [line for line in COMMANDS if line.startswith("twopath ")]
QUICK = [line for line in TWOPATH if line.split()[1] in ("list", "show", "cost")]


ADDED = 'fusion=["sum", "weighted_sum"]'
"""What the README tells a reader to write in the first study for the first plugin."""


def example(name: str) -> str:
    return (ROOT / "examples" / name).read_text()


def test_the_python_blocks_are_the_examples() -> None:
    assert [example("first_study.py"), example("weighted_sum.py")] == PYTHON


def test_the_readme_says_how_to_use_the_plugin() -> None:
    assert f"`{ADDED}`" in README


def test_the_examples_are_as_short_as_the_readme_says() -> None:
    for name in ("first_study.py", "weighted_sum.py"):
        code = [line for line in example(name).splitlines() if line.strip()]
        assert len(code) <= 25, name


def test_both_examples_run_together(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    shown = example("first_study.py")
    # The README says how to put the new fusion into the study; the budget is a test's.
    study = shown.replace('fusion="sum"', ADDED).replace("steps=20", "steps=3")
    assert study.count("weighted_sum") == 1 and "steps=3" in study
    (tmp_path / "first_study.py").write_text(study)
    (tmp_path / "weighted_sum.py").write_text(example("weighted_sum.py"))
    assert cli.main(["run", "first_study.py", "--plugin", "weighted_sum.py"]) == 0
    [table] = tmp_path.glob("runs/reports/*/table.md")
    assert "weighted_sum" in table.read_text()


@pytest.mark.parametrize("line", TWOPATH)
def test_every_command_shown_is_understood(line: str) -> None:
    options = cli.parser().parse_args(shlex.split(line)[1:])
    assert callable(options.command)


@pytest.mark.parametrize("line", QUICK)
def test_every_quick_command_shown_runs(line: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(shlex.split(line)[1:]) == 0
    assert capsys.readouterr().out


@pytest.mark.parametrize("target", re.findall(r"\]\((?!https?:)([^)#]+)\)", README))
def test_every_link_leads_somewhere(target: str) -> None:
    assert (ROOT / target).exists()


@pytest.mark.parametrize("line", [each for each in COMMANDS if each.startswith("make ")])
def test_every_make_target_shown_exists(line: str) -> None:
    rules = re.findall(r"^([\w.-]+):", (ROOT / "Makefile").read_text(), flags=re.MULTILINE)
    assert line.split()[1] in rules
