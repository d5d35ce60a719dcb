"""The tables: what is kept.

Table names are a contract with everybody who queries the database. Items validate, tables do not: build items,
store items. Every row that a page told us carries where it came from (`source_url`) and when (`observed_at`).
"""

from datetime import date, datetime
from enum import StrEnum
from typing import Any, LiteralString

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    Computed,
    DateTime,
    ForeignKey,
    Identity,
    Index,
    LargeBinary,
    Text,
    UniqueConstraint,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY, BIT
from sqlmodel import Field, SQLModel

from collector.storage.items import AptitudeItem, EntryItem, HorseItem, IssueItem, RaceDayItem, RaceItem

SQLModel.metadata.naming_convention = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
    "pk": "pk_%(table_name)s",
}


def _moment(**options: Any) -> Any:
    """A timestamp with time zone."""
    return Field(sa_type=DateTime(timezone=True), **options)  # pyright: ignore[reportArgumentType, reportCallIssue]


def _id() -> Any:
    return Field(default=None, sa_column=Column(BigInteger, Identity(), primary_key=True))


# See `photo_ids`.
PHOTO_ID = "source || ':' || issue_code || '/' || lpad(number::text, GREATEST(2, length(number::text)), '0')"
UNDATED = date(1970, 1, 1)  # the day under which pages stand that belong to no day: robots.txt, horses


class PageState(StrEnum):
    """Where a page stands. Nothing is ever `claimed`: a host has one lane, and its gate is the claim."""

    DUE = "due"  # known, not yet asked for
    FETCHED = "fetched"
    GONE = "gone"  # 404 or 410: remembered, not asked for again
    FAILED = "failed"  # tried, to be tried again at due_at
    QUARANTINED = "quarantined"  # archived, but not readable as data; `reparse` looks again
    EXCLUDED = "excluded"  # forgotten on request, or kept out by X-Robots-Tag: never asked for again


# --- what is kept -----------------------------------------------------------------------------------------


class Blob(SQLModel, table=True):
    """Raw bytes as they came, under their own digest."""

    digest: str = Field(primary_key=True)  # SHA-256 of the decoded body, hexadecimal
    media_type: str
    size: int  # bytes of the body itself
    encoding: str = ""  # how `content` is packed: "" (as it came) or "zlib"
    content: bytes = Field(sa_type=LargeBinary)  # STORAGE EXTERNAL: photos do not compress, pages come packed


class Page(SQLModel, table=True):
    """A URL in the frontier and the archive's index in one."""

    __table_args__ = (
        UniqueConstraint("url"),
        Index(
            "ix_page_due",
            "host",
            text("priority DESC"),
            "dated",
            "id",
            postgresql_where=text("due_at IS NOT NULL"),
        ),
        Index("ix_page_role_dated", "role", "dated"),
        CheckConstraint("state <> 'fetched' OR digest IS NOT NULL", "fetched_has_bytes"),
    )
    id: int | None = _id()
    url: str
    host: str = Field(foreign_key="host.name")
    source: str
    kind: str  # local to its source
    role: str  # Role
    about: str | None = None  # what a page of a horse is about: its id; a search: the name's key
    dated: date  # the issue's date (for a year index: 1 January), by which a crawl's range is told
    state: str = Field(default=PageState.DUE, sa_column_kwargs={"server_default": text("'due'")})  # PageState
    due_at: datetime | None = _moment(default=None)  # when to ask (again); never, where empty
    priority: int = Field(default=0, sa_column_kwargs={"server_default": text("0")})  # higher first
    etag: str | None = None
    last_modified: str | None = None
    last_status: int | None = None
    last_fetched_at: datetime | None = _moment(default=None)  # last complete answer, 304 included
    changed_at: datetime | None = _moment(default=None)  # when its bytes last became different
    digest: str | None = Field(default=None, foreign_key="blob.digest")
    failures: int = Field(default=0, sa_column_kwargs={"server_default": text("0")})  # in a row
    error_code: str | None = None  # Failure; None: nothing is wrong
    error: str | None = None  # the detail: a site's or a program's own words
    missing: list[str] = Field(
        default_factory=list, sa_column=Column(ARRAY(Text), nullable=False, server_default=text("'{}'"))
    )  # fields its layout promises and this page did not yield
    found_on: str | None = None  # URL of the page that linked it
    added_at: datetime = _moment(sa_column_kwargs={"server_default": text("now()")}, default=None)


class FetchLog(SQLModel, table=True):
    """Every request ever made, append-only: what was asked, when, what came."""

    __tablename__ = "fetch_log"  # pyright: ignore[reportAssignmentType]
    __table_args__ = (
        Index("ix_fetch_log_at", "at"),
        Index("ix_fetch_log_digest", "digest", postgresql_where=text("digest IS NOT NULL")),
    )
    id: int | None = _id()
    page_id: int = Field(sa_type=BigInteger)
    host: str
    url: str
    at: datetime = _moment()  # start of the request, database clock
    took: float  # seconds until the last byte
    gap: float | None = None  # seconds since the previous request to this host started
    status: int | None = None
    size: int = 0  # bytes of the body
    outcome: str  # new, changed, unchanged, not_modified, redirect, gone, refused, try_later, unsafe
    error_code: str | None = None  # Failure; None: nothing is wrong
    error: str | None = None  # the detail
    # Of what came, where it was new: the archive's history of a page that changes. Its bytes are kept as long as it is.
    digest: str | None = Field(default=None, foreign_key="blob.digest")


