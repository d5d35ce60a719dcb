"""Names the horses of one's own photos by the order of the walk, from what a person has named: see `walk`."""

import asyncio
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, LiteralString

from psycopg.types.json import Jsonb

from collector.codes import MatchRule
from collector.errors import UsageError
from collector.matching.walk import Proposal, align, passes
from collector.politeness.gate import Connection
from collector.storage.racing import Finish

OFFERED = 3  # horses that are offered for a photo that stays open
WALK_LOCK = 7_220_021  # an advisory lock of a race: what changes its walk comes one after the other

# Horses that were scratched do not walk; those that are excluded later do.
WALKS: LiteralString = f"horse_number IS NOT NULL AND finish IS DISTINCT FROM '{Finish.SCRATCHED.value}'"
WALKING: LiteralString = f"""
SELECT horse_number, horse_id, horse_name, bracket_number FROM entry
WHERE race_id = %(race_id)s AND {WALKS} ORDER BY horse_number
"""
SHOTS: LiteralString = """
SELECT photo.photo_id, taken_at, COALESCE(camera, ''), met.horse_id, met.by_hand, met.rule, met.head_turned,
    met.certainty, met.candidates, photo.digest IS NOT NULL
FROM photo JOIN photo_match AS met USING (source, issue_code, number)
WHERE met.race_id = %(race_id)s AND taken_at IS NOT NULL AND photo.horse_key IS NULL ORDER BY taken_at, photo.photo_id
"""
# What the proposals of a race follow: its horses, its photos, and what a person has said of them.
BASIS: LiteralString = f"""
SELECT met.race_id, bool_or(by_hand AND met.horse_id IS NOT NULL) AS named, md5(
    string_agg(ROW(photo_id, extract(epoch FROM taken_at), camera, by_hand, CASE WHEN by_hand THEN met.horse_id END)
        ::text, ',' ORDER BY taken_at, photo_id)
    || (SELECT COALESCE(string_agg(ROW(horse_number, horse_id)::text, ',' ORDER BY horse_number, horse_id), '')
        FROM entry WHERE entry.race_id = met.race_id AND {WALKS})) AS basis
FROM photo JOIN photo_match AS met USING (source, issue_code, number)
WHERE taken_at IS NOT NULL AND met.race_id IS NOT NULL AND photo.horse_key IS NULL
"""
BASIS_OF: LiteralString = f"SELECT basis FROM ({BASIS} AND met.race_id = %s GROUP BY met.race_id) AS its"
# Races of which a person has named photos, and some are as they came, or what their proposals follow is no longer so;
# or all that was named is taken back or forgotten.
UNALIGNED: LiteralString = f"""
SELECT race_id FROM ({BASIS} GROUP BY met.race_id) AS its JOIN photo_match AS met USING (race_id)
JOIN photo USING (source, issue_code, number)
WHERE NOT by_hand AND taken_at IS NOT NULL AND photo.horse_key IS NULL
AND (rule IN ('walk', 'walk_open') AND (NOT named OR follows IS DISTINCT FROM basis) OR named AND rule = 'not_named')
GROUP BY race_id ORDER BY race_id
"""
OPEN_WALKS: LiteralString = """
SELECT race_id FROM photo JOIN photo_match AS met USING (source, issue_code, number)
WHERE taken_at IS NOT NULL AND race_id IS NOT NULL AND photo.horse_key IS NULL AND met.horse_id IS NULL AND NOT by_hand
GROUP BY race_id ORDER BY race_id
"""
WALK_WITH: LiteralString = """
SELECT race_id FROM photo JOIN photo_match AS met USING (source, issue_code, number)
WHERE photo_id = %s AND taken_at IS NOT NULL AND photo.horse_key IS NULL AND race_id IS NOT NULL
"""
PROPOSE: LiteralString = """
UPDATE photo_match AS held SET horse_id = new.horse_id, rule = new.rule, certainty = new.certainty,
    candidates = new.candidates, follows = %(follows)s,
    decided_at = CASE WHEN (held.horse_id, held.rule) IS DISTINCT FROM (new.horse_id, new.rule)
                      THEN clock_timestamp() ELSE held.decided_at END
FROM jsonb_to_recordset(%(proposed)s)
    AS new (photo text, horse_id text, rule text, certainty float8, candidates text[])
JOIN photo ON photo_id = new.photo
WHERE NOT held.by_hand
AND (held.source, held.issue_code, held.number) = (photo.source, photo.issue_code, photo.number)
AND (held.horse_id, held.rule, held.certainty, held.candidates, held.follows)
    IS DISTINCT FROM (new.horse_id, new.rule, new.certainty, new.candidates, %(follows)s::text)
"""
DECIDE: LiteralString = """
UPDATE photo_match AS held SET horse_id = %(horse_id)s, rule = %(rule)s, by_hand = %(by_hand)s, certainty = NULL,
    candidates = '{}', decided_at = clock_timestamp()
FROM photo WHERE photo.photo_id = %(photo)s AND held.race_id = %(race_id)s
AND (held.source, held.issue_code, held.number) = (photo.source, photo.issue_code, photo.number)
"""
TURN: LiteralString = """
UPDATE photo_match AS held SET head_turned = NOT head_turned
FROM photo WHERE photo.photo_id = %(photo)s AND held.race_id = %(race_id)s
AND (held.source, held.issue_code, held.number) = (photo.source, photo.issue_code, photo.number)
"""


