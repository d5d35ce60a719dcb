"""How both servers look: one stylesheet, one sign, and the scripts of large photos and keys, beside those of each."""

from pathlib import Path

from aiohttp import web

LOOK = Path(__file__).parent / "static"


def static_files(own: Path) -> list[web.AbstractRouteDef]:
    """Where a server's files are: the common ones, and those of a folder of its own."""
    return [
        web.get("/favicon.ico", _icon),
        web.static("/static/look", LOOK),  # before the other one, which would answer for it
        web.static("/static", own),
    ]


async def _icon(_request: web.Request) -> web.FileResponse:
    return web.FileResponse(LOOK / "icon.svg")
