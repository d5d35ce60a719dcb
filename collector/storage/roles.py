"""What the program needs to know of a page, whatever its source calls it: what it is for, and where it stands."""

from datetime import date
from enum import StrEnum

UNDATED = date(1970, 1, 1)  # the day under which pages stand that belong to no day: robots.txt, horses


class Role(StrEnum):
    """What a page is for; it decides in which order pages are asked for, and when one is due again."""

    ROBOTS = "robots"
    LISTING = "listing"  # lists issues, usually of a year
    ISSUE = "issue"  # lists photos
    PHOTO_PAGE = "photo_page"  # says which horse a photo shows, and where the picture is
    PICTURE = "picture"
    CALENDAR = "calendar"  # lists race days of a month
    RACE_DAY = "race_day"  # lists the results of a day that is over
    COMING_DAY = "coming_day"  # lists the cards of a day to come
    RESULT = "result"
    CARD = "card"
    HORSE = "horse"
    HORSE_SEARCH = "horse_search"
    APTITUDE = "aptitude"
    REVIEWS = "reviews"


PHOTO_ROLES = (Role.ISSUE, Role.PHOTO_PAGE, Role.PICTURE)
LABEL_ROLES = (Role.HORSE, Role.APTITUDE, Role.REVIEWS)


class PageState(StrEnum):
    """Where a page stands. Nothing is ever `claimed`: a host has one lane, and its gate is the claim."""

    DUE = "due"  # known, not yet asked for
    FETCHED = "fetched"
    GONE = "gone"  # 404 or 410: remembered, not asked for again
    FAILED = "failed"  # tried, to be tried again at due_at
    QUARANTINED = "quarantined"  # archived, but not readable as data; `reparse` looks again
    EXCLUDED = "excluded"  # forgotten on request, or kept out by X-Robots-Tag: never asked for again
