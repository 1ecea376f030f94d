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


@contextmanager
def ray_folder():
    """A folder for Ray, for as long; short, since the names of sockets may not be long."""
    folder = tempfile.TemporaryDirectory(prefix="ray", ignore_cleanup_errors=True)
    with folder as name, pytest.MonkeyPatch.context() as patch:
        patch.setenv("RAY_TMPDIR", name)
        patch.setenv("RAY_AUTH_MODE", "disabled")
        patch.setenv("RAY_worker_niceness", "0")  # by itself 15: on a busy machine for ever
        patch.delenv("RAY_ADDRESS", raising=False)
        yield name


@pytest.fixture
def own_ray():
    """A folder for Ray."""
    with ray_folder() as folder:
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


@contextmanager
def cluster(folder, log, **environment):
    """A cluster of one node with one core, which is nobody else's; gives its address."""
    port = free_port()
    options = ["--head", "--num-cpus=1", f"--port={port}", f"--temp-dir={folder}"]
    options += ["--include-dashboard=false", f"--dashboard-port={free_port()}"]
    with node(log, *options, **environment):
        yield f"127.0.0.1:{port}"


@pytest.fixture
def address(own_ray, tmp_path):
    """The address of a cluster of one node with one core."""
    with cluster(own_ray, tmp_path / "head.log") as found:
        yield found
