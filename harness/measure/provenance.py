"""Gathers what a receipt says beside its samples: code, models, device, software, evidence."""

from __future__ import annotations

import hashlib
import os
import platform
import subprocess
import sys
import uuid
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from importlib.metadata import distributions, version
from pathlib import Path
from typing import Any

import torch
from torch import fx, nn

from harness.measure.figured import kept_of, ratios_of
from harness.measure.finding import Finding
from harness.measure.headline import headline
from harness.measure.latency import Session
from harness.measure.nvml import gpu_facts, hashed, open_gpu
from harness.measure.proc import ROOT, machine, read
from harness.measure.receipt import as_lists
from harness.source import source_digest

Row = dict[str, Any]

VARIABLES: tuple[str, ...] = (
    *("OMP_", "KMP_", "GOMP_", "MKL_", "OPENBLAS_", "CUDA_", "CUBLAS_", "CUDNN_", "NCCL_"),
    *("PYTORCH_", "TORCH_", "TORCHINDUCTOR_", "NVIDIA_", "LD_PRELOAD", "MALLOC_"),
)
"""How the names of environment variables begin that change how fast torch is."""

LEFT_OUT = ("KEY", "TOKEN", "SECRET", "PASS", "CREDENTIAL", "AUTH", "_DIR", "_PATH", "_HOME")
"""Parts of names of variables that may hold a secret, or a folder, which changes no speed."""

PACKAGES = ("harness", "architectures", "studies", "reports", "pyproject.toml")


def receipt_of(
    session: Session,
    *,
    figures: Sequence[str],
    device: torch.device,
    models: Mapping[str, Row],
    counts: Mapping[str, Row] | None = None,
    about: Row,
) -> Row:
    """What a session's receipt holds, for ``harness.measure.receipt.write``.

    ``models`` and ``counts`` are by candidate, as ``model_facts`` and ``Cost.record`` give them;
    ``about`` is ``identity``'s. ``figures`` are those timed, the headline first.
    """
    timed = {name: row for name, row in session.rows.items() if "latency_ms" in row}
    receipt: Row = {
        "identity": about,
        "models": {name: models[name] for name in timed if name in models},
        "counts": {name: row for name, row in (counts or {}).items() if name in timed},
        "figures": list(figures),
        "protocol": dict(session.facts),
        "bursts": as_lists(session.bursts),
        "rows": timed,
        "ratios": ratios_of(
            session.bursts, list(timed), figures, kept_of(timed), session.facts["latency_ratio_by"]
        ),
        "device": device_facts(device),
        "software": software(),
        "evidence": dict(session.evidence),
    }
    receipt["headlines"] = {name: headline(receipt, name) for name in timed}
    receipt["headline_ok"] = all(each["headline_ok"] for each in receipt["headlines"].values())
    return receipt


def now() -> str:
    """The time in UTC, to the second."""
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def identity(command: str, started: str, *, seed: int = 0) -> Row:
    """Which code measured, by which command, and when; a nonce tells two alike receipts apart."""
    sha, dirty = git_state(Path(__file__).parent.parent.parent)
    return {
        "twopath": version("twopath"),
        "git_sha": sha,
        "git_dirty": dirty,
        "command": command,
        "started": started,
        "ended": now(),
        "nonce": uuid.uuid4().hex,
        "seed": seed,
    }


def git_state(root: Path) -> tuple[str | None, bool | None]:
    """The commit of a checkout, and whether code in it is in no commit; None where it is none."""
    if not (root / ".git").exists():
        return None, None
    sha = _git(root, "rev-parse", "HEAD")
    changed = _git(root, "status", "--porcelain", "--", *PACKAGES)
    return sha or None, None if changed is None else bool(changed)


