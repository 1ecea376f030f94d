"""A data set, a network and a recipe so small that a step takes a millisecond."""

import numpy as np
import torch
from torch import nn

from harness.data.dataset import Dataset, LabelMap
from harness.network import Logits
from harness.study import Recipe

SIZE = (32, 32)


class Toy(Dataset):
    """Noise whose label, one of three, is told by its brightest channel.

    Image ``n`` of a split can be told by its corner pixel, which is (n, n, n).
    """

    label_map = LabelMap(name="toy-3", classes=("red", "green", "blue"))

    def __init__(self, *, train=5, val=3, size=SIZE, seed=0):
        self.size = size
        self.counts = {"train": train, "val": val}
        self.seed = seed

    def count(self, split):
        return self.counts[split]

    def load(self, split, index):
        rng = np.random.default_rng([self.seed, len(split), index])
        image = rng.integers(0, 256, (*self.size, 3), dtype=np.uint8)
        mask = image.argmax(axis=2).astype(np.uint8)
        image[0, 0] = index
        return image, mask

    def fingerprint(self):
        return f"toy {self.size} {self.counts} {self.seed}"


class Tiny(nn.Module):
    """A convolution, a batch norm, a dropout, a main head and an auxiliary one."""

    def __init__(self, *, width=4, dropout=0.2, aux=True):
        super().__init__()
        self.stem = nn.Sequential(
            nn.Conv2d(3, width, 3, padding=1), nn.BatchNorm2d(width), nn.ReLU(), nn.Dropout(dropout)
        )
        self.head = nn.Conv2d(width, 3, 1)
        self.aux_head = nn.Conv2d(width, 3, 1) if aux else None
        self.seen = []

    def forward(self, images):
        self.seen.append(images.detach().clone())
        feature = self.stem(images)
        return Logits(self.head(feature), {"stem": self.aux_head(feature)} if self.aux_head else {})


def tiny(seed=0, **options):
    """A Tiny whose weights are those of a seed."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return Tiny(**options)


def recipe(**changes):
    """Eight steps of two images."""
    quick = {"crop": SIZE, "steps": 8, "batch": 2, "lr": 0.1, "warmup_steps": 2, **changes}
    return Recipe(**quick)


def weights(network):
    """A copy of everything that a network holds."""
    return {name: each.clone() for name, each in network.state_dict().items()}


def same(one, other):
    """Whether two networks hold the same to the bit."""
    pairs = zip(one.items(), other.items(), strict=True)
    return all(a == b and torch.equal(x, y) for (a, x), (b, y) in pairs)
