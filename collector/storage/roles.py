"""The role and the state of a page, which are the same for all sources."""

from datetime import date
from enum import StrEnum

UNDATED = date(1970, 1, 1)  # the date of pages that have none: robots.txt, horses


class Role(StrEnum):
    """The purpose of a page. It decides the order of requests, and when a page is due again."""

    ROBOTS = "robots"
    LISTING = "listing"  # lists issues, usually of a year
    ISSUE = "issue"  # lists photos
    PHOTO_PAGE = "photo_page"  # names a photo's horse and links its picture
    PICTURE = "picture"
    CALENDAR = "calendar"  # lists the race days of a month
    RACE_DAY = "race_day"  # lists the results of a past day
    COMING_DAY = "coming_day"  # lists the cards of a coming day
    RESULT = "result"
    CARD = "card"
    HORSE = "horse"
    HORSE_SEARCH = "horse_search"
    APTITUDE = "aptitude"
    REVIEWS = "reviews"


PHOTO_ROLES = (Role.ISSUE, Role.PHOTO_PAGE, Role.PICTURE)
LABEL_ROLES = (Role.HORSE, Role.APTITUDE, Role.REVIEWS)


class PageState(StrEnum):
    """The state of a page. No state `claimed` is needed: a host has one lane, and the gate guards it."""

    DUE = "due"  # known, not yet requested
    FETCHED = "fetched"
    GONE = "gone"  # 404 or 410: remembered, not requested again
    FAILED = "failed"  # tried; due again at due_at
    QUARANTINED = "quarantined"  # archived, but not readable as data; `reparse` tries again
    EXCLUDED = "excluded"  # forgotten on request, or kept out by X-Robots-Tag: never requested again
