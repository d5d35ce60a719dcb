"""The tables of what a licensed source and the others say of the same races and horses."""

from datetime import datetime
from typing import Any

from sqlalchemy import Column, Index, UniqueConstraint
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import Field, SQLModel

from collector.storage.models.fields import moment, row_id


class OtherSide(SQLModel, table=True):
    """What a source says whose word does not stand, as an item; see `collector.pipeline.licensed`."""

    __tablename__ = "other_side"  # pyright: ignore[reportAssignmentType]
    __table_args__ = (UniqueConstraint("sort", "thing", "runner"), Index("ix_other_side_horse_id", "horse_id"))
    id: int | None = row_id()
    sort: str  # race, entry or horse
    thing: str  # the race's id, or the horse's
    runner: str  # of an entry; else empty
    horse_id: str | None = None
    said: dict[str, Any] = Field(sa_column=Column(JSONB, nullable=False))
    source_url: str
    observed_at: datetime = moment()


class Difference(SQLModel, table=True):
    """A value of which a licensed source and another one say different things."""

    __table_args__ = (UniqueConstraint("sort", "thing", "runner", "field"), Index("ix_difference_field", "field"))
    id: int | None = row_id()
    sort: str
    thing: str
    runner: str
    field: str  # the column
    licensed: str | None = None
    other: str | None = None
    source_url: str  # of the other
    observed_at: datetime = moment()


class KeptApart(SQLModel, table=True):
    """A horse's id that is not believed of a licensed source: sources name different horses by it."""

    __tablename__ = "kept_apart"  # pyright: ignore[reportAssignmentType]
    horse_id: str = Field(primary_key=True)
    field: str  # name, sex or born
    licensed: str
    other: str
    licensed_url: str
    other_url: str
