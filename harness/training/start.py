"""What a network starts from: weights drawn from the seed, or loaded where its paths say so."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping

from torch import Tensor, nn

from harness.architecture import SCRATCH
from harness.network import Network
from harness.weights import Weights

SHOWN = 3
"""How many names of tensors that do not fit a message gives."""


def load_weights(network: Network) -> dict[str, object]:
    """Loads the weights that the paths of a network name; says what was loaded, as a flat row.

    ``initial_weights`` is ``scratch`` or ``pretrained``, ``weights`` is ``scratch`` or the names of
    the sources, ``weights_sha256`` a digest of the tensors.
    What a source raises comes through; ValueError, naming the tensors, for weights of another
    network.
    """
    names, digest = [], hashlib.sha256()
    for path in (network.paths.detail, network.paths.semantic):
        if path.weights is not None:
            state = path.weights.state()
            _load(path.get_submodule(path.weights.into), path.weights, state)
            _add(digest, state)
            names.append(path.weights.name)
    return {
        "initial_weights": "pretrained" if names else SCRATCH,
        "weights": ", ".join(names) or SCRATCH,
        "weights_sha256": digest.hexdigest() if names else None,
    }


def backbone(network: nn.Module) -> list[nn.Module]:
    """The modules that are not "new" to a recipe's ``new_layers_lr``.

    Those that the paths' weights are loaded into. Where no path has any, the semantic path: V1's
    author trains it ten times as slowly as the rest, pretrained or not. A network whose only path
    is the detail path, or that is no ``Network``, has none.
    """
    if not isinstance(network, Network):
        return []
    paths = (network.paths.detail, network.paths.semantic)
    loaded = [each.get_submodule(each.weights.into) for each in paths if each.weights is not None]
    return loaded or [network.paths.semantic]


def _load(path: nn.Module, weights: Weights, state: Mapping[str, Tensor]) -> None:
    wanted = path.state_dict()
    missing = sorted(wanted.keys() - state.keys())
    # Files from before torch 0.4.1 do not count batches; nothing here reads that number.
    missing = [key for key in missing if not key.endswith("num_batches_tracked")]
    strange = sorted(state.keys() - wanted.keys())
    both = wanted.keys() & state.keys()
    other = sorted(key for key in both if wanted[key].shape != state[key].shape)
    wrong = {"missing": missing, "unknown": strange, "of another shape": other}
    told = [f"{len(keys)} {how} ({_some(keys)})" for how, keys in wrong.items() if keys]
    if told:
        name = type(path).__name__
        raise ValueError(f"weights {weights.name} do not fit {name}: {'; '.join(told)}")
    path.load_state_dict(state, strict=False)


def _some(keys: list[str]) -> str:
    return ", ".join(keys[:SHOWN]) + (", ..." if len(keys) > SHOWN else "")


def _add(digest: hashlib._Hash, state: Mapping[str, Tensor]) -> None:
    for key in sorted(state):
        digest.update(key.encode())
        digest.update(state[key].detach().cpu().contiguous().numpy().tobytes())
