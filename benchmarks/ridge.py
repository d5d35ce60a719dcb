"""The probe's ridge regression on many photos or many features: seconds, memory, and what the randomised one loses.

    python benchmarks/ridge.py [--sizes 100000x2160 20000x15360 ...] [--check 6000x4000]

The features are drawn: directions of falling variance, as those of networks are, and noise in each. They lie in a file
that is mapped, as the cache of features is. Memory is what the process holds besides that file, looked at ten times a
second, without what importing takes. `--check` solves one size both ways and compares the answers to other photos.
"""

import argparse
import threading
import time
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from trainer.models import ridge
from trainer.models.ridge import Line, Standardised, solve

HIDDEN = 2000  # directions
PIECE = 2000  # photos drawn at once
PHOTOS_OF_A_HORSE = 4


def held() -> float:
    """Memory (MB) of this process that no file backs."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("RssAnon:")) / 1024


def draw(path: Path, photos: int, features: int) -> tuple[np.ndarray, np.ndarray]:
    """The mapped features, and the labels."""
    draws = np.random.default_rng(0)
    mix = (
        draws.standard_normal((HIDDEN, features), np.float32)
        / np.sqrt(1 + np.arange(HIDDEN, dtype=np.float32))[:, None]
    )
    weights = draws.standard_normal(HIDDEN, np.float32) / (1 + np.arange(HIDDEN, dtype=np.float32))
    seen = np.lib.format.open_memmap(path, "w+", np.float32, (photos, features))
    label = np.empty(photos)
    for begin in range(0, photos, PIECE):
        hidden = draws.standard_normal((min(PIECE, photos - begin), HIDDEN), np.float32)
        seen[begin : begin + len(hidden)] = hidden @ mix + 0.1 * draws.standard_normal(
            (len(hidden), features), np.float32
        )
        label[begin : begin + len(hidden)] = 0.5 + 0.1 * hidden @ weights + 0.15 * draws.standard_normal(len(hidden))
    seen.flush()
    del seen
    return np.load(path, mmap_mode="r"), label


def fit(seen: np.ndarray, label: np.ndarray) -> tuple[Line, Standardised]:
    horse = np.arange(len(label)) // PHOTOS_OF_A_HORSE
    data = Standardised.of(seen)
    return solve(data, label, horse, np.ones(len(label), np.float32)), data


def measured(seen: np.ndarray, label: np.ndarray) -> tuple[float, float]:
    """Seconds, and the most memory (MB)."""
    before, peak, done = held(), 0.0, threading.Event()

    def watch() -> None:
        nonlocal peak
        while not done.wait(0.1):
            peak = max(peak, held() - before)

    watcher = threading.Thread(target=watch)
    watcher.start()
    began = time.perf_counter()
    fit(seen, label)
    seconds = time.perf_counter() - began
    done.set()
    watcher.join()
    return seconds, peak


def kind(photos: int, features: int) -> str:
    if min(photos, features) > ridge.EXACT:
        return f"randomised, {ridge.DIRECTIONS} directions"
    return "exact, photos by photos" if photos < features else "exact, features by features"


def check(seen: np.ndarray, label: np.ndarray) -> None:
    """How far the randomised answers to a tenth of the photos are from the exact ones."""
    first = len(label) * 9 // 10
    answers = []
    for exact in (10**9, 0):
        ridge.EXACT = exact
        line, data = fit(seen[:first], label[:first])
        answers.append((seen[first:] - data.mean) / data.deviation @ line.slopes + line.level)
    ours, correct = answers[1], answers[0]
    errors = [float(np.mean((its - label[first:]) ** 2)) for its in answers]
    print(
        f"{len(label):,} x {seen.shape[1]:,}: squared error {errors[0]:.5f} exact, {errors[1]:.5f} randomised; "
        f"the answers correlate at {np.corrcoef(ours, correct)[0, 1]:.4f}"
    )


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    options.add_argument("--sizes", nargs="*", default=["100000x2160", "3000x15360", "20000x15360"], metavar="NxP")
    options.add_argument("--check", metavar="NxP")
    options.add_argument("--folder", type=Path, help="where the drawn features lie; as many bytes as they have")
    asked = options.parse_args()
    print("| photos x features | solved | s | peak MB |\n|---|---|--:|--:|")
    for size in asked.sizes:
        photos, features = map(int, size.split("x"))
        with TemporaryDirectory(dir=asked.folder) as folder:
            seconds, peak = measured(*draw(Path(folder) / "features.npy", photos, features))
        print(f"| {photos:,} x {features:,} | {kind(photos, features)} | {seconds:.0f} | {peak:,.0f} |", flush=True)
    if asked.check:
        with TemporaryDirectory(dir=asked.folder) as folder:
            check(*draw(Path(folder) / "features.npy", *map(int, asked.check.split("x"))))


if __name__ == "__main__":
    main()
