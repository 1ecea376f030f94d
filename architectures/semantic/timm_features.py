"""Any backbone of the package timm that gives features, if that package is installed."""

from __future__ import annotations

import difflib
from dataclasses import dataclass
from typing import Any

from torch import Tensor, fx

from harness.components import Feature, Semantic, semantics
from harness.mistakes import NotInstalledError
from harness.weights import Weights

PREFIX = "timm:"
"""What the names of timm's weights begin with, in a row."""

FINEST = 4
"""The least stride of a tap, in pixels of the image; finer features are no part of a pyramid."""


@semantics.register("timm")
class TimmFeatures(Semantic):
    """The backbone that timm calls ``model``, cut where its features are (``features_only``).

    Its taps are the features at strides 4, 8, 16 ..., the last of several at one stride, and bear
    the usual names: ``stage3`` has stride 8. Refused are models that take images of one size only
    and those that ``torch.fx`` cannot trace; some others want sizes that their strides divide.

    ``pretrained`` starts from the weights that timm has under the model's tag, as in
    ``resnet18.a1_in1k``, or under its first one. They are fetched when they are loaded, not when
    the network is built. Untrained, timm's ResNets start with blocks that add nothing: the last
    batch norm of each is zero. Needs ``pip install "twopath[timm]"``.
    """

    def __init__(
        self, image: Feature, *, model: str = "mobilenetv2_100", pretrained: bool = False
    ) -> None:
        network = _network(model, image.channels)
        info = network.feature_info.get_dicts()
        places = {each["reduction"]: at for at, each in enumerate(info)}
        self.places = {
            f"stage{stride.bit_length() - 1}": places[stride]
            for stride in sorted(places)
            if stride >= FINEST and stride.bit_count() == 1
        }
        if not self.places:
            raise ValueError(f"timm: model {model!r} has no feature at a stride of 4, 8, 16 ...")
        taps = {
            name: Feature(info[at]["num_chs"], info[at]["reduction"] * image.stride)
            for name, at in self.places.items()
        }
        super().__init__(taps=taps, weights=_weights(model, image) if pretrained else None)
        self.network = network
        self.is_channels_last = str(getattr(network, "output_fmt", "")).endswith("NHWC")

    def forward(self, image: Tensor) -> dict[str, Tensor]:
        """Maps an image to the features at the taps' strides."""
        features = self.network(image)
        taps = {name: features[at] for name, at in self.places.items()}
        if self.is_channels_last:
            taps = {name: feature.permute(0, 3, 1, 2) for name, feature in taps.items()}
        return taps


@dataclass(frozen=True)
class TimmWeights(Weights):
    """The weights that timm has under ``name``, which is ``timm:<model>.<tag>``."""

    name: str
    num_channels: int = 3

    def state(self) -> dict[str, Tensor]:
        """The tensors of the pretrained features; ValueError if they could not be fetched."""
        timm, model = _timm(), self.name.removeprefix(PREFIX)
        try:
            network = _create(timm, model, self.num_channels, pretrained=True)
        except Exception as error:  # the hub's client raises many kinds
            raise ValueError(f"weights {self.name} could not be fetched: {error}") from error
        return {f"network.{key}": each for key, each in network.state_dict().items()}


def _weights(model: str, image: Feature) -> TimmWeights:
    config = _timm().get_pretrained_cfg(model)
    if not config.has_weights:
        raise ValueError(f"timm: model {model!r} has no pretrained weights")
    return TimmWeights(f"{PREFIX}{config.architecture}.{config.tag}", image.channels)


def _timm() -> Any:
    """The package; NotInstalledError if it is not there, or not for this torch."""
    try:
        import timm
    except (ImportError, RuntimeError) as error:  # torchvision raises the latter
        raise NotInstalledError(
            f"semantic 'timm' needs the package timm: pip install \"twopath[timm]\" ({error})"
        ) from error
    return timm


def _network(model: str, num_channels: int) -> Any:
    """The untrained features of a model; ValueError for one that is unknown or of no use here."""
    timm = _timm()
    if not timm.is_model(model):
        near = difflib.get_close_matches(model, timm.list_models(), n=3) or ["none"]
        raise ValueError(f"timm: unknown model {model!r}. Nearest: {', '.join(near)}")
    try:
        network = _create(timm, model, num_channels, pretrained=False)
        fx.symbolic_trace(network.eval())
    except Exception as error:  # whatever the model's own code raises
        raise ValueError(f"timm: model {model!r} cannot be a path: {error}") from error
    if timm.get_pretrained_cfg(model).fixed_input_size:
        raise ValueError(f"timm: model {model!r} takes images of one size only")
    return network.train()


def _create(timm: Any, model: str, num_channels: int, *, pretrained: bool) -> Any:
    return timm.create_model(
        model, features_only=True, pretrained=pretrained, in_chans=num_channels
    )
