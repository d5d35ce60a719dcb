"""The sites: where their pages are, what the pages say, and what the sites' owners allow.

A source is one value, `Source`. Its parsers are pure functions from text to items: no network, no database, no clock.
`docs/add-a-source.md` shows how to write one.
"""

from collector.codes import Copying
from collector.sources.parsed import Item, Link, Parsed, as_far_as_possible, checked
from collector.sources.saved import MAIN, Named
from collector.sources.source import IMAGE, Copies, Gift, Kind, Site, Source, Terms
from collector.storage.items import IssueItem, ListedPhotoItem, PhotoItem
from collector.storage.roles import Role

__all__ = [
    "IMAGE",
    "MAIN",
    "Copies",
    "Copying",
    "Gift",
    "IssueItem",
    "Item",
    "Kind",
    "Link",
    "ListedPhotoItem",
    "Named",
    "Parsed",
    "PhotoItem",
    "Role",
    "Site",
    "Source",
    "Terms",
    "as_far_as_possible",
    "checked",
]
