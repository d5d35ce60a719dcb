"""A data set with several labels: from the collection to the table that a run learns from."""

import json
from collections.abc import Iterator
from math import log
from pathlib import Path

import numpy as np
import pytest

from collector.errors import UsageError
from tests.filled import execute
from tests.trainer.exported import MORE_RACES, digests, rows
from trainer.dataset.data import read_table
from trainer.dataset.examples import Side
from trainer.dataset.export import export
from trainer.dataset.label_card import label_words
from trainer.dataset.manifest import read_version
from trainer.dataset.older import modern_manifest, modern_row
from trainer.dataset.plan import Request
from trainer.labels import registry
from trainer.labels.label import WhyNone
from trainer.labels.registry import wanted_labels

PLUGIN = """
from trainer.labels.definition import Observed, Scale

class Names:
    name, words, unit, shrunk, settings = "names", "The length of its name.", "characters", False, {}
    scales = {"distance": Scale("short", "long", ((0.0, 0.0), (20.0, 1.0)))}

    def observe(self, connection, axis, subjects):
        query = f"SELECT key, horse_id, name FROM ({subjects.query}) subject JOIN horse USING (horse_id) ORDER BY key"
        for row in connection.execute(query):
            yield Observed(row["key"], row["horse_id"], float(len(row["name"])), None, {})

DEFINITION = Names()
"""


@pytest.fixture
def raced(filled: str) -> str:
    """A database with photos of horses that have run before and after them."""
    execute(filled, MORE_RACES)
    return filled


