"""A database as a crawl of the look-alike world leaves it, filled at once: rows are written, no page is asked for."""

import json
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from functools import lru_cache
from typing import Any

import psycopg
from psycopg.sql import SQL, Identifier

from collector.demo.world.courses import DIRT
from collector.demo.world.drawing import draw_photo
from collector.demo.world.horses import Horse
from collector.demo.world.opinion import graph, reviews
from collector.demo.world.world import Issue, Photo, Picture, World
from collector.remarks.read import read_facts
from collector.storage import images
from collector.storage.archive import digest_of
from collector.storage.racing import Axis

SITE, OPINIONS = "http://old.keibado.ne.jp", "https://db.netkeiba.com"
SOURCE = "keibado"
AT = datetime(2026, 11, 1, 12, 0, tzinfo=UTC)  # when everything was fetched
LABELLED_AT = datetime(2026, 11, 2, 2, 0, tzinfo=UTC)
SEXES = {"牡": "male", "牝": "female", "セ": "gelding"}
NEAR = 4  # bits of 256 in which a copy's hash differs at most

SMALL = World(years=range(2015, 2017), issues_per_year=4, photos_per_issue=8)  # some 60 photos


@dataclass(frozen=True, slots=True)
class Drawn:
    """A picture's bytes and what is known of them."""

    body: bytes
    digest: str
    picture: images.Picture


@lru_cache(maxsize=4096)  # 20 kB each
def drawn(picture: Picture) -> Drawn:
    """A picture, drawn once a test process."""
    body = draw_photo(picture)
    return Drawn(body, digest_of(body), images.inspect(body))


def horse_id(horse: Horse) -> str:
    """Under which id a horse is registered."""
    return f"{horse.born}{horse.number:06}"


def fill(conninfo: str, world: World = SMALL, *, labels: bool = True, matches: bool = True) -> None:
    """Put a world's issues, photos, horses, matches and labels straight into a migrated database."""
    shown = [(issue, photo) for year in world.years for issue in world.issues(year) for photo in issue.photos]
    with psycopg.connect(conninfo) as connection:
        _copy(connection, "issue", (_issue(issue) for year in world.years for issue in world.issues(year)))
        pictures = {drawn(photo.picture).digest: drawn(photo.picture) for _, photo in shown if photo.picture}
        _copy(connection, "blob", map(_blob, pictures.values()))
        _copy(connection, "photo", (_photo(photo) for _, photo in shown))
        connection.execute(COPIES, {"near": NEAR})
        if matches:
            _copy(connection, "horse", map(_horse, world.horses()))
            _copy(connection, "race", {_race_id(issue, photo): _race(issue, photo) for issue, photo in shown}.values())
            _copy(connection, "entry", _entries(shown).values())
            _copy(connection, "photo_match", (_match(issue, photo) for issue, photo in shown))
        if labels:
            month = world.opinion_month
            _copy(connection, "aptitude", (row for horse in world.horses() for row in _aptitudes(horse, month)))


# As the collector notes them: the earlier of two photos whose bytes differ and whose hashes hardly do.
COPIES = """
UPDATE photo SET near_duplicate_of = (SELECT min(other.id) FROM photo other
    WHERE other.id < photo.id AND other.digest <> photo.digest AND bit_count(other.phash # photo.phash) <= %(near)s)
"""


def _copy(connection: psycopg.Connection[Any], table: str, rows: Iterator[Mapping[str, Any]] | Any) -> None:
    found = list(rows)
    if not found:
        return
    names = SQL(", ").join(map(Identifier, found[0]))
    statement = SQL("COPY {table} ({names}) FROM STDIN").format(table=Identifier(table), names=names)
    with connection.cursor() as cursor, cursor.copy(statement) as copy:
        for row in found:
            copy.write_row(tuple(row.values()))


def _issue(issue: Issue) -> dict[str, Any]:
    return {
        "source": SOURCE, "code": issue.code, "issue_date": issue.issue_date, "race_days": list(issue.race_days),
        "source_url": f"{SITE}/{issue.code}/", "observed_at": AT,
    }  # fmt: skip


def _blob(held: Drawn) -> dict[str, Any]:
    return {
        "digest": held.digest, "media_type": held.picture.media_type, "size": len(held.body), "encoding": "",
        "content": held.body,
    }  # fmt: skip


