"""A run's model for new photos: from pixels to value, interval and type. It can be exported as an ONNX file."""

import logging
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from math import exp
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from collector.errors import UsageError
from collector.storage.decoders import decoders
from collector.storage.racing import Axis, Kind, kind_of
from trainer.dataset.manifest import read_version
from trainer.dataset.pixels import BrokenPicture, prepare
from trainer.labels.scales import ENDS, Scale
from trainer.models.answers import COVERAGE, Answers, Calibration, answer, load_model, load_whole, see
from trainer.models.device import Device
from trainer.models.networks import Network, as_photos
from trainer.models.regressors import Fitted
from trainer.runs.judged import judged
from trainer.runs.runs import Run

OUTPUTS = ("value", "low", "high")
UNKNOWN = Scale("low", "high")  # of a label whose data set is gone
AGREED = 1e-3  # largest allowed difference of an exported or traced model, on 0..1


@dataclass(frozen=True, slots=True)
class Other:
    """A model's answer for a photo to another label that it has learnt."""

    label: str  # definition/axis
    low_end: str  # what 0 stands for, such as turf
    high_end: str  # what 1 stands for
    value: float  # 0..1
    low: float
    high: float
    kind: Kind | None  # None if the axis is not distance
    metres: float | None  # what the value stands for, where the label says so


@dataclass(frozen=True, slots=True)
class Prediction:
    """A model's answer for a photo."""

    photo: str
    value: float | None  # 0..1, from the low to the high end of the label's scale; None if the photo cannot be read
    low: float | None
    high: float | None
    kind: Kind | None  # also None if the axis is not distance
    problem: str | None = None
    metres: float | None = None  # what the value stands for, where the label says so
    others: tuple[Other, ...] = ()  # to the other labels of the run, if no label was named

    def as_json(self) -> dict[str, Any]:
        """The prediction as `--json` prints it."""
        found = {name: getattr(self, name) for name in self.__slots__}
        return found | {"others": [asdict(other) for other in self.others]}


@dataclass(frozen=True, slots=True)
class Learnt:
    """A label that a run has learnt, with what its answers mean."""

    key: str
    scale: Scale
    calibration: Calibration

    def answers(self, answers: Answers) -> list[Other]:
        """The answers for photos with their intervals."""
        low, high = self.calibration.interval(answers.value, answers.spread)
        return [self.answer(*map(float, its)) for its in zip(answers.value, low, high, strict=True)]

    def answer(self, *numbers: float) -> Other:
        """The answer of a value and the ends of its interval."""
        value, low, high = (round(number, 4) for number in numbers)
        kind = kind_of(numbers[0]) if self.key.partition("/")[2] == Axis.DISTANCE else None
        metres = round(exp(self.scale.value(value)), 1) if self.scale.metres else None
        return Other(self.key, self.scale.low, self.scale.high, value, low, high, kind, metres)


class Predictor:
    """Predicts the labels that a run has learnt, or only the one that is named; the first of them leads."""

    def __init__(self, run: Run, device: Device, label: str = "") -> None:
        self.run = run
        self.device = device
        if label:
            self.network, calibration = load_model(run, device, label)
            named = [(label, calibration)]
        else:
            self.network, calibrations = load_whole(run, device)
            named = list(zip(run.config.labels, calibrations, strict=True))
        self.learnt = [Learnt(*_label_of(run, its), calibration) for its, calibration in named]
        self.key, self.scale = self.learnt[0].key, self.learnt[0].scale
        self.axis = self.key.partition("/")[2]
        self._quick = self.network

    def quicken(self) -> None:
        """Halve the time of `see` on a CPU; this takes a second, and the answers stay the same."""
        if self.device.name == "cpu":
            self._quick = quickened(self.network, self.run.config.height, self.run.config.width, self.device)

    def prepare(self, body: bytes) -> np.ndarray:
        """A photo's pixels as the network needs them.

        Raises:
            BrokenPicture: the bytes are not a complete picture.
        """
        return decoders().run(prepare, body, self.run.config.preparation)

    def predict(self, photos: Sequence[tuple[str, bytes | str]]) -> list[Prediction]:
        """The answers for photos, in order; each is a name with its bytes, or with the reason why it has none."""
        found: dict[int, Prediction] = {}
        pixels, positions = [], []
        for position, (name, body) in enumerate(photos):
            try:
                if isinstance(body, str):
                    raise BrokenPicture(body)
                pixels.append(self.prepare(body))
                positions.append(position)
            except BrokenPicture as error:
                found[position] = Prediction(name, None, None, None, None, str(error))
        if pixels:
            named = [photos[position][0] for position in positions]
            predictions = self._predictions(named, answer(self.network, np.stack(pixels), self.device))
            found |= dict(zip(positions, predictions, strict=True))
        return [found[position] for position in range(len(photos))]

    def see(self, pixels: np.ndarray) -> list[tuple[Prediction, np.ndarray]]:
        """The answers for prepared photos, which have no names, and the features (k,) behind each answer."""
        answers, features = see(self._quick, pixels, self.device)
        return list(zip(self._predictions([""] * len(pixels), answers), features, strict=True))

    def _predictions(self, names: Sequence[str], answers: Sequence[Answers]) -> list[Prediction]:
        by_label = [learnt.answers(its) for learnt, its in zip(self.learnt, answers, strict=True)]
        return [_predicted(name, its) for name, its in zip(names, zip(*by_label, strict=True), strict=True)]

    def together(self, predictions: Sequence[Prediction], name: str) -> Prediction:
        """The answer for a horse, from those for its photos: the mean of the values, and the mean of each end of the
        intervals. Photos that could not be read are passed over; if all are, it has no value either.

        Its interval is as wide as those of the photos on the average, however many there are. Photos of a horse err
        alike, and the calibration counts a horse once: it does not say how far the mean of several photos is off, so
        the mean gets no narrower promise than one photo. `trainer evaluate` measures what both are worth.
        """
        read = [one for one in predictions if one.value is not None]
        if not read:
            return Prediction(name, None, None, None, None, "none of its photos could be read")
        by_label = zip(*([one, *one.others] for one in read), strict=True)
        means = [np.mean([(one.value, one.low, one.high) for one in its], axis=0).tolist() for its in by_label]
        return _predicted(name, [learnt.answer(*its) for learnt, its in zip(self.learnt, means, strict=True)])


