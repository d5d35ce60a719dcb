"""Trains with this project's loop, or steps on one fixed batch as the bare network does.

    train_with_paddock.py DATA CONFIG OUT [--fixed [--recorded]]

Says when the first and the last step of each epoch are done, in the words of timm's script.
"""

import argparse
import math
import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch

from trainer.dataset.examples import Side
from trainer.models.device import Device
from trainer.models.freezing import train_mode
from trainer.models.networks import as_photos, build
from trainer.runs.config import RunConfig, read_config
from trainer.training.batches import Photos
from trainer.training.loop import Loop, train
from trainer.training.material import Material


def lay_out(folder: Path, material: Material, photos: int) -> None:
    """The photos of both sides, repeated until there are so many to train on, and as many more to validate on."""
    folder.mkdir()
    table = material.table
    inside, outside = table.on(Side.TRAIN), table.on(Side.VALIDATION)
    chosen = {"training": np.resize(inside, photos)}
    chosen["validation"] = np.resize(outside, max(1, round(photos * len(outside) / len(inside))))
    for side, indices in chosen.items():
        np.save(folder / f"{side}-pixels.npy", material.pixels[indices])
        np.save(folder / f"{side}-label.npy", table.label[indices])
        np.save(folder / f"{side}-weight.npy", material.weight[indices])


def load(folder: Path, side: str) -> Photos:
    """Pixels mapped from their file, as a run has them from the cache."""
    pixels = np.load(folder / f"{side}-pixels.npy", mmap_mode="r")
    return Photos(
        pixels, np.load(folder / f"{side}-label.npy")[:, None], np.load(folder / f"{side}-weight.npy")[:, None]
    )


def mark(loop: Loop, step: int) -> None:
    epoch, batch = divmod(step, loop.steps_an_epoch)
    if batch in (0, loop.steps_an_epoch - 1):
        if loop.device.name != "cpu":
            torch.accelerator.synchronize()
        print(f"Train: {epoch} [{batch}/{loop.steps_an_epoch}]", flush=True)


def make_loop(config: RunConfig, device: Device, folder: Path, photos: int) -> Loop:
    loop = Loop(config, build(config), device, folder, math.ceil(photos / config.batch))

    def stopping() -> bool:  # asked once a step, when it is done
        mark(loop, loop.state.step - 1)
        return False

    loop.stopping = stopping
    return loop


def step_on_one_batch(loop: Loop, training: Photos, *, recorded: bool) -> None:
    """Forward, loss, backward, step; the photos lie on the device as the network takes them."""
    count, device = loop.config.batch, loop.device
    photos = device.photos(as_photos(device.put(torch.from_numpy(np.array(training.pixels[:count])))))
    label = device.put(torch.from_numpy(training.label[:count]))
    weight = device.put(torch.from_numpy(training.weight[:count] / training.weight[:count].sum()))
    train_mode(loop.network)

    def take() -> None:
        with device.autocast():
            raw = loop.forward(photos)
        (weight * loop.network.head.loss(raw, label)).sum().backward()
        loop.optimiser.step()
        loop.optimiser.zero_grad(set_to_none=True)

    with device.aside():
        again = record(take) if recorded else take
        for step in range(loop.steps):
            again()
            mark(loop, step)


def record(take: Callable[[], None]) -> Callable[[], None]:
    """The step as one CUDA graph."""
    for _ in range(3):
        take()
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph, stream=torch.cuda.current_stream()):
        take()
    return graph.replay


def main() -> None:
    options = argparse.ArgumentParser()
    for name in ("data", "config", "out"):
        options.add_argument(name, type=Path)
    options.add_argument("--fixed", action="store_true")
    options.add_argument("--recorded", action="store_true", help="the fixed step as a CUDA graph")
    asked = options.parse_args()
    config = read_config(asked.config.read_text())
    device = Device.find("auto", config.precision)
    training = load(asked.data, "training")
    with tempfile.TemporaryDirectory(dir=asked.out) as folder:
        if asked.fixed:
            bare = config.model_copy(update={"ema": 0.0})
            loop = make_loop(bare, device, Path(folder), len(training))
            step_on_one_batch(loop, training, recorded=asked.recorded)
        else:
            train(make_loop(config, device, Path(folder), len(training)), training, load(asked.data, "validation"))
    if torch.cuda.is_available():
        print(f"GPU {torch.cuda.max_memory_allocated() / 1e6:.0f} MB")


if __name__ == "__main__":
    main()
