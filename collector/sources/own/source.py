"""Photos that a person has, as a source: nobody is asked for them."""

from datetime import date

from collector.codes import Copying
from collector.sources.own.record import RECORD, SITE, SOURCE, at, parse_record
from collector.sources.saved import MAIN
from collector.sources.source import Copies, Kind, Source, Terms
from collector.storage.roles import Role

OWN = Source(
    name=SOURCE,
    title="Own photos",
    sites={MAIN: SITE},
    kinds={RECORD: Kind(Role.PHOTO_PAGE, parse_record)},
    charset="utf-8",
    terms=Terms(
        "Each photo has the rights that its owner stated when it was imported.",
        None,
        date(2026, 11, 26),
        Copying.LICENSED,
    ),
    copies=Copies(at, lambda _name, _kind: None),
    asked=False,
)
