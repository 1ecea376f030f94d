"""Ways of running a deployed network; importing this package registers the built-in ones."""

from harness.backends import (
    onnxruntime_engine,
    openvino_engine,
    steps,
    tensorrt_engine,
    torch_engines,
)

__all__ = [
    "onnxruntime_engine",
    "openvino_engine",
    "steps",
    "tensorrt_engine",
    "torch_engines",
]
