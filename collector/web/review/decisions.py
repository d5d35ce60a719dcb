"""Decisions of a person: each calls the function that its command calls, and needs the token that decisions need."""

import asyncio
import json
import logging
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import urlsplit

import psycopg
from aiohttp import web
from pydantic import BaseModel

from collector.console.trouble import reason_of, trouble_of
from collector.errors import Busy, TryLater, UsageError
from collector.matching.by_hand import decide_by_hand, take_back
from collector.pipeline.forget import Forgotten, forget_url
from collector.politeness.gate import Connection
from collector.storage.photo_ids import EXAMPLE, read_photo_id
from collector.web.api import decided
from collector.web.codes import Code
from collector.web.horse.facts import photo_facts
from collector.web.review.rereading import Rereading
from collector.web.search.address import read_query
from collector.web.search.renewal import renew
from collector.web.server.problems import Problem
from collector.web.server.rendering import linker
from collector.web.service import Service

# Where one goes back to, by a word: an address that was sent is never followed.
STEPS = 12  # decisions that can be taken back, one after the other
ORDERS = ("newest",)  # of the open photos; those worth most come first otherwise
LISTS = {"open": "/review/open", "decided": "/review/decided", "copies": "/review/copies"}

logger = logging.getLogger(__name__)


class Decisions:
    """What is sent to be decided."""

    def __init__(self, service: Service) -> None:
        self.service = service
        self.rereading = Rereading(service, self._renew_soon)
        self._renewing = set[asyncio.Task[None]]()

    async def match(self, request: web.Request) -> web.Response:
        """This photo shows this horse; then back to the list."""
        self.check(request)
        given = await form_of(request)
        photo = _photo(given)
        await self._match(photo, given.get("horse", ""))
        if given.get("back") == "photo":
            raise web.HTTPSeeOther(_link(request, f"/photos/{photo}"))
        raise web.HTTPSeeOther(_back(request, given, [photo, *_done(given)]))

    async def take_back(self, request: web.Request) -> web.Response:
        """The decision on this photo is taken back; then back to the list."""
        self.check(request)
        given = await form_of(request)
        photo = _photo(given)
        async with self.deciding() as connection:
            await take_back(connection, photo)
        raise web.HTTPSeeOther(_back(request, given, [other for other in _done(given) if other != photo]))

    async def forget(self, request: web.Request) -> web.Response:
        """Forget a photo for good, once it has been said that this is meant; then back to the list."""
        self.check(request)
        given = await form_of(request)
        photo = _photo(given)
        if given.get("sure") != "yes":
            raise web.HTTPSeeOther(_link(request, f"/review/forget/{photo}", back=given.get("back", "")))
        known = await photo_facts(self.service.reader, photo)
        if known is None:
            raise Problem(Code.NOT_FOUND)
        await self._forget(known["page_url"])
        raise web.HTTPSeeOther(_link(request, LISTS.get(given.get("back", ""), "/review"), forgotten=photo))

    async def remark(self, request: web.Request) -> web.Response:
        """This is what a person says of a photo of their own; then back to it."""
        self.check(request)
        given = await form_of(request)
        photo = _photo(given)
        await self.keep_remark(photo, given.get("remark", ""))
        raise web.HTTPSeeOther(_link(request, f"/photos/{photo}"))

    async def read_again(self, request: web.Request) -> web.Response:
        """Read every archived page again, or see what that would change; then to where its progress is shown."""
        self.check(request)
        given = await form_of(request)
        self.rereading.start(dry_run=given.get("what") != "change")
        raise web.HTTPSeeOther(_link(request, "/review/reading"))

    async def api_match(self, request: web.Request) -> web.Response:
        """This photo shows this horse, for programs: which horse that is."""
        self.check(request)
        given = await _object(request, decided.ToMatch)
        photo = _photo(given)
        matched = decided.Matched(photo=photo, horse_id=await self._match(photo, given["horse"]))
        return web.json_response(matched.model_dump())

    async def api_forget(self, request: web.Request) -> web.Response:
        """Forget what is at an address for good, for programs: what has gone."""
        self.check(request)
        url = (await _object(request, decided.ToForget))["url"]
        if not _is_address(url):
            raise Problem(Code.NOT_UNDERSTOOD, "url is to be the address of a photo's page or picture")
        forgotten = decided.Forgotten.model_validate(await self._forget(url), from_attributes=True)
        return web.json_response(forgotten.model_dump())

    def routes(self) -> list[web.RouteDef]:
        """Where all that is sent."""
        return [
            web.post("/review/match", self.match),
            web.post("/review/take-back", self.take_back),
            web.post("/review/forget", self.forget),
            web.post("/review/remark", self.remark),
            web.post("/review/reading", self.read_again),
            web.post("/api/decisions/match", self.api_match),
            web.post("/api/decisions/forget", self.api_forget),
        ]

    async def close(self) -> None:
        """Give up what goes on in the background."""
        await self.rereading.close()
        for task in self._renewing:
            task.cancel()
        await asyncio.gather(*self._renewing, return_exceptions=True)

    def check(self, request: web.Request) -> None:
        """Let only those decide who may."""
        if not self.service.guard.may_decide(request):
            raise Problem(Code.READ_ONLY)

    async def keep_remark(self, photo: str, remark: str) -> None:
        """Keep what a person says of a photo of their own."""
        async with self.deciding() as connection:
            try:
                await self.service.keep_remark(connection, photo, remark)
            except Busy as error:  # an import, whose sentence says so
                raise UsageError(str(error)) from error

    async def _match(self, photo: str, horse: str) -> str:
        async with self.deciding() as connection:
            return await decide_by_hand(connection, photo, horse.strip())

    async def _forget(self, url: str) -> Forgotten:
        async with self.deciding() as connection:
            return await forget_url(connection, url)

    @asynccontextmanager
    async def deciding(self, *, searched: bool = True) -> AsyncIterator[Connection]:
        """A connection for one decision; when it is taken, the search is renewed, where it shows what was decided."""
        try:
            async with self.service.deciding() as connection:
                yield connection
        except Busy as error:
            raise Problem(Code.READING) from error
        except UsageError as error:
            raise Problem(Code.NOT_DECIDED, str(error)) from error
        except psycopg.Error as error:
            trouble = trouble_of(error)
            if trouble is None:
                raise
            if trouble.passes:
                raise TryLater("the decision was not taken") from error
            raise Problem(Code.NOT_DECIDED, str(trouble)) from error
        if searched:
            self._renew_soon()

    def _renew_soon(self) -> None:
        task = asyncio.create_task(self._renew())
        self._renewing.add(task)
        task.add_done_callback(self._renewing.discard)

    async def _renew(self) -> None:
        """Make the search's views anew, without a look: Postgres may count a change a second after it was made."""
        try:
            async with self.service.deciding() as connection:
                await renew(connection)
            await self.service.held.renew()
        except (TryLater, psycopg.Error) as error:
            logger.warning("the search is not up to date", extra={"reason": reason_of(error)})