def _photo(photo: Photo) -> dict[str, Any]:
    page = f"{SITE}/{photo.issue_code}/{photo.number:02}.html"
    held = drawn(photo.picture) if photo.picture else None
    remark = read_facts(photo.comment)
    printed = photo.issue_code >= "12"  # older layouts print neither sex nor age
    return {
        "source": SOURCE, "issue_code": photo.issue_code, "number": photo.number, "listed_name": photo.horse.name,
        "race_name": photo.race_name, "horse_name": photo.horse.name, "horse_key": photo.horse.name,
        "page_url": page, "image_url": page.replace(".html", ".jpg"), "coat": photo.horse.coat,
        "sex": photo.horse.sex if printed else None, "age": photo.age if printed else None,
        "trainer": photo.horse.trainer, "shot_month": photo.shot_on.month, "shot_day": photo.shot_on.day,
        "comment": photo.comment, "distance_said": remark["distance_said"],
        **{name: json.dumps(remark[name]) for name in ("claims", "build_tags")},
        "pedigree": list(photo.horse.pedigree), "digest": held.digest if held else None,
        "media_type": held.picture.media_type if held else None, "width": held.picture.width if held else None,
        "height": held.picture.height if held else None,
        "phash": f"{int(held.picture.phash, 16):0256b}" if held else None, "source_url": page, "observed_at": AT,
    }  # fmt: skip


def _horse(horse: Horse) -> dict[str, Any]:
    return {
        "horse_id": horse_id(horse), "name": horse.name, "horse_key": horse.name, "born": date(horse.born, 3, 1),
        "sex": SEXES[horse.sex], "coat": horse.coat, "sire": horse.pedigree[0], "dam": horse.pedigree[7],
        "source_url": f"{OPINIONS}/horse/{horse_id(horse)}/", "observed_at": AT,
    }  # fmt: skip


def _race_id(issue: Issue, photo: Photo) -> str:
    names = sorted({shown.race_name for shown in issue.photos})
    return f"20{issue.code}05{names.index(photo.race_name) + 1:02}"


def _race(issue: Issue, photo: Photo) -> dict[str, Any]:
    race_id = _race_id(issue, photo)
    ground = next(feature.ground for feature in issue.features if feature.name == photo.race_name)
    return {
        "race_id": race_id, "race_date": issue.race_days[-1], "racecourse": "東京", "race_number": int(race_id[-2:]),
        "name": photo.race_name, "surface": "dirt" if ground.surface == DIRT else "turf",
        "distance": ground.distance, "prizes": [],
        "source_url": f"{OPINIONS}/race/{race_id}/", "observed_at": AT,
    }  # fmt: skip


def _entries(shown: list[tuple[Issue, Photo]]) -> dict[tuple[str, str], dict[str, Any]]:
    """Of a horse that stands in one race twice, the last."""
    drawn_by: Counter[str] = Counter()
    entries: dict[tuple[str, str], dict[str, Any]] = {}
    for issue, photo in shown:
        race_id = _race_id(issue, photo)
        drawn_by[race_id] += 1
        entries[race_id, horse_id(photo.horse)] = {
            "race_id": race_id, "horse_id": horse_id(photo.horse), "horse_name": photo.horse.name,
            "horse_key": photo.horse.name, "horse_number": drawn_by[race_id], "sex": SEXES[photo.horse.sex],
            "age": photo.age, "finish": "finished", "finish_position": 19 - drawn_by[race_id],
            "horse_weight": 440 + 10 * photo.age, "horse_weight_change": 2, "positions_at_bends": [],
            "source_url": f"{OPINIONS}/race/{race_id}/", "observed_at": AT,
        }  # fmt: skip
    return entries


def _match(issue: Issue, photo: Photo) -> dict[str, Any]:
    return {
        "source": SOURCE, "issue_code": photo.issue_code, "number": photo.number, "horse_id": horse_id(photo.horse),
        "race_id": _race_id(issue, photo), "rule": "name_and_race", "decided_at": AT,
    }  # fmt: skip


def _aptitudes(horse: Horse, month: date) -> Iterator[dict[str, Any]]:
    count = reviews(horse, month)
    for axis, (left, right) in zip(Axis, graph(horse, month), strict=True):
        yield {
            "horse_id": horse_id(horse), "axis": axis.value, "left_px": left, "right_px": right,
            "value": right / (left + right) if count else None, "reviews": count,
            "evidence": None if count else "nobody has reviewed it",
            "source_url": f"{OPINIONS}/horse/{horse_id(horse)}/", "observed_at": LABELLED_AT,
        }  # fmt: skip


def damage(conninfo: str, digest: str, body: bytes) -> None:
    """Put other bytes where a picture's are, as a failing disk does."""
    execute(conninfo, "UPDATE blob SET content = %s WHERE digest = %s", body, digest)


def execute(conninfo: str, statement: str, *values: Any) -> list[tuple[Any, ...]]:
    """Run one statement; its rows, where it has any."""
    with psycopg.connect(conninfo) as connection:
        cursor = connection.execute(statement.encode(), values or None)
        return cursor.fetchall() if cursor.description else []


def as_json(text: str) -> Any:
    """The one object that a command with `--json` prints."""
    (line,) = text.splitlines()
    return json.loads(line)
