"""Closed sets of short codes, for decisions and for stored reasons.

Only `collector.console.code_words` has the words for them, in each language.
"""

from enum import StrEnum


class Failure(StrEnum):
    """Why a page is not stored, or not read: `error_code` in `page` and `fetch_log`; the column `error` has details."""

    ROBOTS = "robots"  # robots.txt disallows the address; the detail is its line
    TRAINING = "training"  # robots.txt disallows training on the content; the detail is its line
    HEADERS = "headers"  # the answer's headers keep it out; the detail is the directive
    META = "meta"  # the page's robots meta tag keeps its photo out
    FORGOTTEN = "forgotten"  # someone asked for its removal
    REFUSED = "refused"  # 401, 403, 451
    BLOCK_PAGE = "block_page"  # a page that refuses, with status 200
    BUSY = "busy"  # 429, 503
    TRY_LATER = "try_later"  # the network, a timeout, another 5xx, an incomplete body
    UNSAFE = "unsafe"  # an address, size or content that we do not accept
    GONE = "gone"  # a page that says, with status 200, that it does not exist
    LAYOUT_CHANGED = "layout_changed"  # archived, but not read: pages of its kind have lost a field
    UNREADABLE = "unreadable"  # the page is not what its parser expects
    NO_PICTURE = "no_picture"  # the bytes are not a picture that can be decoded
    NOT_STORABLE = "not_storable"  # the database does not accept it
    OWN_ERROR = "own_error"  # our code failed on it
    UNDATED = "undated"  # imported beside what was held already, and nobody knows when it was saved: kept, not read


class Aside(StrEnum):
    """Why an import leaves a file out: nothing of it is stored. The detail is what it says, or where it breaks off."""

    NO_PAGE = "no_page"  # not a kind of file that holds pages
    NO_SITE = "no_site"  # its address is on none of the sites
    NO_KIND = "no_kind"  # a page of a site, and none that a source knows
    NO_NAME = "no_name"  # neither its name nor the page says which page it is
    CONTRADICTION = "contradiction"  # its name, its address and the page itself name different pages
    NO_ANSWER = "no_answer"  # a redirect, an error: an answer with another status than 200
    REVISIT = "revisit"  # says that its bytes are in another record
    EMPTY = "empty"
    UNREADABLE = "unreadable"  # the page is not what its parser expects
    DAMAGED_TEXT = "damaged_text"  # characters were lost when it was saved
    BLOCK_PAGE = "block_page"  # it refuses, with status 200
    KEPT_OUT = "kept_out"  # forgotten on request, or kept out by the site
    BUSY = "busy"  # a crawl was at work on it all the time
    NOT_STORABLE = "not_storable"  # the database does not accept it
    TWICE = "twice"  # the same picture as in another line of a table of photos
    COPY = "copy"  # of a photo of one's own camera that is here or comes now; the detail is which
    CLOCK = "clock"  # a photo of a clock, which shows how far the camera's is off
    NO_TIME = "no_time"  # the camera wrote no moment into the photo
    NOT_LISTED = "not_listed"  # a picture that the table of photos does not name
    LINK = "link"
    NOT_A_FILE = "not_a_file"  # a device, a pipe, a socket
    CANNOT_READ = "cannot_read"  # a file that may not be opened, or an error of the disk
    TOO_LARGE = "too_large"
    BOMB = "bomb"  # it grows too much when it is unpacked
    TOO_MANY = "too_many"  # members
    NESTED = "nested"  # an archive in an archive in an archive
    ENCRYPTED = "encrypted"
    CUT_OFF = "cut_off"  # it ends too early; what came before counts
    BROKEN = "broken"  # not what its name says, or damaged


class Block(StrEnum):
    """Why a host gets no requests: `host.block_code`; the column `host.reason` has details."""

    BUSY = "busy"  # it asks for a pause
    REFUSED = "refused"  # it refuses one page after another, or shows a block page
    FAILING = "failing"  # one page after another fails
    NO_ROBOTS = "no_robots"  # its robots.txt cannot be fetched
    FORGOTTEN = "forgotten"  # it opted out, permanently


