"""What is said of float32 on a GPU does not hinder torch's exporter, which reads older switches."""

import pytest
import torch
from torch import nn

from harness.backends.onnx_file import write_onnx
from harness.measure.precision import PLACES, float32


def said():
    return [each.fp32_precision for each in PLACES]


@pytest.mark.parametrize(("tf32", "told"), [(False, "ieee"), (True, "tf32")])
def test_both_switches_are_set_for_a_gpu_and_put_back(monkeypatch, tf32, told):
    before = said()
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    with float32(tf32=tf32):
        assert said() == [told, told]
    assert said() == before


def test_on_a_cpu_nothing_changes():
    before = said()
    with float32():
        assert said() == before


def test_a_network_is_exported_while_float32_is_exact(monkeypatch, tmp_path):
    pytest.importorskip("onnxscript")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    with float32():
        monkeypatch.undo()
        write_onnx(nn.Conv2d(3, 2, 1).eval(), torch.zeros(1, 3, 32, 32), tmp_path / "it.onnx")
        assert said() == ["ieee", "ieee"]
    assert (tmp_path / "it.onnx").stat().st_size
