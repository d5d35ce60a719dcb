"""Freezing answers: for photos whose horses have not run since, by a run that has never seen them."""

import hashlib
import json
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any, LiteralString

import numpy as np
import psycopg

from collector.errors import UsageError
from collector.storage import archive
from collector.storage.forecast_chain import Forecast
from trainer.dataset.consent import Consent
from trainer.dataset.data import Table, read_table
from trainer.dataset.examples import Side, as_example, why_not
from trainer.dataset.facts import facts_of
from trainer.dataset.manifest import Version, digest_of
from trainer.dataset.rows import digest_of_code
from trainer.evaluation.baselines import answer_without_photos
from trainer.evaluation.folds import Fold
from trainer.inference.serving import Predictor
from trainer.labels import definition, results, shrink, starts
from trainer.labels.definition import Wanted
from trainer.runs.runs import Run

NOT_MADE = datetime.min.replace(tzinfo=UTC)  # until the register sets the moment
BATCH = 64  # photos at once
# Photos whose horse has not run since the issue, as far as the collection knows, of issues that are not older than the
# newest results: an old photo of a horse that never ran again is not a forecast.
OPEN: LiteralString = """
SELECT photo.id FROM photo
JOIN issue ON issue.source = photo.source AND issue.code = photo.issue_code
JOIN photo_match met ON (met.source, met.issue_code, met.number) = (photo.source, photo.issue_code, photo.number)
WHERE photo.digest IS NOT NULL AND met.horse_id IS NOT NULL
    AND issue.issue_date + 10 > coalesce((SELECT max(race_date) FROM race JOIN entry USING (race_id)
        WHERE finish IS NOT NULL), 'epoch')
    AND NOT EXISTS (SELECT FROM entry JOIN race USING (race_id)
        WHERE entry.horse_id = met.horse_id AND race.race_date >= issue.issue_date AND entry.finish IS NOT NULL)
ORDER BY issue.issue_date, photo.photo_id
"""
BYTES: LiteralString = "SELECT digest, encoding, content FROM blob WHERE digest = ANY(%s)"

Connection = psycopg.Connection[dict[str, Any]]


def digest_of_run(run: Run) -> str:
    """A digest of a run's model and settings: what decides its answers."""
    files = {name: digest_of(run.folder / name) for name in ("model.safetensors", "model.json", "config.json")}
    return hashlib.sha256(json.dumps(files, sort_keys=True).encode()).hexdigest()


def digest_of_label(wanted: Wanted) -> str:
    """A digest of a label definition: its name, its settings, its scale and its code."""
    facts = {
        "key": wanted.key,
        "settings": dict(wanted.definition.settings),
        "scale": asdict(wanted.scale),
        "shrunk": wanted.definition.shrunk,
        "code": digest_of_code(definition, results, shrink, starts, sys.modules[type(wanted.definition).__module__]),
    }
    return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()


def open_photos(connection: Connection, held: set[str]) -> list[dict[str, Any]]:
    """The facts of the photos that can be forecast now and are not `held`, in the order of their issues."""
    ids = [row["id"] for row in connection.execute(OPEN)]
    facts, consent = facts_of(connection, ids), Consent.read(connection)
    rows = [facts[number] for number in ids]
    return [
        row
        for row in rows
        if row["photo"] not in held
        and why_not(row) is None
        and consent.why_not(row["page_url"], row["image_url"]) is None
    ]


def freeze(
    connection: Connection,
    rows: Sequence[Mapping[str, Any]],
    predictor: Predictor,
    version: Version,
    wanted: Wanted,
    progress: Callable[[int, int], None],
) -> Iterator[Forecast]:
    """The forecasts of photos, not yet in the register; a photo that cannot be read is left out.

    Raises:
        UsageError: the data set of the run has no photo with the run's label.
    """
    run = predictor.run
    digests = digest_of_run(run), digest_of_label(wanted)
    baselines = _baselines(read_table(version, predictor.key), rows)
    for start in range(0, len(rows), BATCH):
        batch = rows[start : start + BATCH]
        answers = predictor.predict([(row["photo"], body) for row, body in _with_bytes(connection, batch)])
        for place, (row, answer) in enumerate(zip(batch, answers, strict=True), start):
            if answer.value is not None and answer.low is not None and answer.high is not None:
                its = {name: round(float(values[place]), 6) for name, values in baselines.items()}
                yield _forecast(row, run, wanted, digests, (answer.value, answer.low, answer.high), its)
        progress(min(start + BATCH, len(rows)), len(rows))


def _forecast(
    row: Mapping[str, Any],
    run: Run,
    wanted: Wanted,
    digests: tuple[str, str],
    answer: tuple[float, float, float],
    baselines: Mapping[str, float],
) -> Forecast:
    value, low, high = answer
    return Forecast(
        number=0,
        made_at=NOT_MADE,
        photo=row["photo"],
        photo_digest=row["digest"],
        horse_id=row["horse_id"],
        race_id=row["race_id"],
        dated=row["issue_date"],
        run=run.name,
        run_digest=digests[0],
        label=wanted.key,
        label_digest=digests[1],
        value=value,
        low=low,
        high=high,
        baselines=baselines,
        previous="",
    )


def _with_bytes(
    connection: Connection, rows: Sequence[Mapping[str, Any]]
) -> Iterator[tuple[Mapping[str, Any], bytes | str]]:
    found: dict[str, bytes | str] = {}
    with connection.cursor(binary=True) as cursor:
        for held in cursor.execute(BYTES, ([row["digest"] for row in rows],)):
            try:
                found[held["digest"]] = archive.unpack(held["content"], held["encoding"])
            except archive.Damaged:
                found[held["digest"]] = "its bytes are damaged"
    for row in rows:
        yield row, found.get(row["digest"], "its bytes are not held")


def _baselines(table: Table, rows: Sequence[Mapping[str, Any]]) -> dict[str, np.ndarray]:
    """What answers without the photo say, fitted to the training side of the run's data set; by name, (rows,)."""
    inside = table.on(Side.TRAIN)
    if not len(inside):
        raise UsageError(f"The data set {table.version} has no photo with the label {table.key} to train on.")
    asked = [as_example(row, {}).plain() | {"side": "", "label": None} for row in rows]
    known = [table.rows[index] for index in inside]
    joined = Table(table.version, [*known, *asked], table.key)
    fold = Fold(1, np.arange(len(known)), np.arange(len(known), len(joined)))
    return {str(name): values for name, values in answer_without_photos(joined, [fold]).items()}
