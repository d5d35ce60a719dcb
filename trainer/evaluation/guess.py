"""`trainer guess`: measures human level.

A page on this machine shows photos, a person estimates how far each horse would stay, and the answers are kept for
`trainer diagnose`.
"""

import html
import json
import secrets
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from aiohttp import web

from collector.web.server.guards import Guard, add_headers, make_middleware
from collector.web.server.problems import Problem
from trainer.dataset.examples import Side
from trainer.dataset.formats import EXTENSIONS, Format, read_shard
from trainer.dataset.manifest import Version
from trainer.directories import for_us_alone, make_folder
from trainer.evaluation.scores import Bootstrap, Score, square

# The style is inside the page.
POLICY = "default-src 'none'; img-src 'self'; style-src 'unsafe-inline'; form-action 'self'; frame-ancestors 'none'"
COOKIE, COST = "paddock_guess", 0.1  # no token is needed, as only this machine has access; COST is in tokens a request


@dataclass(slots=True)
class Quiz:
    """The photos of a quiz, in random order, and how many were answered."""

    photos: list[tuple[str, str, float, bytes, str]]  # name, horse, label, bytes, media type
    path: Path  # of the file of answers, one JSON line each
    token: str = field(default_factory=lambda: secrets.token_urlsafe(8))
    answered: int = 0

    def say(self, value: float) -> None:
        """Keep the answer to the current photo and go on to the next one."""
        photo, horse, label, _, _ = self.photos[self.answered]
        make_folder(self.path.parent)
        with open(self.path, "a", encoding="utf-8", opener=for_us_alone) as file:
            file.write(json.dumps({"photo": photo, "horse_id": horse, "label": label, "guess": value}) + "\n")
        self.answered += 1


def guesses_path(home: Path, version: str) -> Path:
    """Where the answers to a data set version's photos are kept."""
    return home / "guesses" / f"{version}.jsonl"


def choose(version: Version, count: int, path: Path, side: Side = Side.VALIDATION) -> Quiz:
    """A quiz of random photos that have no answer yet, one photo a horse."""
    asked = {json.loads(line)["photo"] for line in path.read_text().splitlines()} if path.exists() else set()
    names: dict[str, str] = {}
    key = version.manifest.label().key
    for shard in version.manifest.shards:
        if shard.side == side:
            for row, _ in read_shard(Format(version.manifest.format), version.folder / shard.path, pictures=False):
                if row["photo"] not in asked and row["labels"].get(key):
                    names.setdefault(row["horse_id"], row["photo"])
    drawn = np.random.default_rng().permutation(sorted(names.values()))[:count]
    found = {}
    for shard in version.manifest.shards:
        if shard.side == side:
            for row, body in read_shard(Format(version.manifest.format), version.folder / shard.path):
                if row["photo"] in drawn:
                    label = row["labels"][key]["value"]
                    found[row["photo"]] = (row["photo"], row["horse_id"], label, body, row["media_type"])
    return Quiz([found[photo] for photo in drawn], path)


def human_level(path: Path) -> Score | None:
    """The MSE of all answers so far on the scale 1..10, resampled by horse; None without answers."""
    lines = [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []
    if not lines:
        return None
    guess, label = (np.array([line[key] for line in lines]) for key in ("guess", "label"))
    return Bootstrap(np.array([line["horse_id"] for line in lines])).mean(square(guess, label))


def make_page(quiz: Quiz, done: Callable[[], None]) -> web.Application:
    """The web application of a quiz, for this machine only; `done` is called after the last answer."""
    app = web.Application(middlewares=[make_middleware(Guard(COOKIE, lambda _path: COST), _welcome, _show_problem)])
    app.on_response_prepare.append(add_headers)

    async def picture(request: web.Request) -> web.Response:
        return _picture(quiz, int(request.match_info["number"]) - 1)

    async def show(_request: web.Request) -> web.Response:
        if quiz.answered >= len(quiz.photos):
            return _page("<p>That was the last one. Thank you. The terminal shows your result.</p>")
        body = PHOTO.format(number=quiz.answered + 1, of=len(quiz.photos), token=html.escape(quiz.token))
        return _page(body)

    async def say(request: web.Request) -> web.Response:
        form = await request.post()
        try:
            value, number = float(str(form["value"])), int(str(form["number"]))
        except (KeyError, ValueError) as error:
            raise web.HTTPBadRequest(text="An answer is a number from 0 to 1.") from error
        if form.get("token") != quiz.token or not 0 <= value <= 1:
            raise web.HTTPBadRequest(text="An answer is a number from 0 to 1, sent by this page.")
        if number == quiz.answered + 1:  # else the page was sent twice
            quiz.say(value)
        if quiz.answered >= len(quiz.photos):
            done()
        raise web.HTTPSeeOther("/")

    app.add_routes(
        [
            web.get("/favicon.ico", _no_icon),
            web.get("/", show),
            web.get(r"/photo/{number:\d{1,6}}", picture),
            web.post("/", say),
        ]
    )
    return app


def _picture(quiz: Quiz, number: int) -> web.Response:
    """A photo of the quiz."""
    if not 0 <= number < len(quiz.photos):
        raise web.HTTPNotFound
    _, _, _, body, media_type = quiz.photos[number]
    known = media_type if media_type in EXTENSIONS else "application/octet-stream"
    return web.Response(body=body, content_type=known)


def _welcome(_request: web.Request) -> web.StreamResponse:
    raise web.HTTPSeeOther("/")


def _show_problem(_request: web.Request, problem: Problem) -> web.StreamResponse:
    response = _page(f"<p>{html.escape(problem.sentence())}</p>")
    response.set_status(problem.status)
    return response


async def _no_icon(_request: web.Request) -> web.Response:
    return web.Response(status=204)  # browsers request one by themselves


def _page(body: str) -> web.Response:
    return web.Response(
        text=PAGE.format(body=body), content_type="text/html", headers={"Content-Security-Policy": POLICY}
    )


PHOTO = """<p>Photo {number} of {of}. How far would this horse stay?</p>
<img src="/photo/{number}" alt="A horse in the paddock">
<form method="post" action="/"><input type="hidden" name="token" value="{token}">
<input type="hidden" name="number" value="{number}">
<label for="value">short (0) to long (1)</label>
<input id="value" name="value" type="range" min="0" max="1" step="0.01" value="0.5" autofocus>
<button>That far</button></form>"""
PAGE = """<!doctype html><html lang="en"><head><meta charset="utf-8"><title>How far would it stay?</title>
<meta name="viewport" content="width=device-width, initial-scale=1"><style>
body {{ font: 1.1rem/1.5 system-ui, sans-serif; max-width: 40rem; margin: 1rem auto; padding: 0 1rem; color: #1c2733 }}
img {{ width: 100%; border-radius: .4rem }}
input[type=range] {{ width: 100%; height: 2.5rem }}
button {{ font: inherit; padding: .6rem 1.4rem; border: 0; border-radius: .4rem; background: #1f4e79; color: #fff }}
</style></head><body><main>{body}</main></body></html>"""
