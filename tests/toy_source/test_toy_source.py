"""A third site beside the program's own: all that is done with photos is done with its photos too."""

import json
import os
import subprocess
import sys
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import psycopg
import pyarrow.dataset
import pytest
from aiohttp.test_utils import TestClient, TestServer
from typer.testing import CliRunner, Result

from collector.cli.app import app
from collector.engine.crawl import seeds
from collector.engine.crawl_jobs import Crawler
from collector.engine.schedule import BACK_NUMBERS, fire, know_ticks
from collector.frontier.due import today
from collector.frontier.scope import read_scope
from collector.imports.own_remark import store_remark
from collector.settings import Settings
from collector.sources import MAIN, Site, registry
from collector.web.app import make_app, make_guard
from collector.web.search.renewal import renew
from collector.web.service import serving
from tests.commands import run_command
from tests.filled import as_json, execute
from tests.paths import ROOT
from tests.toy_source.conftest import WORLD, Beside
from tests.toy_source.doubles import SECOND
from tests.toy_source.installed import LAID_DOWN, TOY, lay_down
from trainer.cli.app import app as trainer_app

COMMAND = [sys.executable, "-c", "from collector.cli.app import main; main()"]
DRY_RUN = ("crawl", "--since", "2016", "--until", "2016", "--dry-run")
PICTURES = "SELECT photo_id, digest FROM photo WHERE number = 1 AND issue_code = %s ORDER BY source"


def command(*words: str, code: int = 0, program: Any = app) -> Result:
    """A command within this process."""
    done = CliRunner().invoke(program, words)
    assert done.exit_code == code, done.output
    return done


def ids(beside: Beside, number: int = 1) -> tuple[str, str, str]:
    """A photo of each of the two sites, and how both were called while there was one."""
    code = beside.issue.code
    return f"keibado:{code}/{number:02}", f"toy:{code}/{number:02}", f"{code}-{number:02}"


@pytest.fixture
async def client(beside: Beside) -> AsyncIterator[TestClient[Any, Any]]:
    """The collection's pages, its search renewed."""
    async with await psycopg.AsyncConnection.connect(beside.conninfo, autocommit=True) as connection:
        await renew(connection)
    async with (
        serving(beside.conninfo, make_guard(), store_remark) as service,
        TestClient(TestServer(make_app(service))) as client,
    ):
        yield client


# --- what a crawl leaves ----------------------------------------------------------------------------------------


def test_both_issues_of_one_date_and_their_photos_live_side_by_side(beside: Beside) -> None:
    issues = execute(beside.conninfo, "SELECT source, code, issue_date FROM issue ORDER BY code, source")
    assert issues == [
        (source, issue.code, issue.issue_date) for issue in WORLD.issues(2016) for source in ("keibado", "toy")
    ]
    (theirs, first), (toys, second) = execute(beside.conninfo, PICTURES, beside.issue.code)
    assert (theirs, toys) == ids(beside)[:2]
    assert first
    assert second
    assert first != second


def test_each_page_of_the_toy_is_fetched_once_and_robots_txt_first(beside: Beside) -> None:
    assert beside.asked[0] == "/robots.txt"
    pages = [f"/toy/{issue.code}/" for issue in WORLD.issues(2016)]
    photos = [f"{page}{number}" for page in pages for number in (1, 2)]
    assert sorted(beside.asked[1:]) == sorted(["/toy/2016.html", *pages, *photos, *(f"{one}.jpg" for one in photos)])


def test_a_toys_photo_finds_its_horse_by_the_rules(beside: Beside) -> None:
    query = """SELECT issue_code, number, horse_id, race_id FROM photo_match WHERE source = %s AND number < 3
               ORDER BY issue_code, number"""
    theirs, toys = (execute(beside.conninfo, query, source) for source in ("keibado", "toy"))
    assert toys == theirs
    assert len(toys) == 4
    assert all(horse for _, _, horse, _ in toys)
    assert any(race for *_, race in toys)
    rules = {rule for (rule,) in execute(beside.conninfo, "SELECT rule FROM photo_match WHERE source = 'toy'")}
    assert rules == {"name", "no_entry"}  # one of them was withdrawn before the draw