def _predicted(name: str, answers: Sequence[Other]) -> Prediction:
    """The answers to all labels, of which the first leads."""
    first, *others = answers
    return Prediction(name, first.value, first.low, first.high, first.kind, metres=first.metres, others=tuple(others))


def quickened(network: Network, height: int, width: int, device: Device) -> Network:
    """The network with its backbone traced and batch norms folded into convolutions.

    Returns the network itself if its backbone cannot be traced, or if the traced one answers differently.
    """
    noise = torch.Generator().manual_seed(0)
    photos = [device.photos(255 * torch.rand(count, 3, height, width, generator=noise)) for count in (1, 3)]
    with torch.inference_mode(False), torch.no_grad(), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of the tracer, about control flow in the backbone
        try:
            traced: Any = torch.jit.trace(network.backbone, network.scaling(photos[0]), strict=False)
            backbone = torch.jit.freeze(traced.eval())
            quick = network.with_backbone(backbone).eval()
            # Twice, because a traced network is optimised at its second call.
            apart = [float((quick.value(some) - network.value(some)).abs().max()) for some in photos * 2]
        except (RuntimeError, TypeError, ValueError, AttributeError):  # AttributeError: a torch without the tracer
            return network
    return quick if max(apart) <= AGREED else network


def _label_of(run: Run, named: str) -> tuple[str, Scale]:
    """The label that a run predicts, and its scale; the poll's distance if nothing says what it is."""
    named = named or run.config.label
    try:
        label = read_version(Path(run.facts.data_folder)).manifest.label(named)
        return label.key, label.scale
    except UsageError:
        key = named or f"poll/{Axis.DISTANCE}"
        return key, ENDS.get(key.partition("/")[2], UNKNOWN)


class Served(nn.Module):
    """From prepared pixels, uint8 (n, height, width, 3), to value, lower and upper end, (n,) each."""

    def __init__(self, network: Network, calibration: Calibration) -> None:
        super().__init__()
        self.network = network
        self.width = calibration.widths[str(COVERAGE)]
        self.relative = calibration.relative

    def forward(self, pixels: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        value, spread = self.network.answers(as_photos(pixels))[0][0]
        half = self.width * spread if self.relative and spread is not None else torch.full_like(value, self.width)
        return value, (value - half).clamp(0, 1), (value + half).clamp(0, 1)


def export_onnx(run: Run, path: Path, pixels: np.ndarray, label: str = "") -> float:
    """Write a run's model for one of its labels as ONNX (input `pixels`, outputs `value`, `low`, `high`) and compare it
    with the run's.

    `pixels` are prepared photos, uint8 (n, height, width, 3), to compare on. Returns the largest difference.

    Raises:
        UsageError: the model has no ONNX form, or the two models do not agree; no file is left.
        OSError: the disk is full; no file is left.
    """
    network, calibration = load_model(run, Device("cpu"), label)
    if isinstance(network.head[0], Fitted):
        raise UsageError(f"{run.name} answers by {run.config.regressor} of scikit-learn, which has no ONNX form.")
    served = Served(network, calibration).eval()
    part = path.with_name(path.name + ".part")
    try:
        _write_onnx(served, part, pixels, _about(run, label))
        difference = _difference(served, part, pixels)
        if not difference <= AGREED:
            raise UsageError(f"The exported model differs from {run.name} by {difference:.4f}, so it was not kept.")
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)
    return difference


def _about(run: Run, label: str) -> dict[str, str]:
    """What the file says of its run, for those who have the file alone."""
    key, scale = _label_of(run, label)
    said = judged(run, label)
    return {
        "run": run.name, "data": run.facts.data, "label": key, "0": scale.low, "1": scale.high,
        "verdict": said.words if said else "not evaluated",
    }  # fmt: skip


def _write_onnx(served: Served, path: Path, pixels: np.ndarray, about: Mapping[str, str]) -> None:
    # torch warns about its own internals; the user cannot change them.
    with warnings.catch_warnings(action="ignore"), _quiet("torch.onnx", "onnxscript", "onnx_ir"):
        program = torch.onnx.export(
            served,
            (torch.from_numpy(np.array(pixels[:2])),),
            input_names=["pixels"],
            output_names=list(OUTPUTS),
            dynamic_shapes={"pixels": {0: torch.export.Dim("photos")}},
            dynamo=True,
            verbose=False,
        )
        assert program is not None
        program.model.metadata_props.update(about)
        program.save(path, external_data=False)


def _difference(served: Served, path: Path, pixels: np.ndarray) -> float:
    """The largest difference between the outputs of a model file and of the model that it was written from."""
    import onnxruntime

    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    exported = session.run(list(OUTPUTS), {"pixels": np.array(pixels)})
    with torch.inference_mode():
        ours = served(torch.from_numpy(np.array(pixels)))
    return max(float(np.abs(np.asarray(one) - other.numpy()).max()) for one, other in zip(exported, ours, strict=True))


@contextmanager
def _quiet(*names: str) -> Iterator[None]:
    """Silence these loggers below the level of errors."""
    loggers = [logging.getLogger(name) for name in names]
    levels = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.ERROR)
    try:
        yield
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)
