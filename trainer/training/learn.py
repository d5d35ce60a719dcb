"""One run, from its data set to a saved model: `trainer train`."""

import copy
import math
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np
import torch
from torch import nn

from trainer.dataset.data import Table
from trainer.dataset.examples import Side
from trainer.dataset.rows import Rows
from trainer.errors import Diverged
from trainer.models.answers import Answers, Calibration, calibrate, load_whole, save_model, without_weights
from trainer.models.backbones import Backbone
from trainer.models.checkpoint import drop_checkpoints, is_begun, read_tensors
from trainer.models.closed_form import fit_head, fit_probe, fit_svr
from trainer.models.device import Device
from trainer.models.features import answer_version, features_of
from trainer.models.freezing import freeze, train_mode
from trainer.models.heads import HIGH, LOW, UNKNOWN
from trainer.models.networks import Network, build
from trainer.models.regressors import RIDGE, make_regressor
from trainer.runs.runs import FACTS, Run, begin, read_run
from trainer.training.batches import Batch, Photos
from trainer.training.loop import Loop, train
from trainer.training.material import Material
from trainer.training.resume import BEST, load_best, restore
from trainer.training.step import take_step

MEAN_OF = 2_000  # the mean image is made from every n-th photo, so that about this many are read
PART = "seed-"  # folders of the networks of a run with several random seeds
TIMED = 2  # steps that measure the time freezing saves; the first one warms up


@dataclass(slots=True)
class Report:
    """Where a run reports its progress, its metrics and its messages, and how it is asked to stop."""

    progress: Callable[[str, int, int], None] = lambda _work, _done, _of: None
    metrics: Callable[[dict[str, Any]], None] = lambda _line: None
    message: Callable[[str], None] = lambda _words: None
    stopping: Callable[[], bool] = lambda: False
    stepping: bool = False  # the loop checks `stopping` after each step; while False, only an interrupt stops the run


def learn(run: Run, material: Material, device: Device, report: Report, *, only: np.ndarray | None = None) -> Network:
    """Train a run to its end and save the model in its folder; `only` limits the training examples.

    Raises:
        Diverged: the loss is not a finite number; the model of the best epoch is saved.
        KeyboardInterrupt: the run was asked to stop; it can be resumed.
        UsageError: the weights are not available, or a pattern in `freeze` matches nothing.
    """
    inside = material.on(Side.TRAIN) if only is None else only
    run.facts.status, run.facts.words = "training", ""
    started = time.monotonic()
    try:
        with device.settled(run.config.deterministic):
            if run.config.closed_form:
                network = _solve(run, material, inside, device, report)
                run.facts.seconds = round(time.monotonic() - started, 2)
            elif run.config.seeds > 1:
                network = _learn_several(run, material, inside, device, report)
            else:
                network = _descend(run, material, inside, device, report)
            _finish(run, network, material, inside, device)
    except KeyboardInterrupt:
        run.facts.status, run.facts.words = "stopped", "Stopped by hand; `trainer train --resume` goes on."
        _save(run, device)
        raise
    except Diverged as error:
        run.facts.words = str(error)
        _keep_best(run, material, inside, device)
        raise
    return network


def _learn_several(run: Run, material: Material, inside: np.ndarray, device: Device, report: Report) -> Network:
    """Train a network for each random seed, in folders of their own, from which an interrupted training goes on."""
    parts, networks = [], []
    for seed in range(run.config.random_seed, run.config.random_seed + run.config.seeds):
        part = _part_of(run, seed, device)
        if part.ready:
            network, _ = load_whole(part, device)
        else:
            report.message(f"Random seed {seed}, {len(parts) + 1} of {run.config.seeds}:")
            with _of_seed(report, seed), whole_or_gone(part, device):
                network = learn(part, material, device, report, only=inside)
        networks.append(network)
        parts.append(part)
    networks[0].others = nn.ModuleList(networks[1:])
    facts = [part.facts for part in parts]
    run.facts.seconds = round(sum(its.seconds for its in facts), 2)
    run.facts.parameters, run.facts.frozen = sum(its.parameters for its in facts), sum(its.frozen for its in facts)
    run.facts.weights, run.facts.epoch = facts[0].weights, facts[0].epoch
    run.facts.words = f"The mean of {len(parts)} networks; the metrics are those of the first."
    if device.rank == 0:
        run.write_metrics(parts[0].metrics())
    return networks[0]


