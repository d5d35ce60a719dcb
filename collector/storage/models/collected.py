"""The tables of facts from pages, and of facts derived from them: issues, photos, races, entries, horses, matches."""

from datetime import date, datetime
from typing import Any, LiteralString

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    Computed,
    DateTime,
    ForeignKey,
    Index,
    LargeBinary,
    Text,
    UniqueConstraint,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY, BIT, JSONB
from sqlmodel import Field, SQLModel

from collector.storage.items import AptitudeItem, EntryItem, HorseItem, IssueItem, RaceDayItem, RaceItem
from collector.storage.models.fields import moment, row_id

# See `photo_ids`.
PHOTO_ID = "source || ':' || issue_code || '/' || lpad(number::text, GREATEST(2, length(number::text)), '0')"

# Only a photo of a person's own camera names no horse: a page of a site that lost its name is set aside.
NAMED = "(horse_name IS NULL) = (horse_key IS NULL) AND (horse_name IS NOT NULL OR taken_at IS NOT NULL)"


class Issue(IssueItem, table=True):
    """A back number."""

    __table_args__ = (UniqueConstraint("source", "code"),)
    id: int | None = row_id()
    source_url: str
    observed_at: datetime = moment()


class Photo(SQLModel, table=True):
    """A paddock photo: the facts from the index and from its own page, and the picture's size and hash."""

    __table_args__ = (
        UniqueConstraint("source", "issue_code", "number"),
        UniqueConstraint("photo_id"),
        CheckConstraint(NAMED, name="named"),
        Index("ix_photo_image_url", "image_url"),
        Index("ix_photo_horse_key", "horse_key"),
        Index("ix_photo_digest", "digest"),
    )
    id: int | None = row_id()
    source: str
    issue_code: str
    number: int
    photo_id: str | None = Field(
        default=None, sa_column=Column(Text, Computed(PHOTO_ID, persisted=True), nullable=False)
    )
    listed_name: str | None = None
    race_name: str | None = None
    horse_name: str | None = None  # None: nothing beside the photo names a horse
    horse_key: str | None = None
    page_url: str
    image_url: str | None = None
    coat: str | None = None
    sex: str | None = None
    age: int | None = None
    trainer: str | None = None
    shot_month: int | None = None
    shot_day: int | None = None
    comment: str | None = None
    distance_said: str | None = None  # Said: of distance, in the remark; None: no remark, or not read yet
    claims: list[dict[str, Any]] = Field(
        sa_column=Column(JSONB, nullable=False, server_default=text("'[]'"))
    )  # on distance: kind (ClaimKind), low_m, high_m, and the stretch of the remark from start to end
    build_tags: list[dict[str, Any]] = Field(
        sa_column=Column(JSONB, nullable=False, server_default=text("'[]'"))
    )  # tag (see `collector.remarks.build`), start, end
    pedigree: list[str] = Field(sa_column=Column(ARRAY(Text), nullable=False, server_default=text("'{}'")))
    stated_horse_id: str | None = None
    stated_race_id: str | None = None
    origin: str | None = None
    rights: str | None = None
    taken_at: datetime | None = Field(default=None, sa_column=Column(DateTime(timezone=True)))
    clock: datetime | None = Field(default=None, sa_column=Column(DateTime(timezone=False)))  # of the camera, as it was
    camera: str | None = None
    racecourse: str | None = None
    digest: str | None = Field(default=None, foreign_key="blob.digest")
    media_type: str | None = None
    width: int | None = None  # px
    height: int | None = None  # px
    phash: str | None = Field(default=None, sa_column=Column(BIT(256)))  # difference hash of the picture
    near_duplicate_of: int | None = Field(
        default=None, sa_column=Column(BigInteger, ForeignKey("photo.id", ondelete="SET NULL"))
    )  # the earlier photo of which this one is a re-encoded copy
    source_url: str
    observed_at: datetime = moment()


class ForgottenShot(SQLModel, table=True):
    """What a copy of a forgotten photo of one's own camera is recognised by: see `collector.pipeline.forget`."""

    __tablename__ = "forgotten_shot"  # pyright: ignore[reportAssignmentType]
    second: str = Field(primary_key=True)  # a digest of the camera, and of the second that its clock showed
    microsecond: int = Field(primary_key=True)  # of that second; 0: the camera did not say
    phash: str = Field(sa_column=Column(BIT(256), primary_key=True))  # difference hash of the picture
    media_type: str
    width: int  # px
    height: int  # px


class RaceDay(RaceDayItem, table=True):
    """A past or coming race day of the JRA; `--races all` uses it."""

    __tablename__ = "race_day"  # pyright: ignore[reportAssignmentType]
    __table_args__ = (UniqueConstraint("race_date"), Index("ix_race_day_source_url", "source_url"))
    id: int | None = row_id()
    source_url: str
    observed_at: datetime = moment()


class Race(RaceItem, table=True):
    """A past or coming race."""

    __table_args__ = (
        UniqueConstraint("race_id"),
        Index("ix_race_race_date", "race_date"),
        Index("ix_race_licensed", "licensed", postgresql_where=text("licensed")),
    )
    id: int | None = row_id()
    source_url: str
    observed_at: datetime = moment()


# The key of an entry within its race: the horse's id, or else its number, or else its name.
RUNNER: LiteralString = "COALESCE(horse_id, horse_number::text, horse_key)"


