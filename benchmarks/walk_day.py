"""How many decisions a day's photos cost on the review's pages, and how long the server takes for each.

A simulated person works through a simulated day, race by race, by the real pages: an embedded Postgres, the server, and
forms that are sent. She knows what each photo shows. She presses Enter where the proposal of the photo before her is
right, else the horse's number, and goes where the page leads her until no photo of the race is open. Then she looks
through the strip: she goes to the first photo that the walk has named wrongly, and corrects it, until all are right.
Then one race of 500 photos says how large its page is, and how long a decision in it takes.

Run: python benchmarks/walk_day.py
"""

import argparse
import asyncio
import re
import tempfile
import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from html import unescape
from pathlib import Path
from random import Random
from statistics import quantiles
from typing import Any

import psycopg
from aiohttp.test_utils import TestClient, TestServer

from collector.demo.world.walking import Habits, Paddock, order_of_walk, photograph
from collector.imports.own_remark import store_remark
from collector.matching.match import match_photos
from collector.storage import database
from collector.storage.embedded import lease
from collector.web.app import make_app, make_guard
from collector.web.server.limits import Buckets
from collector.web.service import serving

RACES, PHOTOS, LARGE = 12, 300, 500
FIRST = datetime.fromisoformat("2026-11-22T10:05:00+09:00")  # the start of the first race
A_ROUND = Habits(0.3, spell=75, rest=600, keen=0.9)
TOKEN = "a-token-of-the-benchmark"
Client = TestClient[Any, Any]
HIDDEN = re.compile(r'<input type="hidden" name="(\w+)" value="([^"]*)"')
INSERT_RACE = """
INSERT INTO race (race_id, race_date, racecourse, race_number, name, distance, start_time, prizes, source_url,
    observed_at)
VALUES (%s, %s, '東京', %s, 'a race', 1600, %s, '{}', 'u', now())
"""
INSERT_ENTRIES = """
INSERT INTO entry (race_id, horse_id, horse_name, horse_key, horse_number, positions_at_bends, source_url, observed_at)
SELECT %(race_id)s, 2020000000 + %(race)s * 100 + n, 'ウマノナマエ' || n, 'ウマ' || n, n, '{}', 'u', now()
FROM generate_series(1, %(horses)s) AS n
"""
INSERT_ISSUE = """
INSERT INTO issue (source, code, issue_date, race_days, source_url, observed_at)
VALUES ('camera', '261122', '2026-11-22', '{2026-11-22}', 'u', now())
"""
INSERT_PICTURE = """
INSERT INTO blob (digest, media_type, size, encoding, content) VALUES ('drawn', 'image/jpeg', 0, '', '')
"""
INSERT_PHOTO = """
INSERT INTO photo (source, issue_code, number, page_url, image_url, taken_at, camera, racecourse, digest, source_url,
    observed_at)
VALUES ('camera', '261122', %(number)s, 'u' || %(number)s, 'i' || %(number)s, %(at)s, 'Canon EOS R5', '東京',
    'drawn', 'u', now())
"""


@dataclass(slots=True)
class Day:
    """A day at the races, as it is in the database, and what each of its photos shows."""

    truth: dict[str, int | None] = field(default_factory=dict)
    races: list[str] = field(default_factory=list)

    def add(self, connection: psycopg.Connection[Any], horses: int, habit: Habits, most: int, draw: Random) -> None:
        """Add a race, and the first photos of its paddock."""
        number = len(self.races) + 1
        race_id, start = f"2026050508{number:02}", FIRST + timedelta(minutes=30 * (number - 1))
        connection.execute(INSERT_RACE, (race_id, start.date(), number, start.time()))
        connection.execute(INSERT_ENTRIES, {"race_id": race_id, "race": number, "horses": horses})
        paddock = Paddock(order_of_walk(range(1, horses + 1), draw), draw)
        for shot in photograph(paddock, [habit])[:most]:
            taken = start - timedelta(minutes=33) + timedelta(seconds=shot.at)
            photo = len(self.truth) + 1
            connection.execute(INSERT_PHOTO, {"number": photo, "at": taken})
            self.truth[f"camera:261122/{photo:02}"] = shot.number
        self.races.append(race_id)


