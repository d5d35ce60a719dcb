"""The commands as a user runs them: processes of their own, judged by exit code, stdout and stderr."""

import asyncio
import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import psycopg
import pytest

from collector.cli.app import app
from collector.demo.world.world import World
from tests.commands import run_command
from tests.demo_site import DemoSite, demo_site
from tests.filled import execute, fill
from tests.truth import truth

WORLD = World(years=range(2014, 2015), issues_per_year=2, photos_per_issue=4)
COMMAND = [sys.executable, "-c", "from collector.cli.app import main; main()"]


def environment(conninfo: str | None, base: str | None = None, **more: str) -> dict[str, str]:
    """What the command sees of the world."""
    known = {"PATH": os.defpath, "HOME": "/nonexistent", "LANG": "C.UTF-8", "COLUMNS": "100"}
    known |= {"PADDOCK_DATABASE_URL": conninfo} if conninfo else {}
    if base:
        known |= {"PADDOCK_KEIBADO_URL": base, "PADDOCK_NETKEIBA_URL": "", "PADDOCK_CRAWL_DELAY": "0"}
    return known | more


async def collector(*words: str, env: dict[str, str]) -> subprocess.CompletedProcess[str]:
    """Run a command to its end."""
    done = await asyncio.to_thread(run_command, "collector", *words, env=env)
    assert "Traceback" not in done.stderr
    return done


async def crawled(site: DemoSite, conninfo: str, *words: str) -> subprocess.CompletedProcess[str]:
    return await collector("crawl", "--since", "2014", "--until", "2014", *words, env=environment(conninfo, site.base))


COMMANDS = [
    "crawl", "sync", "refresh-labels", "match", "horse", "worker", "schedule", "status", "reparse", "robots", "forget",
    "demo-site", "export", "import",
]  # fmt: skip
DB_COMMANDS = ["upgrade", "url", "psql", "dump", "restore"]
ARCHIVE_COMMANDS = ["repack", "export"]


@pytest.mark.parametrize(
    "words",
    [["sources"], ["sources", "accept"]]
    + [[name] for name in COMMANDS]
    + [["db", name] for name in DB_COMMANDS]
    + [["archive", name] for name in ARCHIVE_COMMANDS],
)
def test_every_help_teaches_with_an_example_and_names_the_exit_codes(words: list[str]) -> None:
    from typer.testing import CliRunner

    shown = CliRunner().invoke(app, [*words, "--help"])
    assert shown.exit_code == 0
    assert f"Example: collector {' '.join(words)}" in shown.output or "psql" in shown.output
    assert "130 interrupted" in " ".join(shown.output.split())


async def test_json_is_one_object_on_stdout_and_all_else_is_on_stderr(conninfo: str) -> None:
    async with demo_site(world=WORLD) as site:
        done = await crawled(site, conninfo, "--json")
    assert done.returncode == 0
    (line,) = done.stdout.splitlines()
    summary = json.loads(line)
    there = truth(WORLD)
    assert summary["issues"] == len(there.issues)
    assert summary["photos_new"] == sum(not photo.missing for photo in there.photos)
    wanted = {"photos_known", "photos_failed", "requests", "bytes", "not_modified", "elapsed_s", "min_gap_s"}
    assert wanted <= summary.keys()
    assert "issue" in done.stderr


async def test_the_faults_of_the_look_alike_can_be_asked_for() -> None:
    done = await collector("demo-site", "--hostile", "help", env=environment(None))
    assert (done.returncode, done.stderr) == (0, "")
    assert "retry-after" in done.stdout


async def test_a_dry_run_says_what_it_would_do_and_asks_for_robots_txt_alone(conninfo: str) -> None:
    async with demo_site(world=WORLD) as site:
        done = await crawled(site, conninfo, "--dry-run", "--json")
        assert site.paths() == ["/robots.txt"]
    plan = json.loads(done.stdout)
    assert plan["allowed"] is True
    assert plan["requests"] > 50
    with psycopg.connect(conninfo) as connection:
        assert connection.execute("SELECT kind FROM page").fetchall() == [("robots",)]


async def test_a_real_site_is_not_crawled_without_a_contact(conninfo: str) -> None:
    done = await collector("crawl", "--since", "2016", env=environment(conninfo))
    assert done.returncode == 2
    assert "PADDOCK_CONTACT" in done.stderr
    assert "--demo" in done.stderr


