"""A collection of any size in a database of its own, for benchmarks: rows straight into the tables, nothing crawled.

Horses have names of at most nine characters, as real ones have, and some 3.3 photos each while they are two to seven
years old; to these belong races, entries and aptitudes. Of the pictures a few thousand are drawn: every photo has one,
and six of ten have a remark.
"""

from collections.abc import Iterator
from datetime import date, timedelta
from itertools import islice
from random import Random
from typing import Any

import psycopg
from psycopg.sql import SQL, Identifier

from collector.demo.world import vocabulary
from collector.demo.world.drawing import draw_photo
from collector.demo.world.world import Picture, World
from collector.storage import images
from collector.storage.archive import digest_of
from collector.storage.racing import Axis

PHOTOS, PICTURES = 100_000, 3_000
LONGEST_NAME = 9  # characters
BORN, YEARS = 1991, 32  # of the oldest horses; of births
YOUNGEST, OLDEST = 2, 7  # years, when photographed
SEXES = {"male": "牡", "female": "牝", "gelding": "セ"}
SURFACES = ("turf", "dirt", "dirt", "turf", "jump")
COATS = ("鹿毛", "栗毛", "黒鹿毛", "芦毛", "青鹿毛")
GOINGS, GRADES = ("firm", "good", "yielding", "soft"), ("G1", "G2", "G3", "OP", None)
COURSES = ("東京", "中山", "京都", "阪神", "中京", "新潟", "福島", "小倉", "札幌", "函館")
REMARKED, SIRED = 0.6, 0.1  # share of photos with a remark; of remarks that name a sire
FIRST = date(1996, 1, 8)  # a Monday; an issue a week
PHOTOS_PER_ISSUE = 64
AT = "2026-11-01T12:00:00+00:00"
SITE, OPINIONS = "http://old.keibado.ne.jp", "https://db.netkeiba.com"


def names(random: Random) -> Iterator[str]:
    """Names of two and three words, each once."""
    used = set[str]()
    while True:
        name = random.choice(vocabulary.CROWNS) + "".join(random.sample(vocabulary.WORDS, random.choice((1, 1, 2))))
        if name not in used and len(name) <= LONGEST_NAME:
            used.add(name)
            yield name


