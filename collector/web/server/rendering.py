"""Templates become pages in the reader's language."""

from collections.abc import Callable, Iterable
from datetime import date, datetime
from functools import lru_cache
from pathlib import Path
from typing import Any

from aiohttp import web
from jinja2 import Environment, FileSystemLoader, StrictUndefined, pass_context
from jinja2.runtime import Context
from yarl import URL

from collector.console.catalogue import LANGUAGES, Catalogue
from collector.console.measures import limit_in_words, size_in_words
from collector.console.wording import JST
from collector.storage.racing import kind_of
from collector.web.server.addresses import host_of, web_address
from collector.web.server.guards import cookie_of
from collector.web.server.language import choose_language
from collector.web.server.problems import Code, Problem

OF_BOTH = Path(__file__).parent / "templates"
GAPS = {"en": " ", "ja": ""}  # between two sentences
Render = Callable[..., web.Response]  # what makes a page: request, template, status, facts


def language_of(request: web.Request) -> str:
    """The language of a request: `lang` in its address, or what the browser likes."""
    return choose_language(request.query.get("lang"), request.headers.get("Accept-Language", ""))


def make_environment(templates: Path) -> Environment:
    """The templates of a folder, and those of both servers. Whatever is put into them is escaped, and a name that is
    missing is an error."""
    environment = Environment(
        loader=FileSystemLoader([templates, OF_BOTH]), autoescape=True, undefined=StrictUndefined, trim_blocks=True,
        lstrip_blocks=True, auto_reload=False,
    )  # fmt: skip
    environment.filters["percent"] = lambda share: f"{100 * share:.2f}%"
    environment.filters["two"] = lambda value: f"{value:.2f}"
    environment.filters["size"] = size_in_words
    environment.filters["limit"] = limit_in_words
    environment.filters["address"] = web_address
    environment.filters["host"] = host_of
    environment.filters["kind"] = kind_of
    environment.filters["day"] = day_in_words
    return environment


@pass_context
def day_in_words(context: Context, day: date | str) -> str:
    """A day, or the day of a moment in Japan, as the reader's language writes it."""
    if isinstance(day, str):
        day = date.fromisoformat(day)
    if isinstance(day, datetime):
        day = day.astimezone(JST)
    return formatted_day(context["t"]["day"], day)


@lru_cache(maxsize=4096)  # a page has dozens of days, most of them more than once
def formatted_day(words: str, day: date) -> str:
    """A day put into words that have a place for it."""
    return words.format(day=day)


def own_address(request: web.Request, *, without: str) -> URL:
    """A request's address on this server, without a parameter of its query; what was sent is not sent again."""
    here = request.rel_url
    # Browsers take //somewhere for another site, and /\\somewhere too.
    if request.method != "GET" or here.raw_path[1:2] in ("/", "\\"):
        return URL("/")
    return here.without_query_params(without)


def linker(asked: str | None, kept: Iterable[tuple[str, str]] = ()) -> Callable[..., str]:
    """What makes links: a path, its query, what all links of a page keep, and the language that a reader has chosen."""
    always = [*kept, *([("lang", asked)] if asked in LANGUAGES else [])]
    ending = str(URL.build(query=always))

    def link(path: str, words: Iterable[tuple[str, str]] = (), **query: object) -> str:
        if not words and not query:  # most links of a page
            return _encoded(path) + ending
        named = [(key, str(word)) for key, word in query.items() if word not in (None, "")]
        return str(URL.build(path=path, query=[*words, *named, *always]))

    return link


@lru_cache(maxsize=4096)
def _encoded(path: str) -> str:
    return str(URL.build(path=path))


class Renderer:
    """A server's templates, and the catalogue of their texts."""

    def __init__(self, templates: Path, catalogue: Catalogue, **always: Any) -> None:
        self.environment = make_environment(templates)
        self._catalogue = catalogue
        self._always = always  # facts that every page has at hand

    def page(self, request: web.Request, template: str, status: int = 200, **facts: Any) -> web.Response:
        """A page in the reader's language, with a link to itself in the other one."""
        language = language_of(request)
        other = next(code for code in LANGUAGES if code != language)
        text = self.environment.get_template(template).render(
            self._always
            | {
                "lang": language,
                "t": self._catalogue.read(language),
                "link": linker(request.query.get("lang")),
                "asked_language": request.query.get("lang") in LANGUAGES,
                "gap": GAPS[language],
                "other": other,
                "other_name": LANGUAGES[other],
                # A link, so that it stays in the address; a token does not.
                "switch": str(own_address(request, without="token").update_query(lang=other)),
            }
            | facts
        )
        return web.Response(
            text=text, status=status, content_type="text/html", headers={"Vary": "Accept-Language, Cookie"}
        )


def problem_page(render: Render, request: web.Request, problem: Problem, **facts: Any) -> web.Response:
    """A page that says what is wrong, and lets one try again; `facts` is what its form was filled in with."""
    sentence = problem.sentence(language_of(request))
    template = "token.html" if problem.code is Code.NO_TOKEN else "problem.html"
    return render(request, template, problem.status, sentence=sentence, **facts)


def welcome_page(render: Render, request: web.Request, cookie: str) -> web.Response:
    """For who has brought a token: the cookie, and on to the page.

    On by the page itself: a browser that came from elsewhere would not send a strict cookie along a redirect.
    """
    response = render(request, "welcome.html", onward=str(own_address(request, without="token")))
    token = request.query["token"]
    response.set_cookie(cookie, cookie_of(token), httponly=True, samesite="Strict", secure=request.secure)
    response.headers["Cache-Control"] = "no-store"
    return response
