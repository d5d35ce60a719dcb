"""The pages on which photos are compared, and the marks by which they are brought to one scale."""

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import LiteralString
from urllib.parse import parse_qsl, urlencode

from aiohttp import web

from collector.web.codes import Code
from collector.web.compare.drawing import Drawing, draw, size_of
from collector.web.compare.geometry import Marks
from collector.web.compare.picture import broken, cells, embedded
from collector.web.compare.shown import held_photos
from collector.web.compare.state import MOST, Comparison, View, read_comparison
from collector.web.horse.facts import Row
from collector.web.pages import Pages, sources_of
from collector.web.review.decisions import Decisions, form_of
from collector.web.server.problems import Problem
from collector.web.server.rendering import linker

TOUCHED = 280  # px: the width of the picture that one marks without a script; it fits every telephone
POINTS = ("withers_x", "withers_y", "buttock_x", "buttock_y")
PER_CENT = re.compile(r"\d{1,3}(?:\.\d{1,2})?", re.ASCII)
KEPT: LiteralString = """
SELECT photo_id, withers_x, withers_y, buttock_x, buttock_y FROM photo JOIN photo_mark USING (digest)
WHERE photo_id = ANY (%(photos)s)
"""
KEEP: LiteralString = """
INSERT INTO photo_mark (digest, withers_x, withers_y, buttock_x, buttock_y)
SELECT digest, %(withers_x)s, %(withers_y)s, %(buttock_x)s, %(buttock_y)s FROM photo WHERE photo_id = %(photo)s
ON CONFLICT (digest) DO UPDATE SET (withers_x, withers_y, buttock_x, buttock_y, marked_at)
    = (excluded.withers_x, excluded.withers_y, excluded.buttock_x, excluded.buttock_y, now())
"""


class ComparePages:
    """Photos beside each other and over one another."""

    def __init__(self, pages: Pages, decisions: Decisions) -> None:
        self._pages, self._decisions = pages, decisions
        self._reader = pages.service.reader
        pages.add_filters(broken=broken, cells=cells, state=state_of)

    async def compare(self, request: web.Request) -> web.Response:
        """The photos of an address, as it says."""
        drawing = await self._drawing(read_comparison(request.query.items()))
        sources = sources_of(drawn.photo for drawn in drawing.photos) if drawing else []
        return self._pages.render(
            request, "compare.html", sources=sources, drawing=drawing, views=list(View), most=MOST
        )

    async def picture(self, request: web.Request) -> web.Response:
        """The same as one picture to keep, with its provenance written into it."""
        drawing = await self._drawing(read_comparison(request.query.items()))
        if drawing is None:
            raise Problem(Code.NOT_FOUND)
        photos = await embedded(self._pages.service.pictures, drawing)
        response = self._pages.render(request, "compare.svg", drawing=drawing, photos=photos)
        response.content_type = "image/svg+xml"
        response.headers["Content-Disposition"] = 'attachment; filename="paddock.svg"'
        return response

    async def marks(self, request: web.Request) -> web.Response:
        """Where the two marks of a photo are set: by a finger on it, by handles, or by numbers."""
        given = request.query
        state = read_comparison(parse_qsl(given.get("state", "")))
        photo = await self._one(given.get("of", ""))
        numbers = _numbers(given) or _in_per_cent(await self._marks_of(state, photo["photo"]))
        if given.get("at.x") and given.get("at.y"):  # a finger was here
            part = given.get("part", "withers")
            numbers |= _touched(given, part, photo)
            onward = "buttock" if part == "withers" else "withers"
            raise web.HTTPSeeOther(_marks_address(request, photo["photo"], state, part=onward, **numbers))
        marks = _as_marks(numbers)
        if given.get("then") == "use" and marks:
            raise web.HTTPSeeOther(_address(request, replace(state, marks=state.marks | {photo["photo"]: marks})))
        return self._pages.render(
            request, "marks.html", photo=photo, numbers=numbers, asked=state, touched=TOUCHED, size=size_of(photo),
            part=given.get("part", "withers"), missing=given.get("then") == "use",
        )  # fmt: skip

    async def keep(self, request: web.Request) -> web.Response:
        """Keep a photo's marks; then back to the comparison."""
        self._decisions.check(request)
        given = await form_of(request)
        state = read_comparison(parse_qsl(given.get("state", "")))
        photo = await self._one(given.get("of", ""))
        numbers = _numbers(given)
        marks = _as_marks(numbers)
        if marks is None:
            raise web.HTTPSeeOther(_marks_address(request, photo["photo"], state, then="use", **numbers))
        values = dict(zip(POINTS, (*marks.withers, *marks.buttock), strict=True))
        async with self._decisions.deciding(searched=False) as connection:
            await connection.execute(KEEP, values | {"photo": photo["photo"]})
        others = {name: marks for name, marks in state.marks.items() if name != photo["photo"]}
        raise web.HTTPSeeOther(_address(request, replace(state, marks=others)))

    def routes(self) -> list[web.RouteDef]:
        """Where all that is."""
        return [
            web.get("/compare", self.compare),
            web.get("/compare/picture.svg", self.picture),
            web.get("/compare/marks", self.marks),
            web.post("/compare/marks", self.keep),
        ]

    async def _drawing(self, asked: Comparison) -> Drawing | None:
        photos = await held_photos(self._reader, asked.photos)
        if not photos:
            return None
        there = replace(asked, photos=tuple(photo["photo"] for photo in photos))
        return draw(there, photos, await self._kept(there.photos))

    async def _one(self, photo: str) -> Row:
        found = await held_photos(self._reader, [photo])
        if not found:
            raise Problem(Code.NOT_FOUND)
        return found[0]

    async def _marks_of(self, state: Comparison, photo: str) -> Marks | None:
        return state.marks.get(photo) or (await self._kept((photo,))).get(photo)

    async def _kept(self, photos: tuple[str, ...]) -> dict[str, Marks]:
        rows = await self._reader.rows(KEPT, {"photos": list(photos)})
        return {
            row["photo_id"]: Marks(*((row[f"{part}_x"], row[f"{part}_y"]) for part in ("withers", "buttock")))
            for row in rows
        }


