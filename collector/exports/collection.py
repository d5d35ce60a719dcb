"""The collection in Python: `open_collection`, tables as Arrow, pandas or polars, photos with their provenance.

from collector import open_collection
collection = open_collection()
collection.table("entry", since="2016").pandas()
"""

import base64
import weakref
from collections.abc import Generator, Iterator, Mapping, Sequence
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

import psycopg
import pyarrow as pa
from psycopg.rows import dict_row

from collector.console.trouble import reason_of, trouble_of
from collector.errors import UsageError
from collector.exports.arrow import schema_of
from collector.exports.columns import Table
from collector.exports.filters import Filter, selected
from collector.exports.origins import Origin, origin
from collector.exports.reading import ROWS, Connection, batches, count, snapshot
from collector.exports.readme import RIGHTS, comment_of
from collector.exports.selection import Selection
from collector.exports.tables import PHOTO, TABLES, table_named
from collector.frontier.scope import read_scope
from collector.settings import load_settings
from collector.storage import database
from collector.storage.archive import unpack_whole

if TYPE_CHECKING:
    import pandas
    import polars

BYTES = "SELECT content, encoding, digest FROM blob WHERE digest = %(digest)s"


def open_collection(
    *, home: str | Path | None = None, database_url: str | None = None, demo: bool = False
) -> "Collection":
    """The collection of the settings (PADDOCK_HOME, PADDOCK_DATABASE_URL), or of a home or database that is named.

    It is open until `close`, the end of a `with`, or the end of Python. `demo`: the look-alike's collection.

    Raises:
        PaddockError: it cannot be opened; one sentence says why and what to do.
    """
    settings = load_settings()
    given = {"home": Path(home).expanduser().absolute()} if home is not None else {}
    settings = settings.model_copy(update={**given, "database_url": None} if home is not None else given)
    settings = settings.for_demo() if demo else settings
    url = database_url if database_url is not None else settings.database_url
    stack = ExitStack()
    with _in_one_sentence():
        conninfo = stack.enter_context(database.opened(url, settings.home))
    return Collection(conninfo, stack)


@contextmanager
def _in_one_sentence() -> Iterator[None]:
    """Raise what the database or the machine does, and a filter that does not fit, as an error with one sentence."""
    try:
        yield
    except (psycopg.DataError, psycopg.ProgrammingError) as error:
        if error.sqlstate not in (None, psycopg.errors.UndefinedFunction.sqlstate) and error.sqlstate[:2] != "22":
            raise
        raise UsageError(f"A filter's value does not fit its column: {reason_of(error)}.") from error
    except (psycopg.Error, OSError) as error:
        if (trouble := trouble_of(error)) is None:
            raise
        raise trouble from error


