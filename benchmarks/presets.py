"""The presets side by side on one data set version, and the failure of 2017 taken apart: writes docs/presets.md.

    collector crawl --since 2005 --demo && collector refresh-labels --demo && trainer export --demo
    python benchmarks/presets.py

Each is trained once, to be diagnosed, and five times more, to answer each horse out of fold; the final test stays
closed. Needs no GPU and no network; about three quarters of an hour on two cores.
"""

import argparse
import tempfile
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from collector.settings import load_settings
from trainer.dataset.manifest import Version, find_version
from trainer.directories import Directories
from trainer.evaluation.baselines import WORDS, Baseline
from trainer.evaluation.diagnose import Diagnosis, diagnose
from trainer.evaluation.evaluate import Evaluation, evaluate_out_of_fold
from trainer.models.device import Device
from trainer.plots import intervals, save
from trainer.runs.config import make_config
from trainer.runs.runs import Facts, begin, code_version, now
from trainer.training.learn import Report, learn
from trainer.training.material import gather

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


@dataclass(frozen=True)
class Ranked:
    """A preset with its answers out of fold and its diagnosis."""

    name: str
    evaluation: Evaluation
    found: Diagnosis
    std: float  # of the answers to the horses of validation
    seconds: float  # of one training

    @property
    def line(self) -> str:
        """A row of the page's tables."""
        sight = f"{self.found.sight.variation:.2f}" if self.found.sight else "-"
        r2, verdict = self.evaluation.r2, self.evaluation.verdict.words
        return (
            f"| {self.name} | {r2.value:.3f} [{r2.low:.3f}, {r2.high:.3f}] | {verdict} "
            f"| {self.evaluation.scores.mse} | {self.std:.3f} | {self.found.dead:.0%} | {sight} | {self.seconds:.0f} |"
        )


def rank(version: Version, directories: Directories, name: str, preset: str, settings: tuple[str, ...]) -> Ranked:
    """Train a preset, answer out of fold with it, and diagnose it."""
    config, device = make_config(preset, settings), Device.find("auto")
    facts = Facts("training", version.name, str(version.folder), code_version(), "none", device.words, now())
    one = begin(directories.runs, None, config, facts)
    material = gather(version, config, directories.cache)
    network = learn(one, material, device, Report())
    evaluation, _ = evaluate_out_of_fold(one, directories, device)
    found = diagnose(one, network, material, device, human=None)
    ranked = Ranked(name, evaluation, found, found.std["validation"], one.facts.seconds)
    print(ranked.line, flush=True)
    return ranked


def best_without_photos(evaluation: Evaluation) -> tuple[str, float]:
    """The best baseline, and the share of the mean label's squared error that it saves."""
    best = Baseline(evaluation.best_baseline)
    return WORDS[best], 1 - evaluation.baselines[best].mse.value / evaluation.baselines[Baseline.MEAN].mse.value


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--data", default="last", help="a data set version of the demo")
    options.add_argument("--docs", type=Path, default=DOCS, help="folder of the page")
    given = options.parse_args()
    version = find_version(Directories(load_settings().for_demo().home).datasets, given.data)
    with tempfile.TemporaryDirectory() as folder:
        directories = Directories(Path(folder))
        ranked = [rank(version, directories, name, *its) for name, its in PRESETS.items()]
        repairs = [
            rank(version, directories, name, "alexnet-frozen-2017", settings) for name, settings in REPAIRS.items()
        ]
    drawn = [(one.name, one.evaluation.r2.value, one.evaluation.r2.low, one.evaluation.r2.high) for one in ranked]
    save(intervals(drawn, "R2 against the mean label, out of fold"), given.docs / "presets.png")
    judged = ranked[0].evaluation
    baseline, saved = best_without_photos(judged)
    page = PAGE.format(
        photos=judged.photos,
        horses=judged.horses,
        on=datetime.now(UTC).date(),
        baseline=baseline,
        saved=saved,
        lines="\n".join(one.line for one in ranked),
        repairs="\n".join(one.line for one in repairs),
    )
    (given.docs / "presets.md").write_text(page)


PAGE = """# The presets on the look-alike photos, and why the transfer of 2017 failed

Made by `python benchmarks/presets.py` on {on}, on {photos} drawn photos of {horses} horses
(`collector crawl --since 2005 --demo`, `collector refresh-labels --demo`, `trainer export --demo`). In these photos
the build of the body follows the aptitude; coat, light, background and stand are chance. So there is something to
learn, and it is known what. How much there is in real photos nobody knows yet.

Each horse is answered by a model that was fitted to others, five folds in all; the horses of the final test are left
out. R2 is the share of the mean label's squared error that the answers save; intervals of 95 %, by resampling horses.
`std`: of the answers to validation, 0..1. `dead`: units of the first dense layer that answer nothing to any photo.
`variation`: of the backbone's features between photos, in parts of their size. `seconds`: of one training.

| | R2 | verdict | MSE (1..10) | std | dead | variation | seconds |
|---|--:|---|--:|--:|--:|--:|--:|
{lines}

The best answer without a photo is {baseline}: R2 {saved:.3f}.

![R2](presets.png)

## What went wrong in 2017

The first attempt froze the convolutions of an AlexNet and trained a new head of two wide layers on them. It ended at
one number for every photo. The preset `alexnet-frozen-2017` does the same to a network whose weights come along
(EfficientNet-lite0): photos divided by 255 for a network that expects another scale, Adam at 1e-3 with coupled decay,
an output that starts at 0 while the labels lie around 4.5. `trainer diagnose` names the causes in this order; here one
after the other is repaired:

| | R2 | verdict | MSE (1..10) | std | dead | variation | seconds |
|---|--:|---|--:|--:|--:|--:|--:|
{repairs}

At the wrong scale the frozen features hardly differ from photo to photo, and the first steps, far from the labels,
push most hidden units below zero, where they stay. What is left is the output's bias: a constant. The same features at
the right scale with a head in closed form are the preset `probe`.
"""

if __name__ == "__main__":
    main()
