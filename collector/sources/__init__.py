"""The sites: what their pages mean. Pure functions from text to items; no network, no database, no clock."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any, TypeVar

from sqlmodel import SQLModel

from collector.errors import ParseError
from collector.models import IssueItem, ListedPhotoItem, PageKind, PhotoItem
from collector.racing import RacingItem

AnyItem = TypeVar("AnyItem", bound=SQLModel)
Item = IssueItem | ListedPhotoItem | PhotoItem | RacingItem


@dataclass(frozen=True, slots=True)
class Link:
    """A page worth asking for, found on another one."""

    url: str
    kind: PageKind
    dated: date | None  # None: that of the page itself


@dataclass(frozen=True, slots=True)
class Parsed:
    """What one page says.

    `missing` names fields that this page's layout promises and the page does not yield: one such page is a
    quirk, many in a row are a changed layout. `flaws` are rows that could not be read (field: `row 3, 斤量`) on a
    page whose other rows are kept.
    """

    items: tuple[Item, ...]
    links: tuple[Link, ...] = ()
    missing: tuple[str, ...] = field(default=())
    flaws: tuple[ParseError, ...] = field(default=())


def checked(kind: type[AnyItem], values: Mapping[str, Any]) -> AnyItem:
    """An item, checked as `kind(**values)` checks it, without what SQLModel does for tables: half of its time.

    Raises:
        ValidationError: the values are not fit.
    """
    item = kind.__new__(kind)
    kind.__pydantic_validator__.validate_python(values, self_instance=item)
    return item
