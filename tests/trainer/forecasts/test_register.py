"""Forecasts are frozen before results are known, never changed, and judged when results have come."""

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import psycopg
import pytest
from hypothesis import given
from hypothesis import strategies as st
from psycopg.rows import dict_row

from collector.errors import UsageError
from collector.storage.forecast_chain import BEGIN, Forecast, problems
from collector.storage.racing import Axis
from tests.filled import execute
from tests.trainer.conftest import CPU, Trained
from trainer.dataset.data import no_progress
from trainer.dataset.manifest import Version
from trainer.forecasts import register
from trainer.forecasts.freezing import digest_of_label, digest_of_run, freeze, open_photos
from trainer.forecasts.scoring import known_labels, score
from trainer.inference.serving import Predictor
from trainer.labels.registry import wanted_labels

(JUDGE,) = wanted_labels(["results-after"], [Axis.DISTANCE])
LATER = """
INSERT INTO race (race_id, race_date, racecourse, race_number, name, surface, distance, prizes, source_url, observed_at)
VALUES (%(race)s, %(day)s, '東京', 1, 'x', 'turf', %(metres)s, '{}', 'u', now())
"""
RAN = """
INSERT INTO entry (race_id, horse_id, horse_name, horse_key, finish, finish_position, positions_at_bends, source_url,
    observed_at) VALUES (%(race)s, %(horse)s, 'x', 'x', 'finished', 1, '{}', 'u', now())
"""


def rows_of(conninfo: str) -> list[Forecast]:
    """All forecasts that a database holds."""
    with psycopg.Connection[dict[str, Any]].connect(conninfo, row_factory=dict_row) as connection:
        return list(register.read(connection))


def ask(conninfo: str, predictor: Predictor, version: Version) -> list[Forecast]:
    """What can be forecast now."""
    with psycopg.Connection[dict[str, Any]].connect(conninfo, row_factory=dict_row) as connection:
        digests = digest_of_run(predictor.run), digest_of_label(JUDGE)
        held = register.held_photos(connection, digests[0], JUDGE.key, digests[1])
        return list(freeze(connection, open_photos(connection, held), predictor, version, JUDGE, no_progress))


@pytest.fixture
def predictor(probe: Trained) -> Predictor:
    """The answers of a trained run."""
    return Predictor(probe[0], CPU)


@pytest.fixture
def made(filled: str, predictor: Predictor, version: Version, tmp_path: Path) -> list[Forecast]:
    """Forecasts in the register of a database."""
    return register.add(filled, tmp_path, ask(filled, predictor, version))


def run_later(conninfo: str, horses: dict[str, int], day: str) -> None:
    """Let horses run again: the distance of each, in metres."""
    with psycopg.connect(conninfo) as connection:
        for number, (horse, metres) in enumerate(horses.items()):
            race = f"2018{90000000 + number + 1000 * int(day[-2:])}"
            connection.execute(LATER, {"race": race, "day": day, "metres": metres})
            connection.execute(RAN, {"race": race, "horse": horse})


# --- freezing -----------------------------------------------------------------------------------------------------
def test_photos_of_horses_that_have_not_run_since_are_frozen_once(
    made: list[Forecast], filled: str, predictor: Predictor, version: Version
) -> None:
    (newest,) = execute(filled, "SELECT max(issue_date) FROM issue")
    assert {row.dated for row in made} == set(newest)
    held = execute(filled, "SELECT photo_id, digest FROM photo JOIN issue ON issue.code = issue_code"
                   " WHERE issue_date = %s AND digest IS NOT NULL ORDER BY photo_id", *newest)  # fmt: skip
    assert [(row.photo, row.photo_digest) for row in made] == held
    assert [row.number for row in made] == list(range(1, len(made) + 1))
    assert all({"mean", "sire", "all"} <= row.baselines.keys() for row in made)
    assert all(row.low <= row.value <= row.high for row in made)
    assert rows_of(filled) == made
    assert ask(filled, predictor, version) == []


def test_two_that_freeze_at_once_add_each_photo_once(
    filled: str, predictor: Predictor, version: Version, tmp_path: Path
) -> None:
    one, other = ask(filled, predictor, version), ask(filled, predictor, version)
    added = register.add(filled, tmp_path, one)
    assert len(added) == len(one) > 0
    assert register.add(filled, tmp_path, other) == []
    assert rows_of(filled) == added


def test_a_horse_that_has_run_since_is_not_forecast(filled: str, predictor: Predictor, version: Version) -> None:
    before = ask(filled, predictor, version)
    run_later(filled, {before[0].horse_id: 1600}, before[0].dated.isoformat())
    assert [row.photo for row in ask(filled, predictor, version)] == [row.photo for row in before[1:]]
    run_later(filled, {"2001000001": 1600}, "2018-06-05")  # newer results of others: all of these have been run
    assert ask(filled, predictor, version) == []


def test_the_answer_is_that_of_the_run(made: list[Forecast], filled: str, predictor: Predictor) -> None:
    ((body,),) = execute(filled, "SELECT content FROM blob WHERE digest = %s", made[0].photo_digest)
    (answer,) = predictor.predict([("a", bytes(body))])
    assert (made[0].value, made[0].low, made[0].high) == (answer.value, answer.low, answer.high)


