"""The tables of the archive and the frontier: the requests and the answers."""

from datetime import date, datetime
from typing import Any

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
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlmodel import Field, SQLModel

from collector.storage.models.fields import moment, row_id
from collector.storage.roles import PageState


class Blob(SQLModel, table=True):
    """Raw bytes as they came, under their digest."""

    digest: str = Field(primary_key=True)  # SHA-256 of the decoded body, hexadecimal
    media_type: str  # of the answer that brought them first
    size: int  # bytes of the body itself
    encoding: str = ""  # of `content`: "" (as it came), "zstd", "zstd:" and a dictionary's number, "zlib" (old rows)
    content: bytes = Field(sa_type=LargeBinary)  # STORAGE EXTERNAL: its bytes are compressed already


class Dictionary(SQLModel, table=True):
    """What pages of one kind have in common: with it, zstd needs a few kilobytes a page."""

    __table_args__ = (UniqueConstraint("source", "kind"),)
    id: int = Field(sa_column=Column(BigInteger, primary_key=True, autoincrement=False))  # the number in its bytes
    source: str
    kind: str
    content: bytes = Field(sa_type=LargeBinary)
    created_at: datetime = moment()


class Page(SQLModel, table=True):
    """A URL in the frontier; also the index of the archive."""

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
        Index("ix_page_about", "about", postgresql_where=text("about IS NOT NULL")),
        CheckConstraint("state <> 'fetched' OR digest IS NOT NULL", "fetched_has_bytes"),
    )
    id: int | None = row_id()
    url: str
    host: str = Field(foreign_key="host.name")
    source: str
    kind: str  # local to its source
    role: str  # Role
    about: str | None = None  # of a horse's page: the horse's id; of a search: the key of the name
    dated: date  # the date (for a year index: 1 January); a crawl's range selects by it
    state: str = Field(default=PageState.DUE, sa_column_kwargs={"server_default": text("'due'")})  # PageState
    due_at: datetime | None = moment(default=None)  # when to request it (again); None: never
    priority: int = Field(default=0, sa_column_kwargs={"server_default": text("0")})  # higher first
    etag: str | None = None
    last_modified: str | None = None
    last_status: int | None = None
    last_fetched_at: datetime | None = moment(default=None)  # the last complete answer, 304 included
    changed_at: datetime | None = moment(default=None)  # the last change of its bytes
    digest: str | None = Field(default=None, foreign_key="blob.digest")
    media_type: str | None = None  # with its charset, as these bytes came here; None: as the blob has it
    failures: int = Field(default=0, sa_column_kwargs={"server_default": text("0")})  # in a row
    error_code: str | None = None  # Failure; None: no error
    error: str | None = None  # the detail: words of a site or a program
    missing: list[str] = Field(
        default_factory=list, sa_column=Column(ARRAY(Text), nullable=False, server_default=text("'{}'"))
    )  # fields that the layout promises and this page does not have
    found_on: str | None = None  # URL of the page that linked it
    added_at: datetime = moment(sa_column_kwargs={"server_default": text("now()")}, default=None)


class FetchLog(SQLModel, table=True):
    """Every request ever made, and its answer; also every page that was imported, without a request. Append-only."""

    __tablename__ = "fetch_log"  # pyright: ignore[reportAssignmentType]
    __table_args__ = (
        Index("ix_fetch_log_at", "at"),
        Index("ix_fetch_log_digest", "digest", postgresql_where=text("digest IS NOT NULL")),
        Index("ix_fetch_log_page_id", "page_id", postgresql_where=text("digest IS NOT NULL")),
    )
    id: int | None = row_id()
    page_id: int = Field(sa_type=BigInteger)
    host: str
    url: str
    at: datetime = moment()  # start of the request, database clock; of an import: captured_at, or when it was imported
    took: float  # seconds until the last byte
    gap: float | None = None  # seconds since the previous request to this host started
    status: int | None = None
    size: int = 0  # bytes of the body
    outcome: str  # new, changed, unchanged, not_modified, redirect, gone, refused, try_later, unsafe; imported
    error_code: str | None = None  # Failure; None: no error
    error: str | None = None  # the detail
    # The digest of a new answer: the history of a page that changes. The bytes are kept as long as this row.
    digest: str | None = Field(default=None, foreign_key="blob.digest")
    media_type: str | None = None  # with its charset, as this answer had it; None: as the blob has it
    file: str | None = None  # of an import: the name of the file, with its place in an archive or a folder
    file_digest: str | None = None  # SHA-256 of the file, or of the archive that it was in
    captured_at: datetime | None = moment(default=None)  # of an import: when the page was saved, where the file says so


