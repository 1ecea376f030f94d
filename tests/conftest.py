"""What every test gets: one torch thread, and a process that forgets what the test brought in."""

import os

# On a busy machine two threads mostly wait for each other. Before torch is imported.
os.environ["OMP_NUM_THREADS"] = os.environ.get("OMP_NUM_THREADS") or "1"

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from harness import loading, networks
from harness.backends.contract import backends
from harness.components import REGISTRIES
from harness.data.dataset import datasets
from harness.plugins import load_plugins

TESTS = Path(__file__).parent
ROOT = TESTS.parent
PACKAGES = tuple(str(ROOT / name) for name in ("harness", "architectures", "studies", "reports"))

load_plugins()  # what is built in stays

# Ignored behind a script's `&`, and then by all that tests start.
signal.signal(signal.SIGINT, signal.default_int_handler)

SLOW = (
    "faults/test_storage.py",
    "faults/test_interrupts.py",
    "faults/test_node_faults.py",
    "harness/test_runner_ray.py",
    "faults/test_workers.py",
    "harness/test_ranks_on_ray.py",
    "harness/test_doctor.py",
    "reports/test_report_calibration.py",
    "training/test_together.py",
    "cli/test_installed_plugin.py",
    "cli/test_cli_run.py",
    "ledger/test_drivers.py",
    "harness/test_stopping.py",
    "cli/test_bad_input.py",
    "harness/test_processes_per_trial.py",
    "harness/test_runner_local.py",
    "harness/test_tracking_on_ray.py",
    "faults/test_driver_killed.py",
    "ledger/test_answers.py",
    "cli/test_cli_confirm.py",
    "cli/test_cli_export.py",
    "reports/test_report_watches_a_run.py",
    "reports/test_report_page_browser.py",
    "harness/test_bench_run.py",
    "harness/test_bench_measure.py",
    "reports/test_report_latex.py::test_tables_compile",
    "faults/test_silence.py",
)
"""What starts clusters, processes or exports: the longest files first."""


def pytest_ignore_collect(collection_path, config):
    """Leaves unread what has no slow test where only those are asked for: reading takes time."""
    file = collection_path.relative_to(TESTS).as_posix()
    is_quick = file.endswith(".py") and not any(name.startswith(file) for name in SLOW)
    return True if is_quick and config.option.markexpr == "slow" else None


def pytest_collection_modifyitems(items):
    """Marks what is slow, so that ``make test`` stays quick, and puts the longest first.

    Each process takes a file when it is through with its last: so all end at about the same time.
    """
    for item in items:
        if place_in_slow(item) < len(SLOW):
            item.add_marker(pytest.mark.slow)
    items.sort(key=place_in_slow)


def place_in_slow(item):
    """Where a test stands among the slow ones; behind them all if it is quick."""
    told = (n for n, name in enumerate(SLOW) if item.nodeid.startswith(f"{TESTS.name}/{name}"))
    return next(told, len(SLOW))


@pytest.fixture
def read_only(tmp_path_factory):
    """Shows a folder a second time, at a place where nothing can be written."""
    mounted = []

    def show(folder):
        place = tmp_path_factory.mktemp("read_only")
        try:
            words = ["mount", "-o", "bind,ro", str(folder), str(place)]
            subprocess.run(words, check=True, capture_output=True)
        except (OSError, subprocess.CalledProcessError):
            pytest.skip("no folder can be mounted here")
        mounted.append(place)
        return place

    yield show
    for place in mounted:
        subprocess.run(["umount", "--lazy", str(place)], check=True)


@pytest.fixture(autouse=True)
def nothing_stays(monkeypatch):
    """Files that a test loads are forgotten after it, with all that they registered.

    Else the outcome of a test would hang on which others ran before it in the same process.
    """
    monkeypatch.setattr(sys, "path", list(sys.path))
    for registry in (*REGISTRIES.values(), datasets, backends):
        monkeypatch.setattr(registry, "_classes", dict(registry._classes))
    monkeypatch.setattr(networks, "_known", dict(networks._known))
    before = set(sys.modules)
    yield
    loading._loaded.cache_clear()
    for name in set(sys.modules) - before:
        if _was_loaded_by_path(getattr(sys.modules[name], "__file__", None)):
            del sys.modules[name]


def _was_loaded_by_path(file):
    """Whether a module is a test's own: neither ours nor a library's."""
    if not file or file.startswith((sys.base_prefix, sys.prefix)):
        return False
    return not file.startswith(PACKAGES)
