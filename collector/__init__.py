"""Collects paddock photos and what belongs to them, politely and without loss."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    __version__: str

PRODUCT_TOKEN = "paddock-collector"  # noqa: S105 (no secret: what robots.txt, tags and sites name us by)


def __getattr__(name: str) -> str:
    if name == "__version__":
        from importlib.metadata import version  # a fifth of the time that --help takes

        return version("keiba-paddock")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
