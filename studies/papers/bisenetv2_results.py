"""BiSeNet V2 (Yu et al., IJCV 2021, arXiv 2004.02147): its results, tables 7 and 8 as on arXiv.

Table 9 (COCO-Stuff) is not here. What the paper calls "Ours" is BiSeNetV2 here. Device and the
whole protocol stand in its own rows only.
"""

from __future__ import annotations

from harness.papers import PaperTable, Published, register
from studies.papers.bisenetv2 import RESIZED
from studies.papers.printed import Line, row, rows, rows_by_split
from studies.published import (
    BISENETV1_RESNET18,
    BISENETV1_XCEPTION39,
    BISENETV2,
    BISENETV2_LARGE,
    DFANET_A,
    ENET,
    FAST_SCNN,
    ICNET,
    SEGNET,
)

TIMED = "TensorRT 5.1.5, FP32"


def _at_gamma(*lines: Line) -> tuple[Published, ...]:
    """The other networks of Table 7; gamma is the share of 2048x1024 that a network sees."""
    return tuple(
        each
        for label, printed in lines
        for each in rows_by_split(
            row(label, **{name: value for name, value in printed.items() if name != "gamma"}),
            source="BiSeNet V2, Table 7",
            protocol=f"gamma {printed['gamma']}",
        )
    )


NETWORKS = {
    "BiSeNetV1 (Xception39)": BISENETV1_XCEPTION39,
    "BiSeNetV1 (ResNet18)": BISENETV1_RESNET18,
    "BiSeNetV2": BISENETV2,
    "BiSeNetV2-L": BISENETV2_LARGE,
    "ENet": ENET,
    "ICNet (PSPNet50)": ICNET,
    "DFANet A (Xception A)": DFANET_A,
}

CITYSCAPES = register(
    PaperTable(
        name="bisenetv2:7",
        title="Cityscapes",
        rows=(
            *_at_gamma(
                row("CRF-RNN* (VGG16)", gamma=0.5, test=62.5, fps=1.4),
                row("DeepLab* (VGG16)", gamma=0.5, test=63.1, fps=0.25),
                row("FCN-8S* (VGG16)", gamma=1.0, test=65.3, fps=2),
                row("Dilation10 (VGG16)", gamma=1.0, val=68.7, test=67.1, fps=0.25),
                row("LRR (VGG16)", gamma=1.0, val=70.0, test=69.7),
                row("Deeplabv2 (ResNet101)", gamma=1.0, val=71.4, test=70.4),
                row("FRRN", gamma=0.5, test=71.8, fps=2.1),
                row("RefineNet (ResNet101)", gamma=1.0, test=73.6),
                row("DUC (ResNet101)", gamma=1.0, val=76.7, test=76.1),
                row("PSPNet (ResNet101)", gamma=1.0, test=78.4, fps=0.78),
                # The paper's rule: large models above, small ones below.
                row("ENet", gamma=0.5, test=58.3, fps=76.9),
                row("SQ (SqueezeNet)", gamma=1.0, test=59.8, fps=16.7),
                row("ESPNet (ESPNet)", gamma=0.5, test=60.3, fps=112.9),
                row("ESPNetV2 (ESPNetV2)", gamma=0.5, val=66.4, test=66.2),
                row("ERFNet", gamma=0.5, val=70.0, test=68.0, fps=41.7),
                row("Fast-SCNN", gamma=1.0, val=68.6, test=68.0, fps=123.5),
                row("ICNet (PSPNet50)", gamma=1.0, test=69.5, fps=30.3),
                row("DABNet", gamma=1.0, test=70.1, fps=27.7),
                row("DFANet B (Xception B)", gamma=0.5, test=67.1, fps=120),
                row("DFANet A' (Xception A)", gamma=0.5, test=70.3, fps=160),
                row("DFANet A (Xception A)", gamma=0.5, test=71.3, fps=100),
                row("GUN (DRN-D-22)", gamma=0.5, val=69.6, test=70.4, fps=33.3),
                row("SwiftNet (ResNet18)", gamma=1.0, val=75.4, test=75.5, fps=39.9),
                row("BiSeNetV1 (Xception39)", gamma=0.75, val=69.0, test=68.4, fps=105.8),
                row("BiSeNetV1 (ResNet18)", gamma=0.75, val=74.8, test=74.7, fps=65.5),
            ),
            *rows_by_split(
                row("BiSeNetV2", val=73.4, test=72.6, fps=156),
                row("BiSeNetV2-L", val=75.8, test=75.3, fps=47.3),
                source="BiSeNet V2, Table 7",
                size=(1024, 2048),
                device="GTX 1080 Ti",
                protocol=f"{RESIZED}; {TIMED}; resize time included",
            ),
        ),
        notes=(
            "Each FPS stands in the val and in the test row of its network.",
            "Gamma is the share of 2048x1024, in height and in width, that a network sees.",
            "The caption names one GTX 1080 Ti, but the FPS of ICNet and BiSeNetV1 are those of "
            "V1's Table 6, on a Titan XP, so other networks' rows name no device here.",
            "The asterisks in labels are the paper's; it also marks the gamma of DFANet A and B, "
            "which see 1024x1024.",
            "DUC is on ResNet101 here, and on Res152 with the same figures in Table 7 of V1.",
        ),
        ours={**NETWORKS, "Fast-SCNN": FAST_SCNN},
    )
)

CAMVID = register(
    PaperTable(
        name="bisenetv2:8",
        title="CamVid",
        rows=(
            *rows(
                row("SegNet (VGG16)", miou=60.1, fps=4.6),
                row("DPN (VGG16)", miou=60.1, fps=1.2),
                row("Deeplab (VGG16)", miou=61.6, fps=4.9),
                row("RTA (VGG16)", miou=62.5, fps=0.2),
                row("Dilation8 (VGG16)", miou=65.3, fps=4.4),
                row("PSPNet (ResNet50)", miou=69.1, fps=5.4),
                row("DenseDecoder (ResNeXt101)", miou=70.9),
                row("VideoGCRF* (ResNet101)", miou=75.2),
                row("ENet", miou=51.3, fps=61.2),
                row("DFANet B (Xception B)", miou=59.3, fps=160),
                row("DFANet A (Xception A)", miou=64.7, fps=120),
                row("ICNet (PSPNet50)", miou=67.1, fps=27.8),
                row("SwiftNet (ResNet18, dagger)", miou=63.33),
                row("SwiftNet (ResNet18)", miou=72.58),
                row("BiSeNetV1 (Xception39)", miou=65.6, fps=175),
                row("BiSeNetV1 (ResNet18)", miou=68.7, fps=116.25),
                source="BiSeNet V2, Table 8",
                dataset="CamVid test",
                size=(720, 960),
            ),
            *rows(
                row("BiSeNetV2", miou=72.4, fps=124.5),
                row("BiSeNetV2-L", miou=73.2, fps=32.7),
                row("BiSeNetV2*", miou=76.7, fps=124.5),
                row("BiSeNetV2-L*", miou=78.5, fps=32.7),
                source="BiSeNet V2, Table 8",
                dataset="CamVid test",
                size=(720, 960),
                device="GTX 1080 Ti",
                protocol=f"960x720, one scale, no sliding window; {TIMED}",
            ),
        ),
        notes=(
            "Asterisks and the dagger are the paper's; BiSeNetV2's asterisk is read as "
            "pre-training on Cityscapes.",
            "SegNet has 60.1 here and 55.6 in V1's Table 8, and V1 prints no FPS on CamVid.",
        ),
        ours={**NETWORKS, "SegNet (VGG16)": SEGNET},
    )
)
