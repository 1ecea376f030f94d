"""The papers' networks, their rivals, and small relatives of them for a machine without a GPU."""

from __future__ import annotations

from dataclasses import replace

from harness import Architecture, Part, networks

BISENETV1_XCEPTION39 = Architecture(
    detail="spatial_path",
    semantic="xception39",
    context="arm",
    fusion=Part("ffm", width=256),
    head=Part("seg", width=64),
    aux_heads="v1",
)
"""BiSeNet V1 on Xception39, as its author's code has it; the paper gives no channels."""

BISENETV1_RESNET18 = replace(
    BISENETV1_XCEPTION39, semantic="resnet18", aux_heads=Part("v1", width=256)
)
"""BiSeNet V1 on ResNet-18, as its author's code has it."""

BISENETV1_RESNET101 = replace(BISENETV1_RESNET18, semantic="resnet101", head=Part("seg", width=256))
"""BiSeNet V1 on ResNet-101, with the usual stem of a ResNet; the author's has three 3x3 layers."""

BISENETV2 = Architecture(
    detail="detail_branch",
    semantic="semantic_branch",
    context="context_embedding",
    fusion="bga",
    head=Part("seg", width=256),
    aux_heads="every_stage",
)
"""BiSeNet V2 (V2, Table 1 and figures 3 to 7), with the booster heads of Table 4's best row.

The width of the head, C_t, stands in no table. Everything before it costs 17.80 GMACs of the
published 21.15 at 512x1024, and no usual width makes up the rest; 256 comes nearest (20.26).
"""

BISENETV2_LARGE = replace(
    BISENETV2,
    detail=Part("detail_branch", width=128),
    semantic=Part("semantic_branch", width=128, depth=3),
)
"""BiSeNet V2-Large: alpha = 2 and d = 3 (V2, Table 6)."""

BISENETV2_SMALL = Architecture(
    detail=Part("detail_branch", width=16),
    semantic=Part("semantic_branch", width=16),
    context="context_embedding",
    fusion="bga",
    head=Part("seg", width=32),
    aux_heads=Part("every_stage", width=16),
)
"""BiSeNet V2 at a quarter of its width: a sixteenth of the cost, to train on one CPU core.

No paper has it. Both paths end in 32 channels, and the stem has 4.
"""


def whole(
    semantic: str | Part, head: str | Part = "classifier", *aux: str, width: int = 64
) -> Architecture:
    """A network that is not two-path: one semantic part, a head, heads of a width at some taps."""
    names = tuple(f"semantic.{tap}" for tap in aux)
    aux_heads = Part("by_name", names=names, width=width) if aux else "none"
    return Architecture(detail="none", semantic=semantic, head=head, aux_heads=aux_heads)


FCN32S = whole("fcn32s")
"""FCN-32s on VGG16 (Long et al., CVPR 2015)."""

SEGNET = whole("segnet", Part("classifier", kernel=3))
"""SegNet on VGG16 (Badrinarayanan et al., TPAMI 2017)."""

ENET = whole("enet", "transposed")
"""ENet (Paszke et al., 2016)."""

UNET = whole("unet")
"""U-Net (Ronneberger et al., MICCAI 2015), padded so that sizes stay."""

ICNET = whole("icnet", "classifier", "stage4", "stage3", width=128)
"""ICNet on PSPNet50 (Zhao et al., ECCV 2018), after its compression to half the channels."""

DFANET_A = whole("dfanet")
"""DFANet A (Li et al., CVPR 2019)."""

FAST_SCNN = whole("fast_scnn", "classifier", "stage3", "stage5", width=128)
"""Fast-SCNN (Poudel et al., BMVC 2019)."""

STDC1 = whole("stdc", Part("seg", width=256), "arm4", "arm5")
"""STDC1-Seg (Fan et al., CVPR 2021), without the training-only head for the edges of labels."""

STDC2 = replace(STDC1, semantic=Part("stdc", depth=2))
"""STDC2-Seg (Fan et al., CVPR 2021)."""

DDRNET23_SLIM = whole("ddrnet", Part("seg", width=64), "stage3")
"""DDRNet-23-slim (Hong et al., 2021)."""

PIDNET_S = whole("pidnet", Part("seg", width=128), "branch_p", width=128)
"""PIDNet-S (Xu et al., CVPR 2023), without the boundary head and its loss."""

PP_LITESEG_T = whole("pp_liteseg", Part("seg", width=32), "fused4", "fused5")
"""PP-LiteSeg-T (Peng et al., 2022)."""

RIVALS = {
    "fcn32s": FCN32S,
    "segnet": SEGNET,
    "enet": ENET,
    "unet": UNET,
    "icnet": ICNET,
    "dfanet_a": DFANET_A,
    "fast_scnn": FAST_SCNN,
    "stdc1": STDC1,
    "stdc2": STDC2,
    "ddrnet23_slim": DDRNET23_SLIM,
    "pidnet_s": PIDNET_S,
    "pp_liteseg_t": PP_LITESEG_T,
}
"""The whole networks, which are not two-path, by the names that commands know them by."""

networks.register("bisenetv1_xception39", BISENETV1_XCEPTION39)
networks.register("bisenetv1_resnet18", BISENETV1_RESNET18)
networks.register("bisenetv1_resnet101", BISENETV1_RESNET101)
networks.register("bisenetv2", BISENETV2)
networks.register("bisenetv2_large", BISENETV2_LARGE)
networks.register("bisenetv2_small", BISENETV2_SMALL)
for _name, _architecture in RIVALS.items():
    networks.register(_name, _architecture)
