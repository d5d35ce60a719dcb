"""The register in the collection's database. Rows are only ever added; the database itself refuses anything else."""

import json
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, LiteralString

import psycopg
from psycopg.rows import dict_row
from psycopg.types.json import Jsonb
from pydantic import TypeAdapter, ValidationError
from typing_extensions import TypedDict  # pydantic needs this one before Python 3.12

from collector.errors import UsageError
from collector.storage.forecast_chain import BEGIN, Forecast, as_forecast
from trainer.directories import for_us_alone

LOCK = 7_220_003  # an advisory lock: one process adds rows at a time
NEWEST: LiteralString = "SELECT number, digest FROM forecast ORDER BY number DESC LIMIT 1"
ALL: LiteralString = (
    "SELECT number, made_at, photo, photo_digest, horse_id, race_id, dated, run, run_digest, label, label_digest,"
    " value, low, high, baselines, previous, digest FROM forecast ORDER BY number"
)
ADD: LiteralString = (
    "INSERT INTO forecast (number, made_at, photo, photo_digest, horse_id, race_id, dated, run, run_digest, label,"
    " label_digest, value, low, high, baselines, previous, digest)"
    " VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)"
)
HELD: LiteralString = "SELECT photo FROM forecast WHERE run_digest = %s AND label = %s AND label_digest = %s"
WITNESS = "forecasts.jsonl"  # of a home: number and digest of each row, noted when it was added


class _Note(TypedDict):
    number: int
    digest: str


_NOTE = TypeAdapter(_Note)


def held_photos(connection: psycopg.Connection[Any], run_digest: str, label: str, label_digest: str) -> set[str]:
    """The photos that have such a forecast already."""
    return {row["photo"] for row in connection.execute(HELD, (run_digest, label, label_digest))}


def add(conninfo: str, home: Path, rows: Sequence[Forecast]) -> list[Forecast]:
    """Add the rows that are not there yet, all at once; their numbers, the moment and the chain are set here.

    Returns them as they are held.
    """
    added: list[Forecast] = []
    with psycopg.Connection[dict[str, Any]].connect(conninfo, row_factory=dict_row) as connection:
        connection.execute("SELECT pg_advisory_xact_lock(%s)", (LOCK,))
        connection.execute("SET LOCAL TIME ZONE 'UTC'")
        held: dict[tuple[str, str, str], set[str]] = {}  # what another process has added since the caller looked
        for key in {_made_for(row) for row in rows}:
            held[key] = held_photos(connection, *key)
        newest = connection.execute(NEWEST).fetchone() or {"number": 0, "digest": BEGIN}
        moment = (connection.execute("SELECT clock_timestamp() AS now").fetchone() or {})["now"]
        number, previous = newest["number"], newest["digest"]
        for row in (its for its in rows if its.photo not in held[_made_for(its)]):
            number += 1
            sealed = replace(row, number=number, made_at=moment, previous=previous).sealed()
            previous = sealed.digest
            added.append(sealed)
        with connection.cursor() as cursor:
            cursor.executemany(ADD, [_values(row) for row in added])
    note(home, added)
    return added


def _made_for(row: Forecast) -> tuple[str, str, str]:
    """The run and the label of a forecast: each photo has one of each."""
    return row.run_digest, row.label, row.label_digest


def _values(row: Forecast) -> tuple[Any, ...]:
    return tuple(Jsonb(value) if isinstance(value, Mapping) else value for value in row.plain().values())


def note(home: Path, rows: Sequence[Forecast]) -> None:
    """Note rows outside the database: without these notes, nobody would see that the newest rows were removed."""
    with open(home / WITNESS, "a", encoding="utf-8", opener=for_us_alone) as file:
        file.writelines(json.dumps({"number": row.number, "digest": row.digest}) + "\n" for row in rows)
        file.flush()
        os.fsync(file.fileno())


def witnessed(home: Path) -> dict[int, str]:
    """The digests that were noted in this home, by number; the first note of a number counts.

    Raises:
        UsageError: the notes cannot be read.
    """
    path = home / WITNESS
    found: dict[int, str] = {}
    for number, line in enumerate(path.read_bytes().splitlines() if path.exists() else (), 1):
        try:
            its = _NOTE.validate_json(line, strict=True)
            found.setdefault(its["number"], its["digest"])
        except ValidationError as error:
            raise UsageError(
                f"{path}, line {number}, is not a note of a forecast: it was changed, or a full disk has cut it off. "
                "Remove that line; `trainer forecast --verify` notes again what the database holds."
            ) from error
    return found


def read(connection: psycopg.Connection[dict[str, Any]]) -> Iterator[Forecast]:
    """All forecasts, the oldest first."""
    for row in connection.execute(ALL):
        yield as_forecast(row)
