"""A training loop in plain PyTorch, as a careful user writes one: what ours is compared with.

It shares with ours the network, the decoded frames and the augmentation, and nothing else.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.optim.lr_scheduler import LambdaLR
from torch.utils.data import DataLoader, Dataset

from harness.data.augment import MEAN, STD, cut, place
from harness.data.frames import Frames
from harness.study import Recipe

IGNORE = 255
WORKERS = 4


class Crops(Dataset):
    """The images and masks of a split, each augmented anew whenever it is asked for."""

    def __init__(self, frames: Frames, recipe: Recipe) -> None:
        self.frames, self.recipe = frames, recipe

    def __len__(self) -> int:
        return len(self.frames)

    def __getitem__(self, index: int) -> tuple[Tensor, Tensor]:
        recipe = self.recipe
        rng = np.random.default_rng(int(torch.randint(2**31, ())))
        where = place(
            rng, self.frames.size, crop=recipe.crop, scales=recipe.scales, flip=recipe.flip
        )
        image, mask = cut(self.frames.packed(index), where)
        return torch.from_numpy(image.copy()), torch.from_numpy(mask.copy())


def train(
    network: nn.Module,
    frames: Frames,
    recipe: Recipe,
    device: torch.device,
    after: Callable[[int], None] = lambda step: None,
) -> list[float]:
    """Trains a network in place by SGD; gives the loss of each step, read at the end."""
    network.to(device, memory_format=torch.channels_last).train()
    optimizer = sgd(network, recipe)
    schedule = LambdaLR(optimizer, lambda step: factor(step, recipe))
    feed = endless(loader(frames, recipe, device))
    mean = torch.tensor(MEAN, device=device).view(1, 3, 1, 1)
    std = torch.tensor(STD, device=device).view(1, 3, 1, 1)
    losses = []
    for step in range(recipe.steps):
        images, masks = (each.to(device, non_blocking=True) for each in next(feed))
        images = (images.permute(0, 3, 1, 2).float() / 255 - mean) / std
        optimizer.zero_grad(set_to_none=True)
        with torch.autocast(device.type, torch.bfloat16, enabled=bool(recipe.amp)):
            logits = network(images)
        loss = criterion(logits, masks.long(), recipe.aux_weight)
        loss.backward()
        optimizer.step()
        schedule.step()
        losses.append(loss.detach())
        after(step + 1)
    return torch.stack(losses).tolist()


def loader(frames: Frames, recipe: Recipe, device: torch.device) -> DataLoader:
    """Whole batches in a new order each epoch; by worker processes where a GPU does the rest."""
    cuda = device.type == "cuda"
    return DataLoader(
        Crops(frames, recipe),
        recipe.batch,
        shuffle=True,
        drop_last=True,
        num_workers=WORKERS if cuda else 0,
        pin_memory=cuda,
        persistent_workers=cuda,
    )


def endless(batches: DataLoader) -> Iterator[list[Tensor]]:
    """Epoch after epoch."""
    while True:
        yield from batches


def criterion(logits: object, labels: Tensor, aux_weight: float) -> Tensor:
    """Cross-entropy of the main logits plus that of the auxiliary ones."""
    loss = functional.cross_entropy(logits.main.float(), labels, ignore_index=IGNORE)
    for aux in logits.aux.values():
        loss = loss + aux_weight * functional.cross_entropy(
            aux.float(), labels, ignore_index=IGNORE
        )
    return loss


def sgd(network: nn.Module, recipe: Recipe) -> torch.optim.SGD:
    """SGD with momentum; weights of convolutions decay, all else does not."""
    weights = {
        id(each.weight) for each in network.modules() if isinstance(each, (nn.Conv2d, nn.Linear))
    }
    decayed = [each for each in network.parameters() if id(each) in weights]
    others = [each for each in network.parameters() if id(each) not in weights]
    groups = [{"params": decayed, "weight_decay": recipe.weight_decay}, {"params": others}]
    return torch.optim.SGD(groups, recipe.lr, momentum=recipe.momentum)


def factor(step: int, recipe: Recipe) -> float:
    """Linear warm-up, then the poly rule; a step past the last has no rate left."""
    left = max(0.0, 1 - step / recipe.steps)
    return min(1.0, (step + 1) / max(1, recipe.warmup_steps)) * left**recipe.power


def ohem(logits: Tensor, labels: Tensor, class_weights: Tensor | None = None) -> Tensor:
    """OHEM as it is commonly written: sort, look at one value on the host, index by it."""
    each = functional.cross_entropy(
        logits.float(), labels, weight=class_weights, ignore_index=IGNORE, reduction="none"
    )
    hardest, _ = each.flatten().sort(descending=True)
    least, bar = labels.numel() // 16, -math.log(0.7)
    if hardest[least] > bar:  # the host waits for the device here
        return hardest[hardest > bar].mean()
    return hardest[:least].mean()
