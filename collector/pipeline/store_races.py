"""What pages say of races, horses and opinions is stored, a set of pages at a time."""

from collections.abc import Iterator, Sequence
from typing import LiteralString, NamedTuple

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

Statement = tuple[LiteralString, str]  # and its JSON document

LICENSED, OTHERS = True, False


class Step(NamedTuple):
    """Statements for the pages that have items of a kind; of licensed ones, of the others, or (None) of both."""

    kind: type[RacingItem]
    statements: tuple[LiteralString, ...]
    licensed: bool | None = None


JUDGED = (licensed.JUDGE, licensed.TAKE_BACK, licensed.GIVE_BACK)
# In this order: a race before its entries, what is set aside before what takes its place, what is said before what
# follows from it.
STEPS = (
    Step(RaceItem, (licensed.SET_ASIDE_RACES,), LICENSED),
    Step(RaceItem, (STORE_RACES,)),
    Step(RaceItem, (licensed.SAY_OTHERWISE_OF_RACES,), OTHERS),
    Step(HorseItem, (licensed.SET_ASIDE_HORSES,), LICENSED),
    Step(HorseItem, (STORE_HORSES, licensed.SAY_OTHERWISE_OF_HORSES)),
    Step(EntryItem, (MEET_HORSES, STORE_ENTRIES, FORGET_ENTRIES)),
    Step(EntryItem, (licensed.FORGET_OTHERWISE, licensed.SAY_OTHERWISE_OF_ENTRIES), OTHERS),
    Step(HorseItem, JUDGED),
    Step(EntryItem, JUDGED),
    Step(HorseItem, (differences.FORGET_OF_HORSES, differences.FIND_IN_HORSES)),
    Step(RaceItem, (differences.FORGET_OF_RACES, differences.FIND_IN_RACES, differences.FIND_IN_ENTRIES)),
    Step(AptitudeItem, (STORE_APTITUDES,)),
    Step(ReviewsItem, (STORE_REVIEWS,)),
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
    for kind, its, of in STEPS:
        those = [page for page in _that_have(others, kind) if of in (None, page.rows.licensed)]
        found += _with_items(those, kind, its)
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
