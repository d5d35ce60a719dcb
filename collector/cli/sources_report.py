"""What `collector sources` says of each source: what it gives and is allowed to give, and what is kept of it."""

from collections.abc import Iterable
from typing import Any

from rich.console import Console

from collector.cli.dry_run import line_of, robots_age
from collector.codes import AcceptedBy
from collector.console.code_words import describe
from collector.console.measures import size_in_words
from collector.console.terminal import titled
from collector.console.wording import as_typed, counted, in_japan
from collector.engine.robots_cache import find_copy
from collector.frontier.due import today
from collector.politeness.accepted import in_force
from collector.politeness.gate import Connection
from collector.politeness.leave import Leave
from collector.settings import Settings, is_loopback
from collector.sources import Role, Source
from collector.sources.registry import sites, source_of, sources, variable

KEPT = """
WITH held AS (
    SELECT DISTINCT digest FROM page WHERE source = %(source)s AND digest IS NOT NULL
    UNION SELECT log.digest FROM fetch_log AS log JOIN page ON page.id = log.page_id
    WHERE page.source = %(source)s AND log.digest IS NOT NULL)
SELECT (SELECT count(*) FROM issue WHERE source = %(source)s), (SELECT count(*) FROM photo WHERE source = %(source)s),
       (SELECT count(*) FROM page WHERE source = %(source)s AND digest IS NOT NULL AND role <> 'robots'),
       (SELECT COALESCE(sum(size), 0)::bigint FROM held JOIN blob USING (digest))
"""
A_HORSE, A_NAME = "2012104511", "ア"  # such as addresses of horses are built with


async def sources_report(connection: Connection, settings: Settings) -> list[dict[str, Any]]:
    """What is said of each source."""
    urls = {(site.source.name, site.name): site.url for site in sites(settings)}
    return [await _facts(connection, source, urls, settings) for source in sources().values()]


def print_sources(console: Console, found: list[dict[str, Any]]) -> None:
    """Print what `sources_report` found."""
    for facts in found:
        _print(console, facts)


async def _facts(
    connection: Connection, source: Source, urls: dict[tuple[str, str], str], settings: Settings
) -> dict[str, Any]:
    row = await (await connection.execute(KEPT, {"source": source.name})).fetchone()
    assert row is not None
    at = {name: urls.get((source.name, name)) for name in source.sites}
    return {
        "name": source.name,
        "title": source.title,
        "gives": list(source.gives),
        "asked": source.asked,
        "sites": [
            {"name": name, "url": url, "variable": None if settings.demo else variable(source, name),
             "robots": await _robots(connection, url, first_page(source, name, url)) if url else None}
            for name, url in at.items() if source.asked
        ],
        "terms": source.terms.as_json(),
        "leave": await leave_of(connection, source) | {"needed": _needed(at.values())} if source.asked else None,
        "kept": dict(zip(("issues", "photos", "pages", "bytes"), map(int, row), strict=True)),
    }  # fmt: skip


async def leave_of(connection: Connection, source: Source) -> dict[str, Any]:
    """Whether a source's terms are accepted as they are now, since when, how, and by whose permission."""
    found = await in_force(connection, source.leave)
    return {
        "accepted_at": found and found.at, "accepted_by": found and found.by, "permission": found and found.permission,
    }  # fmt: skip


def _needed(urls: Iterable[str | None]) -> bool:
    """Whether somebody else than us is asked at these addresses; where there are none, whether it would be so."""
    known = [url for url in urls if url]
    return not known or not all(map(is_loopback, known))


def leave_in_words(leave: Leave, facts: dict[str, Any]) -> str:
    """The same for people."""
    if not facts.get("needed", True):
        return "need not be accepted, as the site is on this machine"
    if facts["accepted_at"] is None:
        return f"not accepted; `{as_typed(leave.command)}` accepts them"
    permission = f", with a permission: {facts['permission']}" if facts["permission"] else ""
    return f"accepted on {in_japan(facts['accepted_at'])} {describe(AcceptedBy, facts['accepted_by'])}{permission}"


def first_page(source: Source, site: str, url: str) -> str:
    """A page with which a crawl of a site begins, or such as it asks for later."""
    about = {Role.LISTING: today().year, Role.HORSE: A_HORSE, Role.APTITUDE: A_HORSE, Role.REVIEWS: A_HORSE,
             Role.HORSE_SEARCH: A_NAME}  # fmt: skip
    for kind in source.kinds.values():
        if kind.site == site and kind.address:
            return kind.address(url, about.get(kind.role, today()))
    return f"{url}/"


async def _robots(connection: Connection, url: str, page: str) -> dict[str, Any] | None:
    """What the copy that is held says of a page, and how old it is; None where none is held."""
    address = f"{url}/robots.txt"
    copy = await find_copy(connection, address)
    if copy is None or copy.robots is None:
        return None
    verdict = copy.robots.verdict(page)
    age = await robots_age(connection, address)
    return {"page": page, "allowed": verdict.allowed, "line": line_of(verdict), "age": age["age"],
            "fetched_at": age["fetched_at"]}  # fmt: skip


def _print(console: Console, facts: dict[str, Any]) -> None:
    def say(title: str, words: str) -> None:
        console.print(f"  {title:6} {words}", soft_wrap=True)

    console.print(titled(facts["name"], facts["title"]), soft_wrap=True)
    say("gives", ", ".join(facts["gives"]) or "-")
    if not facts["asked"]:
        say("asked", "nobody; what it has comes by `collector import`")
    for site in facts["sites"]:
        by = f" (set by {site['variable']})" if site["variable"] else ""
        say(site["name"], f"{site['url'] or 'switched off'}{by}")
        say("", _verdict(site["robots"]))
    source, kept = source_of(facts["name"]), facts["kept"]
    say("terms", str(source.terms))
    if facts["leave"]:
        say("", leave_in_words(source.leave, facts["leave"]))
    say(
        "kept",
        f"{counted(kept['issues'], 'issue')}, {counted(kept['photos'], 'photo')}, {counted(kept['pages'], 'page')}, "
        f"{size_in_words(kept['bytes'])}",
    )


def _verdict(robots: dict[str, Any] | None) -> str:
    if robots is None:
        return "robots.txt is not held"
    verdict = "allows" if robots["allowed"] else "does not allow"
    return f"robots.txt {verdict} {robots['page']} ({robots['line']}); the copy is {robots['age']} old"
