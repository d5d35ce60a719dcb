"""The page of `trainer guess`: one photo after the other, and a person says how far each horse would stay."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from aiohttp import web

from collector.web.server.guards import Guard, add_headers, make_middleware
from collector.web.server.look import static_files
from collector.web.server.problems import Code, Problem
from collector.web.server.rendering import Renderer, language_of
from trainer.dataset.formats import EXTENSIONS
from trainer.evaluation.guess import Quiz
from trainer.web.words import PAGES

HERE = Path(__file__).parent
COOKIE, COST = "paddock_guess", 0.1  # no token is needed, as only this machine has access; COST is in tokens a request


class QuizPage:
    """The handlers of a quiz; `done` is called after the last answer."""

    def __init__(self, quiz: Quiz, done: Callable[[], None]) -> None:
        self._quiz, self._done = quiz, done
        self._renderer = Renderer(HERE / "templates", PAGES, quiz=quiz)

    def _page(self, request: web.Request, status: int = 200, **facts: Any) -> web.Response:
        return self._renderer.page(request, "quiz.html", status, **{"sentence": None} | facts)

    def problem(self, request: web.Request, problem: Problem) -> web.StreamResponse:
        """The page of a problem."""
        return self._page(request, problem.status, sentence=problem.sentence(language_of(request)))

    async def show(self, request: web.Request) -> web.Response:
        """The photo whose turn it is; after the last one, thanks."""
        return self._page(request)

    async def picture(self, request: web.Request) -> web.Response:
        """A photo of the quiz."""
        number = int(request.match_info["number"]) - 1
        if not 0 <= number < len(self._quiz.photos):
            raise Problem(Code.NOT_FOUND)
        asked = self._quiz.photos[number]
        kind = asked.media_type if asked.media_type in EXTENSIONS else "application/octet-stream"
        return web.Response(body=asked.body, content_type=kind)

    async def say(self, request: web.Request) -> web.Response:
        """Keep an answer, and go on."""
        form = await request.post()
        try:
            value, number = float(str(form["value"])), int(str(form["number"]))
        except (KeyError, ValueError) as error:
            raise Problem(Code.NOT_UNDERSTOOD, "an answer is a number from 0 to 1") from error
        if form.get("token") != self._quiz.token or not 0 <= value <= 1:
            raise Problem(Code.NOT_UNDERSTOOD, "an answer is a number from 0 to 1, sent by this page")
        if number == self._quiz.answered + 1:  # else the page was sent twice
            self._quiz.say(value)
        if self._quiz.over:
            self._done()
        raise web.HTTPSeeOther(f"/?lang={language_of(request)}")


def make_quiz(quiz: Quiz, done: Callable[[], None]) -> web.Application:
    """The web application of a quiz, for this machine only; `done` is called after the last answer."""
    pages = QuizPage(quiz, done)
    app = web.Application(middlewares=[make_middleware(Guard(COOKIE, lambda _path: COST), _welcome, pages.problem)])
    app.on_response_prepare.append(add_headers)
    photo = r"/photo/{number:\d{1,6}}"
    app.add_routes([web.get("/", pages.show), web.post("/", pages.say), web.get(photo, pages.picture)])
    app.add_routes([*static_files(HERE / "static")])
    return app


def _welcome(_request: web.Request) -> web.StreamResponse:
    raise web.HTTPSeeOther("/")