class Host(SQLModel, table=True):
    """The gate: one row a host, which holds the politeness of the whole fleet on the database's clock."""

    name: str = Field(primary_key=True)  # host, or host:port where the port is unusual
    epoch: int = Field(
        default=0, sa_column=Column(BigInteger, nullable=False, server_default=text("0"))
    )  # a lane takes the next one; an older one is refused
    lane_job: int | None = Field(default=None, sa_type=BigInteger)  # the lane that holds the present epoch
    lane_until: datetime | None = _moment(default=None)  # it counts as frozen from then on, unless it renews this
    lane_by: str | None = None  # its command and process, for people
    waiting: str | None = None  # what work on this host waits for, other than a block
    waiting_until: datetime | None = _moment(default=None)
    holder: str | None = None  # the process that holds it: machine, process, when it started, number
    asker: str | None = None  # the holder whose slot was the last, and whose request may be open
    next_at: datetime | None = _moment(default=None)  # the next free slot
    slot_at: datetime | None = _moment(default=None)  # the slot that is reserved, until its request is finished
    open_until: datetime | None = _moment(default=None)  # a request may still be open until then
    blocked_until: datetime | None = _moment(default=None)
    block_code: str | None = None  # Block: why it is, or was last, blocked
    reason: str | None = None  # the detail of it
    incidents: int = Field(
        default=0, sa_column_kwargs={"server_default": text("0")}
    )  # in a row; forgiven after 30 quiet minutes
    last_incident_at: datetime | None = _moment(default=None)
    last_request_at: datetime | None = _moment(default=None)
    smallest_gap: float | None = None  # seconds between two requests, ever
    least_slack: float | None = None  # seconds of any gap beyond the delay in force then; negative: one was too short
    delay: float | None = None  # seconds in force at the last request
    delay_reason: str | None = None  # Delay
    excluded_at: datetime | None = _moment(default=None)  # opted out: never asked again


class CrawlJob(SQLModel, table=True):
    """A range that somebody asked for and that is not done: whoever is there works on it, and then it is gone."""

    __tablename__ = "crawl_job"  # pyright: ignore[reportAssignmentType]
    __table_args__ = (UniqueConstraint("scope", "hosts"),)
    id: int | None = _id()
    scope: str  # its short name: `Scope.token`
    since: date
    until: date
    limit: int | None = None
    all_races: bool
    hosts: list[str] = Field(sa_column=Column(ARRAY(Text), nullable=False))  # that it may ask
    pages_left: int | None = None  # how many more may be asked for, where that is limited
    asked_at: datetime = _moment(sa_column_kwargs={"server_default": text("now()")}, default=None)
    attended_until: datetime | None = _moment(default=None)  # a command waits for it; else workers alone work on it


class Issue(IssueItem, table=True):
    """A back number."""

    __table_args__ = (UniqueConstraint("source", "code"),)
    id: int | None = _id()
    source_url: str
    observed_at: datetime = _moment()


class Photo(SQLModel, table=True):
    """A paddock photo: what the index and its own page say of it, and the picture's measures."""

    __table_args__ = (
        UniqueConstraint("source", "issue_code", "number"),
        UniqueConstraint("photo_id"),
        Index("ix_photo_image_url", "image_url"),
        Index("ix_photo_horse_key", "horse_key"),
        Index("ix_photo_digest", "digest"),
    )
    id: int | None = _id()
    source: str
    issue_code: str
    number: int
    photo_id: str | None = Field(
        default=None, sa_column=Column(Text, Computed(PHOTO_ID, persisted=True), nullable=False)
    )
    listed_name: str | None = None
    race_name: str | None = None
    horse_name: str
    horse_key: str
    page_url: str
    image_url: str | None = None
    coat: str | None = None
    sex: str | None = None
    age: int | None = None
    trainer: str | None = None
    shot_month: int | None = None
    shot_day: int | None = None
    comment: str | None = None
    pedigree: list[str] = Field(sa_column=Column(ARRAY(Text), nullable=False, server_default=text("'{}'")))
    digest: str | None = Field(default=None, foreign_key="blob.digest")
    media_type: str | None = None
    width: int | None = None  # px
    height: int | None = None  # px
    phash: str | None = Field(default=None, sa_column=Column(BIT(256)))  # difference hash of the picture
    near_duplicate_of: int | None = Field(
        default=None, sa_column=Column(BigInteger, ForeignKey("photo.id", ondelete="SET NULL"))
    )  # the earlier photo of which this one is a re-encoded copy
    source_url: str
    observed_at: datetime = _moment()