@pytest.fixture
def _plugin(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A definition that is installed beside this package."""
    (tmp_path / "plugged").mkdir()
    (tmp_path / "plugged" / "length_of_names.py").write_text(PLUGIN)
    about = tmp_path / "plugged" / "length_of_names-1.dist-info"
    about.mkdir()
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: length-of-names\nVersion: 1\n")
    (about / "entry_points.txt").write_text("[paddock.labels]\nnames = length_of_names:DEFINITION\n")
    monkeypatch.syspath_prepend(str(tmp_path / "plugged"))
    registry.definitions.cache_clear()
    yield
    registry.definitions.cache_clear()


@pytest.mark.usefixtures("plain")
def test_a_photo_has_every_label_that_is_asked_for(raced: str, tmp_path: Path) -> None:
    labels = wanted_labels(["poll", "results", "results-after"], ["distance", "surface"])
    version = export(raced, tmp_path, Request(labels=labels))
    keys = [one.key for one in labels]
    assert [label.key for label in version.manifest.labels] == keys
    held = rows(version)
    assert all(list(row["labels"]) == keys for row in held)
    for label in version.manifest.labels:
        assert sum(label.photos.values()) == sum(row["labels"][label.key] is not None for row in held) > 0
    unreviewed = [row for row in held if row["labels"]["poll/distance"] is None]
    assert unreviewed
    assert all(any(row["labels"].values()) for row in held)
    assert digests(export(raced, tmp_path / "again", Request(labels=labels)).folder) == digests(version.folder)


@pytest.mark.usefixtures("plain")
def test_the_race_of_the_photo_is_in_no_label_of_it(raced: str, tmp_path: Path) -> None:
    version = export(raced, tmp_path, Request(labels=wanted_labels(["results"], ["distance"])))
    starts: dict[str, dict[str, int]] = {}
    query = "SELECT horse_id, race_id, distance FROM entry JOIN race USING (race_id) WHERE surface <> 'jump'"
    for horse, race, metres in execute(raced, query):
        starts.setdefault(horse, {})[race] = metres
    facts = version.manifest.labels[0]
    assert facts.within
    assert facts.between
    for row in rows(version):
        logs = [log(metres) for race, metres in starts[row["horse_id"]].items() if race != row["race_id"]]
        chance = facts.within / len(logs)
        drawn = facts.mean + facts.between / (facts.between + chance) * (np.mean(logs) - facts.mean)
        label = row["labels"]["results/distance"]
        assert label["value"] == pytest.approx(facts.scale.label(float(drawn)))
        assert (label["n"], json.loads(label["evidence"])["without"]) == (len(logs), row["race_id"])


@pytest.mark.usefixtures("plain")
def test_a_run_learns_the_label_that_it_names_from_the_photos_that_have_it(raced: str, tmp_path: Path) -> None:
    execute(raced, "DELETE FROM entry WHERE horse_id IN (SELECT max(horse_id) FROM photo_match)")
    version = export(raced, tmp_path, Request(labels=wanted_labels(["poll", "results"], ["distance"])))
    poll, results = read_table(version), read_table(version, "results/distance")
    assert (poll.key, results.key) == ("poll/distance", "results/distance")
    assert len(poll) == len(results) == sum(version.manifest.photos.values())
    for table in (poll, results):
        on = np.concatenate([table.on(side) for side in Side])
        assert len(on) < len(table)
        assert np.isfinite(table.label[on]).all()
        assert np.isnan(np.delete(table.label, on)).all()
    on = results.on(Side.TRAIN)
    assert results.weights(3.0)[on] == pytest.approx([results.rows[index]["reliability"] for index in on], abs=0.02)
    with pytest.raises(UsageError, match="has no label results/wet_going; it has poll/distance, results/distance"):
        read_table(version, "results/wet_going")


@pytest.mark.usefixtures("plain", "_plugin")
def test_an_installed_definition_is_a_label_like_the_others(filled: str, tmp_path: Path) -> None:
    version = export(filled, tmp_path, Request(labels=wanted_labels(["names"], ["distance"])))
    for row in rows(version):
        assert row["labels"]["names/distance"]["value"] == pytest.approx(len(row["horse_name"]) / 20)


@pytest.mark.usefixtures("plain")
def test_a_file_labels_what_it_names_and_the_others_are_counted(filled: str, tmp_path: Path) -> None:
    horses = [name for (name,) in execute(filled, "SELECT horse_id FROM horse ORDER BY horse_id LIMIT 12")]
    path = tmp_path / "mine.csv"
    path.write_text("horse,value,n\n" + "".join(f"{horse},{number / 20},3\n" for number, horse in enumerate(horses)))
    version = export(filled, tmp_path, Request(labels=wanted_labels([str(path)], ["distance"])))
    assert {row["horse_id"] for row in rows(version)} <= set(horses)
    assert version.manifest.left_out[WhyNone.NOT_IN_FILE] > 0
    assert label_words(version.manifest.labels[0]).startswith("mean ")  # and not "0 0, 1 1"
    assert all(row["label"] == horses.index(row["horse_id"]) / 20 for row in rows(version))


@pytest.mark.usefixtures("plain")
def test_lines_that_name_nothing_of_the_collection_are_counted_with_the_first_one(
    filled: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    horses = [horse for (horse,) in execute(filled, "SELECT horse_id FROM photo_match WHERE horse_id IS NOT NULL")]
    path = tmp_path / "mine.csv"
    lines = [f"{horse},distance,0.5" for horse in sorted(set(horses))]
    named, unnamed = ["horse,axis,value", *lines], ["0000000000,distance,0.5", "ソンザイシナイ,distance,0.5"]
    path.write_text("\n".join([*named, "0000000000,surface,0.5"]))
    export(filled, tmp_path / "all", Request(labels=wanted_labels([str(path)], ["distance"])))
    assert caplog.messages == []
    path.write_text("\n".join([*named, *unnamed]))
    export(filled, tmp_path / "some", Request(labels=wanted_labels([str(path)], ["distance"])))
    assert caplog.messages == [
        f"{path}: 2 of {len(lines) + 2} lines about distance name nothing among the photos of the collection and "
        f"their horses; the first is line {len(named) + 1}."
    ]


@pytest.mark.parametrize(
    ("names", "axes", "words"),
    [
        (["pol"], ["distance"], "--label pol is neither a definition"),
        (["results"], ["maturity"], "--label results has no axis maturity; its axes are distance, surface, wet_going"),
        (["poll", "poll"], ["distance"], "--label and --axis give poll/distance twice"),
    ],
)
def test_a_label_that_there_is_not_is_one_sentence(names: list[str], axes: list[str], words: str) -> None:
    with pytest.raises(UsageError) as raised:
        wanted_labels(names, axes)
    assert str(raised.value).startswith(words)


@pytest.mark.usefixtures("plain")
def test_the_card_says_what_each_label_is_and_what_is_wrong_with_it(raced: str, tmp_path: Path) -> None:
    labels = wanted_labels(["results-after", "results"], ["distance", "wet_going"])
    card = (export(raced, tmp_path, Request(labels=labels)).folder / "README.md").read_text()
    for words in (
        "have not run again",
        "`results/distance` is in logarithm of metres",
        "0.2 = 1,400 m",
        "| `finish_time` |",
    ):
        assert words in card


def test_a_data_set_of_a_former_release_is_read_as_one_of_this(tmp_path: Path) -> None:
    old = {
        "version": "0123456789ab", "name": "paddock", "axis": "wet_going", "format": "parquet", "split": "horse",
        "query": {"axis": "wet_going", "min_reviews": 2, "keep_unreviewed": False, "size": None}, "code": {},
        "photos": {"train": 3}, "horses": {"train": 2}, "horses_in_all": 2, "kinds": {},
        "left_out": {"nobody has reviewed its horse": 4}, "leaks": {}, "newest_photo": None, "newest_label": None,
        "shards": [], "beside": {},
    }  # fmt: skip
    (tmp_path / "manifest.json").write_text(json.dumps(old))
    manifest = read_version(tmp_path).manifest
    assert manifest.label().key == "poll/wet_going"
    assert manifest.left_out == {"no_reviews": 4}
    assert manifest.query == {"labels": {"poll/wet_going": {"min_reviews": 2, "keep_unreviewed": False}}, "size": None}
    assert modern_manifest(manifest.as_json()) == manifest.as_json()
    row = {
        "photo": "a", "axis": "distance", "label": 0.25, "left_px": 87, "right_px": 29, "reviews": 4,
        "label_observed_at": "2016-01-04T00:00:00+00:00", "label_url": "u",
    }  # fmt: skip
    read = modern_row(row, ("photo", "odds", "labels"))
    assert (read["photo"], read["odds"], read["labels"]["poll/distance"]["value"]) == ("a", None, 0.25)
    assert json.loads(read["labels"]["poll/distance"]["evidence"])["right_px"] == 29
    assert modern_row(read, ("photo",)) == read