class Entry(EntryItem, table=True):
    """A horse in a race."""

    __table_args__ = (
        UniqueConstraint("race_id", "runner"),
        Index("ix_entry_horse_id", "horse_id"),
        Index("ix_entry_horse_key", "horse_key"),
        Index("ix_entry_stated_horse_id", "stated_horse_id", postgresql_where=text("stated_horse_id IS NOT NULL")),
    )
    id: int | None = row_id()
    race_id: str = Field(sa_column=Column(Text, ForeignKey("race.race_id", ondelete="CASCADE"), nullable=False))
    runner: str = Field(default=None, sa_column=Column(Text, Computed(RUNNER), nullable=False))
    source_url: str
    observed_at: datetime = moment()


class Horse(HorseItem, table=True):
    """A horse from a race or from its own page."""

    __table_args__ = (
        UniqueConstraint("horse_id"),
        Index("ix_horse_horse_key", "horse_key"),
        Index("ix_horse_licensed", "licensed", postgresql_where=text("licensed")),
    )
    id: int | None = row_id()
    source_url: str
    observed_at: datetime = moment()


class Aptitude(AptitudeItem, table=True):
    """Reviewers' opinion of a horse at a time; a new row only after a change."""

    __table_args__ = (UniqueConstraint("horse_id", "axis", "observed_at"),)
    id: int | None = row_id()
    source_url: str
    observed_at: datetime = moment()


class HorseLabel(SQLModel, table=True):
    """A horse's label by a definition other than the poll, as `trainer labels --store` computed it last."""

    __tablename__ = "horse_label"  # pyright: ignore[reportAssignmentType]
    __table_args__ = (UniqueConstraint("horse_id", "definition", "axis"),)
    id: int | None = row_id()
    horse_id: str
    definition: str  # results, results-placed, ...
    axis: str
    value: float  # 0..1
    variance: float | None = None  # of the value, around the truth
    reliability: float | None = None  # 0..1: the share of the differences between horses that is not chance
    n: int | None = None  # starts or opinions behind it
    metres: float | None = None  # what the value stands for, on the distance axis
    evidence: dict[str, Any] = Field(sa_column=Column(JSONB, nullable=False))
    computed_at: datetime = moment()


class Forecast(SQLModel, table=True):
    """A model's answer to a photo, frozen before the results were known; the database refuses to change a row.

    See `collector.storage.forecast_chain` for the digests.
    """

    __table_args__ = (UniqueConstraint("digest"), Index("ix_forecast_horse_id", "horse_id"))
    number: int = Field(sa_column=Column(BigInteger, primary_key=True, autoincrement=False))  # from 1 on
    made_at: datetime = moment()
    photo: str  # its id
    photo_digest: str
    horse_id: str
    race_id: str | None = None  # that the photo was taken for
    dated: date  # of the photo's issue
    run: str
    run_digest: str  # of the model and its settings
    label: str  # definition/axis by which it is judged
    label_digest: str  # of the definition
    value: float  # 0..1
    low: float  # of the interval
    high: float
    baselines: dict[str, float] = Field(sa_column=Column(JSONB, nullable=False))  # answers without the photo
    previous: str  # the digest of the row before
    digest: str  # of this row, `previous` included


class PhotoMatch(SQLModel, table=True):
    """The horse that a photo shows, the race that it was about to run, and the rule that found them."""

    __tablename__ = "photo_match"  # pyright: ignore[reportAssignmentType]
    __table_args__ = (UniqueConstraint("source", "issue_code", "number"), Index("ix_photo_match_horse_id", "horse_id"))
    id: int | None = row_id()
    source: str
    issue_code: str
    number: int
    horse_id: str | None = None  # None: open
    race_id: str | None = None
    rule: str  # MatchRule: the rule that decided it, or why it is open
    candidates: list[str] = Field(
        default_factory=list, sa_column=Column(ARRAY(Text), nullable=False, server_default=text("'{}'"))
    )  # possible horses of an open photo
    certainty: float | None = None  # 0..1, of a horse that the order of the walk gives
    follows: str | None = None  # a digest of the horses, photos and decisions that the order of the walk is made of
    head_turned: bool = Field(default=False, sa_column_kwargs={"server_default": text("false")})  # says a person
    by_hand: bool = Field(default=False, sa_column_kwargs={"server_default": text("false")})
    decided_at: datetime = moment()


class Followed(SQLModel, table=True):
    """A horse that a person follows. It is a decision of theirs, so nothing that is read again takes it back."""

    horse_id: str = Field(primary_key=True)
    followed_at: datetime = moment(sa_column_kwargs={"server_default": text("now()")}, default=None)


class LatinName(SQLModel, table=True):
    """A horse's name in Latin letters, folded like typed text: see `collector.web.search.names`."""

    __tablename__ = "latin_name"  # pyright: ignore[reportAssignmentType]
    horse_key: str = Field(sa_column=Column(Text, primary_key=True))
    latin: str = Field(sa_column=Column(Text, nullable=False))


class Thumbnail(SQLModel, table=True):
    """A small copy of a photo, made once; it is deleted with the photo's bytes."""

    digest: str = Field(foreign_key="blob.digest", ondelete="CASCADE", primary_key=True)
    width: int = Field(primary_key=True)  # px, as requested; a smaller photo is not enlarged
    height: int  # px
    content: bytes = Field(sa_type=LargeBinary)  # JPEG


class PhotoVector(SQLModel, table=True):
    """Where a model's features place a photo: photos that lie near each other look alike to it.

    It is of the bytes, like a thumbnail, and can be made again by `trainer index`.
    """

    __tablename__ = "photo_vector"  # pyright: ignore[reportAssignmentType]
    digest: str = Field(foreign_key="blob.digest", ondelete="CASCADE", primary_key=True)
    model: str  # vectors of one model lie in one space
    vector: bytes = Field(sa_type=LargeBinary)  # little-endian 16-bit floats
    indexed_at: datetime = moment(sa_column_kwargs={"server_default": text("now()")}, default=None)
