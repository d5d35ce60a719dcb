"""What a person keeps of photos: two marks on the horse, stars and notes, and collections. No page says any of it."""

from datetime import datetime

from sqlalchemy import CheckConstraint, Column, ForeignKey, String, text
from sqlmodel import Field, SQLModel

from collector.storage.models.fields import moment

NOW = text("now()")


class PhotoMark(SQLModel, table=True):
    """Where a person sees two points of the horse on a picture, as shares of its width and height.

    It is of the bytes, so the same picture elsewhere has it too, and it goes when they go.
    """

    __tablename__ = "photo_mark"  # pyright: ignore[reportAssignmentType]
    __table_args__ = tuple(
        CheckConstraint(f"{name} BETWEEN 0 AND 1", name=name)
        for name in ("withers_x", "withers_y", "buttock_x", "buttock_y")
    )
    digest: str = Field(foreign_key="blob.digest", ondelete="CASCADE", primary_key=True)
    withers_x: float  # 0 left .. 1 right
    withers_y: float  # 0 top .. 1 bottom
    buttock_x: float  # the point of the buttock
    buttock_y: float
    marked_at: datetime = moment(sa_column_kwargs={"server_default": NOW}, default=None)


class PhotoNote(SQLModel, table=True):
    """What a person thinks of a photo. It is by the photo's id, as two pages may show the same picture."""

    __tablename__ = "photo_note"  # pyright: ignore[reportAssignmentType]
    __table_args__ = (
        CheckConstraint("stars BETWEEN 1 AND 5", name="stars"),
        CheckConstraint("stars IS NOT NULL OR note IS NOT NULL", name="said"),
    )
    photo_id: str = Field(primary_key=True)
    stars: int | None = None  # 1..5
    note: str | None = None
    noted_at: datetime = moment(sa_column_kwargs={"server_default": NOW}, default=None)


class Collection(SQLModel, table=True):
    """A list of photos that a person has named."""

    name: str = Field(primary_key=True)
    made_at: datetime = moment(sa_column_kwargs={"server_default": NOW}, default=None)


class Collected(SQLModel, table=True):
    """A photo in a collection. The photo's row may be written anew, and forgetting takes it out of here."""

    collection: str = Field(
        sa_column=Column(
            String, ForeignKey("collection.name", onupdate="CASCADE", ondelete="CASCADE"), primary_key=True
        )
    )
    photo_id: str = Field(primary_key=True)
    added_at: datetime = moment(sa_column_kwargs={"server_default": NOW}, default=None)
