"""BiSeNet V1 (Yu et al., ECCV 2018): its nine tables.

What the paper calls "Ours" is BiSeNetV1 here. Of other networks' rows, which may repeat figures of
their own papers, size and device are said in Table 5 alone.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from harness import Architecture, Part
from harness.papers import PaperTable, Published, register
from studies.papers.printed import row, rows, rows_by_split, share
from studies.published import (
    BISENETV1_RESNET18,
    BISENETV1_RESNET101,
    BISENETV1_XCEPTION39,
    ENET,
    ICNET,
    SEGNET,
    whole,
)

VAL = "Cityscapes val"
SPEED_SIZES = ((360, 640), (720, 1280), (1080, 1920))
"""Table 2 and Table 5, in the order of their columns."""

PARAMETERS = (
    'The column "Parameters" mixes units: "M" is a million weights in the rows of SegNet and ENet, '
    "and a mebibyte of float32 weights in those of BiSeNetV1, whose Xception39 network has 1.54 "
    "million weights in the author's code."
)
MULTIPLY_ADDS = '"FLOPS" are multiply-adds, one multiplication with its addition counting once.'


def _speeds(
    table: int, label: str, device: str, *pairs: tuple[float, float]
) -> tuple[Published, ...]:
    """The milliseconds and FPS of a line, one row for each of ``SPEED_SIZES``."""
    return tuple(
        Published(
            label=label,
            source=f"BiSeNet V1, Table {table}",
            dataset="",
            size=size,
            device=device,
            figures={"latency_ms": latency_ms, "fps": fps},
        )
        for size, (latency_ms, fps) in zip(SPEED_SIZES, pairs, strict=True)
    )


def _u_shape(to_stride: int) -> Architecture:
    """The context path alone, brought up to a stride by the decoder of Table 2."""
    return replace(
        BISENETV1_XCEPTION39,
        detail="none",
        context=Part("u_shape", to_stride=to_stride),
        fusion="none",
        aux_heads="none",
    )


def _components(*, arm: bool, global_pool: bool) -> Architecture:
    context = Part("arm", arm=arm, global_pool=global_pool)
    return replace(BISENETV1_XCEPTION39, context=context)


CP = _u_shape(8)

BASELINE = register(
    PaperTable(
        name="bisenetv1:1",
        title="The backbones under FCN-32s",
        rows=rows(
            row("FCN-32s (Xception39)", gmacs=0.1855, weights_mib=1.2, miou=60.78),  # "185.5M"
            row("FCN-32s (Res18)", gmacs=8.3, weights_mib=42.7, miou=61.58),
            source="BiSeNet V1, Table 1",
            dataset=VAL,
            counted_at=(360, 640),
        ),
        notes=(
            MULTIPLY_ADDS,
            'Both "Parameters" are mebibytes of float32 weights, though printed as "M".',
            "The text (section 4.2) gives the Xception39 row 60.79, the table 60.78.",
        ),
        ours={
            "FCN-32s (Xception39)": whole("xception39"),
            "FCN-32s (Res18)": whole("resnet18"),
        },
        why={
            "FCN-32s (Res18)": "the backbone alone has 8.50 GMACs; the paper does not describe its "
            "head.",
        },
    )
)

U_SHAPE = register(
    PaperTable(
        name="bisenetv1:2",
        title="U-shape decoders on Xception39",
        rows=(
            *_speeds(2, "U-shape-8s", "Titan XP", (3, 413.7), (6, 189.8), (12, 86.7)),
            *_speeds(2, "U-shape-4s", "Titan XP", (4, 322.9), (9, 114), (17, 61.1)),
            *rows(
                row("U-shape-8s", miou=66.01),
                row("U-shape-4s", miou=66.13),
                source="BiSeNet V1, Table 2",
                dataset=VAL,
            ),
        ),
        notes=(
            "Milliseconds are rounded up to whole ones here, and to the nearest in Table 5.",
            "The one mIoU of a method belongs to none of its three sizes.",
        ),
        ours={"U-shape-8s": CP, "U-shape-4s": _u_shape(4)},
    )
)

COMPONENTS = register(
    PaperTable(
        name="bisenetv1:3",
        title="What each component brings (Xception39)",
        rows=rows(
            row("CP", miou=66.01),
            row("CP + SP (sum)", miou=66.82),
            row("CP + SP (FFM)", miou=67.42),
            row("CP + SP (FFM) + GP", miou=68.42),
            row("CP + SP (FFM) + ARM", miou=68.72),
            row("CP + SP (FFM) + GP + ARM", miou=71.40),
            source="BiSeNet V1, Table 3",
            dataset=VAL,
        ),
        notes=(
            "CP and SP are the context and the spatial path, GP the global pooling that ends CP.",
            "CP alone is the U-shape-8s of Table 2.",
        ),
        ours={
            "CP": CP,
            "CP + SP (sum)": replace(_components(arm=False, global_pool=False), fusion="sum"),
            "CP + SP (FFM)": _components(arm=False, global_pool=False),
            "CP + SP (FFM) + GP": _components(arm=False, global_pool=True),
            "CP + SP (FFM) + ARM": _components(arm=True, global_pool=False),
            "CP + SP (FFM) + GP + ARM": BISENETV1_XCEPTION39,
        },
        reference="CP",
    )
)

NETWORKS = {
    "BiSeNetV1 (Xception39)": BISENETV1_XCEPTION39,
    "BiSeNetV1 (Res18)": BISENETV1_RESNET18,
}
"""The two networks of tables 4 to 9."""

COST = register(
    PaperTable(
        name="bisenetv1:4",
        title="Multiply-adds and parameters",
        rows=rows(
            row("SegNet (VGG16)", gmacs=286.0, params=29.5e6),
            row("ENet", gmacs=3.8, params=0.4e6),
            row("BiSeNetV1 (Xception39)", gmacs=2.9, weights_mib=5.8),
            row("BiSeNetV1 (Res18)", gmacs=10.8, weights_mib=49.0),
            source="BiSeNet V1, Table 4",
            dataset="",
            counted_at=(360, 640),
        ),
        notes=(
            MULTIPLY_ADDS,
            PARAMETERS,
            "The paper's caption is a copy of Table 1's and says nothing of these networks.",
        ),
        ours={
            "SegNet (VGG16)": SEGNET,
            "ENet": ENET,
            **NETWORKS,
        },
        why={
            "SegNet (VGG16)": "the print is twice our multiply-adds: this row counts two "
            "operations for each, unlike those of BiSeNetV1.",
            "ENet": "the print is about twice our multiply-adds, as SegNet's is.",
            "BiSeNetV1 (Xception39)": "ours is the author's code, 3.07 GMACs; the head behind the "
            "table is not known.",
            "BiSeNetV1 (Res18)": "ours is the author's code, 11.58 GMACs; the head behind the "
            "table is not known.",
        },
    )
)

SPEED = register(
    PaperTable(
        name="bisenetv1:5",
        title="Speed on two cards",
        rows=(
            *_speeds(5, "SegNet", "Titan X", (69, 14.6), (289, 3.5), (637, 1.6)),
            *_speeds(5, "ENet", "Titan X", (7, 135.4), (21, 46.8), (46, 21.6)),
            *_speeds(5, "BiSeNetV1 (Xception39)", "Titan X", (5, 203.5), (12, 82.3), (24, 41.4)),
            *_speeds(5, "BiSeNetV1 (Res18)", "Titan X", (8, 129.4), (21, 47.9), (43, 23)),
            *_speeds(5, "BiSeNetV1 (Xception39)", "Titan XP", (4, 285.2), (8, 124.1), (18, 57.3)),
            *_speeds(5, "BiSeNetV1 (Res18)", "Titan XP", (5, 205.7), (13, 78.8), (29, 34.4)),
        ),
        notes=(
            "57.3 FPS (Xception39, Titan XP, 1920x1080) are 17.5 ms, a little less than would "
            "round to the printed 18.",
        ),
        ours={"SegNet": SEGNET, "ENet": ENET, **NETWORKS},
    )
)

RESIZED = "2048x1024 resized to 1536x768 for accuracy and speed; one scale, no crops"

REAL_TIME = register(
    PaperTable(
        name="bisenetv1:6",
        title="Cityscapes, accuracy and speed",
        rows=(
            *rows_by_split(
                row("SegNet (VGG16)", test=56.1),
                row("ENet", test=58.3),
                row("SQ (SqueezeNet)", test=59.8),
                row("ICNet (PSPNet50)", val=67.7, test=69.5, fps=30.3),
                row("DLC (Inception-ResNet-v2)", test=71.1),
                row("Two-column Net (Res50)", val=74.6, test=72.9, fps=14.7),
                source="BiSeNet V1, Table 6",
            ),
            *rows_by_split(
                row("BiSeNetV1 (Xception39)", val=69.0, test=68.4, fps=105.8),
                row("BiSeNetV1 (Res18)", val=74.8, test=74.7, fps=65.5),
                source="BiSeNet V1, Table 6",
                size=(1024, 2048),
                device="Titan XP",
                protocol=RESIZED,
            ),
        ),
        notes=(
            "Each FPS stands in the val and in the test row of its network.",
            "The abstract rounds 105.8 FPS to 105 and calls the input 2048x1024, though the "
            "network sees 1536x768.",
        ),
        ours={"SegNet (VGG16)": SEGNET, "ENet": ENET, "ICNet (PSPNet50)": ICNET, **NETWORKS},
    )
)

ACCURACY = register(
    PaperTable(
        name="bisenetv1:7",
        title="Cityscapes, accuracy alone",
        rows=(
            *rows_by_split(
                row("DeepLab (VGG16)", test=63.1),
                row("FCN-8s (VGG16)", test=65.3),
                row("Adelaide (VGG16)", test=66.4),
                row("Dilation10 (VGG16)", val=68.7, test=67.1),
                row("LRR (VGG16)", val=70.0, test=69.7),
                row("DeepLab-v2+CRF (Res101)", val=71.4, test=70.4),
                row("RefineNet (Res101)", test=73.6),
                row("DUC (Res152)", val=76.7, test=76.1),
                row("PSPNet (Res101)", test=78.4),
                source="BiSeNet V1, Table 7",
            ),
            *rows_by_split(
                row("BiSeNetV1 (Xception39)", val=72.0, test=71.4),
                row("BiSeNetV1 (Res18)", val=78.6, test=77.7),
                row("BiSeNetV1 (Res101)", val=80.3, test=78.9),
                source="BiSeNet V1, Table 7",
                size=(1024, 2048),
                protocol="several scales and flipped (val: author's README); trained on 1024x1024",
            ),
        ),
        notes=(
            "The paper does not say how these rows were tested: several scales and flipping stand "
            "in the author's README, which gives val at one scale 70.1 (Xception39) and 76.21 "
            "(Res18), and says nothing of test.",
            "DUC is on Res152 here, and on ResNet101 with the same figures in Table 7 of V2.",
        ),
        ours={**NETWORKS, "BiSeNetV1 (Res101)": BISENETV1_RESNET101},
    )
)

CAMVID_CLASSES = (
    "building",
    "tree",
    "sky",
    "car",
    "sign",
    "road",
    "pedestrian",
    "fence",
    "pole",
    "sidewalk",
    "bicyclist",
)
NOT_IOU = "Printed as IoU, but their mean is far from the printed mIoU: another measure, it seems."


def _camvid(label: str, *iou: float, miou: float | None = None, **more: Any) -> Published:
    return Published(
        label=label,
        source="BiSeNet V1, Table 8",
        dataset="CamVid test",
        figures={} if miou is None else {"miou": share(miou)},
        iou={name: share(each) for name, each in zip(CAMVID_CLASSES, iou, strict=True)},
        **more,
    )


OURS: dict[str, Any] = {"size": (720, 960), "protocol": "trained on train and val"}

# fmt: off
CAMVID = register(
    PaperTable(
        name="bisenetv1:8",
        title="CamVid, by class",
        rows=(
            _camvid("SegNet-Basic",
                    75.0, 84.6, 91.2, 82.7, 36.9, 93.3, 55.0, 47.5, 44.8, 74.1, 16.0),
            _camvid("SegNet",
                    88.8, 87.3, 92.4, 82.1, 20.5, 97.2, 57.1, 49.3, 27.5, 84.4, 30.7,
                    miou=55.6, note=NOT_IOU),
            _camvid("ENet",
                    74.7, 77.8, 95.1, 82.4, 51.0, 95.1, 67.2, 51.7, 35.4, 86.7, 34.1,
                    miou=51.3, note=NOT_IOU),
            _camvid("BiSeNetV1 (Xception39)",
                    82.2, 74.4, 91.9, 80.8, 42.8, 93.3, 53.8, 49.7, 25.4, 77.3, 50.0,
                    miou=65.6, **OURS),
            _camvid("BiSeNetV1 (Res18)",
                    83.0, 75.8, 92.0, 83.7, 46.5, 94.6, 58.8, 53.6, 31.9, 81.4, 54.0,
                    miou=68.7, **OURS),
        ),
        notes=(
            "The classes of SegNet and ENet average to 65.2 and 68.3, not to the printed 55.6 and "
            "51.3: their columns cannot be IoU, and SegNet-Basic's hardly are.",
        ),
        ours={"SegNet": SEGNET, "ENet": ENET, **NETWORKS},
    )
)
# fmt: on

COCO_STUFF = register(
    PaperTable(
        name="bisenetv1:9",
        title="COCO-Stuff",
        rows=(
            *rows(
                row("Deeplab-v2 (VGG-16)", miou=24.0, pixel_accuracy=58.2),
                source="BiSeNet V1, Table 9",
                dataset="COCO-Stuff val",
            ),
            *rows(
                row("BiSeNetV1 (Xception39)", miou=22.8, pixel_accuracy=59.0),
                row("BiSeNetV1 (Res18)", miou=28.1, pixel_accuracy=63.2),
                row("BiSeNetV1 (Res101)", miou=31.3, pixel_accuracy=65.5),
                source="BiSeNet V1, Table 9",
                dataset="COCO-Stuff val",
                size=(640, 640),
                protocol="crops of 640x640; one scale",
            ),
        ),
        ours={**NETWORKS, "BiSeNetV1 (Res101)": BISENETV1_RESNET101},
    )
)
