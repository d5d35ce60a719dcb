"""The program's own sources at the addresses of a test."""

from dataclasses import replace

import pytest

from collector.engine.crawl_jobs import Asked
from collector.sources import MAIN, Kind, Role, Site, Source, registry
from collector.sources.keibado.source import KEIBADO
from collector.sources.netkeiba.source import NETKEIBA
from collector.sources.netkeiba.urls import RACE


def sites_at(keibado: str, netkeiba: str | None = None, *, race: str | None = None) -> tuple[Site, ...]:
    """keibado, and where they are given netkeiba's two sites."""
    beside = [Site(NETKEIBA, name, url) for name, url in ((MAIN, netkeiba), (RACE, race)) if url]
    return (Site(KEIBADO, MAIN, keibado), *beside)


def change_kind(patch: pytest.MonkeyPatch, source: Source, name: str, **changes: object) -> None:
    """Let a kind of a source be another one for a test: its parser, say."""
    known = dict(registry.sources())
    kind: Kind = replace(known[source.name].kind(name), **changes)  # pyright: ignore[reportArgumentType]
    known[source.name] = replace(known[source.name], kinds={**known[source.name].kinds, name: kind})
    patch.setattr(registry, "sources", lambda: known)


def role_of(kind: str) -> Role:
    """The role of a kind of one of the two sources."""
    source = NETKEIBA if kind in NETKEIBA.kinds else KEIBADO
    return source.kind(kind).role


def labels_at(site: str) -> Asked:
    """Where labels are asked for."""
    return Asked(Site(NETKEIBA, MAIN, site), "horse", NETKEIBA.kind("horse"))
