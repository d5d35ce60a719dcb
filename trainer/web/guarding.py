"""The guard of the page that answers for photos: its cookie, and what its requests cost."""

from typing import Any

from collector.web.server.guards import Guard

COOKIE = "paddock_token"
COSTS = {"/predict": 1.0, "/predict.json": 1.0, "/collection": 0.5}
DRAWING, SEARCH, OTHER = 2.0, 0.5, 0.1  # a saliency map; names; anything else


def cost_of(path: str) -> float:
    """What a request costs, in tokens of its client's bucket."""
    if path.endswith("/look.jpg"):
        return DRAWING
    return SEARCH if path.endswith("/search.json") else COSTS.get(path, OTHER)


def make_guard(**options: Any) -> Guard:
    """A guard for this page; see `Guard` for the options."""
    return Guard(COOKIE, cost_of, **options)
