"""OpenVINO on the CPU, usually the fastest there is on Intel's."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from harness.backends.contract import RUNS, Backend, Call, Running, backends, in_fp32
from harness.backends.onnx_file import taken_by_engine


@backends.register("openvino")
class OpenVINO(Backend):
    """The network as an ONNX graph, compiled by OpenVINO for the CPU, in fp32."""

    stage = RUNS
    device = "cpu"
    packages = ("onnx", "onnxscript", "openvino")
    extra = "openvino"

    def apply(self, running: Running, example: Tensor) -> Running:
        """A compiled model with as many threads as torch has now."""
        network = in_fp32(running, "openvino")
        return taken_by_engine(running, network, example, "openvino", load_openvino)


def load_openvino(file: Path) -> Call:
    """An ONNX or OpenVINO file as a function of an image; each call overwrites the last output.

    Left alone, OpenVINO computes in bf16 where the processor can, and nothing says so.
    """
    import openvino

    settings: dict[str, Any] = {
        "INFERENCE_PRECISION_HINT": "f32",
        "PERFORMANCE_HINT": "LATENCY",
        "NUM_STREAMS": "1",
        "INFERENCE_NUM_THREADS": torch.get_num_threads(),
        "CPU_DENORMALS_OPTIMIZATION": True,
    }
    request = openvino.compile_model(file, "CPU", settings).create_infer_request()

    def call(image: Tensor) -> Tensor:
        given = request.infer([image.numpy()], share_inputs=True, share_outputs=True)
        return torch.from_numpy(given[0])

    return call
