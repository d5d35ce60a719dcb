"""The tables.

Table names are a contract with everyone who queries the database. Items validate, tables do not: build items, store
items. Every row that came from a page has its address (`source_url`) and its time (`observed_at`).
"""

from collector.storage.models.collected import RUNNER, Aptitude, Entry, Horse, Issue, Photo, Race, RaceDay
from collector.storage.models.kept import Collected, Collection, PhotoMark, PhotoNote
from collector.storage.models.licensed import Difference, KeptApart, OtherSide
from collector.storage.models.pages import Page

__all__ = [
    "RUNNER", "Aptitude", "Collected", "Collection", "Difference", "Entry", "Horse", "Issue", "KeptApart", "OtherSide",
    "Page", "Photo", "PhotoMark", "PhotoNote", "Race", "RaceDay",
]  # fmt: skip
