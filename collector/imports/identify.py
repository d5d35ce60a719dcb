"""Which page a capture is: by its stated address, by what the page says of itself, by its file's name. Pure."""

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from html import unescape
from itertools import islice
from urllib.parse import urlsplit

from collector.codes import Aside
from collector.errors import UsageError
from collector.imports.captures import Capture, Failed
from collector.politeness.gate import host_name
from collector.sources import MAIN, Named, Site, Source
from collector.sources.registry import source_of
from collector.sources.source import ROBOTS
from collector.storage.roles import UNDATED

HEAD = 200_000  # bytes of a page that are searched for what it says of itself
TAG = re.compile(rb"<(?:link|meta)\b[^>]{1,400}>", re.I)
OWN_ADDRESS = re.compile(rb"""\b(?:rel\s*=\s*["']?canonical|property\s*=\s*["']?og:url)\b""", re.I)
VALUE = re.compile(rb"""\b(?:href|content)\s*=\s*["']([^"'<>]{1,1000})["']""", re.I)
MARKUP = re.compile(rb"\s{0,100}<")
PACKED = re.compile(r"\.(?:gz|zst)\Z", re.I)
MOST_OWN = 4  # addresses that a page states of itself
ROBOTS_PATH = "/robots.txt"
SHOWN = 200  # characters of an address in a reason


@dataclass(frozen=True, slots=True)
class Page:
    """A page of a source, at the address at which a crawl asks for it."""

    source_name: str
    named: Named
    url: str

    @property
    def source(self) -> Source:
        return source_of(self.source_name)

    @property
    def kind(self) -> str:
        return self.named.kind


@dataclass(frozen=True)
class Places:
    """The sites that there are, and what their pages are called."""

    sites: Sequence[Site]
    wanted: tuple[str, str] | None = None  # the source and kind that all captures are said to be

    @cached_property
    def by_host(self) -> Mapping[str, Sequence[Source]]:
        """The sources of each host: as the sites are configured, and as they really are."""
        found = defaultdict[str, dict[str, Source]](dict)
        for site in self.sites:
            for url in (site.url, site.source.sites[site.name]):
                found[host_name(url)][site.source.name] = site.source
        return {host: tuple(sources.values()) for host, sources in found.items()}

    @cached_property
    def sources(self) -> Sequence[Source]:
        """The sources whose saved pages are recognised."""
        of_sites = dict.fromkeys(site.source.name for site in self.sites)
        by_name = {site.source.name: site.source for site in self.sites}
        return [by_name[name] for name in of_sites if by_name[name].copies]

    def page(self, source: Source, named: Named) -> Page:
        """The page at this home's address of its site.

        Raises:
            Failed: this home has no such site.
        """
        urls = {site.name: site.url for site in self.sites if site.source.name == source.name}
        base = urls.get(named.site) or urls.get(MAIN)
        if base is None:
            raise Failed(Aside.NO_SITE, source.name)
        return Page(source.name, named, f"{base}{named.path}")

    def at(self, url: str) -> tuple[Source, Named]:
        """The page at an address.

        Raises:
            Failed: it is on none of the sites, or no page that its source knows.
        """
        try:
            parts = urlsplit(url)
            sources = self.by_host.get(host_name(url), ())
        except ValueError as error:
            raise Failed(Aside.NO_SITE, url[:SHOWN]) from error
        if not sources or parts.scheme not in ("http", "https"):
            raise Failed(Aside.NO_SITE, url[:SHOWN])
        if parts.path == ROBOTS_PATH:
            return sources[0], Named(ROBOTS, ROBOTS_PATH, ("robots", ""), dated=UNDATED)
        address = parts._replace(scheme="", netloc="", fragment="").geturl() or "/"
        for source in sources:
            if source.copies and (named := source.copies.at(address)):
                return source, named
        raise Failed(Aside.NO_KIND, url[:SHOWN])


def read_kind(text: str | None, sources: Iterable[Source]) -> tuple[str, str] | None:
    """The source and the kind that `--as` names.

    Raises:
        UsageError: there is no such kind; lists those that there are.
    """
    if text is None:
        return None
    known = [(source.name, kind) for source in sources if source.copies for kind in source.kinds]
    source_name, _, kind = text.rpartition(":")
    found = [one for one in known if one[1] == kind and source_name in ("", one[0])]
    if len(found) != 1:
        raise UsageError(f"--as {text} is not a kind of page; it is one of {', '.join(kind for _, kind in known)}.")
    return found[0]


def identify(capture: Capture, places: Places) -> Page:
    """Which page it is.

    Raises:
        Failed: nobody knows, or those who say so do not agree.
    """
    own, marks = list(_own(capture.body, places)), list(_marks(capture.body, places))
    name = PACKED.sub("", capture.file)
    if capture.url is not None:
        source, named = places.at(capture.url)
    else:
        source, named = _first(name, places, own, marks)
        marks += _called(name, places, None)
    if places.wanted and (source.name, named.kind) != places.wanted:
        raise Failed(Aside.CONTRADICTION, f"{named.kind}, --as {places.wanted[1]}")
    for _, other in own:
        _check(named, other)
    for _, other in marks:
        if named.thing[0] == other.thing[0]:
            _check(named, other)
    return places.page(source, named)


Found = tuple[Source, Named]


def _first(name: str, places: Places, own: Sequence[Found], marks: Sequence[Found]) -> Found:
    """By its canonical address, its name, or other marks; where the kind is given, the first of that kind."""
    kind = places.wanted[1] if places.wanted else None
    for found in (own, _called(name, places, kind), marks):
        for source, named in found:
            if kind in (None, named.kind):
                return source, named
    raise Failed(Aside.NO_NAME)


def _check(named: Named, other: Named) -> None:
    if named.thing != other.thing:
        raise Failed(Aside.CONTRADICTION, f"{' '.join(named.thing)}, {' '.join(other.thing)}"[:SHOWN])


def _called(name: str, places: Places, kind: str | None) -> list[Found]:
    """What the name of its file says."""
    of = [source for source in places.sources if not places.wanted or source.name == places.wanted[0]]
    named = ((source, source.copies.called(name, kind)) for source in of if source.copies)
    return [(source, found) for source, found in named if found]


def _own(body: bytes, places: Places) -> Iterator[Found]:
    """The pages that its canonical addresses name, as far as a source knows them."""
    for url in islice(_addresses(body[:HEAD]), MOST_OWN):
        try:
            source, named = places.at(url)
        except Failed:
            continue
        if named.kind != ROBOTS:
            yield source, named


def _addresses(head: bytes) -> Iterator[str]:
    for tag in TAG.finditer(head):
        if OWN_ADDRESS.search(tag[0]) and (value := VALUE.search(tag[0])):
            yield unescape(value[1].decode("ascii", "backslashreplace")).strip()


def _marks(body: bytes, places: Places) -> Iterator[Found]:
    """What else a page says of itself, as each source knows it."""
    if not MARKUP.match(body):
        return
    text = body.decode("latin-1")
    for source in places.sources:
        if source.copies:
            yield from ((source, named) for named in source.copies.saying(text))