class Copying(StrEnum):
    """What a source's keepers say of copying: a part of its terms."""

    PERSONAL = "personal"  # for personal use only
    LICENSED = "licensed"  # to everybody, or as the owner of each photo states
    SUBSCRIBERS = "subscribers"  # licensed to those who subscribe, for their own use
    FORBIDDEN = "forbidden"  # without their permission


class AcceptedBy(StrEnum):
    """How a source's terms were accepted: `acceptance.accepted_by`."""

    COMMAND = "command"
    ENVIRONMENT = "environment"  # PADDOCK_ACCEPT


class Delay(StrEnum):
    """What sets the crawl delay: `host.delay_reason`."""

    OWN = "own"  # our setting
    CRAWL_DELAY = "crawl_delay"  # of robots.txt
    REQUEST_RATE = "request_rate"  # of robots.txt
    SLOW_ANSWER = "slow_answer"  # the last answer took long
    LOOPBACK = "loopback"  # no delay: the site is on this machine


class Awaited(StrEnum):
    """What is being waited for: `host.waiting`; `host.waiting_detail` has what its sentence needs."""

    NEXT_REQUEST = "next_request"  # detail: seconds, and the Delay
    EARLIER_REQUEST = "earlier_request"  # of an earlier lane; it may still be open
    ANSWER = "answer"  # detail: url
    NEXT_TRY = "next_try"  # of a page that was not to be had; detail: url
    REDIRECT = "redirect"  # it asks for a pause; detail: url
    ROBOTS = "robots"  # the answer to a look at robots.txt
    OPENING = "opening"  # outside the opening hours
    SITE = "site"  # the site asked our lane for a pause; detail: the Block, and its own detail
    CLOSED = "closed"  # likewise, as the database has it; detail: host too
    OPEN_REQUEST = "open_request"  # of an earlier lane; it may still be open, and the host is tried
    BREAKDOWN = "breakdown"  # the lane broke off; detail: error
    SILENT_LANE = "silent_lane"  # it may be frozen; detail: lane
    DATABASE = "database"  # it is away; detail: error
    DATABASE_ANSWER = "database_answer"
    OTHER = "other"  # a sentence of an earlier version; it is the detail


class Sign(StrEnum):
    """What a photo and an entry have in common."""

    NAME = "name"
    MISPRINT = "misprint"  # a name that differs in one character
    RACE = "race"
    AGE = "age"
    SEX = "sex"


