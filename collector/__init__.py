"""Collects paddock photos and what belongs to them, politely and without loss."""

from importlib.metadata import version

__version__ = version("keiba-paddock")
PRODUCT_TOKEN = "paddock-collector"  # noqa: S105 (no secret: what robots.txt, tags and sites name us by)