# --- by hand ------------------------------------------------------------------------------------------------------


def test_a_decision_by_the_toys_id_decides_the_toys_photo_alone(beside: Beside) -> None:
    (horse,) = execute(beside.conninfo, "SELECT horse_id FROM horse ORDER BY horse_id DESC LIMIT 1")[0]
    query = "SELECT horse_id FROM photo_match WHERE source = 'keibado' ORDER BY issue_code, number"
    before = execute(beside.conninfo, query)
    _, toy, _ = ids(beside)
    assert as_json(command("match", "--set", toy, horse, "--json").stdout) == {"horse_id": horse}
    assert execute(beside.conninfo, query) == before
    by_hand = "SELECT source, issue_code, number, horse_id FROM photo_match WHERE by_hand"
    assert execute(beside.conninfo, by_hand) == [("toy", beside.issue.code, 1, horse)]


def test_an_old_id_that_means_two_photos_is_refused_and_both_are_named(beside: Beside) -> None:
    keibado, toy, old = ids(beside)
    said = command("match", "--set", old, "x", code=2).stderr
    assert keibado in said
    assert toy in said
    assert "whole id" in said


def test_a_toys_photo_that_is_open_is_in_the_review(beside: Beside) -> None:
    _, toy, _ = ids(beside)
    execute(beside.conninfo, "UPDATE photo_match SET horse_id = NULL, race_id = NULL, rule = 'no_such_horse' "
            "WHERE source = 'toy' AND issue_code = %s AND number = 1", beside.issue.code)  # fmt: skip
    (row,) = [row for row in as_json(command("match", "--review", "--json").stdout) if row["photo"].startswith("toy:")]
    assert (row["photo"], row["issue_code"], row["page_url"]) == (toy, beside.issue.code, f"{beside.toy}/toy/"
            f"{beside.issue.code}/1")  # fmt: skip


# --- pages ----------------------------------------------------------------------------------------------------------


async def test_the_search_finds_both_photos_of_a_horse(beside: Beside, client: TestClient[Any, Any]) -> None:
    answer = await (await client.get("/api/photos", params={"name": beside.issue.photos[0].horse.name})).text()
    assert [photo for photo in ids(beside)[:2] if f'"{photo}"' not in answer] == []


async def test_a_toys_photo_and_issue_have_pages_of_their_own(beside: Beside, client: TestClient[Any, Any]) -> None:
    keibado, toy, _ = ids(beside)
    for photo in (keibado, toy):
        answer = await client.get(f"/photos/{photo}")
        assert answer.status == 200
        assert (await client.get(f"/photos/{photo}/original")).content_type == "image/jpeg"
    issue = await (await client.get(f"/issues/toy:{beside.issue.code}")).text()
    assert toy in issue
    assert keibado not in issue
    listed = await (await client.get("/issues")).text()
    assert f"/issues/toy:{beside.issue.code}" in listed
    assert f"/issues/keibado:{beside.issue.code}" in listed
    assert (await client.get("/review")).status == 200
    assert (await client.get("/overview")).status == 200


async def test_an_old_address_leads_to_the_source_that_it_was_of(beside: Beside, client: TestClient[Any, Any]) -> None:
    keibado, _, old = ids(beside)
    for table in ("photo", "issue"):  # also where the toy's was stored first
        execute(beside.conninfo, f"UPDATE {table} SET id = DEFAULT WHERE source = 'keibado'")
    moved = await client.get(f"/photos/{old}", allow_redirects=False)
    assert (moved.status, moved.headers["Location"]) == (301, f"/photos/{keibado}")
    moved = await client.get(f"/issues/{beside.issue.code}", allow_redirects=False)
    assert (moved.status, moved.headers["Location"]) == (301, f"/issues/keibado:{beside.issue.code}")


# --- taken out, read again ---------------------------------------------------------------------------------------


