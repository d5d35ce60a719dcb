"""What pages say of races, horses and opinions, as JSON that the database reads in sets. Pure."""

import json
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from collector.storage.items import AptitudeItem, EntryItem, HorseItem, RaceDayItem, RaceItem, RacingItem, ReviewsItem
from collector.storage.roles import Role

Thing = tuple[str, str]  # what an item speaks of: ("race", its id), ("horse", its id), ...


@dataclass(frozen=True, slots=True)
class RacingRows:
    """The racing items of one page."""

    items: Mapping[type[RacingItem], str]  # of each kind, a JSON array
    about: frozenset[Thing]  # what the page decides
    meets: frozenset[Thing]  # horses that it names, which become known if they are not
    licensed: bool = False  # whether a licensed source says so


NO_ROWS = RacingRows({}, frozenset(), frozenset())


@dataclass(frozen=True, slots=True)
class Said:
    """What one answer of one page says."""

    role: Role
    url: str
    at: datetime
    whole: bool  # no row of the page was left out
    rows: RacingRows

    def document(self, kind: type[RacingItem]) -> str:
        """Its items of one kind, as a JSON object with what a row must know of its page."""
        known = {"role": self.role, "url": self.url, "at": self.at.isoformat(), "whole": self.whole}
        return f'{json.dumps(known, ensure_ascii=False)[:-1]}, "items": {self.rows.items.get(kind, "[]")}}}'


def racing_rows(items: Iterable[RacingItem]) -> RacingRows:
    """The rows of a page's racing items.

    Raises:
        ValueError: an item cannot be written as UTF-8.
    """
    written, about, meets = defaultdict[type[RacingItem], list[str]](list), set[Thing](), set[Thing]()
    licensed = False
    for item in items:
        licensed |= isinstance(item, RaceItem | EntryItem | HorseItem) and item.licensed
        written[type(item)].append(item.model_dump_json(warnings=False))
        about.add(_about(item))
        if isinstance(item, EntryItem) and item.horse_id is not None:
            meets.add(("horse", item.horse_id))
    arrays = {kind: f"[{','.join(of_a_kind)}]" for kind, of_a_kind in written.items()}
    return RacingRows(arrays, frozenset(about), frozenset(meets), licensed)


def _about(item: RacingItem) -> Thing:
    match item:
        case RaceDayItem():
            return "day", item.race_date.isoformat()
        case RaceItem() | EntryItem():
            return "race", item.race_id
        case HorseItem():
            return "horse", item.horse_id
        case AptitudeItem() | ReviewsItem():
            return "opinion", item.horse_id


def in_sets(pages: Sequence[Said]) -> Iterator[list[Said]]:
    """The same pages in the same order, in sets that can be stored at once: no two decide the same thing."""
    together, about, met = list[Said](), set[Thing](), set[Thing]()
    for page in pages:
        decides = page.rows.about | ({("calendar", page.url)} if page.role is Role.CALENDAR else set())
        if decides & (about | met) or page.rows.meets & about:
            yield together
            together, about, met = [], set(), set()
        together.append(page)
        about |= decides
        met |= page.rows.meets
    if together:
        yield together
