"""How an export can be written, and the marks by which one of ours is known. Pure."""

from enum import StrEnum

APPLICATION = 0x50414444  # "PADD": the application id of our SQLite files
MARK = "The columns of this Paddock export."  # the comment by which our DuckDB files are known


class Format(StrEnum):
    """How an export is written."""

    PARQUET = "parquet"
    CSV = "csv"
    DUCKDB = "duckdb"
    SQLITE = "sqlite"

    @property
    def in_folder(self) -> bool:
        """Whether it has a file for each table."""
        return self in (Format.PARQUET, Format.CSV)

    @property
    def has_lists(self) -> bool:
        """Whether a field can hold a list; else it is JSON."""
        return self in (Format.PARQUET, Format.DUCKDB)
