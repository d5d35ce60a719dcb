"""Which page a saved copy is: what a file's name, an address, or the page itself says. Pure."""

from dataclasses import dataclass
from datetime import date

MAIN = "main"  # the site that every source has


@dataclass(frozen=True, slots=True)
class Named:
    """A page, as an address, a file's name or its own words name it."""

    kind: str  # of the source
    path: str  # the address that a crawl asks for, without the site's
    thing: tuple[str, str]  # what the page is about, such as ("race", its id); two of one sort must agree
    site: str = MAIN
    about: str | None = None  # a horse's id, or a name that is searched for
    dated: date | None = None  # None: as the page itself says
