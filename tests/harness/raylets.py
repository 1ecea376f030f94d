"""Ray's own processes for one test: a cluster of a node, and more nodes of any kind."""

import os
import signal
import socket
import subprocess
import sys
import tempfile
from contextlib import contextmanager, suppress

import pytest
from drive import until


@pytest.fixture
def own_ray(monkeypatch):
    """A folder for Ray; short, since the names of sockets may not be long."""
    with tempfile.TemporaryDirectory(prefix="ray", ignore_cleanup_errors=True) as folder:
        monkeypatch.setenv("RAY_TMPDIR", folder)
        monkeypatch.setenv("RAY_AUTH_MODE", "disabled")
        monkeypatch.delenv("RAY_ADDRESS", raising=False)
        yield folder


def free_port():
    with socket.socket() as each:
        each.bind(("", 0))
        return each.getsockname()[1]


@contextmanager
def node(log, *options, folder=None, **environment):
    """A node of a cluster, in processes of its own and in a folder; gives the first of them."""
    command = [sys.executable, "-m", "ray.scripts.scripts", "start", "--block", *options]
    command.append("--disable-usage-stats")
    for name in ("dashboard-agent-listen", "metrics-export"):
        command.append(f"--{name}-port={free_port()}")
    env = {**os.environ, **environment}
    with log.open("w") as out:
        head = subprocess.Popen(
            command, stdout=out, stderr=out, start_new_session=True, env=env, cwd=folder
        )
    try:
        until(lambda: "Ray runtime started" in log.read_text(), head)
        yield head
    finally:
        with suppress(ProcessLookupError):
            os.killpg(head.pid, signal.SIGKILL)
        head.wait()


@pytest.fixture
def address(own_ray, tmp_path):
    """The address of a cluster of one node with one core, which is nobody else's."""
    port = free_port()
    options = ["--head", "--num-cpus=1", f"--port={port}", f"--temp-dir={own_ray}"]
    options += ["--include-dashboard=false", f"--dashboard-port={free_port()}"]
    with node(tmp_path / "head.log", *options):
        yield f"127.0.0.1:{port}"
