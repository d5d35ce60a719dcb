"""`collector sources`, and that no other room names a site."""

import re

import pytest
from typer.testing import CliRunner

from collector.cli.app import app
from tests.filled import SMALL, as_json, fill
from tests.paths import ROOT

NAMES = re.compile("keibado|netkeiba", re.I)


def test_each_source_is_listed_with_its_addresses_terms_and_what_is_kept(
    conninfo: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(conninfo, SMALL)
    monkeypatch.setenv("PADDOCK_DATABASE_URL", conninfo)
    monkeypatch.setenv("PADDOCK_NETKEIBA_URL", "")
    shown = CliRunner().invoke(app, ["sources", "--json"])
    keibado, netkeiba, *unasked = as_json(shown.stdout)
    (site,) = keibado["sites"]
    assert (site["url"], site["variable"]) == ("http://old.keibado.ne.jp", "PADDOCK_KEIBADO_URL")
    assert site["robots"] is None  # never asked for, and not now either
    assert (keibado["gives"], keibado["kept"]["issues"]) == (["photos"], 8)
    assert keibado["terms"]["read_on"] == "2026-08-30"
    assert {one["url"] for one in netkeiba["sites"]} == {None}
    assert [(its["name"], its["asked"], its["sites"]) for its in unasked] == [
        ("own", False, []), ("camera", False, []), ("jravan", False, []),
    ]  # fmt: skip
    assert "licence" in unasked[-1]["terms"]["summary"]
    words = CliRunner().invoke(app, ["sources"]).stdout
    assert "switched off (set by PADDOCK_NETKEIBA_URL)" in words
    assert "robots.txt is not held" in words


def test_nothing_outside_the_sources_and_their_look_alikes_names_a_site() -> None:
    files = [path for room in ("collector", "trainer") for path in (ROOT / room).rglob("*.*")
             if path.suffix in (".py", ".html", ".js", ".css", ".toml", ".sql")
             and path.relative_to(ROOT).parts[:2] not in (("collector", "sources"), ("collector", "demo"))]  # fmt: skip
    assert len(files) > 100
    assert [str(path) for path in files if NAMES.search(path.read_text())] == []
