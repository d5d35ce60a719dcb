"""The tables: what is kept.

Table names are a contract with everybody who queries the database. Items validate, tables do not: build items,
store items. Every row that a page gave carries where it came from (`source_url`) and when (`observed_at`).
"""

from collector.storage.models.collected import RUNNER, Aptitude, Entry, Horse, Issue, Photo, Race, RaceDay
from collector.storage.models.pages import Page

__all__ = ["RUNNER", "Aptitude", "Entry", "Horse", "Issue", "Page", "Photo", "Race", "RaceDay"]