async def form_of(request: web.Request) -> dict[str, str]:
    """The fields of a form that was sent."""
    if request.content_type != "application/x-www-form-urlencoded":
        raise Problem(Code.NOT_UNDERSTOOD, "a form is to be sent")
    try:
        given = await request.post()
    except (ValueError, LookupError) as error:
        raise Problem(Code.NOT_UNDERSTOOD, "the form cannot be read") from error
    return _texts({name: value for name, value in given.items() if isinstance(value, str)})


async def _object(request: web.Request, model: type[BaseModel]) -> dict[str, str]:
    """The fields of a JSON object that was sent; all of them are texts."""
    names = model.model_fields.keys()
    if request.content_type != "application/json":
        raise Problem(Code.NOT_UNDERSTOOD, "JSON is to be sent")
    try:
        given: Any = json.loads(await request.read())
    except (ValueError, RecursionError) as error:
        raise Problem(Code.NOT_UNDERSTOOD, "the JSON cannot be read") from error
    if not isinstance(given, dict) or given.keys() != names or not all(isinstance(given[name], str) for name in names):
        raise Problem(Code.NOT_UNDERSTOOD, f"an object with {' and '.join(names)} is to be sent, as texts")
    return _texts(given)


def _texts(given: Mapping[str, str]) -> dict[str, str]:
    """The same, where a database can hold all of it."""
    for name, text in given.items():
        if "\0" in text or any("\ud800" <= letter <= "\udfff" for letter in text):
            raise Problem(Code.NOT_UNDERSTOOD, f"{name} is not text") from None
    return dict(given)


def _photo(given: Mapping[str, str]) -> str:
    photo = given.get("photo", "").strip()
    if read_photo_id(photo) is None:
        raise Problem(Code.NOT_UNDERSTOOD, f"photo is to be such as {EXAMPLE}")
    return photo


def _done(given: Mapping[str, str]) -> list[str]:
    """The photos that were decided before, the last one first."""
    return [photo for photo in given.get("done", "").split() if read_photo_id(photo)]


def _back(request: web.Request, given: Mapping[str, str], done: list[str]) -> str:
    """The list from which a decision came, with what can be taken back."""
    before = read_query({"before": given.get("before", "")}).before
    path = LISTS.get(given.get("back", ""), LISTS["open"])
    order = given.get("order") if given.get("order") in ORDERS else None
    return _link(request, path, done=" ".join(done[:STEPS]), before=before, order=order)


def _is_address(url: str) -> bool:
    try:
        parts = urlsplit(url)
        return parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False


def _link(request: web.Request, path: str, **query: object) -> str:
    return linker(request.query.get("lang"))(path, **query)
