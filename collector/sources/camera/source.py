"""The photos of one's own camera, as a source: nobody is asked for them."""

from datetime import date

from collector.codes import Copying
from collector.sources.camera.record import RECORD, SITE, SOURCE, at, parse_record
from collector.sources.saved import MAIN
from collector.sources.source import Copies, Kind, Source, Terms
from collector.storage.roles import Role

CAMERA = Source(
    name=SOURCE,
    title="Own camera",
    sites={MAIN: SITE},
    kinds={RECORD: Kind(Role.PHOTO_PAGE, parse_record)},
    charset="utf-8",
    terms=Terms(
        "Each photo has the rights that its photographer stated at the import.",
        None,
        date(2026, 11, 26),
        Copying.LICENSED,
    ),
    copies=Copies(at, lambda _name, _kind: None),
    asked=False,
    personal=True,
)
