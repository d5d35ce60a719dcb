"""Columns that many tables have, and the pattern for names of keys and indexes."""

from typing import Any

from sqlalchemy import BigInteger, Column, DateTime, Identity
from sqlmodel import Field, SQLModel

SQLModel.metadata.naming_convention = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
    "pk": "pk_%(table_name)s",
}


def moment(**options: Any) -> Any:
    """A timestamp with time zone."""
    return Field(sa_type=DateTime(timezone=True), **options)  # pyright: ignore[reportArgumentType, reportCallIssue]


def row_id() -> Any:
    """The number of a row."""
    return Field(default=None, sa_column=Column(BigInteger, Identity(), primary_key=True))
