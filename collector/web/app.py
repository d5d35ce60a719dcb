"""The photo search put together: pages, JSON, pictures, static files, and the guard before all of them."""

import errno
from pathlib import Path

from aiohttp import web

from collector.errors import TryLater
from collector.web.api.routes import Api
from collector.web.asking.pages import AskingPages
from collector.web.calendar import Calendar
from collector.web.codes import Code
from collector.web.collections.pages import CollectionPages
from collector.web.compare.pages import ComparePages
from collector.web.feed.pages import FeedPages
from collector.web.metrics import Metrics
from collector.web.overview.pages import OverviewPage
from collector.web.pages import Pages
from collector.web.photo_pages import PhotoPages
from collector.web.review.pages import Review
from collector.web.server.answers import problem_as_json
from collector.web.server.forms import too_large
from collector.web.server.guards import Guard, Handler, add_headers, for_programs, make_middleware
from collector.web.server.look import static_files
from collector.web.server.problems import Problem
from collector.web.service import Service

STATIC = Path(__file__).parent / "static"
COOKIE = "paddock_search"
LARGEST = 64 * 1024  # bytes of a request's body: forms with a few words
PICTURE, PAGE, MODEL = 0.02, 0.1, 1.0  # tokens of a client's bucket


def cost_of(path: str) -> float:
    """What a request costs, in tokens of its client's bucket."""
    if path.endswith("/ask"):
        return MODEL
    return PICTURE if path.startswith("/photos/") else PAGE


def make_app(service: Service) -> web.Application:
    """The application."""
    pages, api, metrics = Pages(service), Api(service), Metrics(service)
    review = Review(pages)
    feed = FeedPages(service, review.decisions)

    def answer_problem(request: web.Request, problem: Problem) -> web.StreamResponse:
        response = problem_as_json(problem) if for_programs(request.path) else pages.problem(request, problem)
        if problem.retry_after is not None:
            response.headers["Retry-After"] = str(problem.retry_after)
        return response

    guard = make_middleware(service.guard, pages.welcome, answer_problem)
    app = web.Application(middlewares=[metrics.begin, guard, lost_collection], client_max_size=LARGEST)
    compare, collections = ComparePages(pages, review.decisions), CollectionPages(pages, review.decisions)
    app.add_routes([*pages.routes(), *compare.routes(), *collections.routes(), *review.routes()])
    app.add_routes([*OverviewPage(pages).routes(), *PhotoPages(pages).routes(), *Calendar(pages).routes()])
    app.add_routes([*AskingPages(pages).routes()])
    app.add_routes([*api.routes(), *metrics.routes(), *feed.routes()])
    app.add_routes([*static_files(STATIC)])
    app.on_response_prepare.extend([add_headers, metrics.count])
    app.on_cleanup.append(review.close)
    return app


@web.middleware
async def lost_collection(request: web.Request, handler: Handler) -> web.StreamResponse:
    """A database that cannot be reached is a problem that passes."""
    try:
        return await handler(request)
    except TryLater as error:
        raise Problem(Code.COLLECTION_LOST, retry_after=5) from error
    except web.HTTPRequestEntityTooLarge as error:
        raise too_large(LARGEST) from error
    except (web.RequestPayloadError, ConnectionResetError) as error:
        raise Problem(Code.NOT_UNDERSTOOD, "what was sent is broken off, or not packed as it says") from error
    except OSError as error:
        if error.errno != errno.ENAMETOOLONG:  # no file has such a name
            raise
        raise Problem(Code.NOT_FOUND) from error


def make_guard(*, token: str | None = None, admin_token: str | None = None, local_only: bool = True) -> Guard:
    """What is asked of requests."""
    return Guard(COOKIE, cost_of, token=token, admin_token=admin_token, local_only=local_only)
