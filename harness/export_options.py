"""The options of ``twopath export``."""

from __future__ import annotations

from typing import Any

from harness.study import BOUNDARIES

KINDS_OF_FILE = ("onnx", "openvino", "tensorrt", "torch")


def add_export_options(command: Any) -> None:
    """Adds what only this command takes."""
    command.add_argument(
        "network",
        help="a name from twopath list, or a network of your own as path/to/file.py:Model",
    )
    command.add_argument(
        "--to",
        choices=KINDS_OF_FILE,
        default="onnx",
        help="the kind of file; torch is what torch.export saves; default: onnx",
    )
    command.add_argument(
        "--out",
        metavar="FILE",
        help="in a folder that is there; default: the network's name, in this folder",
    )
    command.add_argument(
        "--force", action="store_true", help="write over a file that is there already"
    )
    command.add_argument(
        "--weights", metavar="PATH", help="a trial's folder, or a file of weights; default: none"
    )
    command.add_argument(
        "--boundary",
        choices=BOUNDARIES,
        default="labels_full",
        help="where the network ends; default: labels_full, the class of every pixel",
    )
    command.add_argument("--dynamic", action="store_true", help="leave batch and size open")
