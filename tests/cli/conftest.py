"""Runs commands in an empty folder, in this process, and gives what they wrote."""

import os
import subprocess
import sys
from types import SimpleNamespace

import pytest

from harness import cli

STUDY = '''"""Sum or concat?"""

from dataclasses import replace

from harness import Part, Recipe, Study, Timing, choice
from studies.published import BISENETV2_SMALL
{before}
study = Study(
    name="{name}",
    question="Sum or concat?",
    space=replace(BISENETV2_SMALL, fusion=choice({fusions})),
    recipe=Recipe(dataset={dataset}, crop=(32, 64), steps={steps}, batch=2, warmup_steps=0),
    timing=Timing(rounds=1, burst=1, warmup=0, threads=1),
)
'''
STREETS = 'Part("streets", size=(32, 64), train=4, val=2)'


@pytest.fixture
def write_study(tmp_path):
    """Writes a study of one or two tiny trials; gives its file."""

    def write(name="tiny", *, fusions='"sum"', dataset=STREETS, steps=2, before=""):
        file = tmp_path / f"{name}.py"
        text = STUDY.format(name=name, fusions=fusions, dataset=dataset, steps=steps, before=before)
        file.write_text(text)
        return str(file)

    return write


@pytest.fixture(autouse=True)
def clean_slate(tmp_path, monkeypatch):
    """An empty folder and environment."""
    monkeypatch.chdir(tmp_path)
    for variable in ("TWOPATH_DATA", "TWOPATH_DEBUG", "COLUMNS", "FORCE_COLOR"):
        monkeypatch.delenv(variable, raising=False)


@pytest.fixture
def twopath(capsys):
    """Runs a command in this process; gives its exit code and what it wrote."""

    def run(*words):
        capsys.readouterr()
        code = cli.main([str(word) for word in words])
        said = capsys.readouterr()
        return SimpleNamespace(code=code, out=said.out, err=said.err)

    return run


@pytest.fixture
def start(tmp_path):
    """Starts a command in a process of its own and in the empty folder."""
    started = []

    def begin(*words):
        command = [sys.executable, "-m", "harness.cli", *map(str, words)]
        environment = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONUNBUFFERED": "1"}
        pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
        started.append(subprocess.Popen(command, cwd=tmp_path, env=environment, **pipes))
        return started[-1]

    yield begin
    for process in started:
        process.kill()
        process.communicate()