class RaceDay(RaceDayItem, table=True):
    """A day on which the JRA raced, or will: what `--races all` goes by."""

    __tablename__ = "race_day"  # pyright: ignore[reportAssignmentType]
    __table_args__ = (UniqueConstraint("race_date"), Index("ix_race_day_source_url", "source_url"))
    id: int | None = _id()
    source_url: str
    observed_at: datetime = _moment()


class Race(RaceItem, table=True):
    """A race: run, or to come."""

    __table_args__ = (UniqueConstraint("race_id"), Index("ix_race_race_date", "race_date"))
    id: int | None = _id()
    source_url: str
    observed_at: datetime = _moment()


# What tells a horse from the others of its race: its id, where it has one of its own, or its number, or its name.
RUNNER: LiteralString = "COALESCE(horse_id, horse_number::text, horse_key)"


class Entry(EntryItem, table=True):
    """A horse in a race."""

    __table_args__ = (
        UniqueConstraint("race_id", "runner"),
        Index("ix_entry_horse_id", "horse_id"),
        Index("ix_entry_horse_key", "horse_key"),
    )
    id: int | None = _id()
    race_id: str = Field(sa_column=Column(Text, ForeignKey("race.race_id", ondelete="CASCADE"), nullable=False))
    runner: str = Field(default=None, sa_column=Column(Text, Computed(RUNNER), nullable=False))
    source_url: str
    observed_at: datetime = _moment()


class Horse(HorseItem, table=True):
    """A horse that was seen in a race or on its own page."""

    __table_args__ = (UniqueConstraint("horse_id"), Index("ix_horse_horse_key", "horse_key"))
    id: int | None = _id()
    source_url: str
    observed_at: datetime = _moment()


class Aptitude(AptitudeItem, table=True):
    """What reviewers thought of a horse at a time; a new row only when something changed."""

    __table_args__ = (UniqueConstraint("horse_id", "axis", "observed_at"),)
    id: int | None = _id()
    source_url: str
    observed_at: datetime = _moment()


class PhotoMatch(SQLModel, table=True):
    """Which horse a photo shows and in which race it was about to run, and how that was found out."""

    __tablename__ = "photo_match"  # pyright: ignore[reportAssignmentType]
    __table_args__ = (UniqueConstraint("source", "issue_code", "number"), Index("ix_photo_match_horse_id", "horse_id"))
    id: int | None = _id()
    source: str
    issue_code: str
    number: int
    horse_id: str | None = None  # None: open
    race_id: str | None = None
    rule: str  # MatchRule: the rule that decided it, or why it is open
    candidates: list[str] = Field(
        default_factory=list, sa_column=Column(ARRAY(Text), nullable=False, server_default=text("'{}'"))
    )  # horses it may be, where it is open
    by_hand: bool = Field(default=False, sa_column_kwargs={"server_default": text("false")})
    decided_at: datetime = _moment()


class LatinName(SQLModel, table=True):
    """How a horse's name is spelt in Latin letters, folded as what people type is: see `collector.web.search.names`."""

    __tablename__ = "latin_name"  # pyright: ignore[reportAssignmentType]
    horse_key: str = Field(sa_column=Column(Text, primary_key=True))
    latin: str = Field(sa_column=Column(Text, nullable=False))


class Thumbnail(SQLModel, table=True):
    """A photo made small, once; it goes when its bytes go."""

    digest: str = Field(foreign_key="blob.digest", ondelete="CASCADE", primary_key=True)
    width: int = Field(primary_key=True)  # px that were asked for; a smaller photo keeps its own
    height: int  # px
    content: bytes = Field(sa_type=LargeBinary)  # JPEG


class Tick(SQLModel, table=True):
    """A moment at which something is to be done, again and again: one row for each entry of the schedule."""

    name: str = Field(primary_key=True)
    cron: str  # in Asia/Tokyo
    next_at: datetime = _moment()
    due_at: datetime | None = _moment(default=None)  # when the last one was to fire
    last_at: datetime | None = _moment(default=None)  # when it did
    host: str | None = None  # that the last one led to
    pages: int | None = None  # that it made due


class ParseFailure(SQLModel, table=True):
    """A page that could not be read right: set aside, never stored as data, never lost."""

    __tablename__ = "parse_failure"  # pyright: ignore[reportAssignmentType]
    __table_args__ = (UniqueConstraint("page_id", "field"),)
    id: int | None = _id()
    page_id: int = Field(sa_column=Column(BigInteger, ForeignKey("page.id", ondelete="CASCADE"), nullable=False))
    digest: str
    field: str
    reason: str
    observed_at: datetime = _moment()


class Drift(SQLModel, table=True):
    """A page kind whose parser has stopped writing, because a field it always had is gone."""

    __table_args__ = (UniqueConstraint("source", "kind", "field"),)
    id: int | None = _id()
    source: str
    kind: str
    field: str
    old_coverage: float  # share of pages with the field, before
    new_coverage: float  # among the last pages
    samples: list[str] = Field(sa_column=Column(ARRAY(Text), nullable=False))  # URLs
    observed_at: datetime = _moment()
