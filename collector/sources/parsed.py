"""The parsed content of one page, and the checks of its items. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any, TypeVar

from pydantic import ValidationError
from sqlmodel import SQLModel

from collector.errors import ParseError
from collector.storage.items import IssueItem, ListedPhotoItem, PhotoItem, RacingItem

AnyItem = TypeVar("AnyItem", bound=SQLModel)
Item = IssueItem | ListedPhotoItem | PhotoItem | RacingItem


@dataclass(frozen=True, slots=True)
class Link:
    """A link to a page that the source needs."""

    url: str
    kind: str  # of the same source
    dated: date | None  # None: the date of the page that links it
    about: str | None = None  # a horse's id, or a name that is searched for


@dataclass(frozen=True, slots=True)
class Parsed:
    """What one page says.

    `missing` names fields that the layout promises and this page does not have. One such page means nothing; many in a
    row mean a changed layout. `flaws` are cells and rows that could not be read (field: `row 3, 斤量`); the rest of the
    page is kept. `whole` says that no row was lost.
    """

    items: tuple[Item, ...]
    links: tuple[Link, ...] = ()
    missing: tuple[str, ...] = field(default=())
    flaws: tuple[ParseError, ...] = field(default=())
    whole: bool = True


def checked(kind: type[AnyItem], values: Mapping[str, Any]) -> AnyItem:
    """An item, checked like `kind(**values)`, but without SQLModel's work for tables: twice as fast.

    Raises:
        ValidationError: the values are not valid.
    """
    item = kind.__new__(kind)
    kind.__pydantic_validator__.validate_python(values, self_instance=item)
    return item


def as_far_as_possible(kind: type[AnyItem], values: Mapping[str, Any]) -> tuple[AnyItem, list[ParseError]]:
    """An item without its impossible values, and the flaws that say what was left out.

    Raises:
        ParseError: a required field is missing or impossible.
    """
    try:
        return checked(kind, values), []
    except ValidationError as error:
        flaws = _impossible(error)
    for flaw in flaws:
        if flaw.field not in kind.model_fields or kind.model_fields[flaw.field].is_required():
            raise flaw
    left_out = {flaw.field for flaw in flaws}
    return checked(kind, {name: value for name, value in values.items() if name not in left_out}), flaws


def _impossible(error: ValidationError) -> list[ParseError]:
    """The fields that an item refused, and why."""
    flaws: dict[str, ParseError] = {}
    for one in error.errors(include_url=False):
        name = str(one["loc"][0]) if one["loc"] else "row"
        flaws.setdefault(name, ParseError(name, f"{str(one['input'])[:60]!a}: {one['msg']}"))
    return list(flaws.values())
