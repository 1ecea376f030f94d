"""What does each choice of part cost? A space to count, not to train.

Every combination of five detail paths, five semantic paths, five context modules, four fusions and
two heads: 1,000 architectures around BiSeNet V1 and V2.

Cost: ``twopath sweep parts`` counts them all in a minute or two on one CPU core, without data.
"""

from harness import Architecture, Part, Study, choice

study = Study(
    name="parts",
    question="What does each choice of part cost?",
    space=Architecture(
        detail=choice(
            Part("spatial_path", stem="7x7"),
            Part("spatial_path", stem="3x3"),
            Part("detail_branch", width=32),
            Part("detail_branch", width=48),
            Part("detail_branch", width=64),
        ),
        semantic=choice(
            "semantic_branch", "xception39", "resnet18", "mobilenet_v2", "shufflenet_v2"
        ),
        context=choice("none", "context_embedding", "global_pool", "pyramid_pooling", "arm"),
        fusion=choice("sum", "concat", "ffm", "bga"),
        head=choice(Part("seg", width=64), Part("seg", width=256)),
    ),
    objectives={"gmacs": "min", "params": "min"},
)
