"""Folds batch norms into the convolutions before them, mechanically, on a traced copy."""

from __future__ import annotations

from collections import Counter

from torch import fx, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval


def fold_batch_norms(module: nn.Module) -> fx.GraphModule:
    """A traced copy of a module in eval mode whose foldable batch norms are gone.

    A batch norm folds if right before it is a convolution, transposed or not, that runs once and
    that nothing else reads; others, such as one behind a global pooling, stay. The module is left
    as it was.
    """
    assert not module.training, "only the statistics of eval mode can be folded"
    traced = fx.symbolic_trace(module)
    runs = Counter(node.target for node in traced.graph.nodes if node.op == "call_module")
    for node in list(traced.graph.nodes):
        source = node.args[0] if node.args else None
        norm, conv = _layer(traced, node), _layer(traced, source)
        foldable = isinstance(conv, (nn.Conv2d, nn.ConvTranspose2d))
        if not isinstance(norm, nn.BatchNorm2d) or not foldable:
            continue
        assert isinstance(conv, (nn.Conv2d, nn.ConvTranspose2d))
        assert isinstance(source, fx.Node)
        if len(source.users) == runs[source.target] == runs[node.target] == 1:
            transposed = isinstance(conv, nn.ConvTranspose2d)
            traced.set_submodule(str(source.target), fuse_conv_bn_eval(conv, norm, transposed))
            node.replace_all_uses_with(source)
            traced.graph.erase_node(node)
    traced.delete_all_unused_submodules()
    traced.recompile()
    return traced


def _layer(traced: fx.GraphModule, node: object) -> nn.Module | None:
    """The layer that a node runs, if it is a node and runs one."""
    if isinstance(node, fx.Node) and node.op == "call_module":
        return traced.get_submodule(str(node.target))
    return None