# --- nothing is changed -----------------------------------------------------------------------------------------------
@pytest.mark.parametrize("statement", ["UPDATE forecast SET value = 0.5", "DELETE FROM forecast", "TRUNCATE forecast"])
@pytest.mark.usefixtures("made")
def test_the_database_refuses_to_change_a_forecast(filled: str, statement: str) -> None:
    with pytest.raises(psycopg.errors.RaiseException, match="never changed or removed"):
        execute(filled, statement)


@pytest.mark.parametrize(
    ("statement", "words"),
    [
        ("UPDATE forecast SET value = value + 0.0001 WHERE number = 2", "Forecast 2 was changed."),
        ("UPDATE forecast SET made_at = made_at - interval '1 day' WHERE number = 1", "Forecast 1 was changed."),
        ("UPDATE forecast SET baselines = '{}' WHERE number = 3", "Forecast 3 was changed."),
        ("DELETE FROM forecast WHERE number = 1", "Forecast 1 is missing."),
        ("DELETE FROM forecast WHERE number IN (2, 3)", "Forecast 2 to 3 is missing."),
        ("DELETE FROM forecast WHERE number > 2", "Missing from number 3 on: "),
    ],
)
def test_what_an_owner_of_the_database_changes_is_found(
    made: list[Forecast], filled: str, tmp_path: Path, statement: str, words: str
) -> None:
    assert list(problems(made, register.witnessed(tmp_path))) == []
    execute(filled, "ALTER TABLE forecast DISABLE TRIGGER only_added")
    execute(filled, statement)
    assert any(words in line for line in problems(rows_of(filled), register.witnessed(tmp_path)))


def test_a_row_that_is_written_anew_with_its_chain_is_found_by_the_notes(made: list[Forecast], tmp_path: Path) -> None:
    chain, previous = list[Forecast](), BEGIN
    for row in made:
        value = row.value / 2 if row.number == 2 else row.value
        chain.append(replace(row, value=value, previous=previous).sealed())
        previous = chain[-1].digest
    assert list(problems(chain, {})) == []
    found = list(problems(chain, register.witnessed(tmp_path)))
    assert found[0] == "Forecast 2 is not the one that was noted when it was made."


@pytest.mark.parametrize(
    "line", [b'{"numb', b'{"number": "2", "digest": "b"}', b'{"number": 2, "digest": [1]}', b"\xff"]
)
def test_notes_that_were_damaged_are_one_sentence(tmp_path: Path, line: bytes) -> None:
    (tmp_path / register.WITNESS).write_bytes(b'{"number": 1, "digest": "a"}\n' + line)
    with pytest.raises(UsageError, match="line 2, is not a note of a forecast"):
        register.witnessed(tmp_path)


@given(st.data())
def test_every_changed_field_changes_the_digest(data: st.DataObject) -> None:
    facts = json.loads(
        '{"photo": "a", "photo_digest": "b", "horse_id": "c", "race_id": null, "run": "r", "run_digest": "d",'
        ' "label": "l", "label_digest": "e", "value": 0.25, "low": 0.1, "high": 0.5, "baselines": {"mean": 0.4},'
        ' "previous": "f", "number": 3, "made_at": null, "dated": null}'
    )
    name = data.draw(st.sampled_from(sorted(facts)))
    other = data.draw(
        st.one_of(st.text(), st.integers(), st.floats(allow_nan=False)).filter(lambda it: it != facts[name])
    )
    assert Forecast(**facts).computed() != Forecast(**(facts | {name: other})).computed()


# --- judging ----------------------------------------------------------------------------------------------------------
@pytest.fixture
def snapshot(filled: str) -> Iterator[psycopg.Connection[dict[str, Any]]]:
    """A connection that reads."""
    with psycopg.Connection[dict[str, Any]].connect(filled, row_factory=dict_row) as connection:
        yield connection


def test_forecasts_are_judged_by_the_races_after_the_one_of_the_photo(
    made: list[Forecast], filled: str, snapshot: psycopg.Connection[dict[str, Any]]
) -> None:
    assert known_labels(snapshot, JUDGE) == {}
    nothing = score(made, {}, digest_of_label(JUDGE))
    assert (nothing.judged, nothing.verdict, nothing.mse) == (0, None, None)
    snapshot.rollback()
    run_later(filled, {row.horse_id: 1200 + 100 * row.number for row in made[:-1]}, "2018-01-07")
    run_later(filled, {row.horse_id: 1300 + 100 * row.number for row in made[:-1]}, "2018-02-04")
    labels = known_labels(snapshot, JUDGE)
    found = score(made, labels, "of another version")
    horses = {row.horse_id for row in made}
    assert found.forecasts == len(made)
    assert found.judged == found.redefined == len(labels) == sum(row.horse_id != made[-1].horse_id for row in made)
    assert (found.months[0].month, found.months[0].judged) == (f"{made[0].dated:%Y-%m}", found.judged)
    assert found.gains.keys() == made[0].baselines.keys()
    assert (found.verdict is None) == (len(horses) - 1 < 10)
