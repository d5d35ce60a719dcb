"""A page of a table, as JSON, CSV or Parquet."""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any

from aiohttp import web
from yarl import URL

from collector.exports.selection import Selection
from collector.storage.reader import Reader
from collector.web.api.paging import CSV, Page, listed
from collector.web.server.answers import encoded
from collector.web.server.conditional import tagged
from collector.web.server.openapi import JSON

Row = Mapping[str, Any]


async def answer(reader: Reader, request: web.Request, page: Page, wanted: str) -> web.Response:
    """The answer to a request for a page. `Link` names the next one, whatever the type is."""
    selection = page.selection
    statement = selection.page(page.limit + 1, lists_as_json=wanted == CSV)
    found = await reader.rows(statement, selection.parameters)
    rows = found[: page.limit]
    onward = str(URL.build(path=request.path, query=page.onward(rows[-1]))) if len(found) > page.limit else None
    if wanted == JSON:
        body = encoded(listed(selection.table), {"rows": rows, "next": onward})
    else:
        # The first time loads Arrow, for which no other request should wait.
        body = await asyncio.to_thread(_as_file, selection, rows, wanted)
    response = tagged(request, body, wanted)
    response.headers["Vary"] = "Accept"
    if onward:
        response.headers["Link"] = f'<{onward}>; rel="next"'
    return response


def _as_file(selection: Selection, rows: Sequence[Row], wanted: str) -> bytes:
    import pyarrow as pa

    from collector.exports.arrow import as_batch, schema_of
    from collector.exports.plain import without_lists

    schema = schema_of(selection)
    schema = without_lists(schema) if wanted == CSV else schema
    batch = as_batch([tuple(row.values()) for row in rows], schema) if rows else pa.RecordBatch.from_pylist([], schema)
    sink = pa.BufferOutputStream()
    if wanted == CSV:
        from pyarrow import csv

        csv.write_csv(batch, sink)
    else:
        from pyarrow import parquet

        parquet.write_table(pa.Table.from_batches([batch]), sink, compression="zstd")
    return sink.getvalue().to_pybytes()
