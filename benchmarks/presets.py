"""The presets side by side on one data set version, and the failure of 2017 taken apart: writes docs/presets.md.

    collector crawl --since 2005 --demo && collector refresh-labels --demo && trainer export --demo
    python benchmarks/presets.py

Needs no GPU and no network; some minutes on two cores.
"""

import argparse
import tempfile
from pathlib import Path

import numpy as np

from collector.settings import load_settings
from trainer.dataset.examples import Side
from trainer.dataset.manifest import Version, find_version
from trainer.directories import Directories
from trainer.evaluation.diagnose import diagnose
from trainer.evaluation.scores import Bootstrap, Score, square
from trainer.models.answers import answer
from trainer.models.device import Device
from trainer.plots import intervals, save
from trainer.runs.config import make_config
from trainer.runs.runs import Facts, begin, code_version, now
from trainer.training.learn import Report, gather, learn

DOCS = Path(__file__).parent.parent / "docs"
SMALL = ("height=96", "width=128")
REPAIRS: dict[str, tuple[str, ...]] = {
    "as it was": (),
    "right scale": ("scaling=expected",),
    "and a start at the mean label": ("scaling=expected", "bias_at_mean=true"),
    "and AdamW at a tenth of the rate": ("scaling=expected", "bias_at_mean=true", "optimiser=adamw", "rate=1e-4"),
}
PRESETS: dict[str, tuple[str, tuple[str, ...]]] = {
    "svr": ("svr", ()),
    "first-cnn": ("first-cnn", ()),
    "alexnet-frozen-2017": ("alexnet-frozen-2017", ()),
    "probe": ("probe", ()),
    "finetune at 96x128": ("finetune", SMALL),
}


def run(version: Version, directories: Directories, preset: str, settings: tuple[str, ...]) -> tuple[Score, str]:
    """The error on horses that training did not see, and a line of the diagnosis."""
    config, device = make_config(preset, settings), Device.find("auto")
    facts = Facts("training", version.name, str(version.folder), code_version(), "none", device.words, now())
    one = begin(directories.runs, None, config, facts)
    material = gather(version, config, directories.cache)
    network = learn(one, material, device, Report())
    outside = unseen(material.table)
    value = answer(network, material.pixels[outside], device).value
    error = Bootstrap(material.table.horse[outside]).mean(square(value, material.table.label[outside]))
    found = diagnose(one, network, material.table, material.pixels, device, human=None)
    sight = f"{found.sight.variation:.2f}" if found.sight else "-"
    return error, f"{value.std():.3f} | {found.dead:.0%} | {sight} | {one.facts.seconds:.0f}"


def unseen(table) -> np.ndarray:  # noqa: ANN001
    return np.concatenate([table.on(side) for side in (Side.VALIDATION, Side.TEST)])


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--data", default="last", help="a data set version of the demo")
    home = Directories(load_settings().for_demo().home)
    version = find_version(home.datasets, options.parse_args().data)
    with tempfile.TemporaryDirectory() as folder:
        directories = Directories(Path(folder))
        rows, lines = [], []
        for name, (preset, settings) in PRESETS.items():
            error, line = run(version, directories, preset, settings)
            rows.append((name, error))
            lines.append(f"| {name} | {error.value:.2f} [{error.low:.2f}, {error.high:.2f}] | {line} |")
            print(lines[-1], flush=True)
        table = gather(version, make_config("svr"), directories.cache).table
        outside = unseen(table)
        constant = np.full(len(outside), table.label[table.on(Side.TRAIN)].mean())
        level = Bootstrap(table.horse[outside]).mean(square(constant, table.label[outside]))
        rows.append(("mean label", level))
        lines.append(f"| mean label | {level.value:.2f} [{level.low:.2f}, {level.high:.2f}] | 0.000 | - | - | 0 |")
        repairs = []
        for name, settings in REPAIRS.items():
            error, line = run(version, directories, "alexnet-frozen-2017", settings)
            repairs.append(f"| {name} | {error.value:.2f} [{error.low:.2f}, {error.high:.2f}] | {line} |")
            print(repairs[-1], flush=True)
    drawn = [(name, error.value, error.low, error.high) for name, error in reversed(rows)]
    save(intervals(drawn[::-1], "MSE on the scale 1..10, horses that training did not see"), DOCS / "presets.png")
    photos = sum(version.manifest.photos.values())
    page = PAGE.format(
        photos=photos, horses=version.manifest.horses_in_all, lines="\n".join(lines), repairs="\n".join(repairs)
    )
    (DOCS / "presets.md").write_text(page)


PAGE = """# The presets on the look-alike photos, and why the transfer of 2017 failed

Made by `python benchmarks/presets.py` on {photos} drawn photos of {horses} horses
(`collector crawl --since 2005 --demo`, `collector refresh-labels --demo`, `trainer export --demo`). In these photos
the length of the body follows the aptitude; coat, light, background and stand are chance. So there is something to
learn, and it is known what. How much there is in real photos nobody knows yet.

Errors are MSE on the scale 1..10 on the horses of validation and test, which training never saw; intervals of 95 %,
by resampling horses. `std`: of the answers, 0..1. `dead`: units of the first dense layer that answer nothing to any
photo. `variation`: of the backbone's features between photos, in parts of their size.

| | MSE | std | dead | variation | seconds |
|---|--:|--:|--:|--:|--:|
{lines}

![Errors](presets.png)

## What went wrong in 2017

The first attempt froze the convolutions of an AlexNet and trained a new head of two wide layers on them. It ended at
one number for every photo. The preset `alexnet-frozen-2017` does the same to a network whose weights come along
(EfficientNet-lite0): photos divided by 255 for a network that expects another scale, Adam at 1e-3 with coupled decay,
an output that starts at 0 while the labels lie around 4.5. `trainer diagnose` names the causes in this order; here one
after the other is repaired:

| | MSE | std | dead | variation | seconds |
|---|--:|--:|--:|--:|--:|
{repairs}

At the wrong scale the frozen features hardly differ from photo to photo, and the first steps, far from the labels,
push most hidden units below zero, where they stay. What is left is the output's bias: a constant. The same features at
the right scale with a head in closed form are the preset `probe`.
"""

if __name__ == "__main__":
    main()
