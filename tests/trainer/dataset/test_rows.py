"""Computed rows are cached by photo and by the way of computing, and shared by all data sets with that photo."""

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import PIL
import pytest
import torch

from collector.errors import UsageError
from collector.storage.racing import Axis
from tests.paths import ROOT
from tests.trainer.conftest import CPU
from trainer.dataset import data, pixels
from trainer.dataset.data import forget_cached, load_pixels, photo_digests
from trainer.dataset.export import export
from trainer.dataset.formats import Format, read_shard
from trainer.dataset.manifest import Version, write_manifest
from trainer.dataset.pixels import Preparation, describe, prepare
from trainer.dataset.plan import Request
from trainer.dataset.rows import DIGEST, LOCK, UNUSED, Rows, Store, keep_only
from trainer.labels.definition import Wanted
from trainer.labels.poll import Poll
from trainer.locks import try_lock
from trainer.models import features
from trainer.models.features import features_of
from trainer.models.networks import build
from trainer.runs.config import make_config

SMALL = Preparation(24, 32)


def digest(number: int) -> bytes:
    return number.to_bytes(DIGEST, "big")


class Computing:
    """Rows that say of what they are, and how often they were asked for."""

    def __init__(self, numbers: list[int]) -> None:
        self.numbers = numbers
        self.asked: list[int] = []

    def __call__(self, positions: list[int]) -> Iterator[np.ndarray]:
        for position in positions:
            self.asked.append(self.numbers[position])
            yield np.full(5, self.numbers[position], np.int64)

    def rows(self, store: Store) -> Rows:
        return store.rows([digest(number) for number in self.numbers], self)


def store_in(cache: Path, **how: Any) -> Store:
    return Store.of(cache, "rows", how, (5,), np.int64)


def holds(rows: Rows, numbers: list[int]) -> bool:
    return np.array_equal(np.array(rows), np.repeat(np.array(numbers)[:, None], 5, 1))


# --- a store ------------------------------------------------------------------------------------------------


def test_each_row_is_computed_once_and_comes_in_any_order(tmp_path: Path) -> None:
    store = store_in(tmp_path)
    some, others = Computing([3, 1, 3, 2, 1]), Computing([9, 2, 3, 8])
    assert holds(some.rows(store), [3, 1, 3, 2, 1])
    assert holds(others.rows(store), [9, 2, 3, 8])
    assert (some.asked, others.asked) == ([3, 1, 2], [9, 8])
    assert holds(some.rows(store), [3, 1, 3, 2, 1])
    assert some.asked == [3, 1, 2]


def test_rows_are_indexed_as_an_array_is(tmp_path: Path) -> None:
    numbers = [4, 2, 7, 2, 5]
    rows = Computing(numbers).rows(store_in(tmp_path))
    whole = np.array(rows)
    for key in (0, -1, slice(1, 4), slice(None), np.array([3, 0]), np.array([True, False, True, False, False])):
        assert np.array_equal(rows[key], whole[key])
    assert (len(rows), rows.shape) == (5, (5, 5))
    assert not rows.flags.writeable
    with pytest.raises(ValueError, match="read-only"):
        rows[0][0] = 1


def test_another_way_of_computing_is_another_store(tmp_path: Path) -> None:
    one, other = Computing([1]), Computing([1])
    one.rows(store_in(tmp_path, code=1))
    other.rows(store_in(tmp_path, code=2))
    assert (one.asked, other.asked) == ([1], [1])


@pytest.mark.parametrize("rows_left", [0, 13, 40, 87])
@pytest.mark.parametrize("ids_left", [0, 5, 31])
def test_what_a_killed_process_has_left_half_written_is_never_read(
    tmp_path: Path, rows_left: int, ids_left: int
) -> None:
    store = store_in(tmp_path)
    Computing([1, 2]).rows(store)
    with (store.folder / "0.rows").open("ab") as file:
        file.write(b"\xee" * rows_left)
    with (store.folder / "0.ids").open("ab") as file:
        file.write(b"\xee" * ids_left)
    assert holds(Computing([2, 1]).rows(store), [2, 1])
    assert holds(Computing([3, 1, 2, 4]).rows(store), [3, 1, 2, 4])