def test_a_photo_that_is_forgotten_by_its_url_goes_alone(beside: Beside) -> None:
    keibado, toy, _ = ids(beside)
    before = {name for (name,) in execute(beside.conninfo, "SELECT photo_id FROM photo")}
    (digest,) = execute(beside.conninfo, "SELECT digest FROM photo WHERE photo_id = %s", toy)[0]
    gone = as_json(command("forget", f"{beside.toy}/toy/{beside.issue.code}/1", "--yes", "--json").stdout)
    assert gone["photos"] == 1
    assert before - {name for (name,) in execute(beside.conninfo, "SELECT photo_id FROM photo")} == {toy}
    assert execute(beside.conninfo, "SELECT 1 FROM blob WHERE digest = %s", digest) == []
    assert execute(beside.conninfo, "SELECT 1 FROM photo WHERE photo_id = %s AND digest IS NOT NULL", keibado)


def test_everything_of_the_toy_is_forgotten_by_its_host(beside: Beside) -> None:
    as_json(command("forget", "--host", beside.toy.removeprefix("http://"), "--yes", "--json").stdout)
    assert execute(beside.conninfo, "SELECT DISTINCT source FROM photo") == [("keibado",)]


def test_reading_everything_again_changes_nothing(beside: Beside) -> None:
    asked = execute(beside.conninfo, "SELECT count(*) FROM fetch_log")
    changes = as_json(command("reparse", "--json").stdout)
    assert (changes["samples"], changes["unreadable"], changes["layout_changed"]) == ([], 0, [])
    assert execute(beside.conninfo, "SELECT count(*) FROM fetch_log") == asked


def test_what_reading_again_brings_back_is_named_with_its_source(beside: Beside) -> None:
    execute(beside.conninfo, "DELETE FROM issue WHERE code = %s", beside.issue.code)
    samples = as_json(command("reparse", "--json").stdout)["samples"]
    assert {f"issue {source} {beside.issue.code}: added" for source in ("keibado", "toy")} <= set(samples)


# --- data sets ------------------------------------------------------------------------------------------------------


def label(beside: Beside) -> None:
    """Give every horse that a photo shows an opinion."""
    query = """INSERT INTO aptitude (horse_id, axis, left_px, right_px, value, reviews, source_url, observed_at)
               SELECT DISTINCT horse_id, 'distance', 40, 60, 0.6, 5, 'http://x/', now() FROM photo_match
               WHERE horse_id IS NOT NULL ON CONFLICT DO NOTHING"""
    execute(beside.conninfo, query)


def test_both_are_exported_under_their_own_ids(beside: Beside, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("trainer.dataset.card.draw_plots", lambda *_: None)  # seconds of matplotlib
    label(beside)
    command("export", "--out", str(tmp_path / "sets"), program=trainer_app)
    table = pyarrow.dataset.dataset([str(path) for path in (tmp_path / "sets").rglob("*.parquet")]).to_table()
    assert set(ids(beside)[:2]) <= set(table["photo"].to_pylist())


# --- commands -----------------------------------------------------------------------------------------------------


def known(beside: Beside) -> dict[str, str]:
    """What a command sees of the world."""
    return {"PATH": os.defpath, "HOME": "/nonexistent", "COLUMNS": "200"} | beside.environment


def apart(site_packages: Path, beside: Beside, *words: str, points: tuple[str, ...] = (TOY,)) -> Any:
    """A command in a process of its own, which knows the toy by an installed distribution alone."""
    if not site_packages.exists():
        lay_down(site_packages, *points)
    others = [folder for folder in sys.path if not (Path(folder) / LAID_DOWN).exists()]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "path", [str(site_packages), *others])
        return run_command("collector", *words, env=known(beside))


def test_a_command_started_anew_knows_the_toy(beside: Beside, site_packages: Path) -> None:
    on_the_path = {"PYTHONPATH": f"{lay_down(site_packages, TOY)}:{ROOT}"}
    done = subprocess.run(
        [*COMMAND, "sources", "--json"], env=known(beside) | on_the_path, capture_output=True, text=True, timeout=60
    )
    assert "toy" in {source["name"] for source in json.loads(done.stdout)}, done.stderr