def state_of(asked: Comparison) -> str:
    """A comparison as one word of an address."""
    return urlencode(asked.words())


def _numbers(given: Mapping[str, str]) -> dict[str, str]:
    """The marks as they were typed, in per cent; those that cannot be read are left out."""
    typed = {name: given.get(name, "").strip() for name in POINTS}
    return {name: text for name, text in typed.items() if PER_CENT.fullmatch(text) and float(text) <= 100}


def _in_per_cent(marks: Marks | None) -> dict[str, str]:
    if marks is None:
        return {}
    return {name: f"{100 * share:.1f}" for name, share in zip(POINTS, (*marks.withers, *marks.buttock), strict=True)}


def _as_marks(numbers: Mapping[str, str]) -> Marks | None:
    if numbers.keys() != set(POINTS):
        return None
    x, y, other_x, other_y = (round(float(numbers[name]) / 100, 4) for name in POINTS)
    return Marks((x, y), (other_x, other_y))


def _touched(given: Mapping[str, str], part: str, photo: Row) -> dict[str, str]:
    """The mark that a finger set on the small picture."""
    size = size_of(photo)
    height = TOUCHED * size.height / size.width
    if part not in ("withers", "buttock") or not (given["at.x"].isdecimal() and given["at.y"].isdecimal()):
        raise Problem(Code.NOT_UNDERSTOOD, "part is to be withers or buttock, and at a place on the picture")
    x, y = min(float(given["at.x"]) / TOUCHED, 1), min(float(given["at.y"]) / height, 1)
    return {f"{part}_x": f"{100 * x:.1f}", f"{part}_y": f"{100 * y:.1f}"}


def _address(request: web.Request, state: Comparison) -> str:
    return linker(request.query.get("lang"))("/compare", state.words())


def _marks_address(request: web.Request, photo: str, state: Comparison, **numbers: str) -> str:
    return linker(request.query.get("lang"))("/compare/marks", of=photo, state=state_of(state), **numbers)