def test_digests_without_rows_are_computed_again(tmp_path: Path) -> None:
    """As a disk may leave it when the power goes."""
    store = store_in(tmp_path)
    Computing([1, 2, 3]).rows(store)
    os.truncate(store.folder / "0.rows", store.size + 7)
    again = Computing([3, 1, 2])
    assert holds(again.rows(store), [3, 1, 2])
    assert again.asked == [3, 2]
    (store.folder / "0.rows").unlink()
    assert holds(Computing([2, 3]).rows(store), [2, 3])


def test_what_was_computed_before_an_error_is_kept(tmp_path: Path) -> None:
    def trip(positions: list[int]) -> Iterator[np.ndarray]:
        yield np.full(5, 1)
        raise UsageError("the second one is broken")

    store = store_in(tmp_path)
    with pytest.raises(UsageError):
        store.rows([digest(1), digest(2)], trip)
    again = Computing([1, 2])
    assert holds(again.rows(store), [1, 2])
    assert again.asked == [2]


WRITER = """
import sys, time
from pathlib import Path
import numpy as np
from trainer.dataset import rows
from trainer.dataset.rows import DIGEST, Store

rows.PIECE = 200
first, last, log = int(sys.argv[2]), int(sys.argv[3]), Path(sys.argv[4])

def compute(positions):
    with log.open("a") as file:
        for position in positions:
            file.write(f"{first + position}\\n")
            file.flush()
            time.sleep(0.002)
            yield np.full(5, first + position, np.int64)

store = Store.of(Path(sys.argv[1]), "rows", {}, (5,), np.int64)
got = store.rows([n.to_bytes(DIGEST, "big") for n in range(first, last)], compute)
assert (np.array(got) == np.arange(first, last)[:, None]).all()
"""


def writer(cache: Path, first: int, last: int, log: Path) -> subprocess.Popen[str]:
    words = [sys.executable, "-c", WRITER, str(cache), str(first), str(last), str(log)]
    return subprocess.Popen(words, cwd=ROOT, stderr=subprocess.PIPE, text=True)


def test_processes_that_need_the_same_rows_compute_them_once(tmp_path: Path) -> None:
    log = tmp_path / "log"
    writers = [writer(tmp_path / "cache", first, 300, log) for first in (0, 100, 0)]
    for one in writers:
        _, errors = one.communicate(timeout=60)
        assert one.returncode == 0, errors
    assert sorted(map(int, log.read_text().split())) == list(range(300))


def test_a_wait_for_another_process_is_logged_with_its_progress(tmp_path: Path) -> None:
    store = store_in(tmp_path / "cache")
    Computing([500, 501]).rows(store)
    busy = try_lock(store.folder / LOCK)
    assert busy is not None
    waiting = writer(tmp_path / "cache", 0, 3, tmp_path / "log")
    try:
        assert waiting.stderr is not None
        began = time.monotonic()
        assert waiting.stderr.readline() == "waiting for another process that computes rows, 2 so far\n"
        assert time.monotonic() - began < 3 + 5  # the process's own start, on a busy machine
        assert waiting.poll() is None
    finally:
        os.close(busy)
        _, errors = waiting.communicate(timeout=60)
    assert (waiting.returncode, errors) == (0, "")
    assert (tmp_path / "log").read_text().split() == ["0", "1", "2"]


def test_a_process_killed_at_any_moment_leaves_whole_rows(tmp_path: Path) -> None:
    cache, log = tmp_path / "cache", tmp_path / "log"
    for kill in (0, 1, 3):
        one = writer(cache, 0, 900, log)
        before = log.stat().st_size if log.exists() else 0
        while (log.stat().st_size if log.exists() else 0) < before + 150 + 70 * kill:
            assert one.poll() is None
            time.sleep(0.001)
        one.send_signal(signal.SIGKILL)
        one.communicate()
    last = writer(cache, 0, 900, log)
    _, errors = last.communicate(timeout=60)
    assert last.returncode == 0, errors
    asked = list(map(int, log.read_text().split()))
    assert set(asked) == set(range(900))
    assert len(asked) < 900 + 3 * 10  # what was not yet safe, 200 bytes or one row more, was computed again


