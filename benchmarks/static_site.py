"""A static copy of the look-alike site, served by as little code as possible: only the crawlers are measured."""

import asyncio
import hashlib
import sys

from collector.demo.keibado import site as keibado
from collector.demo.keibado.layouts import index_path, page_path, picture_path
from collector.demo.world.world import World

ISSUES_A_YEAR = 22  # some six thousand requests in all


def render() -> dict[bytes, bytes]:
    """Every address and its answer."""
    world = World(issues_per_year=ISSUES_A_YEAR)
    issues = [issue for year in world.years for issue in world.issues(year)]
    paths = [f"/keibabook/bn/{year}.html" for year in world.years]
    paths += [index_path(issue) for issue in issues]
    paths += [find(photo) for issue in issues for photo in issue.photos for find in (page_path, picture_path)]
    answers = {b"/robots.txt": _answer(b"User-agent: *\nDisallow: /ad/\n", "text/plain")}
    for path in paths:
        if page := keibado.answer_path(world, path):
            answers[path.encode()] = _answer(page.body, page.media_type)
    return answers


def _answer(body: bytes, media_type: str) -> bytes:
    etag = hashlib.sha256(body).hexdigest()[:16]
    head = f'HTTP/1.1 200 OK\r\nContent-Type: {media_type}\r\nContent-Length: {len(body)}\r\nETag: "{etag}"\r\n\r\n'
    return head.encode() + body


class Http(asyncio.Protocol):
    """GET and nothing else."""

    answers: dict[bytes, bytes]

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        self.waiting = b""

    def data_received(self, data: bytes) -> None:
        self.waiting += data
        while b"\r\n\r\n" in self.waiting:
            request, _, self.waiting = self.waiting.partition(b"\r\n\r\n")
            answer = self.answers.get(request.split(b" ", 2)[1])
            self.transport.write(answer or b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n")


async def main() -> None:
    Http.answers = render()
    server = await asyncio.get_running_loop().create_server(Http, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    sys.stdout.write(f"http://127.0.0.1:{port}\n")
    sys.stdout.flush()
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main())
