"""What pages say of races, horses and opinions is stored, a set of pages at a time."""

from collections.abc import Iterator, Sequence
from typing import LiteralString

from collector.pipeline import differences, licensed
from collector.pipeline.race_statements import (
    FIND_HORSES,
    FORGET_ENTRIES,
    FORGET_RACE_DAYS,
    MEET_HORSES,
    STORE_APTITUDES,
    STORE_ENTRIES,
    STORE_HORSES,
    STORE_RACE_DAYS,
    STORE_RACES,
    STORE_REVIEWS,
)
from collector.pipeline.racing_rows import Said
from collector.storage.items import AptitudeItem, EntryItem, HorseItem, RaceDayItem, RaceItem, RacingItem, ReviewsItem
from collector.storage.roles import Role

JUDGED = (licensed.JUDGE, licensed.TAKE_BACK, licensed.GIVE_BACK)
Statement = tuple[LiteralString, str]  # and its JSON document

# In this order: a race before its entries, what is set aside before what takes its place, what is said before what
# follows from it.
STATEMENTS: tuple[tuple[type[RacingItem], tuple[LiteralString, ...]], ...] = (
    (RaceItem, (licensed.SET_ASIDE_RACES, STORE_RACES, licensed.SAY_OTHERWISE_OF_RACES)),
    (HorseItem, (licensed.SET_ASIDE_HORSES, STORE_HORSES, licensed.SAY_OTHERWISE_OF_HORSES)),
    (
        EntryItem,
        (MEET_HORSES, STORE_ENTRIES, FORGET_ENTRIES, licensed.FORGET_OTHERWISE, licensed.SAY_OTHERWISE_OF_ENTRIES),
    ),
    (HorseItem, JUDGED),
    (EntryItem, JUDGED),
    (HorseItem, (differences.FORGET_OF_HORSES, differences.FIND_IN_HORSES)),
    (RaceItem, (differences.FORGET_OF_RACES, differences.FIND_IN_RACES, differences.FIND_IN_ENTRIES)),
    (AptitudeItem, (STORE_APTITUDES,)),
    (ReviewsItem, (STORE_REVIEWS,)),
)


def statements(pages: Sequence[Said]) -> list[Statement]:
    """What is to be executed, in order, for a set of pages of which no two decide the same thing."""
    found = list[Statement]()
    # A calendar without a day says that there is none.
    if calendars := [page for page in pages if page.role is Role.CALENDAR]:
        found += _with_items(calendars, RaceDayItem, (STORE_RACE_DAYS, FORGET_RACE_DAYS))
    # A search gives little more than names.
    searches = [page for page in pages if page.role is Role.HORSE_SEARCH]
    found += _with_items(_that_have(searches, HorseItem), HorseItem, (FIND_HORSES,))
    others = [page for page in pages if page.role is not Role.HORSE_SEARCH]
    for kind, its in STATEMENTS:
        found += _with_items(_that_have(others, kind), kind, its)
    return found


def _that_have(pages: Sequence[Said], kind: type[RacingItem]) -> list[Said]:
    return [page for page in pages if kind in page.rows.items]


def _with_items(
    pages: Sequence[Said], kind: type[RacingItem], statements: Sequence[LiteralString]
) -> Iterator[Statement]:
    if pages:
        document = f"[{','.join(page.document(kind) for page in pages)}]"
        for statement in statements:
            yield statement, document
