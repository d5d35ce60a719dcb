"""The tables of the archive and the frontier: what is asked for, and what came."""

from datetime import date, datetime

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    ForeignKey,
    Index,
    LargeBinary,
    Text,
    UniqueConstraint,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY
from sqlmodel import Field, SQLModel

from collector.storage.models.fields import moment, row_id
from collector.storage.roles import PageState


class Blob(SQLModel, table=True):
    """Raw bytes as they came, under their own digest."""

    digest: str = Field(primary_key=True)  # SHA-256 of the decoded body, hexadecimal
    media_type: str  # of the answer that brought them first
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
    id: int | None = row_id()
    url: str
    host: str = Field(foreign_key="host.name")
    source: str
    kind: str  # local to its source
    role: str  # Role
    about: str | None = None  # what a page of a horse is about: its id; a search: the name's key
    dated: date  # the date (for a year index: 1 January), by which a crawl's range is told
    state: str = Field(default=PageState.DUE, sa_column_kwargs={"server_default": text("'due'")})  # PageState
    due_at: datetime | None = moment(default=None)  # when to ask (again); never, where empty
    priority: int = Field(default=0, sa_column_kwargs={"server_default": text("0")})  # higher first
    etag: str | None = None
    last_modified: str | None = None
    last_status: int | None = None
    last_fetched_at: datetime | None = moment(default=None)  # last complete answer, 304 included
    changed_at: datetime | None = moment(default=None)  # when its bytes last became different
    digest: str | None = Field(default=None, foreign_key="blob.digest")
    media_type: str | None = None  # with its charset, as these bytes came here; None: as the blob has it
    failures: int = Field(default=0, sa_column_kwargs={"server_default": text("0")})  # in a row
    error_code: str | None = None  # Failure; None: nothing is wrong
    error: str | None = None  # the detail: a site's or a program's own words
    missing: list[str] = Field(
        default_factory=list, sa_column=Column(ARRAY(Text), nullable=False, server_default=text("'{}'"))
    )  # fields its layout promises and this page did not yield
    found_on: str | None = None  # URL of the page that linked it
    added_at: datetime = moment(sa_column_kwargs={"server_default": text("now()")}, default=None)


class FetchLog(SQLModel, table=True):
    """Every request ever made, append-only: what was asked, when, what came."""

    __tablename__ = "fetch_log"  # pyright: ignore[reportAssignmentType]
    __table_args__ = (
        Index("ix_fetch_log_at", "at"),
        Index("ix_fetch_log_digest", "digest", postgresql_where=text("digest IS NOT NULL")),
    )
    id: int | None = row_id()
    page_id: int = Field(sa_type=BigInteger)
    host: str
    url: str
    at: datetime = moment()  # start of the request, database clock
    took: float  # seconds until the last byte
    gap: float | None = None  # seconds since the previous request to this host started
    status: int | None = None
    size: int = 0  # bytes of the body
    outcome: str  # new, changed, unchanged, not_modified, redirect, gone, refused, try_later, unsafe
    error_code: str | None = None  # Failure; None: nothing is wrong
    error: str | None = None  # the detail
    # Of what came, where it was new: the archive's history of a page that changes. Its bytes are kept as long as it is.
    digest: str | None = Field(default=None, foreign_key="blob.digest")
    media_type: str | None = None  # with its charset, as this answer had it; None: as the blob has it


class Host(SQLModel, table=True):
    """The gate: one row a host, which holds the politeness of the whole fleet on the database's clock."""

    name: str = Field(primary_key=True)  # host, or host:port where the port is unusual
    epoch: int = Field(
        default=0, sa_column=Column(BigInteger, nullable=False, server_default=text("0"))
    )  # a lane takes the next one; an older one is refused
    lane_job: int | None = Field(default=None, sa_type=BigInteger)  # the lane that holds the present epoch
    lane_until: datetime | None = moment(default=None)  # it counts as frozen from then on, unless it renews this
    lane_by: str | None = None  # its command and process, for people
    waiting: str | None = None  # what work on this host waits for, other than a block
    waiting_until: datetime | None = moment(default=None)
    holder: str | None = None  # the process that holds it: machine, process, when it started, number
    asker: str | None = None  # the holder whose slot was the last, and whose request may be open
    next_at: datetime | None = moment(default=None)  # the next free slot
    slot_at: datetime | None = moment(default=None)  # the slot that is reserved, until its request is finished
    open_until: datetime | None = moment(default=None)  # a request may still be open until then
    blocked_until: datetime | None = moment(default=None)
    block_code: str | None = None  # Block: why it is, or was last, blocked
    reason: str | None = None  # the detail of it
    incidents: int = Field(
        default=0, sa_column_kwargs={"server_default": text("0")}
    )  # in a row; forgiven after 30 quiet minutes
    last_incident_at: datetime | None = moment(default=None)
    last_request_at: datetime | None = moment(default=None)
    smallest_gap: float | None = None  # seconds between two requests, ever
    least_slack: float | None = None  # seconds of any gap beyond the delay in force then; negative: one was too short
    delay: float | None = None  # seconds in force at the last request
    delay_reason: str | None = None  # Delay
    excluded_at: datetime | None = moment(default=None)  # opted out: never asked again


class CrawlJob(SQLModel, table=True):
    """A range that somebody asked for and that is not done: whoever is there works on it, and then it is gone."""

    __tablename__ = "crawl_job"  # pyright: ignore[reportAssignmentType]
    __table_args__ = (UniqueConstraint("scope", "hosts"),)
    id: int | None = row_id()
    scope: str  # its short name: `Scope.token`
    since: date
    until: date
    limit: int | None = None
    all_races: bool
    hosts: list[str] = Field(sa_column=Column(ARRAY(Text), nullable=False))  # that it may ask
    pages_left: int | None = None  # how many more may be asked for, where that is limited
    asked_at: datetime = moment(sa_column_kwargs={"server_default": text("now()")}, default=None)
    attended_until: datetime | None = moment(default=None)  # a command waits for it; else workers alone work on it


class Tick(SQLModel, table=True):
    """A moment at which something is to be done, again and again: one row for each entry of the schedule."""

    name: str = Field(primary_key=True)
    cron: str  # in Asia/Tokyo
    next_at: datetime = moment()
    due_at: datetime | None = moment(default=None)  # when the last one was to fire
    last_at: datetime | None = moment(default=None)  # when it did
    host: str | None = None  # that the last one led to
    pages: int | None = None  # that it made due


class ParseFailure(SQLModel, table=True):
    """A page that could not be read right: set aside, never stored as data, never lost."""

    __tablename__ = "parse_failure"  # pyright: ignore[reportAssignmentType]
    __table_args__ = (UniqueConstraint("page_id", "field"),)
    id: int | None = row_id()
    page_id: int = Field(sa_column=Column(BigInteger, ForeignKey("page.id", ondelete="CASCADE"), nullable=False))
    digest: str
    field: str
    reason: str
    observed_at: datetime = moment()


class Drift(SQLModel, table=True):
    """A page kind whose parser has stopped writing, because a field it always had is gone."""

    __table_args__ = (UniqueConstraint("source", "kind", "field"),)
    id: int | None = row_id()
    source: str
    kind: str
    field: str
    old_coverage: float  # share of pages with the field, before
    new_coverage: float  # among the last pages
    samples: list[str] = Field(sa_column=Column(ARRAY(Text), nullable=False))  # URLs
    observed_at: datetime = moment()