def fill(conninfo: str, photos: int = PHOTOS) -> None:
    """Put so many photos of three tenths as many horses into a migrated, empty database."""
    random = Random(7)
    horses = _horses(random, photos * 3 // 10)
    issues = max(1, photos // PHOTOS_PER_ISSUE)
    shown = [_shown(random, number, issues, horses) for number in range(photos)]
    with psycopg.connect(conninfo) as connection:
        digests = _pictures(connection)
        codes = {code: day for code, day, *_ in shown}
        _copy(connection, "issue", (_issue(code, day) for code, day in codes.items()))
        _copy(connection, "horse", (horse for horse, _ in horses))
        races = {race_id: (race_id, day, number) for _, day, number, _, race_id in shown}
        _copy(connection, "race", (_race(*race) for race in races.values()))
        entries = {(race_id, horse["horse_id"]): (race_id, day, horse) for _, day, _, horse, race_id in shown}
        _copy(connection, "entry", (_entry(random, *entry) for entry in entries.values()))
        _copy(connection, "aptitude", (row for horse, value in horses for row in _aptitudes(horse, value)))
        for table, make in (("photo", _photo), ("photo_match", _match)):
            numbers = dict.fromkeys(codes, 0)
            _copy(connection, table, (make(random, numbers, digests, *photo) for photo in shown))
        connection.execute("ANALYZE")


def _shown(random: Random, number: int, issues: int, horses: list[Any]) -> tuple[str, date, int, Any, str]:
    """Of a photo: issue, its date, the race's number, horse, race."""
    day = FIRST + timedelta(weeks=number % issues)
    first, end = (len(horses) * (day.year - age - BORN) // YEARS for age in (OLDEST, YOUNGEST - 1))
    horse, _ = horses[random.randrange(max(0, first), min(len(horses), end))]
    race = number // issues % 12 + 1
    return f"{day:%y%m%d}", day, race, horse, f"{day:%Y%m%d}05{race:02}"


def _horses(random: Random, count: int) -> list[tuple[dict[str, Any], float | None]]:
    """Horses by age, the oldest first, and what reviewers think of each: nothing of one in nine."""
    made = []
    for number, name in enumerate(islice(names(random), count)):
        born = BORN + number * YEARS // count
        horse = {
            "horse_id": f"{born}{number:06}", "name": name, "horse_key": name, "born": date(born, 3, 1),
            "sex": random.choice(list(SEXES)), "coat": COATS[number % 7 % len(COATS)],
            "sire": f"サイアー{int((number * 37 % 1000) ** 2 / 2500)}", "dam": "ダム",
            "source_url": f"{OPINIONS}/horse/{born}{number:06}/", "observed_at": AT,
        }  # fmt: skip
        made.append((horse, None if random.random() < 0.11 else round(random.uniform(0.02, 0.98), 3)))
    return made


def _pictures(connection: psycopg.Connection[Any]) -> list[tuple[str, images.Picture]]:
    """Draw them and keep them; the digest and the measures of each."""
    horses = list(World().horses())
    asked = (Picture(horses[number % len(horses)], str(number)) for number in range(PICTURES))
    bodies = {digest_of(body): body for body in map(draw_photo, asked)}
    drawn = {digest: images.inspect(body) for digest, body in bodies.items()}
    _copy(connection, "blob", (
        {"digest": digest, "media_type": drawn[digest].media_type, "size": len(body), "encoding": "", "content": body}
        for digest, body in bodies.items()
    ))  # fmt: skip
    return list(drawn.items())


def _issue(code: str, day: date) -> dict[str, Any]:
    return {
        "source": "keibado", "code": code, "issue_date": day, "race_days": [day - timedelta(days=1)],
        "source_url": f"{SITE}/keibabook/{code}/", "observed_at": AT,
    }  # fmt: skip


def _race(race_id: str, day: date, number: int) -> dict[str, Any]:
    course = COURSES[(day.toordinal() + number) % len(COURSES)]
    return {
        "race_id": race_id, "race_date": day - timedelta(days=1), "racecourse": course, "race_number": number,
        "name": _race_name(day, number), "surface": SURFACES[number % len(SURFACES)],
        "distance": 1000 + 200 * number, "prizes": [], "going": GOINGS[(day.toordinal() // 7 + number) % len(GOINGS)],
        "grade": GRADES[number % len(GRADES)],
        "source_url": f"{OPINIONS}/race/{race_id}/", "observed_at": AT,
    }  # fmt: skip


def _race_name(day: date, number: int) -> str:
    return vocabulary.RACES[(day.toordinal() // 7 + number) % len(vocabulary.RACES)]


def _entry(random: Random, race_id: str, day: date, horse: dict[str, Any]) -> dict[str, Any]:
    return {
        "race_id": race_id, "horse_id": horse["horse_id"], "horse_name": horse["name"], "horse_key": horse["name"],
        "horse_number": random.randint(1, 18), "sex": horse["sex"], "age": day.year - horse["born"].year,
        "finish": "finished", "finish_position": random.randint(1, 18), "horse_weight": random.randint(420, 540),
        "positions_at_bends": [], "trainer": f"調教師{int(horse['horse_id'][-4:]) % 190}",
        "source_url": f"{OPINIONS}/race/{race_id}/", "observed_at": AT,
    }  # fmt: skip


def _aptitudes(horse: dict[str, Any], value: float | None) -> Iterator[dict[str, Any]]:
    for axis in Axis:
        yield {
            "horse_id": horse["horse_id"], "axis": axis.value, "left_px": 50, "right_px": 66, "value": value,
            "reviews": 5 if value else 0, "source_url": horse["source_url"], "observed_at": AT,
        }  # fmt: skip


def _numbered(numbers: dict[str, int], code: str) -> dict[str, Any]:
    numbers[code] += 1
    return {"source": "keibado", "issue_code": code, "number": numbers[code]}


def _photo(
    random: Random, numbers: dict[str, int], digests: list[Any], code: str, day: date, race: int, horse: Any, _race: str
) -> dict[str, Any]:
    digest, picture = random.choice(digests)
    named = _numbered(numbers, code)
    page = f"{SITE}/keibabook/{code}/photo{named['number']:02}.html"
    return named | {
        "listed_name": horse["name"], "race_name": _race_name(day, race), "horse_name": horse["name"],
        "horse_key": horse["name"], "page_url": page, "image_url": page.replace(".html", ".jpg"), "coat": "鹿毛",
        "sex": SEXES[horse["sex"]], "age": day.year - horse["born"].year, "comment": _remark(random),
        "pedigree": ["サイアー"] * 14, "digest": digest, "media_type": picture.media_type, "width": picture.width,
        "height": picture.height, "phash": f"{int(picture.phash, 16):0256b}", "source_url": page, "observed_at": AT,
    }  # fmt: skip


def _remark(random: Random) -> str | None:
    """Some 70 characters, hardly two the same; none of four in ten."""
    if random.random() > REMARKED:
        return None
    looks = vocabulary.SHORT_BODIED + vocabulary.AVERAGE_BODIED + vocabulary.LONG_BODIED
    opening = random.choice(vocabulary.OPENINGS).format(look=random.choice(looks))
    name = random.choice(vocabulary.CROWNS) + random.choice(vocabulary.WORDS)
    said = f"父{name}譲り。" if random.random() < SIRED else f"{random.randint(420, 540)}キロ。"
    return opening + said + random.choice(vocabulary.MIDDLES) + random.choice(vocabulary.ENDINGS)


def _match(
    random: Random, numbers: dict[str, int], _digests: Any, code: str, _day: date, _race: int, horse: Any, race_id: str
) -> dict[str, Any]:
    known = random.random() > 0.02
    return _numbered(numbers, code) | {
        "horse_id": horse["horse_id"] if known else None, "race_id": race_id if known else None,
        "rule": "name" if known else "unknown_name", "decided_at": AT,
    }  # fmt: skip


def _copy(connection: psycopg.Connection[Any], table: str, rows: Any) -> None:
    rows = iter(rows)
    first = next(rows)
    columns = SQL(", ").join(map(Identifier, first))
    statement = SQL("COPY {table} ({columns}) FROM STDIN").format(table=Identifier(table), columns=columns)
    with connection.cursor() as cursor, cursor.copy(statement) as copy:
        copy.write_row(tuple(first.values()))
        for row in rows:
            copy.write_row(tuple(row.values()))
