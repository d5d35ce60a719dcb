"""The web application: pages, API and static files, with the guard before all of them."""

from pathlib import Path

from aiohttp import web

from collector.web.server.answers import problem_as_json
from collector.web.server.guards import Guard, add_headers, for_programs, make_middleware
from collector.web.server.look import static_files
from collector.web.server.problems import Problem
from trainer.web.api import Api
from trainer.web.pages import Pages
from trainer.web.problems import LARGEST
from trainer.web.service import Service

STATIC = Path(__file__).parent / "static"


def make_app(service: Service, guard: Guard) -> web.Application:
    """The application, which closes the service when it ends."""
    pages, api = Pages(service), Api(service)

    def show_problem(request: web.Request, problem: Problem) -> web.StreamResponse:
        response = problem_as_json(problem) if for_programs(request.path) else pages.problem(request, problem)
        if problem.retry_after is not None:
            response.headers["Retry-After"] = str(problem.retry_after)
        return response

    async def close(_app: web.Application) -> None:
        await service.close()

    app = web.Application(middlewares=[make_middleware(guard, pages.welcome, show_problem)], client_max_size=LARGEST)
    app.add_routes([*pages.routes(), *api.routes(), *static_files(STATIC)])
    app.on_response_prepare.append(add_headers)
    app.on_cleanup.append(close)
    return app
