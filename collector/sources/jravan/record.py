"""What is archived of JRA-VAN's data: a page for each race, and one for each hundred numbers of the stud book. Pure.

A database of some gigabytes is not archived. What was read of it is: the records of a race as the converter stored
them, as one JSON document, which always has the same bytes where the records are the same.
"""

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from collector.errors import ParseError
from collector.sources.jravan.shapes import SHAPES, Shape
from collector.sources.jravan.values import Value
from collector.sources.saved import Named
from collector.storage.roles import UNDATED

SOURCE = "jravan"
SITE = "https://jravan.invalid"  # no such host can ever exist: RFC 2606
RACE, CARD, HORSES = "jravan_race", "jravan_card", "jravan_horses"
AT = re.compile(r"/(?:(race|card)/([0-9]{12})|horses/([0-9]{8}))")
KINDS = {"race": RACE, "card": CARD}
Row = Mapping[str, Value]


class Records(NamedTuple):
    """The records of one page."""

    shape: Shape
    head: Row | None  # of a page of horses none
    rows: Sequence[Row]


def race_url(race_id: str, *, card: bool) -> str:
    """The address of a race that was run, or of its card."""
    return f"{SITE}/{'card' if card else 'race'}/{race_id}"


def horses_url(group: str) -> str:
    """The address of the horses whose numbers begin with these eight digits."""
    return f"{SITE}/horses/{group}"


def at(address: str) -> Named | None:
    """The page at an address, given without the site's."""
    found = AT.fullmatch(address)
    if found is None:
        return None
    if found[3]:
        return Named(HORSES, address, ("horses", found[3]), dated=UNDATED)
    return Named(KINDS[found[1]], address, ("race", found[2]))


def written(shape: str, fields: Sequence[str], rows: Iterable[Sequence[Value]], head: Row | None = None) -> bytes:
    """Records as they are archived; rows have the values of the fields, in their order."""
    document = {"shape": shape, "head": head, "fields": list(fields), "rows": [list(row) for row in rows]}
    return json.dumps(document, ensure_ascii=False, separators=(",", ":")).encode()


def read(text: str) -> Records:
    """The records of a page.

    Raises:
        ParseError: it is not such a page.
    """
    try:
        document: dict[str, Any] = json.loads(text)
        shape, fields = SHAPES[document["shape"]], document["fields"]
        rows = [dict(zip(fields, row, strict=True)) for row in document["rows"]]
        return Records(shape, document["head"] and dict(document["head"]), rows)
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise ParseError("records", f"not records of JRA-VAN's data: {text[:60]!a}") from error