@dataclass(slots=True)
class Work:
    """What a person did, and what it cost."""

    pressed: Counter[str] = field(default_factory=Counter)
    wrong: int = 0  # photos that the walk had named wrongly when no photo of their race was open any more
    seconds: list[float] = field(default_factory=list)  # of the server, for each key and the page after it
    bytes: list[int] = field(default_factory=list)  # of each page

    def say(self, words: str) -> None:
        """Print it."""
        hundredths = quantiles(self.seconds, n=100) if len(self.seconds) > 1 else self.seconds * 99
        keys = ", ".join(f"{count} {key}" for key, count in self.pressed.most_common())
        print(f"{words}: {len(self.seconds)} keys ({keys})")
        print(f"  when no photo was open, the walk had named {self.wrong} wrongly")
        print(
            f"  the server: {hundredths[49]:.2f} s a key at p50, {hundredths[94]:.2f} s at p95,"
            f" {sum(self.seconds):.0f} s in all; at one key a second {len(self.seconds) / 60:.1f} minutes beside it"
        )
        print(f"  pages: {max(self.bytes) / 1000:.0f} kB at most", flush=True)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Shown:
    """What a person sees of a walk's page, and what its form sends."""

    fields: dict[str, str]
    likely: str | None
    is_done: bool
    strip: dict[str, str]  # what it says of each photo: a horse's number, or –

    @classmethod
    def of(cls, page: str) -> "Shown":
        """Read a page."""
        form = page.split('id="decide"', 1)[1]
        likely = re.search(r'value="(\d+)"[^>]* data-key="Enter"', form)
        strip = re.findall(r'name="at" value="([^"]+)" class.*?class="what">(\d+|–|)', form, re.DOTALL)
        fields = {name: unescape(value) for name, value in re.findall(HIDDEN, form)}
        return cls(fields, likely[1] if likely else None, 'role="status"' in page, dict(strip))

    def press(self, truth: Mapping[str, int | None]) -> tuple[str, dict[str, str]] | None:
        """The key that is pressed, by who knows what the photos show, and what it sends; None: all is right."""
        now = self.fields["photo"]
        if self.is_done:
            wrong = self.wrong(truth)
            if not wrong:
                return None
            if now not in wrong:
                return "look at another photo", {"at": wrong[0]}
        shows = str(truth[now] or "none")
        return "Enter" if shows == self.likely else "number" if truth[now] else "no horse", {"shows": shows}

    def wrong(self, truth: Mapping[str, int | None]) -> list[str]:
        """The photos of which it says what they do not show."""
        return [photo for photo, said in self.strip.items() if said != str(truth[photo] or "–")]


async def name_race(client: Client, race_id: str, truth: Mapping[str, int | None], work: Work, most: int) -> None:
    """Name the photos of a race, as its pages ask for it."""
    path = f"/review/walks/{race_id}"
    text, was_done = await (await client.get(path)).text(), False
    for _ in range(most):
        work.bytes.append(len(text.encode()))
        shown = Shown.of(text)
        if shown.is_done and not was_done:
            was_done = True
            work.wrong += len(shown.wrong(truth))
        pressed = shown.press(truth)
        if pressed is None:
            return
        work.pressed[pressed[0]] += 1
        began = time.perf_counter()
        async with client.post(path, data=shown.fields | pressed[1]) as answer:  # goes on to the next photo
            answer.raise_for_status()
            text = await answer.text()
        work.seconds.append(time.perf_counter() - began)


async def work_through(conninfo: str, day: Day, large: str) -> None:
    """Name the day, then something of the large race."""
    async with await psycopg.AsyncConnection.connect(conninfo, autocommit=True) as connection:
        await match_photos(connection)
    guard = replace(make_guard(admin_token=TOKEN), buckets=Buckets(10_000, 10_000))
    headers = {"Authorization": f"Bearer {TOKEN}"}
    async with (
        serving(conninfo, guard, store_remark) as service,
        TestClient(TestServer(make_app(service)), headers=headers) as client,
    ):
        work = Work()
        for race_id in day.races:
            if race_id != large:
                await name_race(client, race_id, day.truth, work, 3 * PHOTOS)
        work.say(f"A day of {PHOTOS} photos in {RACES} races")
        work = Work()
        await name_race(client, large, day.truth, work, 40)
        work.say(f"The first 40 keys in a race of {LARGE} photos and 18 horses")


def main() -> None:
    """Fill a database, and work through it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seed", type=int, default=1)
    draw, day = Random(parser.parse_args().seed), Day()
    with tempfile.TemporaryDirectory(dir="/var/tmp", prefix="paddock-walk-") as name:
        folder = Path(name)
        folder.chmod(0o711)
        with lease(folder / "postgres", fast_and_unsafe=True) as socket:
            conninfo = database.conninfo_for(socket)
            database.upgrade(conninfo)
            with psycopg.connect(conninfo, autocommit=True) as connection:
                connection.execute(INSERT_ISSUE)
                connection.execute(INSERT_PICTURE)
                for _ in range(RACES):
                    day.add(connection, draw.randint(8, 18), A_ROUND, PHOTOS // RACES, draw)
                day.add(connection, 18, Habits(0.3, spell=2000, rest=1, keen=1.0), LARGE, draw)
            asyncio.run(work_through(conninfo, day, day.races[-1]))


if __name__ == "__main__":
    main()
