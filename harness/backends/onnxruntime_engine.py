"""ONNX Runtime on the CPU, as many deployments have it."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor

from harness.backends.contract import RUNS, Backend, Call, Running, backends, in_fp32
from harness.backends.onnx_file import taken_by_engine


@backends.register("onnxruntime")
class OnnxRuntime(Backend):
    """The network as an ONNX graph, run by ONNX Runtime's CPU provider in fp32."""

    stage = RUNS
    device = "cpu"
    packages = ("onnx", "onnxscript", "onnxruntime")
    extra = "onnx"

    def apply(self, running: Running, example: Tensor) -> Running:
        """A session with as many threads as torch has now."""
        network = in_fp32(running, "onnxruntime")
        return taken_by_engine(running, network, example, "onnxruntime", load_onnx)


def load_onnx(file: Path) -> Call:
    """An ONNX file as a function of an image.

    Its threads sleep when they are done: spinning, they would take time from whatever is
    measured next. Denormal numbers are zero, as in the rest of a session.
    """
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = torch.get_num_threads()
    options.inter_op_num_threads = 1
    options.log_severity_level = 4  # what it logs as an error it raises too
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    options.add_session_config_entry("session.set_denormal_as_zero", "1")
    session = onnxruntime.InferenceSession(file, options, providers=["CPUExecutionProvider"])
    name = session.get_inputs()[0].name
    return lambda image: torch.from_numpy(session.run(None, {name: image.numpy()})[0])
