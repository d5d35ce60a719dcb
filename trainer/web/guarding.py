"""The guard of the prediction server: its cookie, and the costs of requests."""

from typing import Any

from collector.web.server.guards import Guard

COOKIE = "paddock_token"
COSTS = {"/predict": 1.0, "/predict.json": 1.0, "/collection": 0.5}
DRAWING, SEARCH, OTHER = 2.0, 0.5, 0.1  # a saliency map; a search for names; anything else


def cost_of(path: str) -> float:
    """The cost of a request, in tokens of its client's bucket."""
    if path.endswith("/look.jpg"):
        return DRAWING
    return SEARCH if path.endswith("/search.json") else COSTS.get(path, OTHER)


def make_guard(**options: Any) -> Guard:
    """A guard for this page; see `Guard` for the options."""
    return Guard(COOKIE, cost_of, **options)
