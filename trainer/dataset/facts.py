"""The facts of photos in the collection: the rows from which examples are made."""

from collections.abc import Iterator, Sequence
from typing import Any, LiteralString

from trainer.labels.definition import Connection

FETCHED = 2_000  # rows a round trip

PHOTOS: LiteralString = """
SELECT photo.id, photo.photo_id AS photo, photo.source, issue.issue_date,
    met.horse_id, coalesce(horse.name, photo.horse_name, met.horse_id) AS horse_name,
    coalesce(horse.sire, photo.pedigree[1]) AS sire, horse.dam, horse.damsire,
    coalesce(horse.sex, CASE photo.sex WHEN '牡' THEN 'male' WHEN '牝' THEN 'female' WHEN 'セ' THEN 'gelding' END)
        AS sex,
    coalesce(photo.age, (extract(year FROM issue.issue_date) - extract(year FROM horse.born))::int) AS age,
    coalesce(horse.coat, photo.coat) AS coat, coalesce(photo.trainer, ran.trainer) AS trainer,
    photo.comment AS remark, photo.distance_said,
    nullif(photo.claims, '[]')::text AS claims,
    (SELECT string_agg(tag->>'tag', ' ') FROM jsonb_array_elements(photo.build_tags) tag) AS build_tags,
    met.race_id, coalesce(race.name, photo.race_name) AS race_name, race.race_class,
    race.grade, race.race_date, coalesce(race.racecourse, photo.racecourse) AS racecourse, race.course,
    race.surface, race.distance, race.going, race.weather,
    ran.jockey, ran.carried_weight, ran.horse_weight, ran.horse_weight_change, ran.odds, ran.favorite_rank,
    ran.finish_position, ran.finish_time, photo.page_url, photo.image_url, photo.origin, photo.rights,
    photo.observed_at AS fetched_at, photo.digest, photo.media_type, photo.width, photo.height,
    original.photo_id AS near_duplicate_of, photo.taken_at, photo.camera, met.rule AS match_rule, met.certainty,
    met.head_turned
FROM photo
JOIN issue ON issue.source = photo.source AND issue.code = photo.issue_code
LEFT JOIN photo_match met
    ON (met.source, met.issue_code, met.number) = (photo.source, photo.issue_code, photo.number)
LEFT JOIN horse ON horse.horse_id = met.horse_id
LEFT JOIN race ON race.race_id = met.race_id
LEFT JOIN entry ran ON (ran.race_id, ran.horse_id) = (met.race_id, met.horse_id)
LEFT JOIN photo original ON original.id = photo.near_duplicate_of
"""
OF_SOURCES: LiteralString = " WHERE (%(sources)s::text[] IS NULL OR photo.source = ANY(%(sources)s))"
ORDER: LiteralString = " ORDER BY issue.issue_date, photo.photo_id"
SOME: LiteralString = " AND photo.id = ANY(%(ids)s)"


def read_facts(connection: Connection, sources: Sequence[str] | None = None) -> Iterator[dict[str, Any]]:
    """The facts of all photos, or of those of some sources, by issue and id."""
    with connection.cursor("facts") as cursor:
        cursor.itersize = FETCHED
        yield from cursor.execute(PHOTOS + OF_SOURCES + ORDER, {"sources": sources})


def facts_of(
    connection: Connection, ids: Sequence[int], sources: Sequence[str] | None = None
) -> dict[int, dict[str, Any]]:
    """The facts of some photos by their numbers; with `sources`, of no photo of another."""
    asked = {"ids": list(ids), "sources": sources}
    return {row["id"]: row for row in connection.execute(PHOTOS + OF_SOURCES + SOME, asked)}