@contextmanager
def whole_or_gone(part: Run, device: Device) -> Iterator[None]:
    """Remove a run that is a part of another one if it diverges, so that its best epoch is not taken for its end."""
    try:
        yield
    except Diverged:
        if device.rank == 0:
            shutil.rmtree(part.folder)
        raise


@contextmanager
def _of_seed(report: Report, seed: int) -> Iterator[None]:
    """Let the metrics of a report say the random seed."""
    whole = report.metrics
    report.metrics = lambda line: whole(line | {"seed": seed})
    try:
        yield
    finally:
        report.metrics = whole


def _part_of(run: Run, seed: int, device: Device) -> Run:
    """The run of one random seed; it is in the folder of the whole run until that has ended."""
    name = f"{PART}{seed}"
    config = run.config.model_copy(update={"random_seed": seed, "seeds": 1})
    facts = replace(run.facts, status="training", words="", seconds=0.0)
    if device.rank == 0 and not (run.folder / name / FACTS).exists():
        shutil.rmtree(run.folder / name, ignore_errors=True)
        begin(run.folder, name, config, facts)
    device.wait()  # until the first process has written it
    return read_run(run.folder / name)


def _keep_best(run: Run, material: Material, inside: np.ndarray, device: Device) -> None:
    """Save the model of the best epoch of a run that diverged, if any epoch had ended."""
    if (run.folder / BEST).exists():
        network = build(without_weights(run.config), starts=[0.5] * len(material.tables))
        network.load_state_dict(read_tensors(run.folder / BEST))
        _finish(run, network, material, inside, device, status="diverged")
    else:
        run.facts.status = "diverged"
        _save(run, device)


def _save(run: Run, device: Device) -> None:
    if device.rank == 0:
        run.save()


def _solve(run: Run, material: Material, inside: np.ndarray, device: Device, report: Report) -> Network:
    config, table = run.config, material.table
    if config.network == "svr":
        return fit_svr(config, material.pixels[inside], table.label[inside])
    if config.regressor != RIDGE:
        make_regressor(config)  # raises now if there is none, and not after the features
    network = device.place(build(config, starts=[UNKNOWN] * len(material.tables)))
    freeze(network, config.freeze)
    _note_size(run, network)
    features = _features(network, run, material, device, report)
    report.message("Solving the head.")
    label, weight = material.label[inside], material.weight[inside]
    run.facts.words = fit_probe(network, config, features.part(inside), label, table.horse[inside], weight)
    return device.place(network)


def _features(network: Network, run: Run, material: Material, device: Device, report: Report) -> Rows:
    progress = partial(report.progress, "features")
    return features_of(network, run.config, material.version, material.pixels, device, material.cache, progress)


def _descend(run: Run, material: Material, inside: np.ndarray, device: Device, report: Report) -> Network:
    config, table = run.config, material.table
    training, validation = material.photos(inside), material.photos(material.on(Side.VALIDATION))
    mean = _mean_image(training) if config.scaling == "mean-image" else None
    taught = training.weight.sum(0) > 0  # a fold may leave a rare label no photo
    starts = np.average(np.where(taught, training.label, UNKNOWN), 0, np.where(taught, training.weight, 1))
    network = build(config, mean_image=mean, starts=starts.tolist())
    if config.network == "tuned" and not is_begun(run.folder):
        report.message("Training the head alone first, so that a random head does not distort the features.")
        features = _features(device.place(network), run, material, device, report)
        fit_head(network, features.part(inside), training.label, table.horse[inside], training.weight)
    steps = math.ceil(len(training) / config.batch)
    loop = Loop(config, network, device, run.folder, steps, stopping=report.stopping, on_epoch=report.metrics)
    _note_size(run, network)
    if restore(loop):
        report.message(f"Resuming at step {loop.state.step} of {loop.steps}.")
    if config.freeze:
        report.message(_time_saved(loop, training))
    report.stepping = True
    try:
        train(loop, training, validation)
    finally:
        report.stepping = False
        run.facts.seconds = round(loop.state.seconds, 2)
        run.facts.epoch = loop.state.best_epoch
        if device.rank == 0:
            run.write_metrics(loop.state.lines)
    if loop.state.step < loop.steps:
        epoch = loop.state.step // loop.steps_an_epoch
        run.facts.words = f"Stopped after epoch {epoch}: no lower error for {config.patience} epochs."
    device.wait()  # until the first process has written the weights
    return load_best(loop)


