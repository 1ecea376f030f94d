"""TensorRT, with which most fast networks were published. It has not run yet: no GPU was at hand.

What is written here follows the Python bindings of TensorRT 10 and 11. A network's own precision
is what the engine has (a strongly typed network), so fp16 is ``fp16+tensorrt``; TF32 is off.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from harness.backends.contract import RUNS, Backend, Call, Running, backends, still_a_network
from harness.backends.onnx_file import INPUT, OUTPUT, taken_by_engine


@backends.register("tensorrt")
class TensorRT(Backend):
    """The network as a TensorRT engine for one input size, in the network's precision."""

    stage = RUNS
    device = "cuda"
    packages = ("onnx", "onnxscript", "tensorrt")
    extra = "tensorrt"

    def apply(self, running: Running, example: Tensor) -> Running:
        """An engine built on this device."""
        network = still_a_network(running, "tensorrt")
        placed = running.place(example)
        return taken_by_engine(
            running, network, placed, "tensorrt", lambda file: load_engine(build_engine(file))
        )


def build_engine(file: Path) -> bytes:
    """The engine of an ONNX file, serialised; ValueError with what TensorRT cannot take."""
    import tensorrt as trt

    logger = trt.Logger(trt.Logger.ERROR)
    builder = trt.Builder(logger)
    network = builder.create_network(1 << int(trt.NetworkDefinitionCreationFlag.STRONGLY_TYPED))
    parser = trt.OnnxParser(network, logger)
    if not parser.parse_from_file(str(file)):
        errors = "; ".join(str(parser.get_error(at)) for at in range(parser.num_errors))
        raise ValueError(f"TensorRT does not take the network: {errors}")
    config = builder.create_builder_config()
    config.clear_flag(trt.BuilderFlag.TF32)
    engine = builder.build_serialized_network(network, config)
    if engine is None:
        raise ValueError("TensorRT could not build an engine of the network")
    return bytes(engine)


def load_engine(serialised: bytes) -> Call:
    """A serialised engine as a function of an image; each call overwrites the last output."""
    import tensorrt as trt

    engine = trt.Runtime(trt.Logger(trt.Logger.ERROR)).deserialize_cuda_engine(serialised)
    context = engine.create_execution_context()
    shape = tuple(engine.get_tensor_shape(OUTPUT))
    dtype = _torch_dtype(engine.get_tensor_dtype(OUTPUT))
    output = torch.empty(shape, dtype=dtype, device="cuda")
    context.set_tensor_address(OUTPUT, output.data_ptr())

    def call(image: Tensor) -> Tensor:
        context.set_tensor_address(INPUT, image.data_ptr())
        context.execute_async_v3(torch.cuda.current_stream().cuda_stream)
        return output

    return call


def _torch_dtype(dtype: Any) -> torch.dtype:
    names = {"FLOAT": torch.float32, "HALF": torch.float16, "BF16": torch.bfloat16}
    return names.get(dtype.name, torch.uint8)
