"""What differs between two versions of a data set is listed."""

import json
from pathlib import Path

import pytest

from tests.filled import execute
from tests.trainer.exported import rows
from trainer.dataset.diff import compare
from trainer.dataset.examples import Skip
from trainer.dataset.export import Request, export
from trainer.labels.registry import wanted_labels


@pytest.mark.usefixtures("plain")
def test_a_changed_label_is_a_new_version_and_the_difference_names_it(filled: str, tmp_path: Path) -> None:
    one = export(filled, tmp_path, Request())
    changed = rows(one)[0]
    execute(
        filled,
        "INSERT INTO aptitude (horse_id, axis, left_px, right_px, value, reviews, source_url, observed_at)"
        " SELECT horse_id, axis, 29, 87, 0.75, 9, source_url, observed_at + interval '1 day' FROM aptitude"
        " WHERE axis = 'distance' AND horse_id = %s",
        changed["horse_id"],
    )
    other = export(filled, tmp_path, Request())
    assert other.name != one.name
    difference = compare(one, other)
    its = {row["photo"]: (row["label"], 0.75) for row in rows(one) if row["horse_id"] == changed["horse_id"]}
    assert difference.relabelled == {"poll/distance": its}
    assert (difference.added, difference.removed, difference.moved, difference.repainted) == ([], [], {}, [])
    assert difference.changed == {}
    label = next(row["labels"]["poll/distance"] for row in rows(other) if row["photo"] == changed["photo"])
    assert (label["n"], json.loads(label["evidence"])["right_px"]) == (9, 87)
    assert compare(one, one).nothing
    assert other.manifest.newest_label == "2026-11-03T02:00:00+00:00"


@pytest.mark.usefixtures("plain")
def test_a_photo_more_and_a_photo_less_are_named(filled: str, tmp_path: Path) -> None:
    one = export(filled, tmp_path, Request())
    gone = rows(one)[3]["photo"]
    code, _, number = gone.partition(":")[2].partition("/")
    execute(filled, "DELETE FROM photo_match WHERE issue_code = %s AND number = %s", code, int(number))
    other = export(filled, tmp_path, Request())
    assert compare(one, other).removed == [gone]
    assert compare(other, one).added == [gone]
    assert other.manifest.left_out[Skip.NO_HORSE] == 1


@pytest.mark.usefixtures("plain")
def test_another_split_moves_photos_and_leaks_are_counted(filled: str, tmp_path: Path) -> None:
    by_horse, by_issue = export(filled, tmp_path, Request()), export(filled, tmp_path, Request(split="issues-2016"))
    difference = compare(by_horse, by_issue)
    assert difference.settings == {"split": ("horse", "issues-2016")}
    assert difference.moved
    assert by_horse.manifest.leaks["horses"] == by_horse.manifest.leaks["near_duplicates"] == 0
    assert by_issue.manifest.leaks["horses"] > 0
    assert "too optimistic" in (by_issue.folder / "README.md").read_text()


@pytest.mark.usefixtures("plain")
def test_whatever_changed_in_any_column_and_in_what_was_left_out_is_named(filled: str, tmp_path: Path) -> None:
    one = export(filled, tmp_path, Request())
    first, gone = rows(one)[0], rows(one)[3]["photo"]
    code, _, number = gone.partition(":")[2].partition("/")
    execute(filled, "DELETE FROM photo_match WHERE issue_code = %s AND number = %s", code, int(number))
    execute(filled, "UPDATE horse SET coat = '白毛' WHERE horse_id = %s", first["horse_id"])
    other = export(filled, tmp_path, Request(name="mine"))
    difference = compare(one, other)
    assert difference.changed[first["photo"]] == {"coat": (first["coat"], "白毛")}
    # A group is called after its first photo, which may be the one that is gone.
    assert {tuple(columns) for columns in difference.changed.values()} <= {("coat",), ("group",)}
    assert difference.left_out == {Skip.NO_HORSE: (0, 1)}
    assert difference.settings == {"name": ("paddock", "mine")}


@pytest.mark.usefixtures("plain")
def test_the_settings_of_a_definition_that_one_version_has_not_are_left_out(filled: str, tmp_path: Path) -> None:
    horses = [horse for (horse,) in execute(filled, "SELECT horse_id FROM horse")]
    mine = tmp_path / "mine.csv"
    mine.write_text("horse,value\n" + "".join(f"{horse},0.5\n" for horse in horses))
    poll, other, both = (
        export(filled, tmp_path, Request(labels=wanted_labels(names, ["distance"], least)))
        for names, least in ((["poll"], 1), ([str(mine)], 1), (["poll", str(mine)], 2))
    )
    assert compare(poll, other).settings == {"labels": ("poll/distance", "mine/distance")}
    assert compare(other, both).settings == {"labels": ("mine/distance", "poll/distance, mine/distance")}
    assert compare(poll, both).settings["poll min_reviews"] == (1, 2)
