"""A small network with every place that a fault goes into, and what is found in it."""

import copy

import torch
from torch import nn
from torch.nn import functional

from harness.measure.faults import findings_of

CPU = torch.device("cpu")
SIZE = (32, 48)


class Net(nn.Module):
    """A small segmentation network with every place that a fault goes into."""

    def __init__(self, mode="bilinear", boundary="logits_full", bias=False):
        super().__init__()
        self.first = nn.Conv2d(3, 16, 3, 2, 1, bias=bias)
        self.norm = nn.BatchNorm2d(16)
        self.second = nn.Conv2d(16, 16, 3, padding=1, bias=False)
        self.second_norm = nn.BatchNorm2d(16)
        self.drop = nn.Dropout(0.5)
        self.head = nn.Conv2d(16, 5, 1)
        self.mode, self.boundary = mode, boundary

    def feature(self, image):
        x = torch.relu(self.norm(self.first(image)))
        return self.drop(torch.relu(self.second_norm(self.second(x))))

    def forward(self, image):
        return self.finish(self.head(self.feature(image)), image)

    def finish(self, logits, image):
        if self.boundary == "logits_native":
            return logits
        logits = functional.interpolate(logits, size=image.shape[-2:], mode=self.mode)
        return logits.argmax(1) if self.boundary == "labels_full" else logits


def sound(**options):
    """A network whose batch norms have learned something."""
    torch.manual_seed(0)
    net = Net(**options).eval()
    for norm in (net.norm, net.second_norm):
        nn.init.uniform_(norm.weight, 0.5, 2)
        nn.init.uniform_(norm.bias, 0.1, 1)
        norm.running_var.uniform_(0.5, 2)
    return net


def found(module, **options):
    given = {"boundary": "logits_full", "device": CPU} | options
    return {each.name: each for each in findings_of(module, SIZE, **given)}


def folded(net):
    """A copy whose batch norms are folded in."""
    fold = torch.nn.utils.fuse_conv_bn_eval
    net = copy.deepcopy(net)
    net.first, net.norm = fold(net.first, net.norm), nn.Identity()
    net.second, net.second_norm = fold(net.second, net.second_norm), nn.Identity()
    return net
