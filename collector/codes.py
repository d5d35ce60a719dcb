"""What the program decides by, or stores as a reason: closed sets of short codes.

`collector.console.code_words` makes sentences of them, in each language, and nothing else does.
"""

from enum import StrEnum


class Failure(StrEnum):
    """Why a page is not held, or not read: `error_code` in `page` and `fetch_log`. `error` beside it is the detail."""

    ROBOTS = "robots"  # robots.txt disallows the address; the detail is its line
    TRAINING = "training"  # robots.txt disallows training on what is there; the detail is its line
    HEADERS = "headers"  # the answer's own headers keep it out; the detail is the directive
    META = "meta"  # the page's robots meta keeps its photo out
    FORGOTTEN = "forgotten"  # somebody asked for it to be taken out
    REFUSED = "refused"  # 401, 403, 451
    BLOCK_PAGE = "block_page"  # a page that says no, with status 200
    BUSY = "busy"  # 429, 503
    TRY_LATER = "try_later"  # the network, a timeout, another 5xx, half a body
    UNSAFE = "unsafe"  # an address, size or content that is not touched
    GONE = "gone"  # a page that says, with status 200, that there is nothing
    LAYOUT_CHANGED = "layout_changed"  # archived, and not read: pages of its kind have lost a field
    UNREADABLE = "unreadable"  # the page is not what its parser expects
    NO_PICTURE = "no_picture"  # the bytes are not a picture that can be unpacked
    NOT_STORABLE = "not_storable"  # the database does not take it
    OWN_ERROR = "own_error"  # our own code failed on it


class Block(StrEnum):
    """Why a host is left alone: `host.block_code`. `host.reason` beside it is the detail."""

    BUSY = "busy"  # it asks for a pause
    REFUSED = "refused"  # it refuses one page after another, or shows a block page
    FAILING = "failing"  # one page after another fails
    NO_ROBOTS = "no_robots"  # its robots.txt is out of reach
    FORGOTTEN = "forgotten"  # it opted out, for good


class Delay(StrEnum):
    """What asks for the pause between two requests: `host.delay_reason`."""

    OWN = "own"  # our own setting
    CRAWL_DELAY = "crawl_delay"  # of robots.txt
    REQUEST_RATE = "request_rate"  # of robots.txt
    SLOW_ANSWER = "slow_answer"  # the last answer took long
    LOOPBACK = "loopback"  # nothing: the site is on this machine


class Sign(StrEnum):
    """What a photo and an entry have in common."""

    NAME = "name"
    MISPRINT = "misprint"  # a name that differs in one character
    RACE = "race"
    AGE = "age"
    SEX = "sex"


class MatchRule(StrEnum):
    """By which rule a photo's horse was found, or why it is open: `photo_match.rule`."""

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
    NO_ENTRY = "no_entry"  # the one horse of that name, though it ran in none of the races
    BY_HAND = "by_hand"
    NOT_READ = "not_read"  # open: the races have not all been read
    NOT_LOOKED_UP = "not_looked_up"  # open: nobody has searched for the name
    NO_HORSE_ID = "no_horse_id"  # open: the horse ran, and has no id
    UNKNOWN_NAME = "unknown_name"  # open: no horse has that name
    NAMESAKES = "namesakes"  # open: several horses have that name, and none ran
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
        """The rule that goes by these signs, in the order of `Sign`; `several`: it leaves more than one horse."""
        return cls(("several_by_" if several else "") + "_and_".join(signs))

    @property
    def several(self) -> bool:
        """Whether it leaves more than one horse that ran."""
        return self.startswith("several_by_")

    @property
    def signs(self) -> tuple[Sign, ...]:
        """The signs that it goes by; none where it is not about signs."""
        parts = self.removeprefix("several_by_").split("_and_")
        return tuple(map(Sign, parts)) if parts[0] in (Sign.NAME, Sign.MISPRINT) else ()