def _git(root: Path, *words: str) -> str | None:
    try:
        ran = subprocess.run(
            ["git", "-C", str(root), *words], capture_output=True, text=True, timeout=20
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return ran.stdout.strip() if ran.returncode == 0 else None


def model_facts(
    module: nn.Module,
    *,
    source: nn.Module | None = None,
    architecture: Any = None,
    weights: str,
    findings: Iterable[Finding] = (),
    **others: Any,
) -> Row:
    """What a timed network is: its code and weights by hash, and what was found wrong with it.

    ``source`` is the network that it was made from, whose classes are hashed. ``weights`` says
    where they are from, as ``random(seed=0)``; ``others`` are input, boundaries, type, backend,
    transforms, classes.
    """
    return {
        "architecture": architecture,
        "code_sha256": code_hash(module),
        "source_sha256": code_hash(source or module),
        "weights": weights,
        "weights_sha256": weights_hash(module),
        "params": sum(each.numel() for each in module.parameters()),
        "findings": [each.record() for each in findings],
        **others,
    }


def weights_hash(module: nn.Module) -> str:
    """A sha256 over the names, types, shapes and bytes of a network's weights and buffers."""
    found = hashlib.sha256()
    for name, tensor in sorted(module.state_dict().items()):
        if isinstance(tensor, torch.Tensor):
            plain = tensor.detach().cpu().contiguous()
            found.update(f"{name} {plain.dtype} {tuple(plain.shape)}\n".encode())
            found.update(plain.flatten().view(torch.uint8).numpy().data)
    return found.hexdigest()


def code_hash(module: nn.Module) -> str:
    """A sha256 over a traced network's code, or over the source of a network's classes.

    Torch's own classes are left out: its version is in the receipt.
    """
    if isinstance(module, fx.GraphModule):
        return hashlib.sha256(module.code.encode()).hexdigest()
    kinds = {type(each) for each in module.modules()}
    own = sorted((k for k in kinds if k.__module__.partition(".")[0] != "torch"), key=str)
    names = "\n".join(sorted(each.__qualname__ for each in kinds))
    return hashlib.sha256(f"{names}\n{source_digest(*own)}".encode()).hexdigest()


def device_facts(device: torch.device, root: Path = ROOT, nvml: Any = None) -> Row:
    """The machine and, of a CUDA device, the card; ids are hashed."""
    host = read(root / "etc/machine-id") or f"{platform.node()} {uuid.getnode()}"
    facts: Row = {"type": device.type, "host_id": hashed(host), **machine(root)}
    if device.type == "cuda":
        gpu = open_gpu(device.index or 0, nvml)
        facts["gpu"] = gpu_facts(gpu) if gpu else None
    return facts


def software() -> Row:
    """Torch with its switches, every installed distribution, and the variables that matter."""
    installed = {f"{each.name}=={each.version}" for each in distributions() if each.name}
    return {
        "python": platform.python_version(),
        "system": f"{platform.system()} {platform.machine()}",
        "torch": torch.__version__,
        "torch_git": torch.version.git_version,
        "cuda": torch.version.cuda,
        "cudnn": torch.backends.cudnn.version(),
        "switches": switches(),
        "distributions": sorted(installed, key=str.lower),
        "variables": variables(os.environ),
        "optimised": bool(sys.flags.optimize),
    }


def switches() -> Row:
    """Torch's switches that change speed or rounding, as they are now."""
    backends: Any = torch.backends
    return {
        "cpu_capability": backends.cpu.get_cpu_capability(),
        "threads_outside": torch.get_num_threads(),
        "interop_threads": torch.get_num_interop_threads(),
        "mkldnn": backends.mkldnn.is_available(),
        "mkl": backends.mkl.is_available(),
        "cudnn_benchmark": backends.cudnn.benchmark,
        "cudnn_deterministic": backends.cudnn.deterministic,
        "conv_precision": backends.cudnn.conv.fp32_precision,
        "matmul_precision": backends.cuda.matmul.fp32_precision,
        "deterministic": torch.are_deterministic_algorithms_enabled(),
    }


def variables(given: Mapping[str, str]) -> dict[str, str]:
    """The environment variables that change speed, without any that may be private."""
    return {
        name: value
        for name, value in sorted(given.items())
        if name.startswith(VARIABLES) and not any(each in name.upper() for each in LEFT_OUT)
    }
