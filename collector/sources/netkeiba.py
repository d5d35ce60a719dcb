"""netkeiba: what a page of it says, by its kind; races, horses and aptitudes have modules of their own."""

from datetime import date

from collector.errors import ParseError
from collector.models import PageKind
from collector.sources import Parsed

SOURCE = "netkeiba"
CHARSET = "euc-jp"


def horse_url(base: str, horse_id: str) -> str:
    return f"{base}/horse/{horse_id}/"


def race_day_url(base: str, day: date) -> str:
    return f"{base}/race/list/{day:%Y%m%d}/"


def parse(kind: PageKind, url: str, text: str) -> Parsed:
    raise ParseError("page", f"a page of kind {kind} is not parsed ({url}, {len(text)})")
