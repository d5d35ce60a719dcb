"""What one page says, and how its items are checked. Pure."""

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
    """A page worth asking for, found on another one."""

    url: str
    kind: str  # of the same source
    dated: date | None  # None: that of the page itself
    about: str | None = None  # what it is about: a horse's id, a name that is looked for


@dataclass(frozen=True, slots=True)
class Parsed:
    """What one page says.

    `missing` names fields that this page's layout promises and the page does not yield: one such page is a
    quirk, many in a row are a changed layout. `flaws` are cells and rows that could not be read (field: `row 3, 斤量`)
    on a page of which all else is kept; `whole` says that no row was lost by it.
    """

    items: tuple[Item, ...]
    links: tuple[Link, ...] = ()
    missing: tuple[str, ...] = field(default=())
    flaws: tuple[ParseError, ...] = field(default=())
    whole: bool = True


def checked(kind: type[AnyItem], values: Mapping[str, Any]) -> AnyItem:
    """An item, checked as `kind(**values)` checks it, without what SQLModel does for tables: half of its time.

    Raises:
        ValidationError: the values are not fit.
    """
    item = kind.__new__(kind)
    kind.__pydantic_validator__.validate_python(values, self_instance=item)
    return item


def as_far_as_possible(kind: type[AnyItem], values: Mapping[str, Any]) -> tuple[AnyItem, list[ParseError]]:
    """An item, and what was left out of it: an impossible value costs that value, not the item.

    Raises:
        ParseError: a field that the item cannot be without is missing or impossible.
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
