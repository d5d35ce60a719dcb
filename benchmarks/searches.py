"""What people ask of the photo search, at random and the same each time: addresses of searches, horses, thumbnails."""

import asyncio
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from random import Random
from typing import Any
from urllib.parse import quote, urlencode

import psycopg

from collector.storage.racing import Going, Kind, Sex, Surface
from collector.web.pictures import WIDTHS
from collector.web.search.address import Query, Result, Sort
from collector.web.search.asked import Asked
from collector.web.search.loading import load
from collector.web.search.names import latin_of
from collector.web.search.results import PAGE, ROW

FILTERED, ONWARD, IN_LATIN = 1 / 3, 1 / 10, 1 / 3  # shares of searches
LONGEST_PART = 4  # kana
NAMES = "SELECT horse_name FROM horse_search ORDER BY shows"
HORSES = "SELECT horse_id FROM horse_search WHERE horse_id IS NOT NULL ORDER BY shows"
COURSES = "SELECT DISTINCT racecourse FROM photo_search WHERE racecourse IS NOT NULL ORDER BY racecourse"
YEARS = "SELECT DISTINCT extract(year FROM dated)::int FROM photo_search ORDER BY 1"
PHOTOS = "SELECT DISTINCT ON (digest) photo FROM photo_search ORDER BY digest, photo"


@dataclass(frozen=True, slots=True)
class Known:
    """What a collection holds that can be asked for."""

    names: list[str]
    horses: list[str]  # ids
    courses: list[str]
    years: list[int]
    photos: list[str]  # one of each picture

    @classmethod
    def read(cls, conninfo: str) -> "Known":
        """All of it, from the search's views."""
        with psycopg.connect(conninfo) as connection:
            return cls(*(_column(connection, query) for query in (NAMES, HORSES, COURSES, YEARS, PHOTOS)))


def _column(connection: psycopg.Connection[Any], query: str) -> list[Any]:
    return [value for (value,) in connection.execute(query.encode())]


def part_of_a_name(random: Random, names: Sequence[str]) -> str:
    """One to four kana out of a name, every third time in Latin letters."""
    name = random.choice(names)
    length = random.randint(1, LONGEST_PART)
    begin = random.randrange(max(1, len(name) - length + 1))
    part = name[begin : begin + length]
    return latin_of(part) or part if random.random() < IN_LATIN else part


def _filter(random: Random, known: Known) -> dict[str, Any]:
    low = round(random.uniform(0, 0.8), 2)
    filters: list[dict[str, Any]] = [
        {"year": random.choice(known.years)},
        {"course": random.choice(known.courses)},
        {"surface": random.choice(list(Surface))},
        {"sex": random.choice(list(Sex))},
        {"age": random.randint(2, 7)},
        {"low": low, "high": low + 0.2},
        {"distance": 1000 + 200 * random.randint(1, 12)},
        {"going": random.choice(list(Going))},
        {"kind": random.choice(list(Kind))},
        {"result": random.choice(list(Result))},
        {"coat": "芦毛"},
        {"sort": random.choice(list(Sort))},
    ]
    return {key: value for one in random.sample(filters, random.choice((1, 1, 2))) for key, value in one.items()}


async def searches(conninfo: str, known: Known, count: int) -> list[str]:
    """So many searches by part of a name, no two the same: some with filters, some for the second page where one is."""
    random, made, index = Random(1), dict[Query, None](), await asyncio.to_thread(load, conninfo)
    while len(made) < count:
        query = Query(name=part_of_a_name(random, known.names))
        if random.random() < FILTERED:
            query = replace(query, **_filter(random, known))
        if random.random() < ONWARD:
            query = replace(query, before=Asked(index, query).page(PAGE, ROW)[1])
        made[query] = None
    return [f"?{urlencode(query.words())}" for query in made]


def suggestions(known: Known) -> Iterator[str]:
    """What is asked while somebody types."""
    random = Random(2)
    while True:
        yield f"api/suggest?{urlencode({'name': part_of_a_name(random, known.names)})}"


def horses(known: Known) -> Iterator[str]:
    """Horses' pages."""
    random = Random(3)
    while True:
        yield f"horses/{quote(random.choice(known.horses))}"


def thumbnails(known: Known) -> list[str]:
    """Every picture once in every width, in no order."""
    made = [f"photos/{photo}/{width}.jpg" for photo in known.photos for width in WIDTHS]
    Random(4).shuffle(made)
    return made
