"""What is known of one horse, as a person reads it."""

from datetime import UTC, datetime
from typing import Any

import pytest
from typer.testing import CliRunner

from collector.cli.app import app
from collector.cli.horse import WIDTH, plot
from collector.codes import Said
from collector.console.code_words import describe
from collector.remarks.build import tag_in_words
from collector.storage.racing import Axis
from tests.filled import SMALL, as_json, execute, fill


def seen(month: int, value: float | None, **facts: Any) -> dict[str, Any]:
    said = {"reviews": None, "evidence": None} | facts
    return {"observed_at": datetime(2016, month, 5, tzinfo=UTC), "value": value} | said


def test_opinion_is_drawn_where_it_stands_between_the_ends() -> None:
    lines = plot(Axis.DISTANCE, [seen(1, 1 / 117), seen(2, 0.5, reviews=12), seen(3, 116 / 117)])
    assert lines[0] == "distance: short (0) to long (1)"
    assert [line.index("●") - len("  2016-01-05  ") for line in lines[1:]] == [0, WIDTH // 2, WIDTH - 1]
    assert lines[2].endswith("0.500  12 reviews")


def test_a_missing_label_is_not_drawn_in_the_middle() -> None:
    line = plot(Axis.SURFACE, [seen(1, None, evidence="58/58 on all five axes")])[1]
    assert "●" not in line
    assert line.endswith("no label: 58/58 on all five axes")


def test_remarks_are_shown_with_what_was_read_from_them(conninfo: str, monkeypatch: pytest.MonkeyPatch) -> None:
    fill(conninfo, SMALL)
    ((horse_id, photo, remark),) = execute(
        conninfo,
        "SELECT horse_id, photo_id, comment FROM photo JOIN photo_match USING (source, issue_code, number)"
        " WHERE claims <> '[]' AND build_tags <> '[]' AND horse_id IS NOT NULL ORDER BY 1 LIMIT 1",
    )
    monkeypatch.setenv("PADDOCK_DATABASE_URL", conninfo)
    monkeypatch.setenv("COLUMNS", "400")
    (facts,) = as_json(CliRunner().invoke(app, ["horse", horse_id, "--json"]).stdout)
    said = next(one for one in facts["photos"] if one["photo"] == photo)
    claim, tag = said["claims"][0], said["build_tags"][0]
    assert (said["comment"], said["distance_said"]) == (remark, "said")
    assert remark[claim["start"] : claim["end"]] in remark
    words = CliRunner().invoke(app, ["horse", horse_id]).stdout
    assert remark in words
    assert claim["words"] in words
    assert tag_in_words(tag["tag"]) in words
    execute(
        conninfo,
        "UPDATE photo SET distance_said = 'not_understood', claims = '[]', build_tags = '[]' WHERE photo_id = %s",
        photo,
    )
    assert describe(Said, Said.NOT_UNDERSTOOD) in CliRunner().invoke(app, ["horse", horse_id]).stdout
