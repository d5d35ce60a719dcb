"""The commands about labels, horses and matches, as processes of their own."""

import json

import psycopg
import pytest

from tests.collector.cli.test_cli import WORLD, collector, environment
from tests.demo_site import DemoSite, demo_site
from tests.truth import truth


def both(conninfo: str, site: DemoSite) -> dict[str, str]:
    """An environment in which both sites are the look-alike."""
    return environment(conninfo, site.base) | {"PADDOCK_NETKEIBA_URL": site.netkeiba}


async def test_from_photos_to_labels_in_three_commands(conninfo: str) -> None:
    async with demo_site(world=WORLD) as site:
        env = both(conninfo, site)
        assert (await collector("crawl", "--since", "2014", "--until", "2014", env=env)).returncode == 0
        dry = await collector("refresh-labels", "--dry-run", "--json", env=env)
        site.requests.clear()
        refreshed = await collector("refresh-labels", "--json", env=env)
        asked = len(site.requests)
    assert (refreshed.returncode, dry.returncode) == (0, 0)
    summary = json.loads(refreshed.stdout)
    assert summary["horses_held"] == summary["horses"] == json.loads(dry.stdout)["pages_due"]
    assert summary["requests"] == asked
    foreseen = json.loads(dry.stdout)
    assert foreseen["requests_at_least"] < asked <= foreseen["requests"] + 1  # and robots.txt
    assert foreseen["requests_are_an_estimate"] is True
    photo = next(photo for photo in truth(WORLD).photos if photo.race_id)
    (horse,) = json.loads((await collector("horse", str(photo.horse_id), "--json", env=env)).stdout)
    assert photo.race_id in {entry["race_id"] for entry in horse["entries"]}
    assert f"keibado:{photo.issue_code}/{photo.number:02}" in {shown["photo"] for shown in horse["photos"]}
    assert len(horse["aptitudes"]) == 5
    matched = json.loads((await collector("match", "--json", env=env)).stdout)
    assert matched["matched"] == sum(photo.horse_id is not None for photo in truth(WORLD).photos)
    status = json.loads((await collector("status", "--json", env=env)).stdout)
    assert status["labels"]["requests"] == asked
    assert status["labels"]["due_now"] == 0
    assert status["labels"]["interval_days"]["shortest"] >= 30  # first looks, and retired horses
    with psycopg.connect(conninfo, autocommit=True) as connection:
        lost = connection.execute("DELETE FROM aptitude WHERE axis = 'distance'").rowcount
    changes = json.loads((await collector("reparse", "--json", env=env)).stdout)
    assert changes["aptitude"] == {"added": lost, "changed": 0, "removed": 0}


async def test_a_limit_is_kept_and_the_rest_stays_due(conninfo: str) -> None:
    async with demo_site(world=WORLD) as site:
        env = both(conninfo, site)
        await collector("crawl", "--since", "2014", "--until", "2014", env=env)
        site.requests.clear()
        done = await collector("refresh-labels", "--limit", "2", "--json", env=env)
        asked = [path for path in site.paths() if path != "/robots.txt"]
    assert (done.returncode, len(asked)) == (0, 2)
    assert json.loads(done.stdout)["pages_due"] > 0


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["horse", "ナナシノコンベエ"], "is known; horses come with the races"),
        (["refresh-labels", "--older-than", "a month"], "write it as 12h, 30d or 8w"),
        (["refresh-labels", "--horse", "ナナシ"], "is known; horses come with the races"),
        (["refresh-labels", "--horse", ""], "Which horse"),  # a variable that is not set, and never all of them
        (["reparse", "--since", ""], "is neither a year"),
        (["match", "--set", "somewhere", "2011100001"], "is not a photo; write its id, source:issue/number"),
        (["match", "--review", "--set", "160104-01", "2011100001"], "give one of them"),
    ],
)
async def test_what_cannot_be_done_is_reported_in_one_sentence(conninfo: str, words: list[str], said: str) -> None:
    env = environment(conninfo) | {"PADDOCK_CONTACT": "keeper@example.org"}
    done = await collector(*words, env=env)
    assert (done.returncode, done.stdout) == (2, "")
    assert said in done.stderr


async def test_labels_of_a_real_site_are_not_asked_for_without_a_contact(conninfo: str) -> None:
    done = await collector("refresh-labels", env=environment(conninfo))
    assert done.returncode == 2
    assert "PADDOCK_CONTACT" in done.stderr


@pytest.mark.parametrize("variable", ["PADDOCK_LABELS_CRON", "PADDOCK_BACK_NUMBERS_CRON"])
async def test_a_schedule_that_cannot_be_read_is_reported(conninfo: str, variable: str) -> None:
    done = await collector("schedule", env=environment(conninfo) | {variable: "every night"})
    assert done.returncode == 2
    assert "write it as 0 2 * * *" in done.stderr


async def test_the_schedule_can_be_looked_at_and_switched_off(conninfo: str) -> None:
    ticks = json.loads((await collector("schedule", "--json", env=environment(conninfo))).stdout)
    assert {tick["name"] for tick in ticks} == {"labels", "back-numbers"}
    off = {"PADDOCK_LABELS_CRON": "", "PADDOCK_BACK_NUMBERS_CRON": ""}
    assert "Nothing is scheduled" in (await collector("schedule", env=environment(conninfo) | off)).stdout