def _mean_image(photos: Photos) -> torch.Tensor:
    """The mean of the training photos, (3, height, width); of a sample of them if there are more than MEAN_OF."""
    some = photos.take(np.arange(0, len(photos), max(1, len(photos) // MEAN_OF)))
    return torch.from_numpy(some.mean(0, dtype=np.float64).astype(np.float32)).permute(2, 0, 1).contiguous()


def _note_size(run: Run, network: Network) -> None:
    run.facts.parameters = sum(parameter.numel() for parameter in network.parameters())
    run.facts.frozen = sum(parameter.numel() for parameter in network.parameters() if not parameter.requires_grad)
    if isinstance(network.backbone, Backbone):
        run.facts.weights = network.backbone.digest


def _time_saved(loop: Loop, training: Photos) -> str:
    """A sentence on the time that freezing saves, measured with a few steps on this machine."""
    frozen = sum(parameter.numel() for parameter in loop.network.parameters() if not parameter.requires_grad)
    whole = sum(parameter.numel() for parameter in loop.network.parameters())
    with torch.random.fork_rng():
        took = [_time_step(loop, training, patterns) for patterns in (loop.config.freeze, ())]
    return (
        f"Frozen: {frozen / 1e6:.2f} of {whole / 1e6:.2f} million numbers; a step takes {took[0]:.3f} s, "
        f"without freezing {took[1]:.3f} s ({took[0] / took[1]:.2f} of it)."
    )


def _time_step(loop: Loop, training: Photos, patterns: tuple[str, ...]) -> float:
    """Seconds of the fastest of TIMED steps, taken with a copy of the network."""
    copied = copy.deepcopy(loop.network)
    for parameter in copied.parameters():
        parameter.requires_grad_(True)
    config = loop.config.model_copy(update={"freeze": patterns, "ema": 0.0, "compile": False})
    alone = Device(loop.device.name, loop.device.bf16, loop.device.channels_last)
    trial = Loop(config, copied, alone, loop.folder, loop.steps_an_epoch)
    train_mode(trial.network)
    count = min(config.batch, len(training))
    pixels = alone.put(torch.from_numpy(np.array(training.take(np.arange(count)))))
    label = alone.put(torch.from_numpy(np.array(training.label[:count])))
    batch = Batch(pixels, label, torch.full_like(label, 1 / label.numel()), slice(0, count), count)
    times = []
    for _ in range(TIMED):
        began = time.perf_counter()
        float(take_step(trial, batch))
        times.append(time.perf_counter() - began)
    return min(times)


def _finish(
    run: Run, network: Network, material: Material, inside: np.ndarray, device: Device, status: str = "done"
) -> None:
    """Measure the error on the training and validation sides, calibrate, and save the model."""
    network = device.place(network)
    outside = material.on(Side.VALIDATION)

    def answers_on(positions: np.ndarray) -> list[Answers]:
        return answer_version(network, run.config, material.version, material.pixels, device, material.cache, positions)

    answers = answers_on(outside)
    calibrations = [_calibrated(*its, outside) for its in zip(answers, material.tables, strict=True)]
    run.facts.validation_mse = _error(answers[0], material.table, outside)
    run.facts.train_mse = _error(answers_on(inside)[0], material.table, inside)
    device.wait()  # until every process has read the files that are removed now
    if device.rank == 0:
        save_model(run, network, calibrations)
        drop_checkpoints(run.folder)
        (run.folder / BEST).unlink(missing_ok=True)
        for part in run.folder.glob(f"{PART}*"):
            shutil.rmtree(part)
    run.facts.status = status
    _save(run, device)


def _calibrated(answers: Answers, table: Table, examples: np.ndarray) -> Calibration:
    known = ~np.isnan(table.label[examples])
    return calibrate(answers.some(known), table.label[examples[known]], table.horse[examples[known]])


def _error(answers: Answers, table: Table, examples: np.ndarray) -> float | None:
    known = ~np.isnan(table.label[examples])
    return mse(answers.value[known], table.label[examples[known]]) if known.any() else None


def mse(value: np.ndarray, label: np.ndarray) -> float:
    """Mean squared error on the scale 1..10; values and labels are 0..1."""
    return float((HIGH - LOW) ** 2 * np.mean((value - label) ** 2))
