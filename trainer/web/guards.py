"""Who is answered at all: by the right host, not for another site's page, not too often, with the token if any."""

import asyncio
import hashlib
import hmac
import logging
import math
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from aiohttp import web
from aiohttp.typedefs import Middleware

from collector.settings import is_loopback
from trainer.web.limits import Buckets, client_of
from trainer.web.problems import Code, Problem

logger = logging.getLogger(__name__)

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

HEADERS = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob:; "
    "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "X-Frame-Options": "DENY",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=()",
}
COOKIE = "paddock_token"
OPEN = ("/healthz", "/static/")  # tell nothing of anybody's
RATE, BURST = 10.0, 40.0  # tokens a second, and at once
COSTS = {"/predict": 1.0, "/predict.json": 1.0, "/netkeiba/search.json": 0.5, "/collection": 0.5}
DRAWING, OTHER, WRONG = 2.0, 0.1, 5.0  # tokens: a saliency map, anything else, a token that is not the one
PATIENCE = 30.0  # seconds for one request, its body included


@dataclass(frozen=True, slots=True)
class Guard:
    """What is asked of a request."""

    token: str | None = None  # None: everybody who reaches the server is answered
    local_only: bool = True  # whether it answers by this machine's own names only
    patience: float = PATIENCE
    buckets: Buckets = field(default_factory=lambda: Buckets(RATE, BURST))

    def check_host(self, request: web.Request) -> None:
        """Refuse a name that somebody has let point to this machine (DNS rebinding).

        Raises:
            Problem: it is such a name.
        """
        try:
            local = is_loopback(f"http://{request.headers.get('Host', '')}")
        except ValueError:
            local = False
        if self.local_only and not local:
            raise Problem(Code.WRONG_HOST)

    def check_origin(self, request: web.Request) -> None:
        """Refuse what another site's page asks for in the name of its reader; following a link is no such thing.

        Raises:
            Problem: it is such a request.
        """
        headers = request.headers
        site = headers.get("Sec-Fetch-Site")
        if site in ("cross-site", "same-site"):
            follows = request.method == "GET" and headers.get("Sec-Fetch-Mode") == "navigate"
            if not follows or request.path.endswith(".json") or headers.get("Sec-Fetch-Dest") != "document":
                raise Problem(Code.FROM_ELSEWHERE)
        origin = headers.get("Origin")
        if site is None and origin is not None and request.method != "GET":
            # Browsers send null for our own forms, as no referrer is to be sent; the cookie is not sent from elsewhere.
            hidden = origin == "null" and self.token is not None
            if not hidden and urlsplit(origin).netloc != request.headers.get("Host"):
                raise Problem(Code.FROM_ELSEWHERE)

    def check_rate(self, request: web.Request, cost: float) -> None:
        """Take what a request costs.

        Raises:
            Problem: the client has to wait.
        """
        wait = math.ceil(self.buckets.take(client_of(request.remote), cost, time.monotonic()))
        if wait:
            raise Problem(Code.TOO_OFTEN, str(wait), retry_after=wait)

    def check_token(self, request: web.Request) -> None:
        """Let nobody pass without the token, where there is one.

        Raises:
            Problem: it is missing or wrong.
        """
        if self.token is None or request.path.startswith(OPEN):
            return
        scheme, _, bearer = request.headers.get("Authorization", "").partition(" ")
        cookie = request.cookies.get(COOKIE, "")
        if scheme.lower() == "bearer" and _same(bearer.strip(), self.token):
            return
        if cookie and _same(cookie, cookie_of(self.token)):
            return
        if bearer or cookie:
            self.check_rate(request, WRONG)
        raise Problem(Code.NO_TOKEN)

    def takes(self, request: web.Request) -> bool:
        """Whether a request brings the token in its address.

        Raises:
            Problem: it brings another one.
        """
        given = request.query.get("token")
        if self.token is None or given is None or request.path.startswith(OPEN):
            return False
        if _same(given, self.token):
            return True
        self.check_rate(request, WRONG)
        raise Problem(Code.NO_TOKEN)


def _same(one: str, other: str) -> bool:
    return hmac.compare_digest(one.encode(), other.encode())


def cookie_of(token: str) -> str:
    """What the cookie holds: enough to know the token by, and not the token."""
    return hashlib.sha256(f"paddock cookie {token}".encode()).hexdigest()


def cost_of(path: str) -> float:
    """What a request costs, in tokens."""
    return DRAWING if path.endswith("/look.jpg") else COSTS.get(path, OTHER)


def make_middleware(
    guard: Guard,
    welcome: Callable[[web.Request], web.StreamResponse],
    tell: Callable[[web.Request, Problem], web.StreamResponse],
) -> Middleware:
    """The guard before every handler. `welcome` answers who brings the token, `tell` whoever has a problem."""

    @web.middleware
    async def watch(request: web.Request, handler: Handler) -> web.StreamResponse:
        started = time.monotonic()
        try:
            guard.check_host(request)
            guard.check_origin(request)
            guard.check_rate(request, cost_of(request.path))
            if guard.takes(request):
                return welcome(request)
            guard.check_token(request)
            async with asyncio.timeout(guard.patience):
                return await handler(request)
        except Problem as problem:
            _log(request, problem, started)
            return tell(request, problem)
        except TimeoutError:
            return tell(request, Problem(Code.TOO_SLOW, retry_after=5))
        except web.HTTPMethodNotAllowed as error:
            response = tell(request, Problem(Code.METHOD, request.method))
            response.headers["Allow"] = error.headers["Allow"]
            return response
        except web.HTTPNotFound:
            return tell(request, Problem(Code.NOT_FOUND))
        except web.HTTPException:
            raise
        except Exception:  # the end of the line: one request fails, the others go on
            logger.exception("a request failed", extra={"path": request.path})
            return tell(request, Problem(Code.FAILED))

    return watch


def _log(request: web.Request, problem: Problem, started: float) -> None:
    # The path alone: what follows it may be a token, or somebody's photo.
    facts = {"path": request.path, "code": problem.code.value, "took": round(time.monotonic() - started, 3)}
    logger.info("no answer", extra=facts)


async def add_headers(_request: web.Request, response: web.StreamResponse) -> None:
    """Put on every answer what browsers are to keep to."""
    for name, value in HEADERS.items():
        response.headers.setdefault(name, value)
    response.headers.setdefault("Cache-Control", "no-store")