def test_rows_that_are_not_needed_are_dropped_and_the_others_stay(tmp_path: Path) -> None:
    store = store_in(tmp_path)
    reading = Computing([1, 2, 3, 4]).rows(store)
    with (store.folder / "0.rows").open("ab") as file:
        file.write(b"\xee" * 55)  # of a killed process
    freed = keep_only(tmp_path, {digest(2), digest(4), digest(77)})
    assert freed == 2 * (store.size + DIGEST) + 55
    assert holds(reading, [1, 2, 3, 4])  # a reader keeps its rows
    again = Computing([4, 3, 2, 1])
    assert holds(again.rows(store), [4, 3, 2, 1])
    assert again.asked == [3, 1]
    assert sorted(path.name for path in store.folder.iterdir()) == ["1.ids", "1.rows", "lock"]
    assert keep_only(tmp_path, set()) > 0
    assert holds(Computing([1]).rows(store), [1])
    assert keep_only(tmp_path, {digest(1)}) == 0


def test_an_old_unused_store_is_dropped_when_another_is_begun(tmp_path: Path) -> None:
    old, used = store_in(tmp_path, code=1), store_in(tmp_path, code=2)
    for store in (old, used):
        Computing([1]).rows(store)
        long_ago = time.time() - UNUSED - 60
        os.utime(store.folder, (long_ago, long_ago))
    Computing([1]).rows(used)
    Computing([1]).rows(store_in(tmp_path, code=3))
    assert not old.folder.exists()
    assert used.folder.exists()


# --- photos -------------------------------------------------------------------------------------------------


@pytest.fixture
def counted(monkeypatch: pytest.MonkeyPatch) -> Callable[[], int]:
    """How many photos were unpacked since it was asked the last time."""
    submit, seen = data.Decoders.submit, list[int]()

    def counting(self: Any, function: Any, *args: Any, **named: Any) -> Any:
        seen.append(1)
        return submit(self, function, *args, **named)

    def since() -> int:
        found = len(seen)
        seen.clear()
        return found

    monkeypatch.setattr(data.Decoders, "submit", counting)
    return since


@pytest.fixture
def axes(plain: None, filled: str, tmp_path: Path) -> list[Version]:
    """The same photos with the labels of two axes, and once more stored smaller."""
    requests = [Request(labels=(Wanted(Poll(), axis),)) for axis in (Axis.DISTANCE, Axis.WET_GOING)]
    small = replace(requests[0], size=64, format=Format.IMAGEFOLDER)
    return [export(filled, tmp_path / "datasets", request) for request in (*requests, small)]


def photos_of(version: Version) -> dict[str, bytes]:
    return {
        row["photo"]: body
        for shard in version.manifest.shards
        for row, body in read_shard(Format(version.manifest.format), version.folder / shard.path)
    }


def test_photos_that_several_data_sets_share_are_unpacked_once(
    axes: list[Version], tmp_path: Path, counted: Callable[[], int]
) -> None:
    distance, wet, small = axes
    one, other = set(photo_digests(distance)), set(photo_digests(wet))
    assert len(one & other) > 10
    first = load_pixels(distance, SMALL, tmp_path / "cache")
    assert counted() == len(one)
    second = load_pixels(wet, SMALL, tmp_path / "cache")
    assert counted() == len(other - one)
    for version, rows in ((distance, first), (wet, second)):
        for position, body in enumerate(photos_of(version).values()):
            assert np.array_equal(rows[position], prepare(body, SMALL))
    load_pixels(distance, SMALL, tmp_path / "cache")
    assert counted() == 0
    reported: list[tuple[int, int]] = []
    for _ in range(2):
        load_pixels(distance, SMALL, tmp_path / "reported", lambda *progress: reported.append(progress))
    assert reported == [(done, len(one)) for done in range(1, len(one) + 1)]
    assert counted() == len(one)
    smaller = load_pixels(small, SMALL, tmp_path / "cache")  # other bytes, so other pixels
    assert counted() == len(one)
    assert np.array_equal(smaller[0], prepare(next(iter(photos_of(small).values())), SMALL))


