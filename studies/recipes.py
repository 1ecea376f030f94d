"""The recipes of both papers, field by field with the source; SILENT where a paper says nothing."""

from __future__ import annotations

from dataclasses import replace

from harness import Part, Recipe

V1_AUTHOR_CODE = Recipe(
    dataset=Part("cityscapes", size=(1024, 2048)),  # config: the images as they are
    crop=(1024, 1024),  # config; the ".speed" ones have (768, 1536), with labels at 1/8
    steps=80_000,  # config of ResNet-18 and 101; Xception39 has 140,000
    batch=16,  # config
    optimizer="sgd",  # train.py
    lr=1e-2,  # config; V1 itself says 2.5e-2
    momentum=0.9,  # config
    weight_decay=5e-4,  # config; V1 itself says 1e-4
    decay="conv",  # train.py: weights of convolutions and linear layers
    new_layers_lr=10.0,  # train.py: all but the backbone learn ten times as fast
    schedule="poly",  # train.py
    power=0.9,  # config
    warmup_steps=0,  # train.py: none
    scales=(0.75, 1.0, 1.25, 1.5, 1.75, 2.0),  # config; "X39.speed" has 0.5 to 1.75
    flip=True,  # dataloader.py
    color_jitter=None,  # dataloader.py: none
    loss="ohem",  # train.py: threshold 0.7, at least pixels/16 kept, auxiliary losses too
    class_weights=None,  # train.py
    aux_weight=1.0,  # network.py: the sum of the losses
    clip_norm=None,  # train.py: none
    ema=None,  # train.py: none
    accumulate=1,  # train.py: none
    amp=False,  # train.py: float32
)
"""The first author's code for V1 (yu-changqian/TorchSeg), which differs from the paper.

Run on several devices, it multiplies ``lr`` by their number, sees all 16 images in one batch norm
and keeps 1 in 16 pixels of each device; ours is one device.
"""

V1_PAPER = Recipe(
    dataset=Part("cityscapes", size=(1024, 2048)),  # section 4; at 3/4 for Table 6
    crop=(1024, 1024),  # section 4, for Table 7; "a fix size" elsewhere
    steps=V1_AUTHOR_CODE.steps,  # SILENT: as the author's code
    batch=16,  # section 4
    optimizer="sgd",  # section 4
    lr=2.5e-2,  # section 4
    momentum=0.9,  # section 4
    weight_decay=1e-4,  # section 4
    decay="conv",  # SILENT: as the author's code
    new_layers_lr=1.0,  # SILENT: one rate is given, so one it is; the author's code has 10
    schedule="poly",  # section 4
    power=0.9,  # section 4
    warmup_steps=0,  # SILENT: as the author's code
    scales=(0.75, 1.0, 1.5, 1.75, 2.0),  # section 4, without 1.25
    flip=True,  # section 4
    color_jitter=None,  # SILENT: not among what section 4 lists
    loss="ce",  # section 3; section 4 has online bootstrapping, "ohem", for Table 6
    class_weights=None,  # SILENT: none
    aux_weight=1.0,  # section 3: alpha = 1
    clip_norm=None,  # SILENT: none
    ema=None,  # SILENT: none
    accumulate=1,  # SILENT: none
    amp=False,  # SILENT: float32
)
"""BiSeNet V1, sections 3 and 4, for its accuracy on Cityscapes (Table 7)."""

V2_PAPER = Recipe(
    dataset=Part("cityscapes", size=(512, 1024)),  # section 5: 2048x1024 resized in the model
    crop=(512, 1024),  # 1024x2048 of a scaled image, resized to 512x1024: the same cut at 1/2
    steps=150_000,  # section 5; CamVid 10,000, COCO-Stuff 20,000
    batch=16,  # section 5
    optimizer="sgd",  # section 5
    lr=5e-2,  # section 5
    momentum=0.9,  # section 5
    weight_decay=5e-4,  # section 5, CamVid too; COCO-Stuff 1e-4
    decay="conv",  # section 5: "only on the convolution layer parameters"
    new_layers_lr=1.0,  # section 5: one rate, trained from scratch
    schedule="poly",  # section 5
    power=0.9,  # section 5
    warmup_steps=0,  # SILENT: none
    scales=(0.75, 1.0, 1.25, 1.5, 1.75, 2.0),  # section 5
    flip=True,  # section 5
    color_jitter=None,  # SILENT: not among what section 5 lists
    loss="ohem",  # Table 2, last row, without its numbers: as V1's author has them
    class_weights=None,  # SILENT: none
    aux_weight=1.0,  # SILENT: as V1
    clip_norm=None,  # SILENT: none
    ema=None,  # SILENT: none
    accumulate=1,  # SILENT: none
    amp=False,  # SILENT: float32
)
"""BiSeNet V2, section 5, on Cityscapes; rows of its tables without OHEM have ``loss="ce"``."""

V2_CAMVID = replace(V2_PAPER, dataset="camvid", crop=(360, 480), steps=10_000)
"""V2 on CamVid, at 480x360, half of the paper's 960x720: those are the images we have."""
