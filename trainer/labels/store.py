"""The labels of horses in the collection's database, where the pages of the search read them."""

from collections.abc import Sequence
from math import exp
from typing import Any, LiteralString

import psycopg

from trainer.labels.definition import Wanted
from trainer.labels.label import Label
from trainer.labels.observing import Settled

FORGET: LiteralString = "DELETE FROM horse_label WHERE definition = %s AND axis = %s"
STORE: LiteralString = (
    "COPY horse_label (horse_id, definition, axis, value, variance, reliability, n, metres, evidence, computed_at)"
    " FROM STDIN"
)


def store_labels(conninfo: str, wanted: Sequence[Wanted], settled: Settled) -> int:
    """Replace the labels of all horses by these definitions, all at once; returns how many there are now.

    `settled` is by horse. The poll is left out: the collection has its opinions with their history.
    """
    count = 0
    with psycopg.connect(conninfo) as connection:
        now = _now(connection)
        for one in wanted:
            if one.definition.name == "poll":
                continue
            connection.execute(FORGET, (one.definition.name, one.axis))
            with connection.cursor() as cursor, cursor.copy(STORE) as copy:
                for horse_id, label in settled.labels[one.key].items():
                    copy.write_row((*_row(one, horse_id, label), now))
                    count += 1
    return count


def _now(connection: psycopg.Connection[Any]) -> Any:
    """The moment of the transaction, by the clock of the database."""
    row = connection.execute("SELECT now()").fetchone()
    assert row is not None
    return row[0]


def _row(one: Wanted, horse_id: str, label: Label) -> tuple[Any, ...]:
    metres = exp(one.scale.value(label.value)) if one.scale.metres else None
    known = (label.value, label.variance, label.reliability, label.n)
    return (horse_id, one.definition.name, one.axis, *known, metres, label.evidence)
