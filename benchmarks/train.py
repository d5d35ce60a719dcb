"""Training beside the bare network and beside timm's training script, each in a process of its own.

    collector crawl --since 2005 --demo && collector refresh-labels --demo && trainer export --demo
    python benchmarks/train.py [--timm-script pytorch-image-models/train.py] [--rounds 3] [--epochs 4] [--photos N]

The loop that `trainer train` uses learns from the photos of a data set version, repeated until there are enough, with
the presets `finetune`, the same with mirroring only, and `first-cnn`. Beside each the same network steps on one fixed
batch that lies on the device already: forward, loss, backward, optimiser, and nothing else. On a GPU it also does so as
one recording (a CUDA graph), as the loop does.

timm's script is no part of timm's package: --timm-script names the one of a checkout, which is run as it is. Without
it `train_with_timm.py` puts timm's own parts together in the order of that script; the table says which it was. Either
way timm trains tf_efficientnet_lite0 on the same photos at the same size, as small JPEG files in a folder for each
type, with the same batch, AdamW, layer decay, average of the weights, clipping, precision, order of memory, epochs and
mirroring. What differs is the model: timm's has the last convolution, 1280 wide, and its batch norms learn, where ours
stay as they are. So timm's loop, too, stands beside the bare step of its own model.

Photos a second are those of a process' fastest epoch, from its first step to its last, the first epoch left out: other
work on the machine only ever slows. They leave out validation, saving and the start of timm's reading processes, which
`whole epochs` has in it. Peak memory is of all processes of a program, each shared page once, looked at once a second.
Shares are medians over the rounds. Some seven minutes on two cores that do nothing else; on shared ones threads wait
for each other, and OMP_NUM_THREADS=1 says more.
"""

import argparse
import os
import re
import statistics
import subprocess
import sys
import threading
import time
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from export import shared_fairly
from PIL import Image
from train_with_paddock import lay_out

from collector.settings import load_settings
from trainer.dataset.manifest import find_version
from trainer.directories import Directories
from trainer.evaluation.scores import kinds
from trainer.models.device import Device
from trainer.runs.config import RunConfig, make_config
from trainer.training.material import gather

HERE = Path(__file__).parent
OURS = "finetune, mirroring only: `trainer train`"
MIRRORING_ONLY = ("contrast=0", "light=0", "blur=0", "zoom=0")
TYPES = ("0-sprint", "1-mile", "2-middle", "3-long")
WHOLE = 128  # photos are a multiple of this, so that every batch is whole
SMALL = 8  # times as many photos for first-cnn, whose steps are that much shorter
MARK, GPU = re.compile(r"Train: (\d+) \[\s*(\d+)/"), re.compile(r"GPU (\d+) MB")


@dataclass(frozen=True)
class Program:
    """A training to be measured."""

    command: list[str]
    batch: int
    bare: str  # the one that its speed is a share of


@dataclass
class Cost:
    """What one training took."""

    marks: list[tuple[int, float]] = field(default_factory=list)  # step and seconds, the first and last of each epoch
    peak: float = 0.0  # MB
    gpu: int = 0  # MB

    def speed(self, program: Program) -> float:
        """Photos a second of the steps of the fastest epoch but the first."""
        epochs = zip(self.marks[2::2], self.marks[3::2], strict=True)
        return program.batch * max((last - first) / (end - begin) for (first, begin), (last, end) in epochs)

    def whole(self, program: Program) -> float:
        """Photos a second from the second epoch to the last, validation and saving included."""
        firsts = [seconds for _, seconds in self.marks[2::2]]
        return program.batch * (self.marks[3][0] + 1) * (len(firsts) - 1) / (firsts[-1] - firsts[0])


