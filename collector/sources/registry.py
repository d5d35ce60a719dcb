"""The installed sources, and the addresses of their sites.

Another package adds a source with an entry point of the group `paddock.sources` that names a `Source`.
"""

from collections.abc import Mapping
from functools import cache
from importlib.metadata import EntryPoint, entry_points
from urllib.parse import urlsplit

from collector.codes import Copying
from collector.errors import ParseError, UsageError
from collector.settings import Settings, read_address
from collector.sources.camera.source import CAMERA
from collector.sources.jravan.source import JRAVAN
from collector.sources.keibado.source import KEIBADO
from collector.sources.netkeiba.source import NETKEIBA
from collector.sources.own.source import OWN
from collector.sources.source import MAIN, Gift, Site, Source

GROUP = "paddock.sources"
BUILT_IN = (KEIBADO, NETKEIBA, OWN, CAMERA, JRAVAN)


@cache
def sources() -> Mapping[str, Source]:
    """All sources by name, the built-in ones first.

    Raises:
        UsageError: an installed one cannot be used; says which and why.
    """
    found = {source.name: source for source in BUILT_IN}
    for point in sorted(entry_points(group=GROUP), key=lambda point: point.name):
        source = _load(point)
        if source.name in found and found[source.name] is not source:
            raise UsageError(f"Two sources are called {source.name}; the second is {point.value}: uninstall one.")
        found[source.name] = source
    return found


def _load(point: EntryPoint) -> Source:
    try:
        source = point.load()
    except Exception as error:
        raise UsageError(f"The source {point.name} ({point.value}) cannot be loaded: {error!r:.300}") from error
    if not isinstance(source, Source):
        raise UsageError(f"The source {point.name} ({point.value}) is not a collector.sources.Source.")
    return source


def source_of(name: str) -> Source:
    """A source by its name.

    Raises:
        ParseError: none of this name is installed.
    """
    try:
        return sources()[name]
    except KeyError as error:
        raise ParseError("source", f"no source called {name} is installed") from error


def is_own(name: str) -> bool:
    """Whether what a source shows only comes by import: a person's own photos, say."""
    return name in sources() and not sources()[name].asked


def is_personal(name: str) -> bool:
    """Whether the pictures of a source go out without what a person's camera wrote into them."""
    return name in sources() and sources()[name].personal


def for_subscribers() -> tuple[str, ...]:
    """The sources that are licensed to their subscribers alone: nothing of them goes out unless it is asked for."""
    return tuple(name for name, one in sources().items() if one.terms.copying is Copying.SUBSCRIBERS)


def source_at(address: str) -> Source | None:
    """The source of the site that an address is on, or of which it is the look-alike; None: no source's."""
    host = urlsplit(address).hostname
    at = {urlsplit(url).hostname: source for source in sources().values() for url in source.sites.values()}
    return at.get(host) or next((one for one in sources().values() if host and one.look_alike == host), None)


def sites(settings: Settings) -> tuple[Site, ...]:
    """The only sites that may be contacted; those with photos come first.

    Raises:
        UsageError: an address in the settings is not an address.
    """
    found = [site for source in sources().values() if source.asked for site in _sites_of(source, settings)]
    return tuple(sorted(found, key=lambda site: not site.source.has_photos))


def archived_sites(settings: Settings) -> tuple[Site, ...]:
    """The sites whose pages may be imported: those that may be contacted, and those that nobody asks.

    Raises:
        UsageError: an address in the settings is not an address.
    """
    unasked = [source for source in sources().values() if not source.asked]
    return (*sites(settings), *(Site(source, name, url) for source in unasked for name, url in source.sites.items()))


def asked_source(name: str) -> Source:
    """A source that is asked for pages, by its name.

    Raises:
        UsageError: there is none of this name, or nobody is asked for its pages.
    """
    known = [source.name for source in sources().values() if source.asked]
    if name not in known:
        why = "is asked for nothing, so there is nothing to accept" if name in sources() else "is not installed"
        raise UsageError(f"The source {name!r} {why}; those that are asked are {', '.join(known)}.")
    return sources()[name]


def first_year() -> int:
    """The first year of which a source that is asked has photos."""
    return min(source.first_year for source in sources().values() if source.asked and source.has_photos)


def addresses(settings: Settings) -> tuple[str, ...]:
    """The addresses of the sites, each once."""
    return tuple(dict.fromkeys(site.url for site in sites(settings)))


def known_addresses(settings: Settings) -> tuple[str, ...]:
    """The addresses that only a crawl may ask: those of the sites as they are set, and the sources' own."""
    own = [url for source in sources().values() if source.asked for url in source.sites.values()]
    return tuple(dict.fromkeys([*addresses(settings), *own]))


def is_given(settings: Settings, gift: Gift) -> bool:
    """Whether a source that is switched on gives this."""
    return any(gift in site.source.gives for site in sites(settings))


def _sites_of(source: Source, settings: Settings) -> list[Site]:
    if settings.demo:
        if source.look_alike is None:
            return []
        # One process serves all sites; under another name it is another host, with its own gate.
        return [Site(source, name, f"http://{source.look_alike}:{settings.demo_port}") for name in source.sites]
    main = _configured(source, MAIN, settings, source.sites[MAIN])
    if main is None:
        return []
    moved = main != source.sites[MAIN]
    beside = {name: main if moved else url for name, url in source.sites.items() if name != MAIN}
    urls = {MAIN: main} | {name: _configured(source, name, settings, url) for name, url in beside.items()}
    return [Site(source, name, url) for name, url in urls.items() if url]


def variable(source: Source, site: str) -> str:
    """The variable that sets a site's address: PADDOCK_<SOURCE>_URL, or PADDOCK_<SOURCE>_<SITE>_URL."""
    return "_".join(["PADDOCK", source.name, *([] if site == MAIN else [site]), "URL"]).upper()


def _configured(source: Source, site: str, settings: Settings, default: str) -> str | None:
    name = variable(source, site)
    value = settings.urls.get(name)
    if value is None:
        return default
    return read_address(name, value, default)
