"""The pages for people: they work without a script, and better with one. An address holds a page's whole state."""

from collections.abc import Callable, Iterable
from datetime import UTC, date, datetime
from enum import StrEnum
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from aiohttp import web
from jinja2 import pass_context
from jinja2.runtime import Context

from collector.codes import Block, Delay, Failure, MatchRule, Said
from collector.console.catalogue import PAGES, Words
from collector.console.code_words import describe, describe_claim
from collector.console.wording import on_the_clock, with_demo
from collector.remarks.build import TAGS, tag_in_words
from collector.sources.registry import is_personal
from collector.web.compare.shown import grown
from collector.web.compare.tray import tray_of
from collector.web.feed.news import recent
from collector.web.feed.said import facts_of, title_of
from collector.web.forecasts import register
from collector.web.horse import facts
from collector.web.horse.axes import opined
from collector.web.horse.record import record
from collector.web.horse.remarks import pieces
from collector.web.horse.strip import folded
from collector.web.paths import HORSE, ISSUE, OLD_ISSUE, RACE
from collector.web.search import chips
from collector.web.search.address import LONGEST, Query, read_form
from collector.web.search.asked import Asked
from collector.web.search.names import as_key
from collector.web.search.remarks import excerpt
from collector.web.search.results import find
from collector.web.server.conditional import ASK_AGAIN
from collector.web.server.guards import FEED
from collector.web.server.named_commands import coder
from collector.web.server.problems import Code, Problem
from collector.web.server.rendering import Renderer, day_in_words, formatted_day, linker, problem_page, welcome_page
from collector.web.service import Service

HERE = Path(__file__).parent
Thing = TypeVar("Thing")
FIRST_NEWS = 6  # of followed horses, on the first page


