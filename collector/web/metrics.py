"""How the server is doing, for Prometheus: requests by route, photos made small, and how old the search is."""

import time
from collections.abc import Iterable
from datetime import UTC, datetime

from aiohttp import hdrs, web
from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4
from prometheus_client.registry import Collector

from collector.web.server.guards import Handler
from collector.web.service import Service

NOWHERE = "none"  # the route of an address that has none
STARTED = web.RequestKey("started", float)  # when a request came, in seconds of the monotonic clock
SECONDS = (0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 30)


def route_of(request: web.Request) -> str:
    """The pattern of a request's address, never the address itself: that may name a horse, and has no end."""
    resource = request.match_info.route.resource
    return resource.canonical if resource else NOWHERE


class Metrics:
    """The numbers of one application, in a registry of its own."""

    def __init__(self, service: Service) -> None:
        self._registry = CollectorRegistry()
        self._registry.register(Measured(service))
        self._requests = Counter(
            "paddock_requests", "Requests that were answered.", ("route", "method", "status"), registry=self._registry
        )
        self._seconds = Histogram(
            "paddock_request_seconds", "Seconds until an answer began.", ("route",), registry=self._registry,
            buckets=SECONDS,
        )  # fmt: skip

    @web.middleware
    async def begin(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Note when a request came."""
        request[STARTED] = time.monotonic()
        return await handler(request)

    async def count(self, request: web.Request, response: web.StreamResponse) -> None:
        """Count an answer as it begins, the guard's refusals among them; a file knows its status no sooner."""
        route = route_of(request)
        method = request.method if request.method in hdrs.METH_ALL else "other"
        self._requests.labels(route, method, response.status).inc()
        if STARTED in request:
            self._seconds.labels(route).observe(time.monotonic() - request[STARTED])

    async def metrics(self, _request: web.Request) -> web.Response:
        """All numbers, as Prometheus reads them."""
        body = generate_latest(self._registry)
        return web.Response(body=body, headers={hdrs.CONTENT_TYPE: CONTENT_TYPE_PLAIN_0_0_4})

    def routes(self) -> list[web.RouteDef]:
        """Where they are."""
        return [web.get("/metrics", self.metrics)]


class Measured(Collector):
    """What is looked up when somebody asks."""

    def __init__(self, service: Service) -> None:
        self._service = service

    def collect(self) -> Iterable[Metric]:
        """The numbers now; the search's age once it is known."""
        made = self._service.pictures.made
        yield CounterMetricFamily("paddock_pictures_made", "Photos made small.", made)
        renewed = self._service.renewal.at
        if renewed is not None:
            age = (datetime.now(UTC) - renewed).total_seconds()
            yield GaugeMetricFamily(
                "paddock_search_age_seconds", "Seconds since the search was last what the tables said.", age
            )
