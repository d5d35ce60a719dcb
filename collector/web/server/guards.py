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
from collector.web.server.limits import Buckets, client_of
from collector.web.server.problems import Code, Problem

logger = logging.getLogger(__name__)

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

HEADERS = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob:; "
    "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "X-Frame-Options": "DENY",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=()",
}
OPEN = ("/healthz", "/static/")  # contain nothing of a user's
RATE, BURST = 10.0, 40.0  # tokens a second, and at once
FEED = "/feed.atom"  # of what is new: feed readers send neither a header nor a cookie, so its token is in the address
WRONG = 5.0  # tokens that a wrong password costs
PATIENCE = 30.0  # seconds for one request, its body included


def for_programs(path: str) -> bool:
    """Whether what is at an address is for programs rather than for people."""
    return path.endswith(".json") or path.startswith("/api/") or path in ("/healthz", "/metrics", FEED)


@dataclass(frozen=True, slots=True)
class Guard:
    """What is asked of a request."""

    cookie: str  # its name; for browsers a server is its name, without its port
    cost_of: Callable[[str], float]  # tokens that a request to a path costs
    token: str | None = None  # None: everybody who reaches the server is answered
    admin_token: str | None = None  # None: nobody may decide anything
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
        """Refuse what another site's page asks for in the name of its reader; following a link is not refused.

        Raises:
            Problem: it is such a request.
        """
        headers = request.headers
        site = headers.get("Sec-Fetch-Site")
        if site in ("cross-site", "same-site"):
            follows = request.method == "GET" and headers.get("Sec-Fetch-Mode") == "navigate"
            if not follows or for_programs(request.path) or headers.get("Sec-Fetch-Dest") != "document":
                raise Problem(Code.FROM_ELSEWHERE)
        origin = headers.get("Origin")
        # Our own forms have our origin, as our pages may name themselves to us; another port's cookie comes along.
        sent = site is None and origin is not None and request.method != "GET"
        if sent and _place(origin or "") != request.headers.get("Host"):
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
        if request.path.startswith(OPEN) or self.may_read(request):
            return
        given = request.query.get("token") if request.path == FEED else None
        if given is not None and any(_same(given, token) for token in (self.token, self.feed_token) if token):
            return
        if given is not None or "Authorization" in request.headers or self.cookie in request.cookies:
            self.check_rate(request, WRONG)
        raise Problem(Code.NO_TOKEN)

    def may_read(self, request: web.Request) -> bool:
        """Whether a request brings the token that reading needs, where there is one."""
        return self.token is None or any(_brings(request, self.cookie, token) for token in self._tokens)

    @property
    def feed_token(self) -> str | None:
        """The token of the feed's address: it follows from the one for reading, and opens nothing but the feed."""
        return None if self.token is None else hashlib.sha256(f"paddock feed {self.token}".encode()).hexdigest()

    def may_decide(self, request: web.Request) -> bool:
        """Whether a request brings the token that decisions need."""
        return self.admin_token is not None and _brings(request, self.cookie, self.admin_token)

    def takes(self, request: web.Request) -> bool:
        """Whether a request brings a token in its address.

        Raises:
            Problem: it brings another one.
        """
        given = request.query.get("token")
        if not self._tokens or given is None or request.path.startswith(OPEN) or for_programs(request.path):
            return False
        if any(_same(given, token) for token in self._tokens):
            return True
        self.check_rate(request, WRONG)
        raise Problem(Code.NO_TOKEN)

    @property
    def _tokens(self) -> list[str]:
        return [token for token in (self.token, self.admin_token) if token is not None]


def _place(origin: str) -> str | None:
    """Host and port of an origin; None where it is not an address."""
    try:
        return urlsplit(origin).netloc
    except ValueError:
        return None


def _brings(request: web.Request, cookie: str, token: str) -> bool:
    scheme, _, bearer = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() == "bearer" and _same(bearer.strip(), token):
        return True
    return _same(request.cookies.get(cookie, ""), cookie_of(token))


def _same(one: str, other: str) -> bool:
    # Bytes that are not text come as lone surrogates.
    return hmac.compare_digest(one.encode("utf-8", "surrogatepass"), other.encode())


def cookie_of(token: str) -> str:
    """What the cookie holds: enough to know the token by, and not the token."""
    return hashlib.sha256(f"paddock cookie {token}".encode()).hexdigest()


def make_middleware(
    guard: Guard,
    welcome: Callable[[web.Request], web.StreamResponse],
    answer_problem: Callable[[web.Request, Problem], web.StreamResponse],
) -> Middleware:
    """The guard before every handler. `welcome` answers who has the token, `answer_problem` all others."""

    @web.middleware
    async def watch(request: web.Request, handler: Handler) -> web.StreamResponse:
        started = time.monotonic()
        try:
            guard.check_host(request)
            guard.check_origin(request)
            guard.check_rate(request, guard.cost_of(request.path))
            if guard.takes(request):
                return welcome(request)
            guard.check_token(request)
            async with asyncio.timeout(guard.patience):
                return await handler(request)
        except Problem as problem:
            _log(request, problem, started)
            return answer_problem(request, problem)
        except TimeoutError:
            return answer_problem(request, Problem(Code.TOO_SLOW, retry_after=5))
        except web.HTTPMethodNotAllowed as error:
            response = answer_problem(request, Problem(Code.METHOD, request.method))
            response.headers["Allow"] = error.headers["Allow"]
            return response
        except web.HTTPNotFound:
            return answer_problem(request, Problem(Code.NOT_FOUND))
        except web.HTTPException:
            raise
        except Exception:  # the end of the line: one request fails, the others go on
            logger.exception("a request failed", extra={"path": request.path})
            return answer_problem(request, Problem(Code.FAILED))

    return watch


def _log(request: web.Request, problem: Problem, started: float) -> None:
    # The path alone: what follows it may be a token, or somebody's photo.
    facts = {"path": request.path, "code": problem.code.word, "took": round(time.monotonic() - started, 3)}
    logger.info("no answer", extra=facts)


async def add_headers(_request: web.Request, response: web.StreamResponse) -> None:
    """Put on every answer what browsers are to keep to."""
    for name, value in HEADERS.items():
        response.headers.setdefault(name, value)
    response.headers.setdefault("Cache-Control", "no-store")
