"""A source as one value: its addresses, its kinds of pages with their policy, and what the site's keepers allow."""

import hashlib
import json
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from typing import Any

from pydantic import ValidationError

from collector.codes import Copying
from collector.console.code_words import describe
from collector.errors import ParseError
from collector.frontier.due import PRIORITY, revisit_at
from collector.politeness.leave import Leave
from collector.settings import is_loopback
from collector.sources.parsed import Parsed
from collector.sources.saved import MAIN, Named
from collector.storage.roles import PHOTO_ROLES, Role

NAME = re.compile(r"[a-z][a-z0-9_]{1,30}")
IMAGE, ROBOTS = "image", "robots"  # kinds that every source has; they need no parser


class Gift(StrEnum):
    """What a source gives."""

    PHOTOS = "photos"
    RACES = "races"  # results
    CARDS = "cards"  # races to come
    APTITUDES = "aptitudes"


GIFTS = {
    Gift.PHOTOS: Role.PHOTO_PAGE, Gift.RACES: Role.RESULT, Gift.CARDS: Role.CARD, Gift.APTITUDES: Role.APTITUDE,
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Terms:
    """What a site's keepers allow, as a person has read it."""

    summary: str  # one sentence of our own
    url: str | None
    read_on: date
    copying: Copying
    dated: date | None = None  # of the text, as its keepers state it

    @property
    def digest(self) -> str:
        """SHA-256 of what they say. Other terms have to be accepted anew; the same ones, read again, do not."""
        said = {name: value for name, value in self.as_json().items() if name not in ("url", "read_on")}
        return hashlib.sha256(json.dumps(said, sort_keys=True).encode()).hexdigest()

    def as_json(self) -> dict[str, str | None]:
        """The same for programs."""
        return {
            "summary": self.summary, "url": self.url, "dated": self.dated and self.dated.isoformat(),
            "read_on": self.read_on.isoformat(), "copying": self.copying.value,
        }  # fmt: skip

    def __str__(self) -> str:
        of = f", of {self.dated}" if self.dated else ""
        where = f"{self.url or 'no page of its own'}{of}, read on {self.read_on}"
        return f"{self.summary} ({where}; {describe(Copying, self.copying)})"


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of page of a source.

    `address` builds the address of pages that the program requests without a link. Its first argument is the site's
    address, its second depends on the role: a listing's year (int), a calendar's month or a race day's day (date), a
    horse's id (str), a name to search for (str).
    """

    role: Role
    parse: Callable[[str, str], Parsed] | None = None  # the page's address and text; None: only its bytes count
    address: Callable[[str, Any], str] | None = None
    site: str = MAIN  # the source's site that has such pages
    charset: str | None = None  # where it differs from the source's
    priority: int | None = None  # higher first; None: the role's
    revisit: Callable[[date, datetime], datetime | None] | None = None  # None: the role's

    @property
    def rank(self) -> int:
        """The priority of such pages in the frontier; higher first."""
        return PRIORITY[self.role] if self.priority is None else self.priority

    def revisit_at(self, dated: date, at: datetime) -> datetime | None:
        """When to request a page of this kind again that was read at `at`; None: never."""
        return self.revisit(dated, at) if self.revisit else revisit_at(self.role, dated, at)


@dataclass(frozen=True, slots=True)
class Copies:
    """How saved copies of a source's pages are recognised."""

    at: Callable[[str], Named | None]  # by an address without the site's: its path, with the query
    called: Callable[[str, str | None], Named | None]  # by a file's name, with its folders, and a kind if one is known
    saying: Callable[[str], Iterable[Named]] = lambda _text: ()  # by marks of the page other than its own address


@dataclass(frozen=True, slots=True)
class Source:
    """One site, or several sites of one owner, as a plug-in."""

    name: str  # part of every photo's id, and of the settings: PADDOCK_<NAME>_URL
    title: str
    sites: Mapping[str, str]  # name -> address
    kinds: Mapping[str, Kind]
    charset: str  # of pages that do not state one
    terms: Terms
    first_year: int = 2001  # of the site's archive
    longest_page: int = 2_000_000  # characters; a longer page is not read
    look_alike: str | None = None  # the host name of its copy in `collector demo-site`; None: no copy
    copies: Copies | None = None  # None: saved pages of this source are not recognised
    asked: bool = True  # False: nobody is asked for its pages, they only come by import
    personal: bool = False  # True: its pictures say where and with what a person took them, so copies go out instead

    def __post_init__(self) -> None:
        if not NAME.fullmatch(self.name) or MAIN not in self.sites:
            raise ValueError(f"{self.name!r} is not a source: a name is a-z, 0-9 and _, and the site {MAIN} is needed")

    def kind(self, name: str) -> Kind:
        """A kind by its name.

        Raises:
            ParseError: this source has no such kind.
        """
        if name == IMAGE:
            return Kind(Role.PICTURE)
        if name == ROBOTS:
            return Kind(Role.ROBOTS)
        try:
            return self.kinds[name]
        except KeyError as error:
            raise ParseError("page", f"{self.name} has no pages of kind {name}") from error

    @property
    def leave(self) -> Leave:
        """What a person must have accepted before the source is asked."""
        terms = self.terms
        return Leave(self.name, terms.digest, terms.dated, str(terms), terms.copying is Copying.FORBIDDEN)

    @property
    def gives(self) -> tuple[Gift, ...]:
        """What the source gives, by the roles of its pages."""
        roles = {kind.role for kind in self.kinds.values()}
        return tuple(gift for gift, role in GIFTS.items() if role in roles)

    @property
    def has_photos(self) -> bool:
        return any(kind.role in PHOTO_ROLES for kind in self.kinds.values())

    def parse(self, kind: str, url: str, text: str) -> Parsed:
        """The content of a page.

        Raises:
            NoSuchPage: it says, with status 200, that it does not exist.
            ParseError: it lacks a field that its kind must have; names the field.
        """
        parse = self.kind(kind).parse
        if parse is None:
            raise ParseError("page", f"a page of kind {kind} is not parsed")
        if len(text) > self.longest_page:
            raise ParseError("page", f"{len(text)} characters are too many for a page of this site")
        try:
            parsed = parse(url, text)
        except ValidationError as error:
            first = error.errors()[0]
            field = str(first["loc"][0]) if first["loc"] else "page"
            raise ParseError(field, f"{str(first['input'])[:100]!a}: {first['msg']}") from error
        for link in parsed.links:
            self.kind(link.kind)
        return parsed


@dataclass(frozen=True, slots=True)
class Site:
    """One site of a source, with its address from the settings."""

    source: Source
    name: str
    url: str

    @property
    def leave(self) -> Leave | None:
        """What its source's keepers must have been given; None: the site is on this machine, and nobody's but ours."""
        return None if is_loopback(self.url) else self.source.leave