class Host(SQLModel, table=True):
    """The gate: one row for each host. It keeps the politeness of all machines, by the database's clock."""

    name: str = Field(primary_key=True)  # host, or host:port where the port is not the default
    epoch: int = Field(
        default=0, sa_column=Column(BigInteger, nullable=False, server_default=text("0"))
    )  # a new lane takes the next number; an older lane is refused
    lane_job: int | None = Field(default=None, sa_type=BigInteger)  # the lane that holds the current epoch
    lane_until: datetime | None = moment(default=None)  # from then on it counts as frozen, unless it renews this
    lane_by: str | None = None  # its command and process, for people
    waiting: str | None = None  # Awaited: what the lane waits for, other than a block
    waiting_detail: dict[str, Any] = Field(
        default_factory=dict, sa_column=Column(JSONB, nullable=False, server_default=text("'{}'"))
    )  # what its sentence needs, by name
    waiting_until: datetime | None = moment(default=None)
    holder: str | None = None  # the process that holds it: machine, process, start time, number
    asker: str | None = None  # the holder of the last slot; its request may be open
    next_at: datetime | None = moment(default=None)  # the next free slot
    slot_at: datetime | None = moment(default=None)  # the reserved slot, until its request is finished
    open_until: datetime | None = moment(default=None)  # a request may still be open until then
    blocked_until: datetime | None = moment(default=None)
    block_code: str | None = None  # Block: why it is, or was, blocked
    reason: str | None = None  # the detail
    incidents: int = Field(
        default=0, sa_column_kwargs={"server_default": text("0")}
    )  # in a row; reset after 30 minutes without one
    last_incident_at: datetime | None = moment(default=None)
    last_request_at: datetime | None = moment(default=None)
    smallest_gap: float | None = None  # seconds between two requests, ever
    least_slack: float | None = None  # seconds between the shortest gap and its delay; negative: a gap was too short
    delay: float | None = None  # seconds in force at the last request
    delay_reason: str | None = None  # Delay
    excluded_at: datetime | None = moment(default=None)  # opted out: no requests ever again


class Acceptance(SQLModel, table=True):
    """That a person accepted the terms of a source, on which it may be asked. Append-only."""

    __table_args__ = (UniqueConstraint("source", "terms_digest", "permission", postgresql_nulls_not_distinct=True),)
    id: int | None = row_id()
    source: str
    terms_digest: str  # of what the terms say: `Terms.digest`
    terms_date: date | None = None  # of the text, as its keepers state it
    terms: str  # in a sentence, as they were shown
    permission: str | None = None  # who gave it, and when
    accepted_at: datetime = moment()
    accepted_by: str  # AcceptedBy


class CrawlJob(SQLModel, table=True):
    """A range that someone asked for and that is not done. Any worker works on it; the row is deleted at the end."""

    __tablename__ = "crawl_job"  # pyright: ignore[reportAssignmentType]
    __table_args__ = (UniqueConstraint("scope", "hosts"),)
    id: int | None = row_id()
    scope: str  # its short name: `Scope.token`
    since: date
    until: date
    limit: int | None = None
    all_races: bool
    hosts: list[str] = Field(sa_column=Column(ARRAY(Text), nullable=False))  # that it may contact
    pages_left: int | None = None  # how many pages may still be requested, if limited
    asked_at: datetime = moment(sa_column_kwargs={"server_default": text("now()")}, default=None)
    attended_until: datetime | None = moment(default=None)  # until then a command waits for it


class Tick(SQLModel, table=True):
    """The state of one entry of the schedule."""

    name: str = Field(primary_key=True)
    cron: str  # in Asia/Tokyo
    next_at: datetime = moment()
    due_at: datetime | None = moment(default=None)  # when the last run was due
    last_at: datetime | None = moment(default=None)  # when it ran
    host: str | None = None  # of the last run
    pages: int | None = None  # that the last run made due


class ParseFailure(SQLModel, table=True):
    """A page that could not be read correctly: set aside, not stored as data, never lost."""

    __tablename__ = "parse_failure"  # pyright: ignore[reportAssignmentType]
    __table_args__ = (UniqueConstraint("page_id", "field"),)
    id: int | None = row_id()
    page_id: int = Field(sa_column=Column(BigInteger, ForeignKey("page.id", ondelete="CASCADE"), nullable=False))
    digest: str
    field: str
    reason: str
    observed_at: datetime = moment()


class Drift(SQLModel, table=True):
    """A kind of page whose data is no longer stored, because a field that it always had is missing."""

    __table_args__ = (UniqueConstraint("source", "kind", "field"),)
    id: int | None = row_id()
    source: str
    kind: str
    field: str
    old_coverage: float  # the share of pages with the field, before
    new_coverage: float  # the share among the last pages
    samples: list[str] = Field(sa_column=Column(ARRAY(Text), nullable=False))  # URLs
    observed_at: datetime = moment()
