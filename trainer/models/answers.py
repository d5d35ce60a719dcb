"""A network with its calibration: predicting, calibrating, saving with a run and loading."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass

import numpy as np
import torch
from torch import Tensor, nn

from collector.errors import UsageError
from trainer.dataset.data import Progress, no_progress
from trainer.dataset.rows import Indexed
from trainer.directories import write_file
from trainer.models.checkpoint import read_tensors, write_tensors
from trainer.models.device import Device
from trainer.models.networks import Network, as_photos, build
from trainer.runs.config import RunConfig
from trainer.runs.runs import Run

MODEL, WEIGHTS = "model.json", "model.safetensors"
COVERAGE = 0.9  # of the intervals that are shown
COVERAGES = (0.5, 0.6, 0.7, 0.8, COVERAGE, 0.95)
BATCH = 64  # photos at once
UNBOUNDED = 1e9  # as a factor of a spread: wider than the whole scale


@dataclass(frozen=True, slots=True)
class Calibration:
    """Half the width of an interval for each coverage: a factor of the spread that the head predicts, or a distance on
    0..1 if it predicts none.

    Split conformal prediction (Vovk et al. 2005; Angelopoulos & Bates 2023) on the validation side. A horse counts
    once, no matter how many photos it has. With n horses the largest possible coverage is n / (n + 1); for a larger one
    the interval is the whole scale.
    """

    widths: dict[str, float]  # by coverage: 0.5, 0.6, ...
    relative: bool

    @property
    def promises(self) -> bool:
        """Whether there were enough horses for intervals of COVERAGE that are narrower than the whole scale."""
        return self.widths[str(COVERAGE)] < (UNBOUNDED if self.relative else 1.0)

    def interval(
        self, value: np.ndarray, spread: np.ndarray | None, coverage: float = COVERAGE
    ) -> tuple[np.ndarray, np.ndarray]:
        """Lower and upper ends of the intervals, (n,) each, within 0..1."""
        width = self.widths[str(coverage)]
        half = width * spread if self.relative and spread is not None else np.full_like(value, width)
        return np.clip(value - half, 0, 1), np.clip(value + half, 0, 1)


@dataclass(frozen=True, slots=True)
class Answers:
    """A model's answers for photos, all (n,)."""

    value: np.ndarray  # 0..1
    spread: np.ndarray | None  # standard deviation, if the head predicts one

    def some(self, chosen: np.ndarray) -> "Answers":
        """Only those of these photos."""
        return Answers(self.value[chosen], None if self.spread is None else self.spread[chosen])


def answer(
    network: Network,
    pixels: Indexed,
    device: Device,
    positions: np.ndarray | None = None,
    progress: Progress = no_progress,
) -> list[Answers]:
    """The answers to each label for prepared photos, uint8 (n, height, width, 3); `positions`: only for these rows, in
    this order.

    Only one batch is read at a time, so pixels mapped from a file may be larger than the memory. `progress` gets the
    number of photos answered, and of all.
    """
    count = len(pixels) if positions is None else len(positions)
    parts = []
    for start in range(0, count, BATCH):
        chosen = slice(start, start + BATCH) if positions is None else positions[start : start + BATCH]
        parts.append(see(network, pixels[chosen], device)[0])
        progress(min(start + BATCH, count), count)
    return joined(parts, len(network.head))


def joined(parts: Sequence[Sequence[Answers]], labels: int) -> list[Answers]:
    """The answers to each label for one batch of photos after the other."""
    if not parts:
        return [Answers(np.zeros(0, np.float32), None)] * labels
    return [_joined(its) for its in zip(*parts, strict=True)]


def _joined(parts: Sequence[Answers]) -> Answers:
    spreads = [part.spread for part in parts if part.spread is not None]
    return Answers(np.concatenate([part.value for part in parts]), np.concatenate(spreads) if spreads else None)


def as_answers(found: Sequence[tuple[Tensor, Tensor | None]]) -> list[Answers]:
    """Answers in memory."""
    return [Answers(value.cpu().numpy(), None if spread is None else spread.cpu().numpy()) for value, spread in found]


def see(network: Network, pixels: np.ndarray, device: Device) -> tuple[list[Answers], np.ndarray]:
    """The answers to each label for prepared photos in one batch, and the features (n, k) that the heads get."""
    network.eval()
    batch = torch.from_numpy(np.array(pixels))
    with torch.inference_mode():
        with device.autocast():
            found, features = network.answers(device.photos(as_photos(device.put(batch))))
        return as_answers(found), features.float().cpu().numpy()


def calibrate(answers: Answers, label: np.ndarray, horse: np.ndarray) -> Calibration:
    """The calibration from answers for labelled photos; without photos, intervals are the whole scale."""
    if len(label) == 0:
        return Calibration({str(coverage): 1.0 for coverage in COVERAGES}, relative=False)
    error = np.abs(answers.value - label)
    relative = answers.spread is not None
    score = error / answers.spread if answers.spread is not None else error
    _, its, counts = np.unique(horse, return_inverse=True, return_counts=True)
    order = np.argsort(score)
    # The new horse counts as one more, with an infinite error.
    reached = np.cumsum((1 / counts[its])[order]) / (len(counts) + 1)
    # Rounding must not make a share miss its coverage.
    positions = np.searchsorted(reached, np.array(COVERAGES) - 1e-9)
    whole = UNBOUNDED if relative else 1.0
    widths = {
        str(coverage): float(score[order][position]) if position < len(order) else whole
        for coverage, position in zip(COVERAGES, positions, strict=True)
    }
    return Calibration(widths, relative)


def save_model(run: Run, network: Network, calibrations: Sequence[Calibration]) -> None:
    """Save a trained network in the run's folder, with a calibration for each label: weights first, then the JSON file
    that marks them as complete."""
    write_tensors(run.folder / WEIGHTS, network.state_dict())
    facts = {"calibrations": [asdict(its) for its in calibrations], "scale": "0 short .. 1 long"}
    write_file(run.folder / MODEL, json.dumps(facts, indent=1) + "\n")


def load_model(run: Run, device: Device, label: str = "") -> tuple[Network, Calibration]:
    """The network of a run for one of its labels, by default the first, in evaluation mode, and its calibration.

    Raises:
        UsageError: its files cannot be read, or it has not learnt that label.
    """
    place = run.config.place_of(label)
    network, calibrations = load_whole(run, device)
    return network.for_label(place), calibrations[place]


def load_whole(run: Run, device: Device) -> tuple[Network, list[Calibration]]:
    """The network of a run for all its labels, in evaluation mode, and the calibration of each.

    Raises:
        UsageError: its files cannot be read.
    """
    try:
        facts = json.loads((run.folder / MODEL).read_text())
        # A former release had one label, and one calibration.
        calibrations = [Calibration(**its) for its in facts.get("calibrations") or [facts["calibration"]]]
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise UsageError(f"{run.folder / MODEL} cannot be read ({error}); train again.") from error
    network, *others = (
        build(without_weights(run.config), starts=[0.5] * len(calibrations)) for _ in range(run.config.seeds)
    )
    network.others = nn.ModuleList(others)
    try:
        network.load_state_dict(read_tensors(run.folder / WEIGHTS))
    except RuntimeError as error:
        raise UsageError(f"{run.folder / WEIGHTS} does not fit its configuration; train again.") from error
    return device.place(network.eval()), calibrations


def without_weights(config: RunConfig) -> RunConfig:
    """The configuration of the same network without pretrained weights."""
    return config.model_copy(update={"weights": "none", "digest": ""})
