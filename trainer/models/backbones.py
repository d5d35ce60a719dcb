"""Pretrained networks by timm's names, also of a repository of the hub (`hf-hub:`) and of a folder (`local-dir:`)."""

import importlib.util
import inspect
from contextlib import suppress
from importlib.metadata import version
from typing import Any

import torch
from torch import Tensor, nn

from collector.errors import UsageError
from trainer.models.weights import cannot_fetch, find_weights

PREFIXES = ("hf-hub:", "local-dir:")
# What timm raises for photos that a network does not take, and for networks that give no maps.
REFUSALS = (AssertionError, RuntimeError, AttributeError, ValueError, TypeError)


def import_timm() -> Any:
    """Import timm, even if torchvision was built for CUDA and torch was not.

    The import of torchvision then fails, because it registers functions for two operators that are not defined. Nothing
    here uses these operators, so it is enough to define their names.
    """
    if importlib.util.find_spec("timm") is None or importlib.util.find_spec("torchvision") is None:
        raise ModuleNotFoundError(name="timm")
    if not torch.cuda.is_available() and torch.version.cuda is None:
        library = torch.library.Library("torchvision", "FRAGMENT")
        for operator in ("nms", "qnms"):
            if not hasattr(torch.ops.torchvision, operator):
                library.define(f"{operator}(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
        globals()["_torchvision_names"] = library  # keeps the definitions alive
    import timm

    return timm


def timm_version() -> str:
    """The version of timm; in another version a network may compute different features."""
    return version("timm")


class Backbone(nn.Module):
    """The last stages of an image classification network, without its head: from photos to feature maps.

    A network that sums a photo up in a class token, or by attention, also gives that: `vector` is how many numbers that
    is, else 0. `mean` and `std` (0..255) are those of the photos it was trained on; `features` are the channels of each
    stage. `digest`, if given, is the SHA-256 that the weights must have.
    """

    def __init__(self, name: str, weights: str, stages: int, *, digest: str = "", sums_up: bool = True) -> None:
        super().__init__()
        timm = import_timm()
        if not name.startswith(PREFIXES) and not timm.is_model(name):
            near = ", ".join(timm.list_models(f"*{name.rpartition('_')[2][:8]}*")[:5]) or "resnet50, convnext_tiny"
            raise UsageError(
                f"timm knows no backbone {name!r}; it knows {near} and many more, hf-hub:owner/name@revision, and "
                "local-dir:/a/folder."
            )
        self.name = name
        self.digest, state = find_weights(timm, name, weights)
        if digest not in ("", self.digest):
            raise UsageError(f"The weights of {name} have the SHA-256 {self.digest}, and not {digest} as they should.")
        self.net: Any = _create(timm, name)
        if state is not None:
            _load(self.net, state, name)
        attention = _attention_of(timm, self.net) if sums_up else None
        self.token = sums_up and attention is None and _has_class_token(self.net)
        # All layers of a transformer have maps of one size, so the last one is enough beside what it sums up.
        stages = 1 if self.token or (hasattr(self.net, "attn_pool") and attention is not None) else stages
        self.stages = self.net.prune_intermediate_layers(stages, prune_norm=False, prune_head=True)
        self.attention = attention  # taken before, as timm drops it with the head
        config = self.net.pretrained_cfg
        self.mean = tuple(255 * value for value in config["mean"])
        self.std = tuple(255 * value for value in config["std"])
        self.features = [self.net.feature_info[stage]["num_chs"] for stage in self.stages]
        self.vector = self.features[-1] if self.token else 0
        if attention is not None:
            with torch.inference_mode():
                self.vector = self._attend(torch.zeros(1, self.features[-1], 7, 7)).shape[1]

    def forward(self, photos: Tensor) -> list[Tensor]:
        """What the network sums up (n, vector), if anything, and the feature maps (n, features, h, w) of each stage.

        The photos (n, 3, height, width) are scaled.
        """
        more = {"return_prefix_tokens": True} if self.token else {}
        found: list[Any] = self.net.forward_intermediates(
            photos, self.stages, norm=True, stop_early=True, intermediates_only=True, **more
        )
        if self.token:
            return [found[-1][1][:, 0], *(maps for maps, _ in found)]
        return found if self.attention is None else [self._attend(found[-1]), *found]

    def _attend(self, maps: Tensor) -> Tensor:
        assert self.attention is not None
        if "pre_logits" in inspect.signature(self.attention.forward).parameters:
            return self.attention(maps, pre_logits=True)  # of maps; without what turns them into classes
        return self.attention(maps.flatten(2).transpose(1, 2))  # of tokens

    def save_memory(self) -> None:
        """Compute activations again on the way back, instead of keeping them.

        Raises:
            UsageError: timm cannot do that with this network.
        """
        with suppress(AssertionError, AttributeError):
            self.net.set_grad_checkpointing(True)
        inner = any(getattr(part, "grad_checkpointing", False) for part in self.net.modules() if part is not self.net)
        # Networks that leave it to no stage have to ask for it where their maps are computed.
        if not inner and "grad_checkpointing" not in inspect.getsource(type(self.net).forward_intermediates):
            raise UsageError(f"{self.name} cannot compute its activations twice: --set checkpointing=false.")

    def sizes(self, height: int, width: int) -> list[tuple[int, int]]:
        """Height and width of each stage's maps for photos of this size, which the network is set up for.

        Raises:
            UsageError: the network does not take photos of this size, or gives no maps.
        """
        learning = self.training
        try:
            found = self.eval()._see(height, width)
        except REFUSALS as error:
            reason = (str(error).splitlines() or ["no reason given"])[0]
            message = f"{self.name} does not take photos of {height} x {width} px ({reason}); {self._advice()}."
            raise UsageError(message) from error
        self.train(learning)
        return [(each.shape[2], each.shape[3]) for each in found if each.ndim == 4]

    def _advice(self) -> str:
        own = self.net.pretrained_cfg["input_size"][1:]
        try:
            self._see(*own)
        except REFUSALS:
            return "choose another backbone, as timm gives no maps of this one"
        return f"set height and width, such as {own[0]} and {own[1]}"

    @torch.no_grad()
    def _see(self, height: int, width: int) -> list[Tensor]:
        photo = torch.zeros(1, 3, height, width)
        try:
            return self(photo)
        except REFUSALS:
            if not hasattr(self.net, "set_input_size"):
                raise
            self.net.set_input_size(img_size=(height, width))  # windows and positions for photos of this size
            return self(photo)


def _attention_of(timm: Any, net: Any) -> nn.Module | None:
    """The layer by which a network pools its maps with attention, if it does."""
    layers = timm.layers
    kinds = (layers.AttentionPoolLatent, layers.AttentionPool2d, layers.RotAttentionPool2d)
    held = (getattr(net, "attn_pool", None), getattr(net, "head", None))
    return next((layer for layer in held if isinstance(layer, kinds)), None)


def _has_class_token(net: Any) -> bool:
    asked = inspect.signature(net.forward_intermediates).parameters
    return getattr(net, "cls_token", None) is not None and net.num_prefix_tokens > 0 and "return_prefix_tokens" in asked


def _create(timm: Any, name: str) -> Any:
    """Create a network of timm; a transformer is set up to take photos of any size."""
    try:
        return timm.create_model(name, num_classes=0, dynamic_img_size=True, dynamic_img_pad=True)
    except TypeError:  # a network without patches has no such arguments
        return timm.create_model(name, num_classes=0)
    except (OSError, ValueError, RuntimeError) as error:  # of a repository or a folder
        raise cannot_fetch(name, error) from error


def _load(net: nn.Module, state: dict[str, Tensor], name: str) -> None:
    known = net.state_dict()
    wrong = [key for key, value in known.items() if key not in state or state[key].shape != value.shape]
    if wrong:
        raise UsageError(f"The weights do not fit {name}: {wrong[0]} is missing or of another shape.")
    net.load_state_dict({key: state[key] for key in known})
