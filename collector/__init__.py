"""Collects paddock photos and what belongs to them, politely and without loss."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collector.exports.collection import open_collection as open_collection

    __version__: str

PRODUCT_TOKEN = "paddock-collector"  # noqa: S105 (no secret: what robots.txt, tags and sites name us by)


def __getattr__(name: str) -> Any:
    if name == "__version__":
        from importlib.metadata import version  # a fifth of the time that --help takes

        return version("keiba-paddock")
    if name == "open_collection":
        from collector.exports.collection import open_collection  # with Arrow and a database driver

        return open_collection
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
