"""What freezing saves, on handwritten digits: nothing frozen, gradients zeroed in a hook as in 2017, and `--freeze`.

    python benchmarks/freezing.py

Digits are regressed like horses (a digit d has the label d / 9). A network of the kind of `first-cnn` first learns the
digits 0 to 4; then its convolutions are to be kept while its head learns all ten. A minute, needs no network.
"""

import argparse
import copy
import statistics
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from sklearn.datasets import load_digits

from trainer.models.answers import answer
from trainer.models.device import Device
from trainer.models.freezing import train_mode
from trainer.models.networks import Network, build
from trainer.runs.config import RunConfig, make_config
from trainer.training.batches import Photos, batches
from trainer.training.loop import Loop
from trainer.training.step import take_step

SIDE = 32  # px
SETTINGS = (f"height={SIDE}", f"width={SIDE}", "flip=false", "contrast=0", "dropout=0", "batch=128")
HELD = "backbone.*"


@dataclass(frozen=True)
class Way:
    """How the convolutions are kept, and what came of it."""

    step: float  # seconds, median
    moved: int  # numbers of the convolutions that are not what they were
    of: int
    right: float  # share of the digits held out that are told right


def digits(most: int = 9) -> tuple[Photos, Photos]:
    """Digits up to one of them as photos of 32 x 32: four fifths to learn from, a fifth held out."""
    found: Any = load_digits()
    drawn, told = found.data, found.target
    small = np.clip(drawn * 16, 0, 255).astype(np.uint8).reshape(-1, 8, 8)
    large = small.repeat(SIDE // 8, 1).repeat(SIDE // 8, 2)
    pixels = np.repeat(large[told <= most][..., None], 3, axis=3)
    label = (told[told <= most] / 9).astype(np.float32)
    held_out = np.arange(len(label)) % 5 == 0
    inside, outside = (
        Photos(pixels[its], label[its, None], np.ones((int(its.sum()), 1), np.float32)) for its in (~held_out, held_out)
    )
    return inside, outside


def learn(network: Network, config: RunConfig, photos: Photos, device: Device, folder: Path) -> tuple[Loop, float]:
    """All steps of a run, without its book-keeping; the loop and the seconds of a step, the median."""
    loop = Loop(config, network, device, folder, -(-len(photos) // config.batch))
    train_mode(loop.network)
    took = []
    for batch in batches(photos, loop.config, loop.device, range(loop.state.step, loop.steps)):
        began = time.perf_counter()
        float(take_step(loop, batch))
        took.append(time.perf_counter() - began)
        loop.state.step += 1
    return loop, statistics.median(took)


def zero_gradients(network: Network) -> None:
    """What the first attempt did: the gradient is computed as ever, and then thrown away."""
    for parameter in network.backbone.parameters():
        parameter.register_hook(torch.zeros_like)


def try_way(begun: Network, epochs: int, device: Device, prepare: Callable[[Network], None], freeze: bool) -> Way:
    """Learn all digits with a copy of a network whose convolutions are to be kept in one way."""
    inside, outside = digits()
    network = copy.deepcopy(begun)
    prepare(network)
    before = [parameter.detach().clone() for parameter in network.backbone.parameters()]
    config = make_config("first-cnn", (*SETTINGS, f"epochs={epochs}"), (HELD,) if freeze else ())
    with tempfile.TemporaryDirectory() as folder:
        loop, step = learn(network, config, inside, device, Path(folder))
    pairs = zip(before, loop.network.backbone.parameters(), strict=True)
    value = answer(loop.network, outside.pixels, device)[0].value
    return Way(
        step=step,
        moved=sum(int((one != other).sum()) for one, other in pairs),
        of=sum(one.numel() for one in before),
        right=float((np.rint(value * 9) == np.rint(outside.label * 9)).mean()),
    )


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--epochs", type=int, default=4)
    epochs = options.parse_args().epochs
    device = Device.find()
    config = make_config("first-cnn", (*SETTINGS, f"epochs={epochs}"))
    inside, _ = digits(most=4)
    with tempfile.TemporaryDirectory() as folder:
        begun, _ = learn(build(config, starts=[0.25]), config, inside, device, Path(folder))
    ways = {
        "nothing frozen": try_way(begun.network, epochs, device, lambda _: None, freeze=False),
        "gradients zeroed in a hook (2017)": try_way(begun.network, epochs, device, zero_gradients, freeze=False),
        f"`--freeze '{HELD}'`": try_way(begun.network, epochs, device, lambda _: None, freeze=True),
    }
    first = ways["nothing frozen"].step
    print(f"{len(digits()[0])} digits, batch {config.batch}, {device.words}, torch {torch.__version__}\n")
    print("| | ms a step | of it | convolutions' numbers that moved | held-out digits right |")
    print("|---|--:|--:|--:|--:|")
    for name, way in ways.items():
        share = f"{1000 * way.step:.0f} | {way.step / first:.2f}"
        print(f"| {name} | {share} | {way.moved:,} of {way.of:,} | {way.right:.0%} |")


if __name__ == "__main__":
    main()
