"""The configuration of a run: frozen, from a preset and the settings that a user changes."""

import json
import tomllib
from collections.abc import Mapping, Sequence
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from collector.errors import UsageError
from trainer.dataset.preparation import Preparation

LITE = "tf_efficientnet_lite0"
LIBRARY = "sklearn."  # of regressors that need no plug-in
CLOSED = ("svr", "probe")  # networks that are fitted at once, not in steps


class RunConfig(BaseModel):
    """Everything that decides the result of a run, except the data and the machine."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    preset: str
    label: str = ""  # the label that it learns, definition/axis; empty: the first one of the data set
    also: tuple[str, ...] = ()  # other labels that it learns beside it; all: those of the data set
    network: str  # svr, probe, or the name of a model: first-cnn, tuned, alexnet-2017, or one of a plug-in
    # The photo as the network gets it.
    height: int = Field(default=192, ge=8, le=1024)  # px
    width: int = Field(default=256, ge=8, le=1024)
    fit: Literal["pad", "squash"] = "pad"
    scaling: Literal["expected", "mean-image", "too-small"] = "expected"
    # The network.
    backbone: str = LITE  # a model name of timm, hf-hub:owner/name@revision, or local-dir:/a/folder
    weights: str = "package"  # package (shipped by a pip package), hub (also for local-dir), none, or a file
    digest: str = Field(default="", pattern=r"^([0-9a-f]{64})?$")  # SHA-256 that the weights must have, if given
    head: str = "plain"  # plain, bins, or one of a plug-in
    loss: str = "mse"  # of a plain head: mse, mae, huber, or one of a plug-in
    bins: int = Field(default=51, ge=8, le=500)
    dropout: float = Field(default=0.0, ge=0, lt=1)
    bias_at_mean: bool = True  # whether the answer starts at the mean label
    freeze: tuple[str, ...] = ()  # patterns of parameter names, such as backbone.*
    # Training.
    epochs: int = Field(default=10, ge=1, le=10_000)
    batch: int = Field(default=32, ge=1, le=8192)  # photos per step, over all devices
    accumulate: int = Field(default=1, ge=1, le=1024)  # parts that a batch is seen in, so that a larger one fits
    checkpointing: bool = False  # compute the backbone's activations twice, so that less memory holds them
    patience: int = Field(default=0, ge=0, le=10_000)  # epochs without a lower validation error; 0: never stop early
    optimiser: Literal["adam", "adamw"] = "adamw"
    rate: float = Field(default=1e-3, ge=0, le=1e6)
    weight_decay: float = Field(default=0.0, ge=0)  # norms and biases are left out
    schedule: Literal["constant", "cosine"] = "cosine"
    warmup: float = Field(default=0.1, ge=0, le=1)  # share of the steps; cosine only
    layer_decay: float = Field(default=1.0, gt=0, le=1)  # factor of the rate, from a stage to the one before it
    clip: float = Field(default=0.0, ge=0)  # largest norm of the gradient; 0: no clipping
    ema: float = Field(default=0.0, ge=0, lt=1)  # decay of the average of the weights; 0: no average
    review_prior: float = Field(default=3.0, ge=0)  # a label of n reviews has weight n / (n + this); 0: all equal
    # Augmentation; it never changes a horse's proportions.
    flip: bool = True
    contrast: float = Field(default=0.0, ge=0, le=1)  # largest relative change, up or down
    light: float = Field(default=0.0, ge=0, le=1)
    blur: float = Field(default=0.0, ge=0, le=1)  # probability
    zoom: float = Field(default=0.0, ge=0, le=0.5)  # the same in both directions
    mirror_answers: bool = False  # an answer is the mean over the photo and its mirror image
    # Models in closed form.
    regressor: str = "ridge"  # on the features of a probe: ridge, sklearn.module:Class, or one of a plug-in
    components: int = Field(default=1024, ge=1)  # of the PCA before the SVR
    svr_c: float = Field(default=5.0, gt=0)
    svr_gamma: float = Field(default=0.001, gt=0)
    options: dict[str, Any] = {}  # of the regressor of scikit-learn, or whatever a plug-in reads
    # The machine.
    random_seed: int = 0
    seeds: int = Field(default=1, ge=1, le=100)  # networks of as many random seeds, which answer with their mean
    deterministic: bool = False  # the same weights each time on one machine, also on a GPU; slower there
    precision: Literal["auto", "fp32", "bf16"] = "auto"
    compile: bool = False
    record: bool = True  # on one GPU a step is recorded once and played again, instead of launched kernel by kernel

    @property
    def preparation(self) -> Preparation:
        """The geometry of a photo as the network sees it."""
        return Preparation(self.height, self.width, self.fit)

    @property
    def labels(self) -> tuple[str, ...]:
        """All labels that it learns; the first one is what it is judged by if no other is named."""
        return self.label, *self.also

    def place_of(self, label: str) -> int:
        """The place of one of its labels; of the first one for an empty name.

        Raises:
            UsageError: it does not learn that label.
        """
        if label in ("", self.label):
            return 0
        if label not in self.also:
            learnt = ", ".join(self.labels) or "that of its data set, and needs no --label"  # of a former release
            raise UsageError(f"The run has not learnt {label}; it has learnt {learnt}.")
        return self.labels.index(label)

    @property
    def adds_network(self) -> bool:
        """Whether a plug-in makes its network, its head or its loss."""
        return not {self.network, self.head, self.loss} <= OWN

    @property
    def adds(self) -> bool:
        """Whether a plug-in makes any part of it."""
        return self.adds_network or not (self.regressor in OWN or self.regressor.startswith(LIBRARY))

    @property
    def closed_form(self) -> bool:
        """Whether it is solved directly, not trained in steps."""
        return self.network in CLOSED


_FIRST: dict[str, Any] = {
    "network": "first-cnn", "height": 32, "width": 32, "fit": "squash", "scaling": "mean-image", "epochs": 50,
    "batch": 128, "optimiser": "adam", "rate": 1e-3, "weight_decay": 5e-4, "schedule": "constant", "dropout": 0.5,
    "contrast": 0.45, "review_prior": 0.0, "bias_at_mean": False,
}  # fmt: skip
PRESETS: dict[str, dict[str, Any]] = {
    # As tanakatsu/padock_photo_classifier had them in 2017; the contrast is drawn in the loop, not written to disk.
    "first-cnn": _FIRST,
    "svr": {"network": "svr", "height": 32, "width": 32, "fit": "squash", "review_prior": 0.0},
    "alexnet-frozen-2017": _FIRST | {
        "network": "alexnet-2017", "height": 128, "width": 128, "scaling": "too-small", "freeze": ("backbone.*",),
        "epochs": 12,
    },
    # Frozen modern features and a head in closed form.
    "probe": {"network": "probe", "freeze": ("backbone.*",)},
    # First the head, so that it does not distort the features; then all layers, the early ones more slowly.
    "finetune": {
        "network": "tuned", "epochs": 8, "batch": 16, "rate": 5e-4, "weight_decay": 0.02,
        "layer_decay": 0.8, "clip": 1.0, "ema": 0.95, "contrast": 0.2, "light": 0.2, "blur": 0.2, "zoom": 0.08,
        "dropout": 0.1,
    },
}  # fmt: skip


_STEPS = frozenset(
    ("epochs", "batch", "accumulate", "checkpointing", "patience", "optimiser", "rate", "weight_decay", "schedule",
     "warmup", "layer_decay", "clip", "ema", "flip", "contrast", "light", "blur", "zoom", "compile", "record",
     "bias_at_mean", "dropout", "head", "loss", "bins", "seeds")
)  # fmt: skip
_KERNEL = frozenset(("components", "svr_c", "svr_gamma"))
_BACKBONE = frozenset(("backbone", "weights", "digest"))
OPTIONS = "options"
# What can be set.
KEYS = (*(key for key in RunConfig.model_fields if key not in ("preset", "network", OPTIONS)), OPTIONS)
LISTS = ("freeze", "also")  # settings of several words, with commas between them
_UNUSED: dict[str, frozenset[str]] = {
    "svr": _STEPS | _BACKBONE | {"freeze", "scaling", "review_prior", "precision", "regressor", "also"},
    "probe": _STEPS | _KERNEL,
    "first-cnn": _KERNEL | _BACKBONE | {"checkpointing", "regressor"},
}
# What Paddock itself brings along, which reads no options.
OWN = frozenset(("svr", "probe", "first-cnn", "tuned", "alexnet-2017", "plain", "bins", "mse", "mae", "huber", "ridge"))


def unused(network: str) -> frozenset[str]:
    """The settings that a network does not use; setting one is an error."""
    return _UNUSED.get(network, _KERNEL | {"regressor"})


class UnfitSetting(UsageError):
    """A setting that a preset cannot take; what names it, the command line or a file, says where it stands."""

    def __init__(self, key: str, reason: str) -> None:
        super().__init__(f"{key}: {reason}")
        self.key, self.reason = key, reason


def make_config(preset: str, settings: Sequence[str] = (), freeze: Sequence[str] = ()) -> RunConfig:
    """A built-in preset with changed settings (`key=value`) and more frozen parameters.

    Raises:
        UsageError: the preset or a key does not exist, or a value is not valid.
    """
    if preset not in PRESETS:
        held = ", ".join(PRESETS)
        raise UsageError(
            f"No preset is called {preset!r}; the presets are {held}. "
            "`trainer train` also takes the path of a TOML file."
        )
    return change(preset, {"preset": preset} | PRESETS[preset], settings, freeze)


def change(name: str, base: Mapping[str, Any], settings: Sequence[str], freeze: Sequence[str]) -> RunConfig:
    """The configuration `name` that settings of the command line make of a base, which names its preset.

    Raises:
        UsageError: a key does not exist, or a value is not valid.
    """
    changed: dict[str, Any] = {}
    for setting in settings:
        key, equals, value = setting.partition("=")
        key, _, option = key.partition(".")
        if not equals or key not in KEYS or (key == OPTIONS) != bool(option):
            raise UsageError(f"--set {setting}: write it as key=value; the keys are {', '.join(KEYS)}.NAME.")
        if option:
            changed[key] = changed.get(key, base.get(key, {})) | {option: _read_value(value)}
        else:
            changed[key] = tuple(value.split(",")) if key in LISTS else value
    if freeze:
        changed["freeze"] = (*changed.get("freeze", base.get("freeze", ())), *freeze)
    try:
        return settle(name, base, changed)
    except UnfitSetting as error:
        word = f"--set {error.key}={changed[error.key]}: " if error.key in changed else ""
        raise UsageError(error.reason if "has no use for" in error.reason else word + error.reason) from error


def settle(name: str, base: Mapping[str, Any], changed: Mapping[str, Any]) -> RunConfig:
    """The configuration that `changed` settings make of a base, which names its preset.

    Raises:
        UnfitSetting: a key does not exist, its network has no use for it, or its value is not valid.
    """
    for key in changed:
        if key not in KEYS:
            raise UnfitSetting(key, f"this is not a setting; the settings are {', '.join(KEYS)}.")
        if key in unused(base["network"]):
            reason = f"The preset {base['preset']} has no use for {key}: setting it would change nothing."
            raise UnfitSetting(key, reason)
    try:
        config = RunConfig(**{**base, **changed, "preset": name})
    except ValidationError as error:
        first = error.errors()[0]
        raise UnfitSetting(str(first["loc"][0]), f"{first['msg']}.") from error
    if config.head != "plain" and ("loss" in changed or config.loss != RunConfig.model_fields["loss"].default):
        raise UnfitSetting("loss", f"The head {config.head} has no use for loss: it has one of its own.")
    if config.options and {config.network, config.head, config.loss, config.regressor} <= OWN:
        raise UnfitSetting(OPTIONS, "The preset has no use for options: setting them would change nothing.")
    return config


def _read_value(text: str) -> Any:
    """A value as TOML has it; anything else is a text."""
    try:
        return tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        return text


def read_config(text: str) -> RunConfig:
    """The configuration in the text of a `config.json`.

    Raises:
        UsageError: it cannot be read.
    """
    try:
        return RunConfig(**json.loads(text))
    except (ValueError, TypeError) as error:
        raise UsageError(f"config.json cannot be read: {str(error).splitlines()[0]}") from error