@pytest.mark.parametrize(
    ("variable", "value", "said"),
    [
        ("PADDOCK_CRAWL_DELAY", "0.5", "under one second"),
        ("PADDOCK_CRAWL_DELAY", "slowly", "PADDOCK_CRAWL_DELAY"),
        ("PADDOCK_HOURS", "at night", "01:00-06:00"),
        ("PADDOCK_CONTACT", "nobody", "is not a contact"),
        ("PADDOCK_CONTACT", "me@example.org\r\nX: y", "is not a contact"),
        ("PADDOCK_KEIBADO_URL", "ftp://x", "PADDOCK_KEIBADO_URL"),
        ("PADDOCK_DATABASE_URL", "mysql://x", "PADDOCK_DATABASE_URL"),
        ("PADDOCK_DATABASE_URL", "postgresql://nobody@127.0.0.1:1/none", "cannot be reached"),
    ],
)
async def test_wrong_settings_get_one_sentence(conninfo: str, variable: str, value: str, said: str) -> None:
    env = environment(conninfo, PADDOCK_CONTACT="keeper@example.org") | {variable: value}
    done = await collector("crawl", "--since", "2016", env=env)
    assert done.returncode == 2
    assert said in done.stderr
    assert done.stdout == ""


async def test_an_old_schema_is_named_with_the_way_out(empty_conninfo: str) -> None:
    done = await collector("status", env=environment(empty_conninfo))
    assert done.returncode == 2
    assert "collector db upgrade" in done.stderr
    assert (await collector("db", "upgrade", env=environment(empty_conninfo))).returncode == 0
    done = await collector("status", env=environment(empty_conninfo))
    assert (done.returncode, "Nothing collected yet" in done.stdout) == (0, True)


async def test_a_blocked_site_is_exit_code_three(conninfo: str) -> None:
    async with demo_site(world=WORLD, hostile=["429-retry-after=3600"]) as site:
        done = await crawled(site, conninfo)
    assert done.returncode == 3
    assert "stays queued" in done.stderr
    status = await collector("status", env=environment(conninfo))
    assert "closed until" in " ".join(status.stdout.split())
    assert "429" in status.stdout


async def test_failed_pages_are_exit_code_four_and_status_shows_them(conninfo: str) -> None:
    async with demo_site(world=WORLD, hostile=["html-as-jpeg@*01.jpg"]) as site:
        done = await crawled(site, conninfo)
    assert done.returncode == 4
    facts = json.loads((await collector("status", "--json", env=environment(conninfo))).stdout)
    (failure,) = facts["failures"]
    assert failure["kind"] == "image"
    assert "not an image in a format" in failure["reason"]
    assert "(HTML)" in failure["reason"]
    assert failure["samples"][0].endswith("01.jpg")


async def test_a_changed_layout_is_exit_code_five_and_status_names_the_field(conninfo: str) -> None:
    world = World(years=range(2013, 2017), issues_per_year=3, photos_per_issue=5)
    async with demo_site(world=world, hostile=["layout@/keibabook/1[56]*/photo*"]) as site:
        env = environment(conninfo, site.base)
        assert (await collector("crawl", "--since", "2013", "--until", "2014", env=env)).returncode == 0
        done = await collector("crawl", "--since", "2013", "--until", "2016", env=env)
    assert done.returncode == 5
    shown = await collector("status", env=environment(conninfo))
    assert "horse_name" in shown.stdout
    assert "100%" in shown.stdout


async def test_a_crawl_goes_on_after_the_database_has_cut_it_off(conninfo: str) -> None:
    async with demo_site(world=WORLD, crawl_delay=0.1) as site:
        crawling = asyncio.create_task(crawled(site, conninfo))
        while len(site.requests) < 3:  # noqa: ASYNC110
            await asyncio.sleep(0.02)
        with psycopg.connect(conninfo, autocommit=True) as connection:
            for _ in range(20):
                connection.execute(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                    " WHERE datname = current_database() AND pid <> pg_backend_pid()"
                )
                await asyncio.sleep(0.05)
        done = await crawling
    assert done.returncode == 0
    assert "; the database (" in done.stderr  # what is waited for