def lay_out_for_timm(folder: Path, data: Path) -> None:
    """The same photos as JPEG files, a folder for each type."""
    for side, name in (("training", "train"), ("validation", "validation")):
        for kind in TYPES:
            (folder / name / kind).mkdir(parents=True)
        types = kinds(np.load(data / f"{side}-label.npy"))
        for number, (pixels, kind) in enumerate(zip(np.load(data / f"{side}-pixels.npy"), types, strict=True)):
            Image.fromarray(pixels).save(folder / name / TYPES[kind] / f"{number}.jpg", quality=95)


def timm_arguments(config: RunConfig, device: Device, folder: Path, steps: int) -> list[str]:
    """The settings of a run in the words of timm's script."""
    kind, ratio = device.name.partition(":")[0], config.width / config.height
    given = (
        f"--data-dir {folder} --output {folder} --model {config.backbone} --num-classes {len(TYPES)} --device {kind} "
        f"--input-size 3 {config.height} {config.width} --batch-size {config.batch} --epochs {config.epochs} "
        f"--opt {config.optimiser} --lr {config.rate} --weight-decay {config.weight_decay} --momentum 0.9 "
        f"--layer-decay {config.layer_decay} --clip-grad {config.clip} --drop {config.dropout} --sched cosine "
        f"--sched-on-updates --warmup-epochs 0 --model-ema --model-ema-decay {config.ema} --channels-last "
        f"--scale 1 1 --ratio {ratio} {ratio} --hflip 0.5 --color-jitter 0 --smoothing 0 --log-interval {steps - 1}"
    ).split()
    return given + ["--amp", "--amp-dtype", "bfloat16"] * device.bf16 + ["--pin-mem"] * (kind == "cuda")


