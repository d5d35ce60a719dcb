"""Naming the horses of one's own photos, race by race: the walk in the order of time, beside the horses of the race.

The page is one form: whatever button is pressed, a remark that was typed goes along. `static/walk.js` gives each button
a key. What was decided before is in the address, so that it can be taken back, one step after the other.
"""

import re
from typing import Any, LiteralString

from aiohttp import web

from collector.codes import MatchRule
from collector.matching.walks import SHOTS, WALKING, Walk, name_shot, turn_head, walk_of
from collector.storage.photo_ids import read_photo_id
from collector.web.codes import Code
from collector.web.horse.facts import Row
from collector.web.pages import Pages
from collector.web.paths import RACE
from collector.web.review.decisions import Decisions, form_of
from collector.web.server.problems import Problem
from collector.web.server.rendering import linker

PAGE = 60  # races
STEPS = 12  # decisions that can be taken back
NONE, OPEN, TURN = "none", "open", "turn"
STEP = re.compile(rf"([a-z0-9_]+:[0-9A-Za-z_-]+/[0-9]{{2,4}})~([1-9][0-9]?|{NONE}|{OPEN}|{TURN})")
RACES: LiteralString = """
SELECT race.race_id, race.race_date, race.racecourse, race.race_number, race.name AS race_name, race.start_time,
    count(*) AS photos, count(*) FILTER (WHERE by_hand) AS named,
    count(*) FILTER (WHERE NOT by_hand AND met.horse_id IS NOT NULL) AS walked,
    count(*) FILTER (WHERE NOT by_hand AND met.horse_id IS NULL) AS open
FROM photo JOIN photo_match AS met USING (source, issue_code, number) JOIN race USING (race_id)
WHERE taken_at IS NOT NULL AND photo.horse_key IS NULL AND (%(before)s::text IS NULL OR race_id < %(before)s)
GROUP BY race.race_id, race.race_date, race.racecourse, race.race_number, race.name, race.start_time
ORDER BY race_date DESC, race_id DESC LIMIT %(most)s
"""
RACE_OF: LiteralString = """
SELECT race_id, race_date, racecourse, race_number, name AS race_name, start_time FROM race WHERE race_id = %(race_id)s
"""
REMARK_OF: LiteralString = "SELECT comment FROM photo WHERE photo_id = %(photo)s"


class Walks:
    """The pages of the walks, and the decisions on them."""

    def __init__(self, pages: Pages, decisions: Decisions) -> None:
        self._pages, self._decisions = pages, decisions
        self._reader = pages.service.reader

    async def races(self, request: web.Request) -> web.Response:
        """The races of which there are photos of one's own, the newest first."""
        found = await self._reader.rows(RACES, {"before": None, "most": PAGE})
        return self._pages.render(request, "review_walks.html", races=found)

    async def walk(self, request: web.Request) -> web.Response:
        """A race's photos in the order of time, one of them large, and its horses in draw order."""
        race_id = request.match_info["race_id"]
        walk = await self._read(race_id)
        if not walk.shots:
            raise Problem(Code.NOT_FOUND)
        shots = {shot.photo: shot for shot in walk.shots}
        following = walk.next_open("")
        now = shots.get(request.query.get("at", "")) or following or walk.shots[0]
        (race,) = await self._reader.rows(RACE_OF, {"race_id": race_id})
        known: dict[str, Any] = {"race": race, "walk": walk, "now": now, "done": following is None}
        known |= {"was": _steps(request.query.get("was", "")), "before": _state(walk, now.photo)}
        ((remark,),) = [row.values() for row in await self._reader.rows(REMARK_OF, {"photo": now.photo})]
        known |= {"remark": remark}
        known |= {"places": {shot.photo: place for place, shot in enumerate(walk.shots)}}
        return self._pages.render(request, "review_walk.html", **known)

    async def decide(self, request: web.Request) -> web.Response:
        """Keep what was typed of a photo, and do what the button says; then to the photo that is looked at next."""
        self._decisions.check(request)
        race_id = request.match_info["race_id"]
        given = await form_of(request)
        photo, steps = given.get("photo", ""), _steps(given.get("was", ""))
        shows, at = given.get("shows", ""), given.get("at", "")
        is_back = bool(given.get("back") and steps)
        is_button = is_back or (read_photo_id(at) if at else STEP.fullmatch(f"{photo}~{shows}"))
        if not read_photo_id(photo) or not is_button:
            raise Problem(Code.NOT_UNDERSTOOD, "photo and shows are to be as the page's buttons have them")
        if (remark := given.get("remark", "")).split() != given.get("said", "").split():
            await self._decisions.keep_remark(photo, remark)
        if is_back:  # the photo is looked at again
            at, before = steps.pop()
            await self._name(race_id, at, before)
        elif not at:
            before = _state(await self._read(race_id), photo)
            walk = await self._name(race_id, photo, shows)
            steps.append((photo, TURN if shows == TURN else before))
            following = None if shows == TURN else walk.next_open(photo)
            at = following.photo if following else photo
        was = ".".join("~".join(step) for step in steps[-STEPS:])
        raise web.HTTPSeeOther(linker(request.query.get("lang"))(f"/review/walks/{race_id}", at=at, was=was or None))

    async def _name(self, race_id: str, photo: str, shows: str) -> Walk:
        async with self._decisions.deciding() as connection:
            if shows == TURN:
                return await turn_head(connection, race_id, photo)
            return await name_shot(connection, race_id, photo, _meaning(shows))

    def routes(self) -> list[web.RouteDef]:
        """Where all that is."""
        return [
            web.get("/review/walks", self.races),
            web.get(f"/review/walks/{RACE}", self.walk),
            web.post(f"/review/walks/{RACE}", self.decide),
        ]

    async def _read(self, race_id: str) -> Walk:
        facts = {"race_id": race_id}
        walkers, shots = await self._reader.rows(WALKING, facts), await self._reader.rows(SHOTS, facts)
        return walk_of(race_id, [_values(row) for row in walkers], [_values(row) for row in shots])


def _values(row: Row) -> list[Any]:
    return list(row.values())


def _meaning(shows: str) -> int | MatchRule:
    return {NONE: MatchRule.NO_HORSE, OPEN: MatchRule.NOT_NAMED}.get(shows) or int(shows)


def _state(walk: Walk, photo: str) -> str:
    """What a person has said of a photo, as a button says it."""
    shot = next((shot for shot in walk.shots if shot.photo == photo), None)
    if shot is None or not shot.by_hand:
        return OPEN
    number = walk.number_of(shot.horse_id)
    return str(number) if number else NONE


def _steps(text: str) -> list[tuple[str, str]]:
    """The decisions that an address holds; anything else in it is left out."""
    found = [STEP.fullmatch(part) for part in text.split(".")[-STEPS:]]
    return [(one[1], one[2]) for one in found if one and read_photo_id(one[1])]
