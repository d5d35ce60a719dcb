"""Which horses a photo is most like, and whether it is like any: the index, and what is kept of it."""

import os
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.trainer.conftest import CPU, trained
from tests.trainer.web.conftest import Held
from trainer.dataset.data import Table, forget_cached
from trainer.dataset.examples import Side
from trainer.inference.neighbours import Index, build_index, distances, find_index, has_features
from trainer.models.answers import see


def table(count: int) -> Table:
    """Two photos of each horse; the last quarter is the validation side."""
    sides = [Side.VALIDATION if number >= 3 * count // 4 else Side.TRAIN for number in range(count)]
    rows = [
        {"horse_id": str(number // 2), "side": side, "digest": str(number), "label": 0.5}
        for number, side in enumerate(sides)
    ]
    return Table("0", rows)


@given(st.integers(8, 60), st.integers(2, 300), st.integers(0, 1000))
def test_no_distance_comes_out_larger_than_it_is(count: int, width: int, random_seed: int) -> None:
    features = np.random.default_rng(random_seed).normal(size=(count, width)).astype(np.float32)
    index = build_index(table(count), features, pretrained=True)
    real = np.sqrt(((features[:, None] - features[None]) ** 2).sum(2))
    assert (distances(index.points, index.points) <= real + 0.1).all()
    inside = index.table.on(Side.TRAIN)  # and among the training photos hardly smaller
    assert np.allclose(
        distances(index.points, index.points)[np.ix_(inside, inside)], real[np.ix_(inside, inside)], 0.2, 0.2
    )


def test_the_nearest_are_each_of_another_horse_and_never_the_one_left_out() -> None:
    features = np.arange(40, dtype=np.float32)[:, None] * np.ones(3, np.float32)
    index = build_index(table(40), features, pretrained=False)
    found = index.nearest(index.points[10], 4)
    assert [row for row, _ in found] == [10, 9, 12, 7]
    assert [row for row, _ in index.nearest(index.points[10], 2, but="5")] == [9, 12]
    assert index.looks_strange(index.points[10]) is None


def test_what_lies_far_off_looks_strange_everywhere() -> None:
    features = np.random.default_rng(0).normal(size=(80, 6)).astype(np.float32)
    features[:, 5] = 0  # no photo differs in it
    index = build_index(table(80), features, pretrained=True)
    usual, off = features[:1].copy(), features[:1].copy()
    off[0, 5] = 50
    assert index.looks_strange(index.project(usual)[0]) is False
    assert index.looks_strange(index.project(off)[0]) is True


def test_an_index_is_made_once_and_again_for_another_run(held: Held) -> None:
    directories, version = held.directories, held.version
    run, network, material = trained(directories, version, "probe", "height=32", "width=48")
    reported: list[int] = []

    def find() -> Index:
        found = find_index(run, network, version, CPU, directories.cache, lambda done, _of: reported.append(done))
        assert found
        return found

    index = find()
    again = find()
    assert not reported  # training has seen these features
    assert np.array_equal(index.points, again.points)
    assert index.farthest == again.farthest
    features = see(network, material.pixels[:5], CPU)[1]
    assert np.allclose(index.project(features), index.points[:5], atol=0.5)  # sums come out otherwise in another batch
    other, its_network, _ = trained(directories, version, "probe", "height=32", "width=64")
    another = find_index(other, its_network, version, CPU, directories.cache, lambda *_: None)
    assert another
    assert not np.array_equal(another.points, index.points)


@pytest.mark.parametrize("left", [0.0, 0.01, 0.5, 0.99])
def test_an_index_that_the_disk_has_cut_off_is_made_again(held: Held, tmp_path: Path, left: float) -> None:
    run, network, _ = trained(held.directories, held.version, "first-cnn", "height=16", "width=16", "epochs=1")
    index = find_index(run, network, held.version, CPU, tmp_path, lambda *_: None)
    assert index
    (kept,) = tmp_path.glob("neighbours-*.npz")
    whole = kept.read_bytes()
    os.truncate(kept, int(left * len(whole)))
    again = find_index(run, network, held.version, CPU, tmp_path, lambda *_: None)
    assert again
    assert np.array_equal(again.points, index.points)
    assert kept.stat().st_size == len(whole)


@pytest.mark.parametrize("module", ["models.answers", "models.features", "inference.neighbours"])
def test_an_edit_of_what_makes_an_index_makes_another(
    held: Held, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, module: str
) -> None:
    run, network, _ = trained(held.directories, held.version, "first-cnn", "height=16", "width=16", "epochs=1")
    find_index(run, network, held.version, CPU, tmp_path, lambda *_: None)
    its = sys.modules[f"trainer.{module}"]
    edited = tmp_path / "edited.py"
    edited.write_text(f"{Path(str(its.__file__)).read_text()}\n# edited\n")
    monkeypatch.setattr(its, "__file__", str(edited))
    find_index(run, network, held.version, CPU, tmp_path, lambda *_: None)
    assert len(list(tmp_path.glob("neighbours-*.npz"))) == 2
    assert forget_cached(tmp_path, held.version.manifest.version, []) > 0  # with the data set go its indices
    assert not list(tmp_path.glob("neighbours-*.npz"))


@pytest.mark.parametrize(("preset", "strange"), [("svr", None), ("first-cnn", False)])
def test_a_run_without_pretrained_features_does_not_judge_photos(held: Held, preset: str, strange: bool | None) -> None:
    directories, version = held.directories, held.version
    more = ("height=16", "width=16", "epochs=1") if preset == "first-cnn" else ()
    run, network, _ = trained(directories, version, preset, *more)
    index = find_index(run, network, version, CPU, directories.cache, lambda *_: None)
    assert has_features(network) is (strange is not None)
    assert (index is None) is (strange is None)
    if index:
        assert index.farthest is None
