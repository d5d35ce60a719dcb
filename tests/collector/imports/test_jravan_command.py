"""With licensed entries and one's own photos, no site is needed: neither for races nor for labels."""

import json
from pathlib import Path

from collector.demo.world.world import World
from tests.collector.cli.test_cli import collector, environment
from tests.collector.imports.saved import rows
from tests.collector.warc.collected import Wacz, records
from tests.commands import run_command
from tests.demo_site import demo_site
from tests.licensed import NATIVE, Tables, entry, horse, race, small, to_sqlite
from tests.owned import bring_photos, row

HORSES = [(f"20121045{number:02}", f"ウマ{'アイウエオカキクケコサシ'[number]}") for number in range(12)]


def campaigns() -> Tables:
    """Twelve horses that run four times each, some over short distances, some over long ones."""
    tables = Tables(horses=[horse(*one) for one in HORSES])
    for number in range(16):
        distance = (1200, 1400, 2000, 2400)[number % 4]
        one = race(f"2016060101{number % 12 + 1:02}" if number < 12 else f"2016060102{number - 11:02}",
                   "20160105" if number < 12 else "20160106", Kyori=str(distance))  # fmt: skip
        tables.races.append(one)
        running = HORSES[:6] if distance < 1600 else HORSES[6:]
        tables.entries += [entry(one, place, *its) for place, its in enumerate(running, 1)]
    return tables


async def test_labels_come_from_licensed_results_and_own_photos_alone(conninfo: str, tmp_path: Path) -> None:
    done = await collector("import", "--jravan", to_sqlite(tmp_path / "keiba.db", NATIVE, campaigns()),
                           env=environment(conninfo))  # fmt: skip
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == ("17 pages brought, 0 known before; no request made.\n  jravan: 1 jravan_horses\n"
                           "  jravan: 16 jravan_race\n")  # fmt: skip
    await bring_photos(conninfo, tmp_path, [row(f"{number}.jpg", name, date="2016-01-05")
                                            for number, (_, name) in enumerate(HORSES)])  # fmt: skip
    assert rows(conninfo, "SELECT count(horse_id), count(race_id) FROM photo_match") == [(12, 12)]
    env = environment(conninfo, PADDOCK_HOME=str(tmp_path))
    said = run_command("trainer", "labels", "--json", "--axis", "distance", env=env)
    assert said.returncode == 0, said.stderr
    labels = {one["key"]: one["subjects"] for one in json.loads(said.stdout)["labels"]}
    assert labels["results/distance"] == 12
    assert labels.get("poll/distance", 0) == 0
    assert rows(conninfo, "SELECT DISTINCT outcome FROM fetch_log") == [("imported",)]


async def test_a_crawl_for_no_races_asks_no_site_of_races(conninfo: str) -> None:
    world = World(years=range(2014, 2015), issues_per_year=1, photos_per_issue=2)
    async with demo_site(world=world) as site:
        env = environment(conninfo, site.base) | {"PADDOCK_NETKEIBA_URL": site.netkeiba}
        words = ["crawl", "--since", "2014", "--until", "2014", "--races", "none"]
        done = await collector(*words, env=env)
        assert done.returncode == 0, done.stderr
        assert rows(conninfo, "SELECT DISTINCT source FROM page") == [("keibado",)]
        assert rows(conninfo, "SELECT count(*) FROM photo WHERE digest IS NOT NULL") == [(2,)]
        assert not [path for path in site.paths() if path.startswith(("/race/", "/horse/", "/top/"))]


async def test_what_was_imported_is_shown_under_the_name_of_its_file(conninfo: str, tmp_path: Path) -> None:
    path, env = to_sqlite(tmp_path / "keiba.db", NATIVE, small()), environment(conninfo)
    dry = await collector("import", "--jravan", path, "--dry-run", env=env)
    assert "4 pages would be brought" in dry.stdout
    await collector("import", "--jravan", path, env=env)
    again = await collector("import", "--jravan", path, env=env)
    assert (again.returncode, "0 pages brought, 4 known before" in again.stdout) == (0, True)
    assert "jravan  JRA-VAN Data Lab. (licensed)" in (await collector("sources", env=env)).stdout
    both = await collector("import", "--jravan", path, "pages/", env=env)
    assert (both.returncode, "--jravan is by itself" in both.stderr) == (2, True)
    assert {file.partition("/")[0] for (file,) in rows(conninfo, "SELECT file FROM fetch_log")} == {"keiba.db"}


async def test_an_archive_that_goes_out_has_nothing_that_is_licensed_to_one_alone(
    conninfo: str, tmp_path: Path
) -> None:
    env = environment(conninfo)
    await collector("import", "--jravan", to_sqlite(tmp_path / "keiba.db", NATIVE, small()), env=env)
    await bring_photos(conninfo, tmp_path, [row("a.jpg", "アオバノカゼ", date="2016-01-05")])
    out = str(tmp_path / "a.wacz")
    done = await collector("archive", "export", "--wacz", out, env=env)
    assert done.returncode == 0, done.stderr
    assert (
        done.stderr == "Left out: 4 pages of jravan, which is licensed to you alone; `--source jravan` writes them.\n"
    )
    wacz = Wacz.read(Path(out))
    assert {one.url.split("/")[2] for one in records(wacz.warc) if one.url} == {"own.invalid"}
    assert "jravan" not in str(wacz.package)
    done = await collector("archive", "export", "--wacz", out, "--source", "jravan", "--force", "--json", env=env)
    said = json.loads(done.stdout)
    assert (said["responses"], said["sources"], said["left_out"], done.stderr) == (4, ["jravan"], {}, "")
    done = await collector("archive", "export", "--wacz", out, "--source", "own", "--force", "--json", env=env)
    assert (json.loads(done.stdout)["left_out"], done.stderr) == ({"jravan": 4}, "")
