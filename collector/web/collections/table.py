"""A collection as a table, to pass on what is in it and where each photo is from. Pure."""

import csv
import io
from collections.abc import Iterable

from collector.web.horse.facts import Row

COLUMNS = (
    "photo", "horse_id", "horse", "race_id", "race", "race_date", "taken_at", "width", "height", "stars", "note",
    "page_url", "image_url", "origin", "rights", "observed_at", "added_at",
)  # fmt: skip
FORMULAS = ("=", "+", "-", "@", "\t")  # what a spreadsheet would work out
NAMES = {"horse": "name"}  # columns that are called otherwise in a row


def as_csv(photos: Iterable[Row]) -> str:
    """The photos as CSV, with a line of names; a text that a spreadsheet would take for a formula begins with '."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    for photo in photos:
        writer.writerow([_cell(photo[NAMES.get(name, name)]) for name in COLUMNS])
    return text.getvalue()


def _cell(value: object) -> object:
    if hasattr(value, "isoformat"):
        return value.isoformat()  # pyright: ignore[reportAttributeAccessIssue]
    return f"'{value}" if isinstance(value, str) and value.startswith(FORMULAS) else value