@pytest.mark.parametrize("what", ["code", "pillow", "part", "geometry"])
def test_another_preparation_or_another_library_unpacks_anew(
    axes: list[Version], tmp_path: Path, counted: Callable[[], int], monkeypatch: pytest.MonkeyPatch, what: str
) -> None:
    how = SMALL
    load_pixels(axes[0], how, tmp_path / "cache")
    assert counted() > 0
    match what:
        case "code":
            edited = tmp_path / "pixels.py"
            edited.write_text(Path(str(pixels.__file__)).read_text().replace("GREY = 127", "GREY = 128"))
            monkeypatch.setattr(pixels, "__file__", str(edited))
        case "pillow":
            monkeypatch.setattr(PIL, "__version__", "99.0")
        case "part":
            monkeypatch.setattr(pixels.features, "version", lambda name: f"another {name}")
        case _:
            how = replace(SMALL, fit="squash")
    load_pixels(axes[0], how, tmp_path / "cache")
    assert counted() == len(set(photo_digests(axes[0])))


def test_what_decides_a_photos_pixels_can_be_read() -> None:
    assert {"height": 24, "width": 32, "fit": "pad", "pillow": PIL.__version__}.items() <= describe(SMALL).items()


def test_bytes_that_are_not_the_photos_are_never_kept_under_its_name(axes: list[Version], tmp_path: Path) -> None:
    version = axes[2]
    plain = replace(version, manifest=replace(version.manifest, query=version.manifest.query | {"size": None}))
    wrong = tmp_path / "wrong" / version.folder.name
    shutil.copytree(version.folder, wrong)
    write_manifest(wrong, plain.manifest)
    with pytest.raises(UsageError, match="not those that were exported"):
        load_pixels(replace(plain, folder=wrong), SMALL, tmp_path / "cache")


def test_features_of_shared_photos_are_computed_once(
    axes: list[Version], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = make_config("probe", ("height=64", "width=96"))
    network, cache, batches = build(config), tmp_path / "cache", list[int]()
    see = features.see

    def counting(*args: Any) -> np.ndarray:
        batches.append(1)
        return see(*args)

    def of(version: Version, cache: Path = cache) -> np.ndarray:
        batches.clear()
        held = load_pixels(version, config.preparation, tmp_path / "pixels")
        return features_of(network, config, version, held, CPU, cache, lambda _done, _of: None)[:]

    monkeypatch.setattr(features, "see", counting)
    first = of(axes[0])
    assert len(batches) > 0
    second = of(axes[1])
    shared = {its: position for position, its in enumerate(photo_digests(axes[0]))}
    positions = [(position, shared[its]) for position, its in enumerate(photo_digests(axes[1])) if its in shared]
    assert all(np.array_equal(second[here], first[there]) for here, there in positions)
    alone = of(axes[1], tmp_path / "another cache")
    assert np.array_equal(alone, second)
    of(axes[0])
    assert not batches
    monkeypatch.setattr(torch, "__version__", "99.0")
    assert np.array_equal(of(axes[0]), first)
    assert batches


def test_with_a_data_set_go_the_pixels_of_photos_that_no_other_has(
    axes: list[Version], tmp_path: Path, counted: Callable[[], int]
) -> None:
    distance, wet, _ = axes
    cache = tmp_path / "cache"
    load_pixels(distance, SMALL, cache)
    load_pixels(wet, SMALL, cache)
    counted()
    freed = forget_cached(cache, distance.manifest.version, [wet])
    alone = set(photo_digests(distance)) - set(photo_digests(wet))
    assert freed == len(alone) * (24 * 32 * 3 + DIGEST)
    load_pixels(wet, SMALL, cache)
    assert counted() == 0
    assert forget_cached(cache, wet.manifest.version, []) == len(set(photo_digests(wet))) * (24 * 32 * 3 + DIGEST)