async def test_an_interrupted_crawl_is_exit_code_130_and_goes_on_later(conninfo: str) -> None:
    async with demo_site(world=WORLD, crawl_delay=0.3) as site:
        process = await asyncio.create_subprocess_exec(
            *COMMAND, "crawl", "--since", "2014", "--until", "2014", env=environment(conninfo, site.base)
        )
        while len(site.requests) < 5:  # noqa: ASYNC110
            await asyncio.sleep(0.02)
        interrupted = time.monotonic()
        process.send_signal(signal.SIGINT)
        assert await process.wait() == 130
        assert time.monotonic() - interrupted < 10  # seconds of a busy machine; the pages that are left take longer
        asked = len(site.requests)
    async with demo_site(world=WORLD) as other:
        # The same site on another port is another host; what was fetched is kept all the same.
        assert other.base != site.base
    with psycopg.connect(conninfo) as connection:
        row = connection.execute("SELECT count(*) FROM fetch_log").fetchone()
    assert row == (asked,)


async def test_the_demo_needs_nothing_and_mixes_with_nothing(open_folder: Path, conninfo: str) -> None:
    home = open_folder / "home"
    env = environment(conninfo, PADDOCK_HOME=str(home), PADDOCK_DEMO_PORT="8799", PADDOCK_CRAWL_DELAY="5")
    words = ["crawl", "--since", "2016", "--limit", "1", "--demo", "--json"]
    done = await collector(*words, env=env)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["photos_new"] > 3
    hints = re.findall(r"`(collector [^`]+)`", "".join(line for line in done.stderr.splitlines() if "Next: " in line))
    assert hints
    assert all("--demo" in hint.split() for hint in hints)
    again = json.loads((await collector(*words, env=env)).stdout)
    assert (again["photos_new"], again["requests"]) == (0, 0)
    with psycopg.connect(conninfo) as connection:
        assert connection.execute("SELECT count(*) FROM page").fetchone() == (0,)
    url = (await collector("db", "url", "--demo", env=env)).stdout.strip()
    assert str(home / "demo") in url or "paddock-" in url


async def test_a_dump_brings_everything_back(conninfo: str, other_conninfo: str, tmp_path: Path) -> None:
    async with demo_site(world=WORLD) as site:
        await crawled(site, conninfo)
    file = tmp_path / "paddock.dump"
    assert (await collector("db", "dump", str(file), env=environment(conninfo))).returncode == 0
    assert (await collector("db", "restore", str(file), env=environment(other_conninfo))).returncode == 0
    query = "SELECT issue_code, number, horse_name, md5(content) FROM photo LEFT JOIN blob USING (digest) ORDER BY 1, 2"
    held = []
    for each in (conninfo, other_conninfo):
        with psycopg.connect(each) as connection:
            held.append(connection.execute(query).fetchall())
    assert held[0] == held[1]
    assert len(held[0]) > 3
    refused = await collector("db", "restore", str(file), env=environment(other_conninfo))
    assert (refused.returncode, "--yes" in refused.stderr) == (2, True)
    broken = tmp_path / "broken.dump"
    broken.write_bytes(file.read_bytes()[:5000])
    failed = await collector("db", "restore", "--yes", str(broken), env=environment(other_conninfo))
    assert (failed.returncode, "nothing has changed" in failed.stderr) == (2, True)
    with psycopg.connect(other_conninfo) as connection:
        assert connection.execute(query).fetchall() == held[0]


async def test_psql_passes_its_words_and_its_exit_status_on(conninfo: str) -> None:
    done = await collector("db", "psql", "-A", "-t", "-c", "SELECT 6 * 7", env=environment(conninfo))
    assert (done.returncode, done.stdout.strip()) == (0, "42")


async def test_robots_shows_the_line_the_delay_and_the_age(conninfo: str) -> None:
    async with demo_site(world=WORLD, crawl_delay=0.2) as site:
        env = environment(conninfo, site.base)
        no = await collector("robots", f"{site.base}/ad/banner.gif", "--json", env=env)
        yes = await collector("robots", f"{site.base}/keibabook/bn/2014.html", "--json", env=env)
        shown = await collector("robots", f"{site.base}/ad/banner.gif", env=env)
        assert site.paths() == ["/robots.txt"]
        elsewhere = await collector("robots", "http://elsewhere.example/", env=env)
    assert (no.returncode, yes.returncode, elsewhere.returncode) == (3, 0, 2)
    facts = json.loads(no.stdout)
    assert re.search(r"^allowed +no\n(.*\n)*delay s +0.2\n(.*\n)*fetched at +[-\d]+ [:\d]+ JST$", shown.stdout, re.M)
    assert facts["line"] == "3: Disallow: /ad/"
    assert (facts["delay_s"], facts["delay_reason"]) == (0.2, "Crawl-delay of robots.txt")
    assert facts["age"].endswith("s")
    assert json.loads(yes.stdout)["allowed"] is True


