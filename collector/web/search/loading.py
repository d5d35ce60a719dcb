"""The index of the search: read from its views at once, and held while they say the same."""

import asyncio
import io
from collections.abc import Callable
from typing import LiteralString

import numpy as np
import psycopg
import pyarrow as pa
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from pyarrow import csv

from collector.console.trouble import reason_of
from collector.errors import TryLater
from collector.web.search.index import FACETS, Horses, Index, coded, kinds_of
from collector.web.search.remarks import Remarks
from collector.web.search.texts import BETWEEN, Texts, alike

# Both views of one moment; a statement that hangs is given up, as the next renewal brings another.
OPTIONS = (
    "-c default_transaction_read_only=on -c default_transaction_isolation=repeatable\\ read -c statement_timeout=60s"
)
# By characters, whatever this database's collation is: Python compares ids like that.
PHOTOS: LiteralString = """
SELECT dated, photo, value, shows, race_key, tags, suits, extract(year FROM dated)::int AS year, racecourse AS course,
    distance, surface, going, class AS grade, sire, trainer, coat, sex, age, source,
    CASE WHEN finish_position <= 3 THEN finish_position::text WHEN finish_position <= 5 THEN '4-5'
         WHEN finish_position > 5 THEN '6-' END AS result, remark
FROM photo_search LEFT JOIN (SELECT id, comment AS remark FROM photo) AS kept USING (id)
WHERE shows IS NOT NULL ORDER BY dated DESC, photo COLLATE "C" DESC
"""
HORSES: LiteralString = "SELECT shows, horse_key, name_keys, latin FROM horse_search"
UNLIKE = ("photo", "remark")  # texts of which hardly two are the same
NOT_TEXT = {"dated": pa.date32(), "value": pa.float64()}
AT_ONCE = 1000  # remarks that are spelt alike in one go, for which other threads wait
HEAD = 1000  # bytes in which the names of the columns stand
WORDS = pa.dictionary(pa.int32(), pa.string())


def load(conninfo: str) -> Index:
    """The index of what the views hold now: half a second for 100,000 photos.

    Raises:
        TryLater: the database cannot be reached, or does not let us.
    """
    try:
        options = f"{conninfo_to_dict(conninfo).get('options') or ''} {OPTIONS}".strip()
        with psycopg.connect(make_conninfo(conninfo, options=options)) as connection:
            photos, horses = _table(connection, PHOTOS, WORDS), _table(connection, HORSES, pa.string())
    except psycopg.Error as error:
        raise TryLater(f"the search cannot be read ({reason_of(error)})") from error
    try:
        return _index(photos, horses)
    finally:
        del photos, horses
        pa.default_memory_pool().release_unused()  # the next reading is a minute off, or a day


def _table(connection: psycopg.Connection, query: LiteralString, text: pa.DataType) -> pa.Table:
    rows = io.BytesIO()
    with connection.cursor() as cursor, cursor.copy(f"COPY ({query}) TO STDOUT (FORMAT csv, HEADER)") as copy:
        for row in copy:
            rows.write(row)
    body = rows.getbuffer()
    names = bytes(body[:HEAD]).partition(b"\n")[0].decode().split(",")
    types = {name: NOT_TEXT.get(name, pa.string() if name in UNLIKE else text) for name in names}
    convert = csv.ConvertOptions(
        column_types=types, null_values=[""], strings_can_be_null=True, quoted_strings_can_be_null=False
    )
    read = csv.ReadOptions(use_threads=False, block_size=len(body))
    return csv.read_csv(
        pa.BufferReader(pa.py_buffer(body)), read, csv.ParseOptions(newlines_in_values=True), convert_options=convert
    )


def _index(photos: pa.Table, horses: pa.Table) -> Index:
    names, value = horses.to_pydict(), photos["value"].fill_null(np.nan).to_numpy()
    columns = {name: kinds_of(value) if name == "kind" else coded(photos[name]) for name in FACETS}
    called = (Texts([text or "" for text in names[column]]) for column in ("name_keys", "latin"))
    return Index(
        photos["dated"].cast(pa.int32()).to_numpy(),
        photos["photo"].combine_chunks(),
        coded(photos["shows"], names["shows"]).codes,
        value,
        Horses(names["shows"], names["horse_key"], *called),
        columns,
        **{name: coded(photos[name]) for name in ("tags", "suits")},
        races=coded(photos["race_key"]),
        remarks=_remarks(photos["remark"]),
    )


def _remarks(column: pa.ChunkedArray) -> Remarks:
    held = column.drop_null()
    parts = (held.slice(begin, AT_ONCE).to_pylist() for begin in range(0, len(held), AT_ONCE))
    texts = Texts(alike(BETWEEN.join(part)) for part in parts)
    return Remarks(np.flatnonzero(column.is_valid().to_numpy()), texts)


class Held:
    """The index, read when it is first asked for and whenever the views have been renewed."""

    def __init__(self, conninfo: str, load: Callable[[str], Index] = load) -> None:
        self._conninfo, self._load = conninfo, load
        self._index: Index | None = None
        self._reading = asyncio.Lock()

    async def index(self) -> Index:
        """What searches are made among now.

        Raises:
            TryLater: it has never been read, and cannot be.
        """
        if self._index is None:
            async with self._reading:
                if self._index is None:
                    self._index = await asyncio.to_thread(self._load, self._conninfo)
        return self._index

    async def renew(self) -> None:
        """Read it anew; the old one answers meanwhile.

        Raises:
            TryLater: it cannot be read.
        """
        async with self._reading:
            self._index = await asyncio.to_thread(self._load, self._conninfo)
