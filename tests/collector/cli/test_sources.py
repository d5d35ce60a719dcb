"""`collector sources`, and that no other room names a site."""

import re
from dataclasses import replace
from datetime import date
from typing import Any

import pytest
from typer.testing import CliRunner

from collector.cli.app import app
from collector.sources.keibado.source import KEIBADO
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
    assert (netkeiba["terms"]["dated"], netkeiba["terms"]["copying"]) == ("2022-04-01", "personal")
    assert (keibado["leave"]["accepted_at"], keibado["leave"]["needed"], unasked[0]["leave"]) == (None, True, None)
    assert {one["url"] for one in netkeiba["sites"]} == {None}
    assert [(its["name"], its["asked"], its["sites"]) for its in unasked] == [
        ("own", False, []), ("camera", False, []), ("jravan", False, []),
    ]  # fmt: skip
    assert "licence" in unasked[-1]["terms"]["summary"]
    words = CliRunner().invoke(app, ["sources"]).stdout
    assert "switched off (set by PADDOCK_NETKEIBA_URL)" in words
    assert "robots.txt is not held" in words
    monkeypatch.setenv("PADDOCK_KEIBADO_URL", "http://127.0.0.1:9")
    assert "need not be accepted, as the site is on this machine" in CliRunner().invoke(app, ["sources"]).stdout


@pytest.fixture
def real(conninfo: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A site that is not on this machine, and that no request would reach."""
    monkeypatch.setenv("PADDOCK_DATABASE_URL", conninfo)
    monkeypatch.setenv("PADDOCK_KEIBADO_URL", "http://keibado.invalid")
    monkeypatch.setenv("PADDOCK_NETKEIBA_URL", "")
    monkeypatch.setenv("PADDOCK_CONTACT", "you@example.org")


@pytest.mark.usefixtures("real")
def test_a_command_that_would_ask_says_the_terms_and_how_to_accept_them() -> None:
    for words in (["crawl", "--since", "2016"], ["robots", "http://keibado.invalid/"]):
        done = CliRunner().invoke(app, words)
        assert (done.exit_code, done.stdout) == (2, "")
        assert "error: No request is made: the terms of keibado have not been accepted." in done.stderr
        assert "Residents of Japan may use it personally" in done.stderr
        assert done.stderr.endswith("Read them, and run `collector sources accept keibado`.\n")
        assert done.stderr.count("error:") == 1


@pytest.mark.usefixtures("real")
def test_status_says_whose_terms_are_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    def status() -> tuple[str, list[dict[str, Any]]]:
        words, facts = (CliRunner().invoke(app, ["status", *more]).stdout for more in ([], ["--json"]))
        return words, as_json(facts)["not_accepted"]

    words, (lacking,) = status()
    assert "The terms of keibado have not been accepted, so nothing is asked there: read them" in words
    assert (lacking["source"], lacking["changed_since"]) == ("keibado", None)
    assert lacking["reason"].startswith("No request is made: the terms of keibado have not been accepted.")
    CliRunner().invoke(app, ["sources", "accept", "keibado"])
    words, lacking = status()
    assert ("accepted" in words, lacking) == (False, [])
    revised = replace(KEIBADO, terms=replace(KEIBADO.terms, dated=date(2027, 1, 1)))
    monkeypatch.setattr("collector.sources.registry.sources", lambda: {revised.name: revised})
    words, (lacking,) = status()
    assert "The terms of keibado have changed since 2" in words
    assert lacking["changed_since"] is not None


@pytest.mark.usefixtures("real")
def test_accepted_terms_are_shown_with_the_moment_the_way_and_the_permission() -> None:
    done = CliRunner().invoke(app, ["sources", "accept", "netkeiba", "--permission", "the editors, 2026-11-20"])
    assert (done.exit_code, "with a permission: the editors, 2026-11-20" in done.stdout) == (0, True)
    keibado, netkeiba, *_ = as_json(CliRunner().invoke(app, ["sources", "--json"]).stdout)
    assert keibado["leave"]["accepted_at"] is None
    assert (netkeiba["leave"]["accepted_by"], netkeiba["leave"]["permission"]) == ("command", "the editors, 2026-11-20")
    words = CliRunner().invoke(app, ["sources"]).stdout
    assert "not accepted; `collector sources accept keibado` accepts them" in words
    assert "by `collector sources accept`, with a permission: the editors, 2026-11-20" in words


@pytest.mark.usefixtures("real")
def test_the_environment_accepts_for_workers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PADDOCK_NETKEIBA_URL", "http://netkeiba.invalid")
    for named, code in (("nobody", 2), ("own", 2), ("keibado, netkeiba", 0)):
        done = CliRunner().invoke(app, ["refresh-labels", "--dry-run"], env={"PADDOCK_ACCEPT": named})
        assert done.exit_code == code
    keibado, netkeiba, *_ = as_json(CliRunner().invoke(app, ["sources", "--json"]).stdout)
    assert (keibado["leave"]["accepted_by"], netkeiba["leave"]["accepted_by"]) == ("environment", "environment")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["nobody"], "The source 'nobody' is not installed; those that are asked are keibado, netkeiba."),
        (["own"], "The source 'own' is asked for nothing, so there is nothing to accept"),
        (["keibado", "--permission", " "], "--permission is empty; write who gave it, and when"),
    ],
)
def test_what_cannot_be_accepted_is_one_sentence(words: list[str], said: str) -> None:
    done = CliRunner().invoke(app, ["sources", "accept", *words])
    assert (done.exit_code, said in done.stderr) == (2, True)


def test_nothing_outside_the_sources_and_their_look_alikes_names_a_site() -> None:
    files = [path for room in ("collector", "trainer") for path in (ROOT / room).rglob("*.*")
             if path.suffix in (".py", ".html", ".js", ".css", ".toml", ".sql")
             and path.relative_to(ROOT).parts[:2] not in (("collector", "sources"), ("collector", "demo"))]  # fmt: skip
    assert len(files) > 100
    assert [str(path) for path in files if NAMES.search(path.read_text())] == []
