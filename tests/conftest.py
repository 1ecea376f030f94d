"""What every test gets: one torch thread, and a process that forgets what the test brought in."""

import os

# On a busy machine two threads mostly wait for each other. Before torch is imported.
os.environ.setdefault("OMP_NUM_THREADS", "1")

import signal
import sys
from pathlib import Path

import pytest

from harness import loading, networks
from harness.backends.contract import backends
from harness.components import REGISTRIES
from harness.data.dataset import datasets
from harness.plugins import load_plugins

ROOT = Path(__file__).parent.parent
PACKAGES = tuple(str(ROOT / name) for name in ("harness", "architectures", "studies", "reports"))

load_plugins()  # what is built in stays

# Ignored behind a script's `&`, and then by all that tests start.
signal.signal(signal.SIGINT, signal.default_int_handler)

SLOW = (
    "test_runner_ray.py",
    "test_ranks_on_ray.py",
    "test_tracking_on_ray.py",
    "test_doctor.py",
    "test_together.py",
    "test_processes_per_trial.py",
    "test_cli_export.py",
    "test_cli_confirm.py",
    "test_installed_plugin.py",
    "test_bench_measure.py",
    "test_tables_compile",
    "test_stopping.py",
    "test_bench_run.py",
    "test_report_calibration.py",
    "test_runner_local.py",
    "test_cli_run.py",
    "test_bad_input.py",
    "test_silence.py",
    "faults/test_driver_killed.py",
    "faults/test_interrupts.py",
    "faults/test_node_faults.py",
    "faults/test_storage.py",
    "faults/test_workers.py",
    "ledger/test_drivers.py",
    "ledger/test_answers.py",
    "test_report_page_browser.py",
    "test_report_watches_a_run.py",
    "[ray]",
)
"""What starts clusters, processes or exports, by what its name has: a minute or so for each."""


def pytest_collection_modifyitems(items):
    """Marks what is slow, so that ``make test`` stays quick."""
    for item in items:
        if any(name in item.nodeid for name in SLOW):
            item.add_marker(pytest.mark.slow)


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
