"""The guard of the page that answers for photos: its cookie, and what its requests cost."""

from typing import Any

from collector.web.guards import Guard

COOKIE = "paddock_token"
COSTS = {"/predict": 1.0, "/predict.json": 1.0, "/netkeiba/search.json": 0.5, "/collection": 0.5}
DRAWING, OTHER = 2.0, 0.1  # a saliency map; anything else


def cost_of(path: str) -> float:
    """What a request costs, in tokens of its client's bucket."""
    return DRAWING if path.endswith("/look.jpg") else COSTS.get(path, OTHER)


def make_guard(**options: Any) -> Guard:
    """A guard for this page; see `Guard` for the options."""
    return Guard(COOKIE, cost_of, **options)