def prepare(folder: Path, asked: argparse.Namespace, device: Device) -> dict[str, Program]:
    """The programs, and everything laid out that they read."""
    home = Directories(load_settings().for_demo().home)
    data_version = find_version(home.datasets, asked.data)
    size = (f"height={asked.height}", f"width={asked.width}")
    programs: dict[str, Program] = {}

    def add(name: str, preset: str, photos: int, settings: tuple[str, ...]) -> RunConfig:
        config = make_config(preset, (*settings, f"epochs={asked.epochs}"))
        data, path, bare = folder / preset, folder / f"{len(programs)}.json", f"{preset}: bare steps"
        if not data.exists():
            lay_out(data, gather(data_version, config, home.cache), photos)
        path.write_text(config.model_dump_json())
        words = [sys.executable, str(HERE / "train_with_paddock.py"), str(data), str(path), str(folder)]
        programs.setdefault(bare, Program([*words, "--fixed"], config.batch, bare))
        if device.name != "cpu":
            programs.setdefault(f"{bare}, recorded", Program([*words, "--fixed", "--recorded"], config.batch, bare))
        programs[name] = Program(words, config.batch, bare)
        return config

    add("finetune: `trainer train`", "finetune", asked.photos, size)
    config = add(OURS, "finetune", asked.photos, (*size, *MIRRORING_ONLY))
    lay_out_for_timm(folder / "timm", folder / "finetune")
    words, bare = [sys.executable, str(HERE / "train_with_timm.py")], "timm: bare steps"
    given = timm_arguments(config, device, folder / "timm", asked.photos // config.batch)
    programs[bare] = Program([*words, "--fixed", *given, "--workers", "1"], config.batch, bare)
    script = ["--script", str(asked.timm_script.resolve())] if asked.timm_script else []
    for workers in asked.workers:
        name = f"timm: {'its train.py' if script else 'its parts, put together'}, {workers} reading"
        programs[name] = Program([*words, *script, *given, "--workers", str(workers)], config.batch, bare)
    add("first-cnn: `trainer train`", "first-cnn", SMALL * asked.photos, ())
    return programs


def measure(name: str, program: Program) -> Cost:
    """One training, from its start to its end."""
    cost, last, pipe = Cost(), "", subprocess.PIPE
    process = subprocess.Popen(
        program.command, stdout=pipe, stderr=subprocess.STDOUT, start_new_session=True, text=True
    )

    def watch() -> None:
        while process.returncode is None:
            cost.peak = max(cost.peak, shared_fairly(process.pid))
            time.sleep(1)  # to look stops the program for a moment

    watcher = threading.Thread(target=watch)
    watcher.start()
    for line in process.stdout or ():
        if found := MARK.search(line):
            cost.marks.append((int(found[2]), time.perf_counter()))
        elif found := GPU.search(line):
            cost.gpu = int(found[1])
        last = line.strip() or last
    process.wait()
    watcher.join()
    if process.returncode or len(cost.marks) < 6:
        raise SystemExit(f"{name} ended with {process.returncode}, and last it said: {last}")
    return cost


def report(programs: dict[str, Program], rounds: list[dict[str, Cost]]) -> None:
    print("\n| | photos a second | share of bare steps | mirroring only is | whole epochs | peak MB | GPU MB |")
    print("|---|--:|--:|--:|--:|--:|--:|")
    for name, program in programs.items():
        speeds = [{other: costs[other].speed(programs[other]) for other in programs} for costs in rounds]
        speed = statistics.median(each[name] for each in speeds)
        share = statistics.median(each[name] / each[program.bare] for each in speeds)
        faster = f"{statistics.median(each[OURS] / each[name] for each in speeds):.2f} times as fast"
        whole = statistics.median(costs[name].whole(program) for costs in rounds)
        peak, gpu = (max(getattr(costs[name], key) for costs in rounds) for key in ("peak", "gpu"))
        print(
            f"| {name} | {speed:,.0f} | {share:.2f} | {faster if name.startswith('timm') else ''} "
            f"| {f'{whole:,.0f}' if ': bare steps' not in name else ''} | {peak:,.0f} | {gpu or ''} |"
        )


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    options.add_argument("--data", default="last", metavar="VERSION", help="a data set version of the demo")
    options.add_argument("--timm-script", type=Path, metavar="PATH", help="train.py of a checkout of timm")
    options.add_argument("--workers", type=int, nargs="+", metavar="N", help="of timm, which is run with each number")
    options.add_argument("--rounds", type=int, default=3, metavar="N")
    options.add_argument("--epochs", type=int, default=4, metavar="N", help="three or more")
    options.add_argument("--photos", type=int, metavar="N", help="an epoch, up to the next multiple of 128")
    options.add_argument("--height", type=int, metavar="PX")
    options.add_argument("--width", type=int, metavar="PX")
    asked, device, cores = options.parse_args(), Device.find("auto"), os.cpu_count() or 1
    if asked.epochs < 3 or asked.rounds < 1:
        options.error("it takes three epochs and one round at least")
    if asked.timm_script and not asked.timm_script.is_file():
        options.error(f"there is no file {asked.timm_script}")
    photos, height, width = (384, 96, 128) if device.name == "cpu" else (4096, 192, 256)
    asked.photos = WHOLE * max(1, -(-(asked.photos or photos) // WHOLE))
    asked.height, asked.width = asked.height or height, asked.width or width
    asked.workers = asked.workers or sorted({max(1, cores // 2), cores})
    rounds: list[dict[str, Cost]] = []
    with TemporaryDirectory() as folder:
        programs = prepare(Path(folder), asked, device)
        for number in range(asked.rounds):
            rounds.append({})
            for name, program in programs.items():
                rounds[-1][name] = measure(name, program)
                print(f"round {number + 1}: {name}: {rounds[-1][name].speed(program):,.0f} a second", flush=True)
    print(
        f"\n{device.words}, {cores} cores, torch {version('torch')}, timm {version('timm')}; an epoch has "
        f"{asked.photos:,} photos of {asked.height} x {asked.width}, of first-cnn {SMALL * asked.photos:,} of 32 x 32; "
        f"medians of {asked.rounds} rounds of {asked.epochs} epochs; peak: the highest"
    )
    report(programs, rounds)


if __name__ == "__main__":
    main()