async def test_forget_leaves_nothing_in_the_search_where_no_server_runs(conninfo: str) -> None:
    fill(conninfo, WORLD)
    for view in ("photo_search", "horse_search"):
        execute(conninfo, f"REFRESH MATERIALIZED VIEW {view}")
    ((url, photo),) = execute(conninfo, "SELECT page_url, photo FROM photo JOIN photo_search USING (id) LIMIT 1")
    assert (await collector("forget", url, "--yes", env=environment(conninfo))).returncode == 0
    assert execute(conninfo, "SELECT count(*) FROM photo_search WHERE photo = %s", photo) == [(0,)]


async def test_a_photo_is_forgotten_also_where_the_search_cannot_be_renewed(conninfo: str) -> None:
    fill(conninfo, WORLD)
    ((url,),) = execute(conninfo, "SELECT page_url FROM photo LIMIT 1")
    execute(conninfo, "DROP MATERIALIZED VIEW horse_search")
    done = await collector("forget", url, "--yes", "--json", env=environment(conninfo))
    assert (done.returncode, json.loads(done.stdout)["photos"]) == (0, 1)
    assert "The photos are gone; the search's views cannot be renewed" in done.stderr
    assert execute(conninfo, "SELECT count(*) FROM photo WHERE page_url = %s", url) == [(0,)]


async def test_forget_asks_first_and_says_what_has_gone(conninfo: str) -> None:
    async with demo_site(world=WORLD) as site:
        await crawled(site, conninfo)
        photo = next(photo for photo in truth(WORLD).photos if not photo.missing)
        url = site.base + photo.page_path
        env = environment(conninfo, site.base)
        assert (await collector("forget", url, env=env)).returncode == 2  # no terminal, so no answer
        done = await collector("forget", url, "--yes", "--json", env=env)
        assert json.loads(done.stdout)["photos"] == 1
        asked = len(site.requests)
        await crawled(site, conninfo)
        assert len(site.requests) == asked
    assert (await collector("forget", env=env)).returncode == 2


async def test_forget_says_what_exactly_would_go_before_it_asks(conninfo: str) -> None:
    fill(conninfo, WORLD)
    (one, other) = execute(
        conninfo, "SELECT id, page_url, issue_code, number FROM photo WHERE digest IS NOT NULL LIMIT 2"
    )
    execute(conninfo, "UPDATE photo SET digest = (SELECT digest FROM photo AS same WHERE same.id = %s) WHERE id = %s",
            one[0], other[0])  # fmt: skip
    execute(conninfo, "INSERT INTO host (name) VALUES ('old.keibado.ne.jp')")
    execute(conninfo, """INSERT INTO page (url, host, source, kind, role, dated, state, digest)
        SELECT url, 'old.keibado.ne.jp', 'keibado', kind, role, '2014-01-01',
            CASE kind WHEN 'image' THEN 'fetched' ELSE 'due' END, CASE kind WHEN 'image' THEN digest END
        FROM photo, LATERAL (VALUES
            (page_url, 'photo_page', 'photo_page'), (image_url, 'image', 'picture')) AS stands (url, kind, role)
        WHERE digest IS NOT NULL""")  # fmt: skip
    asked = await collector("forget", one[1], env=environment(conninfo))
    assert asked.returncode == 2  # no terminal, so no answer
    assert "This removes 2 photos for good" in asked.stderr
    for _, _, code, number in (one, other):
        assert f"keibado:{code}/{number:02} (" in asked.stderr
    done = await collector("forget", one[1], "--yes", "--json", env=environment(conninfo))
    assert json.loads(done.stdout)["photos"] == 2


@pytest.mark.parametrize("words", [["http://old.keibado.ne.jp/nowhere.html"], ["--host", "nowhere.example"]])
async def test_forget_says_what_is_not_known_and_excludes_it_with_yes(conninfo: str, words: list[str]) -> None:
    asked = await collector("forget", *words, env=environment(conninfo))
    assert asked.returncode == 2
    assert "it is not known, or it is forgotten already" in asked.stderr
    assert "removes" not in asked.stderr
    assert (await collector("forget", *words, "--yes", env=environment(conninfo))).returncode == 0
    kept = "SELECT count(*) FROM page WHERE state = 'excluded'" if len(words) == 1 else (
        "SELECT count(*) FROM host WHERE excluded_at IS NOT NULL")  # fmt: skip
    assert execute(conninfo, kept) == [(1,)]
