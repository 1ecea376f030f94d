"""BiSeNet V2 (Yu et al., IJCV 2021, arXiv 2004.02147): its ablations, tables 2 to 6 as on arXiv.

Table 1 is the network itself (``studies.published``); tables 7 and 8 are in ``bisenetv2_results``.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from harness import Architecture, Part
from harness.papers import PaperTable, register
from studies.papers.printed import row, rows
from studies.published import BISENETV2, BISENETV2_LARGE

RESIZED = "2048x1024 resized to 1024x512 in the model; one scale, no sliding window"

ABLATION: dict[str, Any] = {
    "dataset": "Cityscapes val",
    "size": (1024, 2048),
    "counted_at": (512, 1024),
    "protocol": RESIZED,
}
"""What tables 2 to 6 share."""

COUNTED = (
    'GFLOPs are multiply-adds of the 512x1024 graph: the caption of Table 2 says "2048 x 1024", '
    "which is the image before the model resizes it."
)

BARE = replace(BISENETV2, aux_heads="none")
"""The network of tables 2 and 3: without boosters, which cost nothing when deployed."""

DETAIL_ONLY = replace(BARE, semantic="none", context="none", fusion="none")


def _semantic(**options: Any) -> Architecture:
    return replace(BARE, semantic=Part("semantic_branch", **options))


def _booster(first: str, last: str) -> Architecture:
    return replace(BISENETV2, aux_heads=Part("booster", first=first, last=last))


def _wider(alpha: float) -> Architecture:
    width = round(64 * alpha)
    return replace(
        BISENETV2,
        detail=Part("detail_branch", width=width),
        semantic=Part("semantic_branch", width=width),
    )


HEAD = (
    "The width of the head, C_t, stands in no table: ours is 256, which leaves all rows of the "
    "512x1024 graph about 1 GMAC short; steps between rows do not depend on it."
)

PARTS = register(
    PaperTable(
        name="bisenetv2:2",
        title="What each part brings",
        rows=rows(
            row("detail only", miou=62.35, gmacs=15.26),
            row("semantic only", miou=64.68, gmacs=7.63),
            row("sum", miou=68.60, gmacs=20.77),
            row("concat", miou=68.93, gmacs=21.98),
            row("bga", miou=69.67, gmacs=21.15),
            row("bga + booster", miou=73.19, gmacs=21.15),
            row("bga + booster + OHEM", miou=73.36, gmacs=21.15),
            source="BiSeNet V2, Table 2",
            **ABLATION,
        ),
        notes=(
            COUNTED,
            "The first two rows are counted with their segmentation head.",
            HEAD,
        ),
        ours={
            "detail only": DETAIL_ONLY,
            "semantic only": replace(BARE, detail="none", fusion="none"),
            "sum": replace(BARE, fusion="sum"),
            "concat": replace(BARE, fusion="concat"),
            "bga": BARE,
            "bga + booster": BISENETV2,
        },
        why={
            "semantic only": "the print leaves 3.27 GMACs for the head, as in rows that end at "
            "stride 8; ours reads the semantic feature at its stride of 32, where a head costs a "
            "sixteenth.",
            "detail only": "0.21 GMACs more lie between this row and bga than in print, and 0.15 "
            "more between sum or concat and bga; the paper draws none of the three.",
        },
        reference="bga",
    )
)

CHANNEL_RATIO = register(
    PaperTable(
        name="bisenetv2:3a",
        title="Channel ratio lambda of the semantic branch",
        rows=rows(
            row("detail only", miou=62.35, gmacs=15.26),
            row("lambda=1/2", miou=69.66, gmacs=25.84),
            row("lambda=1/4", miou=69.67, gmacs=21.15),
            row("lambda=1/8", miou=69.26, gmacs=19.93),
            row("lambda=1/16", miou=68.27, gmacs=19.61),
            source="BiSeNet V2, Table 3a",
            **ABLATION,
        ),
        notes=(
            COUNTED,
            "Lambda scales the first two stages alone: stages 4 and 5 keep 64 and 128 channels.",
            HEAD,
        ),
        ours={
            "detail only": DETAIL_ONLY,
            "lambda=1/2": _semantic(ratio=1 / 2),
            "lambda=1/4": BARE,
            "lambda=1/8": _semantic(ratio=1 / 8),
            "lambda=1/16": _semantic(ratio=1 / 16),
        },
        why={
            "lambda=1/2": "every step of lambda is 6 to 8 % larger than the printed one, for no "
            "reason known.",
        },
        reference="lambda=1/4",
    )
)

BLOCKS = register(
    PaperTable(
        name="bisenetv2:3b",
        title="Blocks of the semantic branch",
        rows=rows(
            row("whole", miou=69.67, gmacs=21.15),
            row("no context embedding", miou=69.01, gmacs=21.07),
            row("no double depth-wise", miou=68.98, gmacs=21.15),
            row("no gather layer", miou=66.62, gmacs=15.78),
            source="BiSeNet V2, Table 3b",
            **ABLATION,
        ),
        notes=(
            COUNTED,
            "Without the double depth-wise convolution (DDWConv), one of 5x5 stands for two of "
            "3x3 at stride 2; without the gather layer (GLayer), the first 3x3 of a GE layer is "
            "1x1.",
            "The caption counts its second and third row from below the rule.",
            "The last row saves 5.37 GMACs, of which the change that the caption describes "
            "explains 3.22.",
            HEAD,
        ),
        ours={
            "whole": BARE,
            "no context embedding": replace(BARE, context="none"),
            "no double depth-wise": _semantic(double_dwconv=False),
            "no gather layer": _semantic(gather_kernel=1),
        },
        why={
            "no gather layer": "replacing 3x3 by 1x1 saves 3.22 GMACs; no reading that we know "
            "saves 5.37.",
        },
        reference="whole",
    )
)

EXPANSION = register(
    PaperTable(
        name="bisenetv2:3c",
        title="Expansion ratio of the GE layer",
        rows=rows(
            row("detail only", miou=62.35, gmacs=15.26),
            row("expansion=1", miou=67.48, gmacs=17.78),
            row("expansion=2", miou=68.41, gmacs=18.45),
            row("expansion=4", miou=68.78, gmacs=19.8),
            row("expansion=6", miou=69.67, gmacs=21.15),
            row("expansion=8", miou=68.99, gmacs=22.49),
            source="BiSeNet V2, Table 3c",
            **ABLATION,
        ),
        notes=(
            COUNTED,
            "Figure 5 expands in the depth-wise convolution and the text in the 3x3 before it; "
            "0.67 GMACs a step are what the text's costs.",
            HEAD,
        ),
        ours={
            "detail only": DETAIL_ONLY,
            **{f"expansion={each}": _semantic(expansion=each) for each in (1, 2, 4, 6, 8)},
        },
        reference="expansion=6",
    )
)

BOOSTER = register(
    PaperTable(
        name="bisenetv2:4",
        title="Where the booster heads stand",
        rows=rows(
            row("no booster", miou=69.67),
            row("stages 2, 3, 4, 5_4, 5_5", miou=73.04),
            row("stages 2, 3, 4, 5_4", miou=73.19),
            row("stages 2, 3, 4", miou=71.62),
            row("stages 3, 4, 5_4, 5_5", miou=72.84),
            row("stages 4, 5_4, 5_5", miou=72.68),
            row("stages 5_4, 5_5", miou=72.03),
            row("stages 2, 3, 4, 5_4 + OHEM", miou=73.36),
            source="BiSeNet V2, Table 4",
            **ABLATION,
        ),
        notes=("5_4 is before the context embedding block, 5_5 is after it.",),
        ours={
            "no booster": BARE,
            "stages 2, 3, 4, 5_4, 5_5": _booster("stage2", "stage5_5"),
            "stages 2, 3, 4, 5_4": _booster("stage2", "stage5_4"),
            "stages 2, 3, 4": _booster("stage2", "stage4"),
            "stages 3, 4, 5_4, 5_5": _booster("stage3", "stage5_5"),
            "stages 4, 5_4, 5_5": _booster("stage4", "stage5_5"),
            "stages 5_4, 5_5": _booster("stage5_4", "stage5_5"),
        },
    )
)

ONE_TABLE = "The paper prints width and depth as one table."

WIDTH = register(
    PaperTable(
        name="bisenetv2:5-width",
        title="Wider models",
        rows=rows(
            row("alpha=1", miou=73.36),
            row("alpha=1.25", miou=73.61),
            row("alpha=1.5", miou=74.67),
            row("alpha=1.75", miou=74.04),
            row("alpha=2", miou=75.11),
            source="BiSeNet V2, Table 5",
            **ABLATION,
        ),
        notes=(ONE_TABLE, "Alpha multiplies the channels of both paths; our head stays as it is."),
        ours={f"alpha={each:g}": _wider(each) for each in (1, 1.25, 1.5, 1.75, 2)},
        reference="alpha=1",
    )
)

DEPTH = register(
    PaperTable(
        name="bisenetv2:5-depth",
        title="Deeper models",
        rows=rows(
            row("d=1", miou=73.36),
            row("d=2", miou=74.10),
            row("d=3", miou=74.28),
            row("d=4", miou=74.02),
            source="BiSeNet V2, Table 5",
            **ABLATION,
        ),
        notes=(
            ONE_TABLE,
            "d multiplies the GE layers of each stage (2d, 2d, 4d), the added ones at stride 1.",
        ),
        ours={
            f"d={each}": replace(BISENETV2, semantic=Part("semantic_branch", depth=each))
            for each in (1, 2, 3, 4)
        },
        reference="d=1",
    )
)

BACKBONES = register(
    PaperTable(
        name="bisenetv2:6",
        title="Other networks as the semantic branch",
        rows=(
            *rows(
                row("ShuffleNetV2 1.5x", miou=74.07),
                row("MobileNetV2", miou=72.95),
                row("ResNet-18", miou=75.22),
                source="BiSeNet V2, Table 6",
                **(ABLATION | {"protocol": f"{RESIZED}; pretrained on ImageNet"}),
            ),
            *rows(
                row("BiSeNetV2", miou=73.36),
                row("BiSeNetV2-L", miou=75.80),
                source="BiSeNet V2, Table 6",
                **(ABLATION | {"protocol": f"{RESIZED}; from scratch"}),
            ),
        ),
        notes=(
            "BiSeNetV2 is alpha=1, d=1 and BiSeNetV2-L is alpha=2, d=3.",
            "Where the paper cuts a backbone and whether context embedding follows is not said; "
            "ours ends before the last 1x1 convolution, and it follows.",
        ),
        ours={
            "ShuffleNetV2 1.5x": replace(BISENETV2, semantic=Part("shufflenet_v2", scale=1.5)),
            "MobileNetV2": replace(BISENETV2, semantic="mobilenet_v2"),
            "ResNet-18": replace(BISENETV2, semantic="resnet18"),
            "BiSeNetV2": BISENETV2,
            "BiSeNetV2-L": BISENETV2_LARGE,
        },
    )
)
