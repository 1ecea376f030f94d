"""Whole networks cost what their papers print, as far as that can be: at 19 classes.

Papers differ in what they call a FLOP. ENet's counts a multiplication and an addition as two, and
BiSeNet V1's Table 4 takes ENet's and SegNet's figures from there, beside its own multiply-adds.
"""

from dataclasses import replace

import pytest
import torch
from counting import deployed, macs

import architectures  # noqa: F401 - registers the built-in parts
from harness import Part
from harness.network import assemble
from studies import published

RIVALS = published.RIVALS | {
    "icnet_uncompressed": replace(published.ICNET, semantic=Part("icnet", width=64)),
}

# Name; parameters with batch norms, and deployed; the published figure in millions, how far off.
PARAMS = [
    ("enet", 363_618, 359_445, 0.37, 0.02),  # ENet, Table 3
    ("segnet", 29_446_035, 29_438_099, 29.46, 0.001),  # the same table
    ("fcn32s", 134_338_387, 134_338_387, 134.5, 0.002),  # FCN, Table 1: 134M, of 21 classes
    ("unet", 31_032_915, 31_032_915, 31.0, 0.002),  # of the original's weights
    ("icnet", 6_699_987, 6_685_715, 6.7, 0.001),  # of the author's prototxt
    ("icnet_uncompressed", 25_524_659, 25_496_755, 26.5, 0.04),  # as other papers print it
    ("fast_scnn", 1_137_795, 1_125_955, 1.11, 0.03),  # Fast-SCNN, Table 4
]

# Name; size; operations of a multiply-add; the published GFLOPs, how far off.
FLOPS = [
    ("segnet", (360, 640), 2, 286.03, 0.003),  # ENet, Table 3
    ("enet", (360, 640), 2, 3.83, 0.11),  # the same, where pooling and batch norms may count
    ("icnet", (1024, 2048), 1, 28.3, 0.03),  # as other papers print it, beside 26.5M
    ("dfanet_a", (1024, 1024), 1, 3.4, 0.16),  # DFANet, Table 4
    ("dfanet_a", (512, 1024), 1, 1.7, 0.16),  # the same
]


def num_params(module):
    return sum(each.numel() for each in module.parameters())


@pytest.mark.parametrize(("name", "trained", "folded", "millions", "off"), PARAMS)
def test_parameters_are_the_published_ones(name, trained, folded, millions, off):
    with torch.device("meta"):
        network = assemble(RIVALS[name], 19)
    assert num_params(network) - num_params(network.aux_heads) == trained
    assert num_params(deployed(RIVALS[name])) == folded
    assert trained / 1e6 == pytest.approx(millions, rel=off)


@pytest.mark.parametrize(("name", "size", "operations", "gflops", "off"), FLOPS)
def test_multiply_adds_are_about_the_published_ones(name, size, operations, gflops, off):
    counted = operations * macs(deployed(RIVALS[name]), (1, 3, *size)) / 1e9
    assert counted == pytest.approx(gflops, rel=off)


def test_published_parameters_of_dfanet_are_not_those_of_its_layers():
    with torch.device("meta"):
        network = assemble(RIVALS["dfanet_a"], 19)
    attention = sum(num_params(each.attention) for each in network.paths.semantic.backbones)
    assert (num_params(network), attention) == (1_830_475, 1_155_576)
    # Of 7.8 mebibytes of 32-bit weights they are not far.
    assert num_params(network) * 4 / 2**20 == pytest.approx(7.8, rel=0.11)
