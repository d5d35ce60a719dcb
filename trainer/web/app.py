"""The server put together: pages, API, static files, and the guard before all of them."""

from pathlib import Path

from aiohttp import web

from trainer.web.api import Api, problem_as_json
from trainer.web.guards import Guard, add_headers, make_middleware
from trainer.web.pages import Pages
from trainer.web.problems import LARGEST, Problem
from trainer.web.service import Service

STATIC = Path(__file__).parent / "static"
LONGEST_LINE = 256 * 1024  # bytes of an address: a small photo fits into `data=`


def make_app(service: Service, guard: Guard) -> web.Application:
    """The application; it closes the service when it ends."""
    pages, api = Pages(service), Api(service)

    def tell(request: web.Request, problem: Problem) -> web.StreamResponse:
        wants_json = request.path.endswith(".json") or request.path == "/healthz"
        response = problem_as_json(problem) if wants_json else pages.problem(request, problem)
        if problem.retry_after is not None:
            response.headers["Retry-After"] = str(problem.retry_after)
        return response

    async def close(_app: web.Application) -> None:
        await service.close()

    app = web.Application(middlewares=[make_middleware(guard, pages.welcome, tell)], client_max_size=LARGEST)
    app.add_routes([*pages.routes(), *api.routes(), web.get("/favicon.ico", _icon), web.static("/static", STATIC)])
    app.on_response_prepare.append(add_headers)
    app.on_cleanup.append(close)
    return app


def make_runner(app: web.Application) -> web.AppRunner:
    """What serves the application. There is no access log: an address may hold a token, or somebody's photo."""
    return web.AppRunner(app, access_log=None, max_line_size=LONGEST_LINE, keepalive_timeout=30.0, shutdown_timeout=3.0)


async def _icon(_request: web.Request) -> web.FileResponse:
    return web.FileResponse(STATIC / "icon.svg")
