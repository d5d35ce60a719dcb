"""The toy's site: horses of the look-alike world in markup of its own, under the codes and numbers that others use."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from aiohttp import web

from collector.demo.world.drawing import draw_photo
from collector.demo.world.world import Issue, Photo, Picture, World

ROBOTS = "User-agent: *\nDisallow: /toy/private/\n"
SHOWN = 2  # photos an issue


class ToySite:
    """Answers out of a world, and remembers what it was asked."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.base = ""
        self.paths: list[str] = []

    def application(self) -> web.Application:
        """The routes."""
        application = web.Application()
        application.router.add_get("/robots.txt", self.robots)
        application.router.add_get(r"/toy/{year:\d{4}}.html", self.year)
        application.router.add_get(r"/toy/{code:\d{6}}/", self.issue)
        application.router.add_get(r"/toy/{code:\d{6}}/{number:\d}", self.photo)
        application.router.add_get(r"/toy/{code:\d{6}}/{number:\d}.jpg", self.picture)
        application.middlewares.append(self._remember)
        return application

    @web.middleware
    async def _remember(self, request: web.Request, handler: object) -> web.StreamResponse:
        self.paths.append(request.path)
        return await handler(request)  # pyright: ignore[reportCallIssue]

    async def robots(self, _request: web.Request) -> web.Response:
        """Its rules."""
        return web.Response(text=ROBOTS)

    async def year(self, request: web.Request) -> web.Response:
        """A year's list of issues."""
        issues = self.world.issues(int(request.match_info["year"]))
        lines = [f'<li><a href="/toy/{issue.code}/">{issue.issue_date}</a>' for issue in issues]
        return _page(f'<ol class="issues">{"".join(lines)}</ol>')

    async def issue(self, request: web.Request) -> web.Response:
        """An issue: its photos."""
        issue = self._issue(request)
        lines = [
            f'<p><a class="photo" data-race="{photo.race_name}" href="{photo.number}">{photo.horse.name}</a></p>'
            for photo in issue.photos[:SHOWN]
        ]
        return _page("".join(lines))

    async def photo(self, request: web.Request) -> web.Response:
        """A photo's page."""
        photo = self._photo(request)
        return _page(f'<figure><img src="{photo.number}.jpg"><figcaption>{photo.horse.name}</figcaption></figure>')

    async def picture(self, request: web.Request) -> web.Response:
        """A picture of the same horse, and another one than elsewhere."""
        photo = self._photo(request)
        shot = f"toy-{photo.issue_code}-{photo.number:02}"
        return web.Response(body=draw_photo(Picture(photo.horse, shot)), content_type="image/jpeg")

    def _issue(self, request: web.Request) -> Issue:
        issue = self.world.find_issue(request.match_info["code"])
        if issue is None:
            raise web.HTTPNotFound
        return issue

    def _photo(self, request: web.Request) -> Photo:
        photos = self._issue(request).photos[:SHOWN]
        number = int(request.match_info["number"])
        if not 1 <= number <= len(photos):
            raise web.HTTPNotFound
        return photos[number - 1]


def _page(body: str) -> web.Response:
    return web.Response(text=f"<!DOCTYPE html><title>Toy paddock</title><main>{body}</main>", content_type="text/html")


@asynccontextmanager
async def toy_site(world: World) -> AsyncIterator[ToySite]:
    """The site on a free port."""
    site = ToySite(world)
    runner = web.AppRunner(site.application(), access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    site.base = f"http://127.0.0.1:{runner.addresses[0][1]}"
    try:
        yield site
    finally:
        await runner.cleanup()