class Pages:
    """What is answered with a page."""

    def __init__(self, service: Service) -> None:
        self.service = service
        self._renderer = Renderer(HERE / "templates", PAGES, tags=list(TAGS))
        self._renderer.environment.filters |= {
            "ordinal": ordinal, "by_race": by_race,
            "coded": coder(demo=service.demo), "command": partial(with_demo, demo=service.demo),
            "moment": moment_in_words, "shot": shot_in_words, "start": on_the_clock,
            "clock": partial(on_the_clock, seconds=True),
            "rule_words": _words_of(MatchRule), "delay_words": _words_of(Delay), "block_words": _words_of(Block),
            "failure_words": _words_of(Failure), "said_words": _words_of(Said), "claim_words": claim_words,
            "tag_words": tag_words, "news_title": _in_words_of(title_of), "news_facts": _in_words_of(facts_of),
            "coat_words": _in_words_of(chips.coat_words), "course_words": _in_words_of(chips.course_words),
            "chosen": chips.chosen,
            "facets": chips.facets, "sorts": chips.sorts, "options": chips.options,
            "chip_list": chips.chip_list,
            "excerpt": lambda said: excerpt(said.remark, said.found),
            "pieces": lambda shown: pieces(shown["comment"], shown["claims"], shown["build_tags"]),
        }  # fmt: skip

    def render(
        self, request: web.Request, template: str, status: int = 200, sources: Iterable[str] = (), **known: Any
    ) -> web.Response:
        """A page in the reader's language, with photos of these sources."""
        guard = self.service.guard
        known |= {"may_decide": guard.may_decide(request), "decisions": guard.admin_token is not None}
        known.setdefault("query", Query())
        known["model"] = self.service.asking.possible
        tray = tray_of(request)
        asked = request.query.get("lang")
        known |= {"tray": tray, "link": linker(asked, tray.words), "plain_link": linker(asked)}
        known["owners"] = owners_of(sources)
        known["feed"] = self._feed(request) if guard.may_read(request) else None  # else its token would be shown
        response = self._renderer.page(request, template, status, **known)
        response.headers["Cache-Control"] = ASK_AGAIN  # so that going back shows the page at once
        return response

    def add_filters(self, **filters: Callable[..., Any]) -> None:
        """Give the templates what only some pages need."""
        self._renderer.environment.filters |= filters

    def _feed(self, request: web.Request) -> str:
        """The feed's address for a feed reader."""
        return linker(request.query.get("lang"))(FEED, token=self.service.guard.feed_token)

    def problem(self, request: web.Request, problem: Problem) -> web.Response:
        """A page that says what is wrong."""
        return problem_page(self.render, request, problem)

    def welcome(self, request: web.Request) -> web.Response:
        """For who has brought a token."""
        return welcome_page(self.render, request, self.service.guard.cookie)

    async def search(self, request: web.Request) -> web.Response:
        """Photos by horse, as the address asks; without a question, the newest."""
        query, wrong = read_form(request.query)
        index = await self.service.held.index()
        if wrong:  # the form stays as it was filled in, and says what to change
            typed = {one.field: one.given for one in wrong}
            return self.render(
                request, "search.html", 400, query=query, wrong=wrong, typed=typed, news=[],
                remarked=index.remarked, counts=Asked(index, Query()).counts(),
            )  # fmt: skip
        asked = Asked(index, query)
        found = await find(self.service.reader, asked)
        news = (await recent(self.service.reader)).news[:FIRST_NEWS] if not query.words() else []
        onward = query.words() | {"before": str(found.more)} if found.more else None
        return self.render(
            request, "search.html", query=query, found=found, counts=asked.counts(), onward=onward, news=news,
            remarked=index.remarked,
            sources=[photo.photo.partition(":")[0] for group in found.groups for photo in group.shown],
            first={key: word for key, word in query.words().items() if key != "before"},
        )  # fmt: skip

    async def horse(self, request: web.Request) -> web.Response:
        """A horse as it grew: its photos in time order, its aptitudes, its entries."""
        horse_id = request.match_info["horse_id"]
        known = await facts.horse_facts(self.service.reader, horse_id)
        return self._horse(request, known) if known else await self._named(request, horse_id)

    async def name(self, request: web.Request) -> web.Response:
        """The photos of a name whose horse is open; the horse itself, where just one bears the name."""
        return await self._named(request, request.match_info["name"])

    async def _named(self, request: web.Request, name: str) -> web.Response:
        key = as_key(name.replace("\0", "")[:LONGEST])
        known = await facts.name_facts(self.service.reader, key) if key else None
        if known is None:
            raise Problem(Code.NOT_FOUND)
        if not known.photos and len(known.bearers) == 1:
            raise web.HTTPSeeOther(
                request.rel_url.with_path(f"/horses/{known.bearers[0]['horse_id']}", keep_query=True)
            )
        return self._horse(request, known)

    def _horse(self, request: web.Request, known: facts.HorseFacts) -> web.Response:
        now = max([datetime.now(UTC), *(row[-1].at for row in known.opinions.values())])
        return self.render(
            request, "horse.html", sources=sources_of(known.photos), facts=known, grown=grown(known.photos),
            opined=opined(known.opinions, known.labels, now), record=record(known.entries),
            strip=folded(known.photos),
        )  # fmt: skip

    async def race(self, request: web.Request) -> web.Response:
        """A race: its field in draw order, with photos and results."""
        known = await facts.race_facts(self.service.reader, request.match_info["race_id"])
        if known is None:
            raise Problem(Code.NOT_FOUND)
        return self.render(request, "race.html", sources=sources_of(known.photos), facts=known)

    async def issue(self, request: web.Request) -> web.Response:
        """A back number: all its photos, race by race in draw order."""
        known = await facts.issue_facts(self.service.reader, request.match_info["issue"])
        if known is None:
            raise Problem(Code.NOT_FOUND)
        return self.render(request, "issue.html", sources=sources_of(known.photos), facts=known)

    async def forecasts(self, request: web.Request) -> web.Response:
        """The register of forecasts: the newest ones, and what has come since."""
        return self.render(request, "forecasts.html", register=await register(self.service.reader))

    async def moved_issue(self, request: web.Request) -> web.Response:
        """Where an issue is, likewise."""
        issue = await facts.current_issue_id(self.service.reader, request.match_info["old_issue"])
        return moved(request, f"/issues/{issue}" if issue else None)

    def routes(self) -> list[web.RouteDef]:
        """Where all that is."""
        return [
            web.get("/", self.search),
            web.get(f"/horses/{HORSE}", self.horse),
            web.get("/horses/{name:[^/]{1,200}}", self.name),
            web.get(f"/races/{RACE}", self.race),
            web.get("/forecasts", self.forecasts),
            web.get(f"/issues/{ISSUE}", self.issue),
            web.get(f"/issues/{OLD_ISSUE}", self.moved_issue),
        ]


