"""The papers' networks, and small relatives of them for a machine without a GPU."""

from __future__ import annotations

from harness import Architecture, Part, networks

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

networks.register("bisenetv2", BISENETV2)
networks.register("bisenetv2_small", BISENETV2_SMALL)