class Collection:
    """A collection that is read; nothing here can write."""

    def __init__(self, conninfo: str, stack: ExitStack | None = None) -> None:
        self._conninfo = conninfo
        self._close = weakref.finalize(self, (stack or ExitStack()).close)  # at the end of Python too

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Let the database go. What was read stays."""
        self._close()

    @property
    def tables(self) -> tuple[str, ...]:
        """The names of all tables."""
        return tuple(TABLES)

    def table(
        self,
        name: str,
        *,
        columns: Sequence[str] | None = None,
        filters: Sequence[Filter] = (),
        since: str | date | None = None,
    ) -> "Rows":
        """Rows of a table, which are read when they are asked for.

        `filters` are (column, operator, value), all of which hold: ("distance", ">=", 1600), ("surface", "in",
        ["turf", "dirt"]), ("horse_id", "!=", None). `since` is a year or a date.

        Raises:
            UsageError: there is no such table, column or operator.
        """
        first_day = since if isinstance(since, date | None) else read_scope(since, None, None).since
        return Rows(self, selected(table_named(name), columns, filters, first_day))

    def photo(self, photo_id: str) -> "Photo":
        """A photo as it came, with what is known of it.

        Raises:
            UsageError: there is no such photo, or its bytes are not held.
        """
        with self._reading() as connection:
            selection = selected(PHOTO, None, [("photo_id", "==", photo_id)], None)
            cursor = connection.cursor(row_factory=dict_row)
            row = cursor.execute(selection.query(), selection.parameters).fetchone()
            if row is None:
                raise UsageError(f"There is no photo {photo_id!r} in this collection.")
            held = connection.execute(BYTES, row).fetchone()
            source = origin(connection, row["source"])
        body = unpack_whole(*held) if held else None
        if body is None:
            why = "is damaged: restore a backup with `collector db restore`" if held else "is not held"
            raise UsageError(f"The picture of {photo_id} {why}.")
        return Photo(photo_id, body, row, source)

    @contextmanager
    def _reading(self) -> Iterator[Connection]:
        if not self._close.alive:
            raise UsageError("This collection is closed; open it again with open_collection().")
        with _in_one_sentence(), snapshot(self._conninfo) as connection:
            yield connection


@dataclass(frozen=True, slots=True, eq=False)
class Rows:
    """Rows of a table that are read when they are asked for, in the order of the key; each time anew."""

    _collection: Collection
    _selection: Selection

    @property
    def definition(self) -> Table:
        """The table: its meaning, its key, and its columns with their units."""
        return self._selection.table

    @property
    def schema(self) -> pa.Schema:
        """The columns as Arrow has them."""
        return schema_of(self._selection)

    def __len__(self) -> int:
        """How many there are now."""
        with self._collection._reading() as connection:
            return count(connection, self._selection)

    def __repr__(self) -> str:
        lines = (f"  {column.name}: {column.type}; {comment_of(column)}" for column in self._selection.shown)
        return "\n".join([f"{self.definition.name}: {self.definition.meaning}", *lines])

    def batches(self, rows: int = ROWS) -> Generator[pa.RecordBatch, None, None]:
        """The rows as Arrow record batches, one after the other: a table of any size, in flat memory."""
        with (
            self._collection._reading() as connection,
            closing(batches(connection, self._selection, rows=rows)) as found,
        ):
            yield from found

    def arrow(self) -> pa.Table:
        """The rows as an Arrow table."""
        return pa.Table.from_batches(self.batches(), self.schema)

    def pandas(self) -> "pandas.DataFrame":
        """The rows as a pandas DataFrame; integers that are not known are <NA>, and types are Arrow's."""
        with _needing("pandas"):
            import pandas

        return self.arrow().to_pandas(types_mapper=pandas.ArrowDtype)

    def polars(self) -> "polars.DataFrame":
        """The rows as a polars DataFrame."""
        with _needing("polars"):
            import polars
        frame = polars.from_arrow(self.arrow())
        assert isinstance(frame, polars.DataFrame)
        return frame

    def __arrow_c_stream__(self, requested_schema: object | None = None) -> object:
        """What other libraries (DuckDB, polars, pandas) read Arrow by, without a copy."""
        return pa.RecordBatchReader.from_batches(self.schema, self.batches()).__arrow_c_stream__(requested_schema)


@contextmanager
def _needing(library: str) -> Iterator[None]:
    try:
        yield
    except ModuleNotFoundError as error:
        raise UsageError(f"{library} is not installed: pip install {library}.") from error


@dataclass(frozen=True, slots=True)
class Photo:
    """A photo as it came, and what is known of it: whom it shows, where it is from, what may be done with it."""

    photo_id: str
    content: bytes = field(repr=False)
    facts: Mapping[str, Any] = field(repr=False)  # its row of the table `photo`
    source: Origin = field(repr=False)  # with its keepers' terms, and a permission to copy

    @property
    def media_type(self) -> str:
        """Of the content: image/jpeg."""
        return self.facts["media_type"] or "application/octet-stream"

    @property
    def provenance(self) -> dict[str, Any]:
        """Where it is from, when it was fetched, and what may be done with it."""
        terms = self.source.terms
        names = ("source", "page_url", "image_url", "origin", "observed_at", "digest")
        return {name: self.facts[name] for name in names} | {
            "rights": self.facts["rights"] or RIGHTS,
            "terms": terms and terms.summary, "terms_url": terms and terms.url, "permission": self.source.permission,
        }  # fmt: skip

    def _repr_mimebundle_(self, **_: Any) -> dict[str, str]:
        """How a notebook shows it."""
        return {self.media_type: base64.b64encode(self.content).decode(), "text/plain": repr(self)}
