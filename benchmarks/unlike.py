"""How many photos a run calls unlike those that it has learnt from: drawn horses, and real photos of other things.

    python benchmarks/unlike.py --home .demo [--run last]

It needs a run with pretrained features, such as `probe` after `make learn`. The real photos are near_copies.py's.
"""

import argparse
from collections.abc import Sequence
from itertools import islice
from pathlib import Path

import numpy as np
from near_copies import real, saved

from collector.demo.world.drawing import draw_photo
from collector.demo.world.world import Picture, World
from trainer.dataset.data import Table
from trainer.dataset.examples import Side
from trainer.directories import Directories
from trainer.inference.neighbours import Index, build_index, find_index
from trainer.inference.serving import Predictor
from trainer.models.answers import BATCH, see
from trainer.models.device import Device
from trainer.runs.runs import find_run, version_of

DRAWN, LEARNT = 150, 120
OTHER_YEARS = range(2003, 2010)  # whose horses are not in the demo


def features(predictor: Predictor, bodies: Sequence[bytes]) -> np.ndarray:
    """The features of photos, float32 (n, k)."""
    pixels = [predictor.prepare(body) for body in bodies]
    pieces = [np.stack(pixels[begin : begin + BATCH]) for begin in range(0, len(pixels), BATCH)]
    return np.concatenate([see(predictor.network, piece, predictor.device)[1] for piece in pieces])


def unlike(index: Index, found: np.ndarray) -> str:
    """How many photos with these features are called unlike."""
    return f"{sum(bool(index.looks_strange(point)) for point in index.project(found))} of {len(found)}"


def of_real(found: np.ndarray) -> Index:
    """The index of some real photos; every fourth ten of them are for the limit."""
    sides = [Side.VALIDATION if number // 10 % 4 == 3 else Side.TRAIN for number in range(len(found))]
    rows = [{"horse_id": str(number), "side": side, "digest": str(number)} for number, side in enumerate(sides)]
    return build_index(Table("0", rows), found, pretrained=True)


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    options.add_argument("--home", type=Path, required=True, metavar="DIR")
    options.add_argument("--run", default="last", metavar="RUN")
    asked = options.parse_args()
    where = Directories(asked.home)
    run, device = find_run(where.runs, asked.run), Device.find("cpu", "fp32")
    predictor = Predictor(run, device)
    index = find_index(run, predictor.network, version_of(run, where), device, where.cache, lambda *_: None)
    if index is None or index.farthest is None:
        raise SystemExit(f"{run.name} has no pretrained features, so it judges no photo; name one with --run.")
    horses = islice(World(years=OTHER_YEARS).horses(), DRAWN)
    drawn = features(predictor, [draw_photo(Picture(horse, "elsewhere")) for horse in horses])
    others = features(predictor, [saved(image) for image in real()])
    print(f"\n{run.name} calls unlike: drawn horses {unlike(index, drawn)}, real photos {unlike(index, others)}")
    theirs = of_real(others[:LEARNT])
    print(f"of {LEARNT} real photos, its features call unlike: ", end="")
    print(f"drawn horses {unlike(theirs, drawn)}, other real photos {unlike(theirs, others[LEARNT:])}")


if __name__ == "__main__":
    main()
