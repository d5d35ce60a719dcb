"""Collects paddock photos and what belongs to them, politely and without loss."""

from importlib.metadata import version

__version__ = version("keiba-paddock")
