"""Counts multiply-adds of convolutions without computing them, by a second counter than ours."""

import torch

from harness.measure.static import matrix_macs
from harness.network import assemble, deploy

PAPER_SIZE = (512, 1024)
"""Height and width in pixels of the graph behind the GFLOPs of BiSeNet V2."""


def macs(module, *shapes):
    """Multiply-adds of a module that is on the meta device, for inputs of some shapes."""
    return matrix_macs(module, *(torch.empty(shape, device="meta") for shape in shapes))


def deployed(architecture, num_classes=19):
    """A deployed network on the meta device."""
    with torch.device("meta"):
        return deploy(assemble(architecture, num_classes))


def trunk_gmacs(architecture):
    """GMACs at 512x1024 of everything before the head."""
    with torch.device("meta"):
        paths = assemble(architecture, 19).eval().paths
    return macs(paths, (1, 3, *PAPER_SIZE)) / 1e9