def test_the_toy_is_in_status_sources_robots_and_a_dry_run(beside: Beside, site_packages: Path) -> None:
    for words in (("status",), ("sources",), ("schedule",), DRY_RUN):
        done = apart(site_packages, beside, *words, "--json")
        assert done.returncode == 0, done.stderr
        said = json.loads(done.stdout)
        if words == ("status",):
            assert {"source": "toy", "kind": "photo_page", "state": "fetched", "count": 4} in said["pages"]
            assert beside.toy.removeprefix("http://") in {host["host"] for host in said["hosts"]}
        elif words == ("sources",):
            assert [source["name"] for source in said] == ["keibado", "netkeiba", "own", "camera", "jravan", "toy"]
    allowed = apart(site_packages, beside, "robots", f"{beside.toy}/toy/2016.html", "--json")
    refused = apart(site_packages, beside, "robots", f"{beside.toy}/toy/private/1", "--json")
    assert (allowed.returncode, json.loads(allowed.stdout)["allowed"]) == (0, True)
    assert (refused.returncode, json.loads(refused.stdout)["line"]) == (3, "2: Disallow: /toy/private/")


def test_a_dry_run_counts_the_toys_pages(beside: Beside) -> None:
    assert as_json(command(*DRY_RUN, "--json").stdout)["years_unread"] == 0
    execute(
        beside.conninfo, "UPDATE page SET state = 'due', due_at = now() WHERE source = 'toy' AND kind = 'photo_page'"
    )
    assert as_json(command(*DRY_RUN, "--json").stdout)["requests_known"] == 4


def test_the_schedule_shows_the_requests_to_the_toys_site(beside: Beside) -> None:
    execute(beside.conninfo, "INSERT INTO tick (name, cron, next_at, last_at, host, pages) "
            "VALUES ('back-numbers', '0 9 * * 1', now(), '2000-01-01', 'another', 9)")  # fmt: skip
    (tick,) = [one for one in as_json(command("schedule", "--json").stdout) if one["name"] == BACK_NUMBERS]
    (asked,) = execute(beside.conninfo, "SELECT count(*) FROM fetch_log JOIN page ON page.id = page_id "
                       "WHERE role IN ('listing', 'issue', 'photo_page', 'picture')")[0]  # fmt: skip
    assert tick["requests"] == asked > len(beside.asked) - 1


async def test_the_schedule_makes_the_toys_list_due_on_mondays(beside: Beside) -> None:
    crawler = Crawler(beside.conninfo, None, registry.sites(Settings(urls=beside.urls)), 0.0)
    async with await crawler.connect() as connection:
        crons = {BACK_NUMBERS: "0 9 * * 1"}
        await know_ticks(connection, crons)
        await connection.execute("UPDATE tick SET next_at = now() - interval '1 day'")
        assert await fire(crawler, connection, crons) == [BACK_NUMBERS]
    due = execute(beside.conninfo, "SELECT url FROM page WHERE source = 'toy' AND due_at <= now()")
    assert (f"{beside.toy}/toy/{today().year}.html",) in due


# --- sources that cannot be used ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("points", "why"),
    [
        (
            ("broken = tests.toy_source.nothing:TOY",),
            "The source broken (tests.toy_source.nothing:TOY) cannot be loaded",
        ),
        (("toy = tests.toy_source.toy:parse_year",), "is not a collector.sources.Source"),
        (("keibado = tests.toy_source.doubles:SECOND",), "Two sources are called keibado"),
        (("a = tests.toy_source.toy:TOY", "b = tests.toy_source.doubles:OTHER_TOY"), "Two sources are called toy"),
    ],
)
def test_a_source_that_cannot_be_used_is_one_sentence(
    beside: Beside, site_packages: Path, points: tuple[str, ...], why: str
) -> None:
    done = apart(site_packages, beside, "sources", points=points)
    assert (done.returncode, done.stdout) == (2, "")
    (line,) = done.stderr.splitlines()
    assert why in line


def test_an_archive_from_before_2001_is_asked_for_from_its_first_year_on(monkeypatch: pytest.MonkeyPatch) -> None:
    old = replace(SECOND, name="old", first_year=1998)
    monkeypatch.setattr(registry, "sources", lambda: {"old": old})
    crawler = Crawler("", None, (Site(old, MAIN, "http://127.0.0.1:1"),), 0.0)
    pages = seeds(crawler, read_scope(None, "1999", None, first_year=registry.first_year()))
    assert [page["dated"].year for page in pages] == [1998, 1999]
