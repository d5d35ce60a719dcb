"""From stored bytes to meaning, with no request and no database: what the crawl and `reparse` share."""

import traceback
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

from collector.codes import Failure
from collector.errors import BrokenPicture, KeptOut, NoSuchPage, ParseError, Refused
from collector.pipeline.racing_rows import NO_ROWS, RacingRows, racing_rows
from collector.sources.parsed import Item, Parsed
from collector.sources.registry import source_of
from collector.sources.source import IMAGE, ROBOTS
from collector.sources.text_tools.text import block_reason, decode
from collector.storage.decoders import decoders
from collector.storage.images import Picture, inspect
from collector.storage.items import (
    AptitudeItem,
    EntryItem,
    HorseItem,
    IssueItem,
    ListedPhotoItem,
    PhotoItem,
    RaceDayItem,
    RaceItem,
    RacingItem,
    ReviewsItem,
)

NOTHING = Parsed(())
# What an item is about.
KEYS: dict[type[Item], tuple[str, ...]] = {
    **dict.fromkeys((PhotoItem, ListedPhotoItem), ("source", "issue_code", "number")),
    IssueItem: ("source", "code"),
    RaceDayItem: ("race_date",),
    RaceItem: ("race_id",),
    EntryItem: ("race_id", "horse_id"),
    HorseItem: ("horse_id",),
    AptitudeItem: ("horse_id", "axis"),
    ReviewsItem: ("horse_id",),
}


@dataclass(frozen=True, slots=True)
class Derived:
    """What a page's bytes mean: items and links of a page, the measures of a picture, or why neither."""

    parsed: Parsed = NOTHING  # its items but for those of racing
    racing: RacingRows = NO_ROWS
    picture: Picture | None = None
    failure: ParseError | None = None
    gone: str | None = None  # why the page says that there is nothing, in spite of its status 200
    trace: str | None = None  # of an error of our own, which is why there is a failure

    @property
    def missing(self) -> tuple[str, ...]:
        """The fields that were looked for and not found."""
        return (self.failure.field,) if self.failure else self.parsed.missing

    @property
    def keeps_out(self) -> bool:
        """Whether the page itself says that its photo is not to be kept."""
        return isinstance(self.failure, KeptOut) or any(getattr(item, "keep_out", False) for item in self.parsed.items)


async def derive_soon(source: str, kind: str, url: str, body: bytes, content_type: str | None) -> Derived:
    """The same as `derive`, while others go on: a picture may take seconds.

    Raises:
        Refused: it is a block page, served as if it were content.
    """
    if kind != IMAGE:
        return derive(source, kind, url, body, content_type)
    try:
        return Derived(picture=await decoders().ask(inspect, body))
    except (BrokenPicture, OSError) as error:
        return _no_picture(error)
    except Exception as error:  # noqa: BLE001
        return tripped(error)


def derive(source: str, kind: str, url: str, body: bytes, content_type: str | None) -> Derived:
    """Read one stored page. A page that trips our own code is a failure like any other.

    Raises:
        Refused: it is a block page, served as if it were content.
    """
    try:
        return _derive(source, kind, url, body, content_type)
    except Refused:
        raise
    except Exception as error:  # noqa: BLE001
        # Whatever trips, and be it for want of memory: it costs this page, not its bytes and none of the others.
        return tripped(error)


def tripped(error: Exception) -> Derived:
    """A failure by an error of our own, with its trace."""
    trace = "".join(traceback.format_exception(error, limit=-20))  # a recursion repeats itself
    # A page's own words may be in it.
    shown = (char if char.isprintable() or char == "\n" else char.encode("unicode_escape").decode() for char in trace)
    failure = ParseError("parser", f"an error of our own: {error!r:.300}", Failure.OWN_ERROR)
    return Derived(failure=failure, trace="".join(shown))


def _derive(source: str, kind: str, url: str, body: bytes, content_type: str | None) -> Derived:
    if kind == ROBOTS:
        return Derived()
    if kind == IMAGE:
        try:
            return Derived(picture=decoders().run(inspect, body))
        except (BrokenPicture, OSError) as error:
            return _no_picture(error)
    try:
        its = source_of(source)
        text = decode(body, content_type, its.kind(kind).charset or its.charset)
    except ParseError as error:
        return Derived(failure=error)
    try:
        return meaning_of(its.parse(kind, url, text))
    except ParseError as error:
        # Only a page that is not one of the site's is searched for a block: elsewhere its words prove nothing.
        if reason := block_reason(text):
            raise Refused(f"a block page with status 200: {reason}", 200) from error
        return Derived(gone=str(error)) if isinstance(error, NoSuchPage) else Derived(failure=error)


def meaning_of(parsed: Parsed) -> Derived:
    """What a page means that could be read: each thing once, and racing as the database reads it.

    The process that reads pages writes the rows, so that the one that stores them has less to do.
    """
    items = once_each(parsed.items)
    try:
        racing = racing_rows(item for item in items if isinstance(item, RacingItem))
    except ValueError as error:  # words that are not text
        return Derived(failure=ParseError("storage", f"not storable: {error!s:.300}", Failure.NOT_STORABLE))
    others = tuple(item for item in items if not isinstance(item, RacingItem))
    return Derived(replace(parsed, items=others), racing)


def once_each(items: Iterable[Item]) -> list[Item]:
    """Of several items about the same thing the first, as pages print the main thing first."""
    found = dict[tuple[Any, ...], Item]()
    for item in items:
        found.setdefault((type(item), *_key(item)), item)
    return list(found.values())


def _key(item: Item) -> tuple[Any, ...]:
    """What an item is about; a horse without an id is known by its number, or else by its name."""
    if isinstance(item, EntryItem) and item.horse_id is None:
        return item.race_id, None, item.horse_number or item.horse_name
    return tuple(getattr(item, name) for name in KEYS[type(item)])


def _no_picture(error: BrokenPicture | OSError) -> Derived:
    """Why there is no picture; what only this machine could not do (no process could be started), `reparse` does."""
    reason = str(error) if isinstance(error, BrokenPicture) else f"could not be unpacked here ({error}); see `reparse`"
    return Derived(failure=ParseError("picture", reason, Failure.NO_PICTURE))
