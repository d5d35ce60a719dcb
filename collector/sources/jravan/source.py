"""JRA-VAN's licensed data as a source: nobody is asked for them here."""

from datetime import date, datetime

from collector.codes import Copying
from collector.sources.jravan.entry import parse_horses
from collector.sources.jravan.race import parse_race
from collector.sources.jravan.record import CARD, HORSES, RACE, SITE, SOURCE, at
from collector.sources.saved import MAIN
from collector.sources.source import Copies, Kind, Source, Terms
from collector.storage.roles import Role


def _never(_dated: date, _at: datetime) -> None:
    """When to ask again: what is new comes with the next import."""


JRAVAN = Source(
    name=SOURCE,
    title="JRA-VAN Data Lab. (licensed)",
    sites={MAIN: SITE},
    kinds={
        RACE: Kind(Role.RESULT, parse_race, revisit=_never),
        CARD: Kind(Role.CARD, parse_race, revisit=_never),
        HORSES: Kind(Role.HORSE, parse_horses, revisit=_never),
    },
    charset="utf-8",
    terms=Terms(
        "Sold under a licence, for the subscriber's own use; its terms are for the subscriber to read. Unless they "
        "allow it, nothing that is read from it is published or passed on.",
        "https://jra-van.jp/dlb/",
        date(2026, 8, 30),
        Copying.SUBSCRIBERS,
    ),
    copies=Copies(at, lambda _name, _kind: None),
    asked=False,
)
