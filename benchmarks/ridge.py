"""The probe's ridge regression on many photos or many features: seconds, memory, and what solving in steps loses.

    python benchmarks/ridge.py [--sizes 100000x2160 20000x15360 ...] [--check 8000x2500]

The features are drawn: directions of falling variance, as those of networks are, and noise in each. Two labels are
solved at once: one that lies mostly in the directions that vary most, and one to which all directions contribute alike.
Half of what they vary is noise. The features lie in a file that is mapped, as the cache of features is. Memory is what
the process holds besides that file, looked at ten times a second, without what importing takes. `--check` solves one
size exactly and in steps, and compares the errors on other photos.
"""

import argparse
import threading
import time
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from trainer.models import ridge
from trainer.models.ridge import Lines, Standardised, solve

HIDDEN = 2000  # directions
PIECE = 2000  # photos drawn at once
PHOTOS_OF_A_HORSE = 4
SIZES = ("100000x2160", "6000x3072", "3000x15360", "20000x15360", "100000x15360")
LABELS = ("mostly in the main directions", "in all directions alike")


def held() -> float:
    """Memory (MB) of this process that no file backs."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("RssAnon:")) / 1024


def draw(path: Path, photos: int, features: int) -> tuple[np.ndarray, np.ndarray]:
    """The mapped features, and the labels (photos, 2)."""
    draws = np.random.default_rng(0)
    mix = (
        draws.standard_normal((HIDDEN, features), np.float32)
        / np.sqrt(1 + np.arange(HIDDEN, dtype=np.float32))[:, None]
    )
    weights = draws.standard_normal((HIDDEN, 2), np.float32)
    weights[:, 0] /= 1 + np.arange(HIDDEN)
    weights *= 0.15 / np.linalg.norm(weights, axis=0)
    seen = np.lib.format.open_memmap(path, "w+", np.float32, (photos, features))
    label = np.empty((photos, 2))
    for begin in range(0, photos, PIECE):
        hidden = draws.standard_normal((min(PIECE, photos - begin), HIDDEN), np.float32)
        seen[begin : begin + len(hidden)] = hidden @ mix + 0.1 * draws.standard_normal(
            (len(hidden), features), np.float32
        )
        label[begin : begin + len(hidden)] = 0.5 + hidden @ weights + 0.15 * draws.standard_normal((len(hidden), 2))
    seen.flush()
    del seen
    return np.load(path, mmap_mode="r"), label


def fit(seen: np.ndarray, label: np.ndarray) -> tuple[Lines, Standardised]:
    horse = np.arange(len(label)) // PHOTOS_OF_A_HORSE
    data = Standardised.of(seen)
    return solve(data, label, horse, np.ones(label.shape, np.float32)), data


def measured(seen: np.ndarray, label: np.ndarray) -> tuple[float, float, float]:
    """Seconds, seconds of CPU, and the most memory (MB)."""
    before, peak, done = held(), 0.0, threading.Event()

    def watch() -> None:
        nonlocal peak
        while not done.wait(0.1):
            peak = max(peak, held() - before)

    watcher = threading.Thread(target=watch)
    watcher.start()
    began, worked = time.perf_counter(), time.process_time()
    fit(seen, label)
    seconds, cpu = time.perf_counter() - began, time.process_time() - worked
    done.set()
    watcher.join()
    return seconds, cpu, peak


def kind(photos: int, features: int) -> str:
    if min(photos, features) > ridge.EXACT:
        return f"in {ridge.STEPS} steps"
    return "exact, photos by photos" if photos < features else "exact, features by features"


def check(seen: np.ndarray, label: np.ndarray) -> None:
    """The errors on a tenth of the photos of the exact solution for the others, and of the one in steps."""
    first = len(label) * 9 // 10
    spread = label[first:].var(0)
    for exact in (10**9, 0):
        ridge.EXACT = exact
        lines, data = fit(seen[:first], label[:first])
        answers = (seen[first:] - data.mean) / data.deviation @ lines.slopes + lines.level
        errors = np.mean((answers - label[first:]) ** 2, axis=0)
        how = kind(first, seen.shape[1])
        for name, error, strength, r2 in zip(LABELS, errors, lines.strength, 1 - errors / spread, strict=True):
            print(f"| {name} | {how} | {strength:,.0f} | {error:.5f} | {r2:.3f} |", flush=True)


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    options.add_argument("--sizes", nargs="*", default=SIZES, metavar="NxP")
    options.add_argument("--check", metavar="NxP")
    options.add_argument("--folder", type=Path, help="where the drawn features lie; as many bytes as they have")
    asked = options.parse_args()
    print("| photos x features | solved | s | s of CPU | peak MB |\n|---|---|--:|--:|--:|")
    for size in asked.sizes:
        photos, features = map(int, size.split("x"))
        with TemporaryDirectory(dir=asked.folder) as folder:
            seconds, cpu, peak = measured(*draw(Path(folder) / "features.npy", photos, features))
        figures = f"{seconds:.0f} | {cpu:.0f} | {peak:,.0f}"
        print(f"| {photos:,} x {features:,} | {kind(photos, features)} | {figures} |", flush=True)
    if asked.check:
        print("| label | solved | strength | squared error | R2 |\n|---|---|--:|--:|--:|")
        with TemporaryDirectory(dir=asked.folder) as folder:
            check(*draw(Path(folder) / "features.npy", *map(int, asked.check.split("x"))))


if __name__ == "__main__":
    main()