@dataclass(frozen=True, slots=True)
class Walker:
    """A horse that walks in a race's paddock."""

    number: int
    horse_id: str | None
    name: str
    bracket: int | None


@dataclass(frozen=True, slots=True)
class Shot:
    """A photo of the walk, and what is known or proposed of it."""

    photo: str
    taken_at: datetime
    camera: str
    horse_id: str | None
    by_hand: bool
    rule: MatchRule
    head_turned: bool
    certainty: float | None  # of the horse, or of the first candidate
    candidates: tuple[str, ...]
    has_picture: bool

    @property
    def is_open(self) -> bool:
        """Whether nobody has named it, and the order of the walk does not say surely what it shows."""
        return not self.by_hand and self.horse_id is None


@dataclass(frozen=True, slots=True)
class Walk:
    """The photos of a race's paddock in the order of time, and its horses in that of their numbers."""

    race_id: str
    walkers: tuple[Walker, ...]
    shots: tuple[Shot, ...]

    def number_of(self, horse_id: str | None) -> int | None:
        """The number of a horse that walks; None: it does not."""
        return next((one.number for one in self.walkers if one.horse_id and one.horse_id == horse_id), None)

    def likely(self, shot: Shot) -> int | None:
        """The number of the horse that a photo shows, as far as that is known."""
        return self.number_of(shot.horse_id or next(iter(shot.candidates), None))

    def next_open(self, photo: str) -> Shot | None:
        """The next photo to name, after this one and then from the first on; None: no photo is open."""
        place = next((index for index, shot in enumerate(self.shots) if shot.photo == photo), -1)
        return next((shot for shot in (*self.shots[place + 1 :], *self.shots) if shot.is_open), None)

    def walker(self, number: int) -> Walker:
        """The horse with a number.

        Raises:
            UsageError: none walks with it, or it has no id.
        """
        found = next((one for one in self.walkers if one.number == number), None)
        if found is None:
            raise UsageError(f"No horse of the race {self.race_id} walks with the number {number}.")
        if found.horse_id is None:
            raise UsageError(f"The horse {found.name} has no id, so a photo cannot be matched with it.")
        return found


def walk_of(race_id: str, walkers: Sequence[Sequence[Any]], shots: Sequence[Sequence[Any]]) -> Walk:
    """A walk of the rows of `WALKING` and `SHOTS`."""
    seen = (
        Shot(photo, taken_at, camera, horse_id, by_hand, MatchRule(rule), turned, certainty, tuple(candidates), picture)
        for photo, taken_at, camera, horse_id, by_hand, rule, turned, certainty, candidates, picture in shots
    )
    return Walk(race_id, tuple(Walker(*row) for row in walkers), tuple(seen))


async def read_walk(connection: Connection, race_id: str) -> Walk:
    """The walk of a race; without photos where there are none."""
    facts = {"race_id": race_id}
    walkers = await (await connection.execute(WALKING, facts)).fetchall()
    return walk_of(race_id, walkers, await (await connection.execute(SHOTS, facts)).fetchall())


async def open_walks(connection: Connection) -> list[str]:
    """The races of which photos of one's own are open."""
    return [race_id for (race_id,) in await (await connection.execute(OPEN_WALKS)).fetchall()]


async def walks_with(connection: Connection, photo: str) -> list[str]:
    """The race in whose walk a photo is; empty: it is in none."""
    return [race_id for (race_id,) in await (await connection.execute(WALK_WITH, (photo,))).fetchall()]


async def align_walks(connection: Connection) -> None:
    """Propose horses in the races of which a person has named photos, where that has not been done."""
    await propose_in(connection, [race_id for (race_id,) in await (await connection.execute(UNALIGNED)).fetchall()])


async def propose_in(connection: Connection, races: Iterable[str]) -> None:
    """Propose horses anew in these races, by what a person has named by now."""
    for race_id in races:
        async with connection.transaction():
            await take_walks(connection, [race_id])
            await _propose(connection, race_id)