def owners_of(sources: Iterable[str]) -> str:
    """Which of the catalogue's sentences says what may be done with photos of these sources."""
    personal = {is_personal(source) for source in sources}
    return "owners_state" if personal == {True} else "owners_differ" if True in personal else "owners"


def sources_of(photos: Iterable[facts.Row]) -> list[str]:
    """The sources of photos."""
    return [photo["source"] for photo in photos]


def moved(request: web.Request, path: str | None) -> web.Response:
    """Where something is now, by the address that it had while there was one source."""
    if path is None:
        raise Problem(Code.NOT_FOUND)
    raise web.HTTPMovedPermanently(request.rel_url.with_path(path, keep_query=True))


def ordinal(number: int) -> str:
    """A place as English says it: 1st, 2nd, 11th."""
    ending = "th" if number % 100 in (11, 12, 13) else {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th")
    return f"{number}{ending}"


def _words_of(kind: type[StrEnum]) -> Callable[..., str]:
    """What turns codes of this kind, and what stands beside them, into the reader's language."""

    @pass_context
    def in_language(context: Context, code: str | None, detail: str | None = None) -> str:
        return describe(kind, code, detail, language=context["lang"])

    return in_language


def _in_words_of(say: Callable[[Thing, Words], str]) -> Callable[[Context, Thing], str]:
    """What says something in the reader's language."""
    return pass_context(lambda context, thing: say(thing, context["t"]))


@pass_context
def claim_words(context: Context, claim: facts.Row) -> str:
    """A claim of a remark in the reader's language."""
    return describe_claim(claim, language=context["lang"])


@pass_context
def tag_words(context: Context, tag: str) -> str:
    """A word of the build, with what it means for who does not read Japanese."""
    return tag_in_words(tag, context["lang"])


@pass_context
def moment_in_words(context: Context, moment: datetime) -> str:
    """A moment in Japan, to the minute, as the reader's language writes it."""
    return f"{day_in_words(context, moment)} {on_the_clock(moment)} JST"


@pass_context
def shot_in_words(context: Context, photo: facts.Row) -> str:
    """The day on which a photo was taken, of which a page states no year; or the month alone."""
    leap = date(2000, photo["shot_month"], photo["shot_day"] or 1)
    return formatted_day(context["t"]["day_of_year" if photo["shot_day"] else "month"], leap)


def by_race(photos: list[facts.Row]) -> list[list[facts.Row]]:
    """Photos of each race, in the order in which they come; one whose race is open stands under its heading's race."""
    headed: dict[str, set[str]] = {}
    for photo in photos:
        if photo["race_id"] and photo["printed_race"]:
            headed.setdefault(photo["printed_race"], set()).add(photo["race_id"])
    races: dict[str, list[facts.Row]] = {}
    for photo in photos:
        heading = photo["printed_race"] or ""
        known = headed.get(heading, set())
        races.setdefault(photo["race_id"] or (min(known) if len(known) == 1 else heading), []).append(photo)
    return list(races.values())