class MatchRule(StrEnum):
    """The rule that found a photo's horse, or the reason why the photo is open: `photo_match.rule`."""

    NAME = "name"
    NAME_RACE = "name_and_race"
    NAME_AGE = "name_and_age"
    NAME_SEX = "name_and_sex"
    NAME_RACE_AGE = "name_and_race_and_age"
    NAME_RACE_SEX = "name_and_race_and_sex"
    NAME_AGE_SEX = "name_and_age_and_sex"
    NAME_RACE_AGE_SEX = "name_and_race_and_age_and_sex"
    MISPRINT = "misprint"
    MISPRINT_RACE = "misprint_and_race"
    MISPRINT_AGE = "misprint_and_age"
    MISPRINT_SEX = "misprint_and_sex"
    MISPRINT_RACE_AGE = "misprint_and_race_and_age"
    MISPRINT_RACE_SEX = "misprint_and_race_and_sex"
    MISPRINT_AGE_SEX = "misprint_and_age_and_sex"
    MISPRINT_RACE_AGE_SEX = "misprint_and_race_and_age_and_sex"
    STATED = "stated"  # the photo's page gives the horse's id
    NO_ENTRY = "no_entry"  # the only horse of that name, although it did not run in the races
    BY_HAND = "by_hand"
    NOT_READ = "not_read"  # open: the races have not all been read
    NOT_LOOKED_UP = "not_looked_up"  # open: the name has not been searched
    NO_HORSE_ID = "no_horse_id"  # open: the horse ran, and has no id
    UNKNOWN_NAME = "unknown_name"  # open: no horse has that name
    WALK = "walk"  # the order in which horses walk in the paddock, from photos that a person has named
    WALK_OPEN = "walk_open"  # open: that order does not say it surely
    NO_HORSE = "no_horse"  # a person says that it shows no horse
    NOT_NAMED = "not_named"  # open: a photo of one's own camera whose horse nobody has named yet
    NAMESAKES = "namesakes"  # open: several horses have that name, and none of them ran
    SEVERAL_NAME = "several_by_name"  # open: several horses that ran fit by these signs
    SEVERAL_NAME_RACE = "several_by_name_and_race"
    SEVERAL_NAME_AGE = "several_by_name_and_age"
    SEVERAL_NAME_SEX = "several_by_name_and_sex"
    SEVERAL_NAME_RACE_AGE = "several_by_name_and_race_and_age"
    SEVERAL_NAME_RACE_SEX = "several_by_name_and_race_and_sex"
    SEVERAL_NAME_AGE_SEX = "several_by_name_and_age_and_sex"
    SEVERAL_NAME_RACE_AGE_SEX = "several_by_name_and_race_and_age_and_sex"
    SEVERAL_MISPRINT = "several_by_misprint"
    SEVERAL_MISPRINT_RACE = "several_by_misprint_and_race"
    SEVERAL_MISPRINT_AGE = "several_by_misprint_and_age"
    SEVERAL_MISPRINT_SEX = "several_by_misprint_and_sex"
    SEVERAL_MISPRINT_RACE_AGE = "several_by_misprint_and_race_and_age"
    SEVERAL_MISPRINT_RACE_SEX = "several_by_misprint_and_race_and_sex"
    SEVERAL_MISPRINT_AGE_SEX = "several_by_misprint_and_age_and_sex"
    SEVERAL_MISPRINT_RACE_AGE_SEX = "several_by_misprint_and_race_and_age_and_sex"

    @classmethod
    def by(cls, *signs: Sign, several: bool = False) -> "MatchRule":
        """The rule with these signs, in the order of `Sign`; `several`: more than one horse fits."""
        return cls(("several_by_" if several else "") + "_and_".join(signs))

    @property
    def several(self) -> bool:
        """Whether more than one horse that ran fits."""
        return self.startswith("several_by_")

    @property
    def signs(self) -> tuple[Sign, ...]:
        """The signs of the rule; empty where it has none."""
        parts = self.removeprefix("several_by_").split("_and_")
        return tuple(map(Sign, parts)) if parts[0] in (Sign.NAME, Sign.MISPRINT) else ()


class ClaimKind(StrEnum):
    """What a remark claims of the distance that suits a horse: `kind` in `photo.claims`."""

    BEST_RANGE = "best:range"  # best from low_m to high_m
    BEST_AROUND = "best:around"  # best at about low_m, which is high_m too
    FINE_AT = "fine_at"  # can do low_m, or low_m to high_m; without either: distance is not a worry
    UPPER = "upper"  # up to high_m, or high_m is rather long
    LOWER = "lower"  # from low_m on, or low_m is rather short
    LONGER = "direction:longer"  # longer than now would suit it
    SHORTER = "direction:shorter"
    SPRINT = "class:sprint"
    MILE = "class:mile"
    MIDDLE = "class:middle"
    LONG = "class:long"
    MILE_OR_SHORTER = "class:mile_or_shorter"
    MIDDLE_OR_SHORTER = "class:middle_or_shorter"
    MILE_TO_MIDDLE = "class:mile_to_middle"
    MILE_OR_LONGER = "class:mile_or_longer"
    MIDDLE_OR_LONGER = "class:middle_or_longer"


class Said(StrEnum):
    """What a remark says of distance: `photo.distance_said`."""

    SAID = "said"  # it has claims
    NOTHING = "nothing"  # it says nothing of the horse's distance
    NOT_UNDERSTOOD = "not_understood"  # it has words about distance, and no claim could be read from them