async def take_walks(connection: Connection, races: Iterable[str]) -> None:
    """Let nobody else change the walks of these races until this transaction ends; waits for who does so now.

    Without it, proposals that were made before a person's decision could be written after it.
    """
    for race_id in sorted(set(races)):  # in one order, so that nobody waits for who waits for them
        await connection.execute("SELECT pg_advisory_xact_lock(%s, hashtext(%s))", (WALK_LOCK, race_id))


async def name_shot(connection: Connection, race_id: str, photo: str, shows: int | MatchRule) -> Walk:
    """Say what a photo of a race's walk shows, and propose the others anew.

    `shows` is a horse's number; MatchRule.NO_HORSE: none; MatchRule.NOT_NAMED: the decision is taken back.

    Raises:
        UsageError: the race has no such photo, or no such horse.
    """
    horse_id = None if isinstance(shows, MatchRule) else (await read_walk(connection, race_id)).walker(shows).horse_id
    rule = shows if isinstance(shows, MatchRule) else MatchRule.BY_HAND
    facts = {"race_id": race_id, "photo": photo, "horse_id": horse_id, "rule": rule}
    return await _decide(connection, DECIDE, facts | {"by_hand": rule is not MatchRule.NOT_NAMED})


async def turn_head(connection: Connection, race_id: str, photo: str) -> Walk:
    """Say that the horse of a photo turns its head, or no longer say it.

    Raises:
        UsageError: the race has no such photo.
    """
    return await _decide(connection, TURN, {"race_id": race_id, "photo": photo})


async def _decide(connection: Connection, statement: LiteralString, facts: dict[str, Any]) -> Walk:
    race_id = facts["race_id"]
    async with connection.transaction():
        await take_walks(connection, [race_id])
        done = await connection.execute(statement, facts)
        if done.rowcount != 1:
            raise UsageError(f"The photo {facts['photo']} is not of the walk of the race {race_id}.")
        await _propose(connection, race_id)
    return await read_walk(connection, race_id)


async def _propose(connection: Connection, race_id: str) -> None:
    """Write what the order of the walk says of the photos that nobody has named."""
    # Before the walk is read: what changes between the two is then seen as a change, by the next matching.
    row = await (await connection.execute(BASIS_OF, (race_id,))).fetchone()
    walk = await read_walk(connection, race_id)
    found = await asyncio.to_thread(propose, walk)  # seconds of a long walk, in which a server goes on
    rows = [{"photo": shot.photo, **_said(found.get(shot.photo), walk)} for shot in walk.shots if not shot.by_hand]
    await connection.execute(PROPOSE, {"proposed": Jsonb(rows), "follows": row[0] if row else None})


def propose(walk: Walk) -> dict[str, Proposal]:
    """The horses that each photo may show, by photo; none while a person has named no horse. Pure."""
    if not any(shot.by_hand and walk.number_of(shot.horse_id) for shot in walk.shots):
        return {}
    shots = [shot for shot in walk.shots if shot.rule is not MatchRule.NO_HORSE]
    cameras = [[shot for shot in shots if shot.camera == name] for name in sorted({shot.camera for shot in shots})]
    seen = [passes([shot.taken_at.timestamp() for shot in taken],
                   [walk.number_of(shot.horse_id) if shot.by_hand else None for shot in taken])
            for taken in cameras]  # fmt: skip
    aligned = align([walker.number for walker in walk.walkers], seen)
    return {
        taken[index].photo: proposal
        for taken, passed, proposals in zip(cameras, seen, aligned, strict=True)
        for one, proposal in zip(passed, proposals, strict=True)
        for index in one.photos
    }


def _said(proposal: Proposal | None, walk: Walk) -> dict[str, Any]:
    """What the table says of a photo with this proposal."""
    if proposal is None:
        return {"horse_id": None, "rule": MatchRule.NOT_NAMED, "certainty": None, "candidates": []}
    ids = {walker.number: walker.horse_id for walker in walk.walkers}
    likely = zip(proposal.numbers, proposal.certainties, strict=True)
    # A horse without an id cannot be offered; then the certainty is that of the next one.
    offered = [(horse_id, certainty) for number, certainty in likely if (horse_id := ids[number])][:OFFERED]
    certainty = offered[0][1] if offered else None
    if proposal.is_sure and ids[proposal.numbers[0]]:
        return {"horse_id": offered[0][0], "rule": MatchRule.WALK, "certainty": certainty, "candidates": []}
    candidates = [horse_id for horse_id, _ in offered]
    return {"horse_id": None, "rule": MatchRule.WALK_OPEN, "certainty": certainty, "candidates": candidates}
