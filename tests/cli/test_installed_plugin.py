"""Plugins that pip installs, in environments of their own, and files dropped among the parts.

Each is tried for real, in about half a minute: ``pytest -m slow``.
"""

import json
import os
import shutil
import site
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from harness import contracts

ROOT = Path(__file__).parents[2]
EXAMPLE = ROOT / "examples" / "twopath_gated_sum"
PACKAGES = ("harness", "architectures", "studies", "reports")
OFFLINE = ("--no-index", "--no-deps", "--no-build-isolation", "--quiet")

NETWORK = '''"""A small network with the fusion of the package."""

from dataclasses import replace

from harness import networks
from studies.published import BISENETV2_SMALL

networks.register("gated", replace(BISENETV2_SMALL, fusion="gated_sum"))
'''
FAILS = """[project]
name = "theirs"
version = "1"

[project.entry-points."twopath.plugins"]
theirs = "theirs"

[tool.setuptools]
py-modules = ["theirs"]
"""


def command(*words, cwd, **environment):
    """Runs a command where no checkout is on the path; gives its exit code and what it wrote."""
    kept = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    environment = {**kept, "OMP_NUM_THREADS": "1", "COLUMNS": "200", **environment}
    words = [str(word) for word in words]
    done = subprocess.run(words, cwd=cwd, env=environment, capture_output=True, text=True)
    return SimpleNamespace(code=done.returncode, out=done.stdout, err=done.stderr)


class Environment:
    """A virtual environment that shares this one's libraries, but none of its packages' code."""

    def __init__(self, folder):
        self.folder, self.home = folder, folder / "home"
        self.home.mkdir(parents=True)
        made = command(sys.executable, "-m", "venv", "--without-pip", folder / "v", cwd=folder)
        assert made.code == 0, made.err
        self.bin = folder / "v" / ("Scripts" if os.name == "nt" else "bin")
        inside = "import sysconfig; print(sysconfig.get_path('purelib'))"
        own = Path(command(self.bin / "python", "-c", inside, cwd=folder).out.strip())
        # Such a file brings folders, and leaves unread the files like it that lie there: a
        # checkout that is installed in place stays out.
        (own / "shared.pth").write_text("\n".join(site.getsitepackages()))

    def run(self, *words):
        return command(self.bin / words[0], *words[1:], cwd=self.home)

    def pip(self, *words):
        """What the pip of this environment does to that one."""
        pip = (sys.executable, "-m", "pip", "--python", self.bin / "python")
        done = command(*pip, *words, cwd=self.home)
        assert done.code == 0, done.err

    def install(self, project):
        """Builds and installs a copy, for setuptools leaves its own files beside the sources."""
        copy = self.folder / "build" / project.name
        shutil.copytree(project, copy, ignore=shutil.ignore_patterns("__pycache__"))
        self.pip("install", *OFFLINE, copy)
        shutil.rmtree(copy)

    def uninstall(self, name):
        self.pip("uninstall", "--yes", "--quiet", name)


def copied_tree(folder):
    """The packages of this checkout, elsewhere."""
    folder.mkdir(parents=True)
    for name in PACKAGES:
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, folder)
    return folder


@pytest.fixture(scope="module")
def environment(tmp_path_factory):
    """An environment into which this checkout is installed as any user installs it."""
    folder = tmp_path_factory.mktemp("fresh")
    found = Environment(folder / "environment")
    found.install(copied_tree(folder / "twopath"))
    return found


@pytest.fixture
def installed(environment):
    """The environment with the example's package."""
    environment.install(EXAMPLE)
    yield environment
    environment.uninstall("twopath-gated-sum")


def test_an_installed_fusion_is_listed_shown_counted_and_trained(installed, write_study):
    listed = json.loads(installed.run("twopath", "list", "--json").out)
    assert "gated_sum" in json.dumps(listed)
    shown = installed.run("twopath", "show", "gated_sum")
    assert shown.code == 0 and "per_channel = False" in shown.out
    assert str(installed.folder) in shown.out  # its own file, not this checkout's
    (installed.home / "gated.py").write_text(NETWORK)
    words = ("cost", "gated", "bisenetv2_small", "--plugin", "gated.py", "--json")
    gated, guided = json.loads(installed.run("twopath", *words).out)
    assert 0 < gated["gmacs"] < guided["gmacs"] and not gated["unknown_ops"]
    study = write_study("gated", fusions='"sum", Part("gated_sum", per_channel=True)')
    ran = installed.run("twopath", "run", study)
    assert ran.code == 0, ran.err
    [table] = installed.home.glob("runs/reports/*/table.md")
    assert "gated_sum" in table.read_text()


def test_the_examples_own_test_is_the_contract_in_one_line(installed):
    shutil.copy(EXAMPLE / "test_twopath_gated_sum.py", installed.home)
    done = installed.run("python", "-m", "pytest", "-v", "test_twopath_gated_sum.py")
    assert done.code == 0, done.out
    for check in contracts.CHECKS["fusion"]:
        assert f"test_gated_sum[{check.__name__}] PASSED" in done.out


def test_what_is_uninstalled_is_unknown_again(environment, write_study):
    study = write_study("gone", fusions='"gated_sum"')
    environment.install(EXAMPLE)
    environment.uninstall("twopath-gated-sum")
    ran = environment.run("twopath", "run", study)
    assert (ran.code, ran.out) == (2, "")
    assert ran.err.startswith("twopath: unknown fusion 'gated_sum'. Did you mean 'sum'? Known: bga")
    assert ran.err.count("\n") == 1


def test_a_package_that_fails_is_left_out_with_a_line_and_the_rest_works(installed):
    theirs = installed.folder / "theirs"
    theirs.mkdir()
    (theirs / "pyproject.toml").write_text(FAILS)
    (theirs / "theirs.py").write_text('"""Broken."""\n\nimport not_a_module\n')
    installed.install(theirs)
    listed = installed.run("twopath", "list", "--json")
    installed.uninstall("theirs")
    assert listed.code == 0 and "gated_sum" in listed.out and "bga" in listed.out
    assert listed.err == (
        "twopath: plugin 'theirs' (theirs) is left out, it could not be loaded: "
        "ModuleNotFoundError: No module named 'not_a_module' (theirs.py, line 3)\n"
    )


def test_a_file_dropped_among_the_fusions_is_registered_by_being_there(tmp_path):
    tree = copied_tree(tmp_path / "tree")
    words = (sys.executable, "-m", "harness.cli", "list", "--json")
    before = command(*words, cwd=tmp_path, PYTHONPATH=str(tree))
    shutil.copy(ROOT / "examples" / "weighted_sum.py", tree / "architectures" / "fusion")
    after = command(*words, cwd=tmp_path, PYTHONPATH=str(tree))
    assert before.code == after.code == 0, after.err
    assert "weighted_sum" not in before.out and "weighted_sum" in after.out
