"""Batches for formats that know fewer types than Arrow: a list becomes JSON, and where asked, a moment ISO text."""

import json
from datetime import date
from typing import Any

import pyarrow as pa


def schema(whole: pa.Schema) -> pa.Schema:
    """The same columns, with text in place of lists."""
    return pa.schema([field.with_type(_type(field.type)) for field in whole])


def _type(kind: pa.DataType) -> pa.DataType:
    return pa.string() if pa.types.is_list(kind) else kind


def batch(whole: pa.RecordBatch, *, as_text: bool = False) -> pa.RecordBatch:
    """The same rows, with JSON in place of lists; `as_text`: with ISO 8601 in place of dates and times, and 0 and 1
    in place of booleans, too.
    """
    columns = [_column(column, as_text=as_text) for column in whole.columns]
    return pa.RecordBatch.from_arrays(columns, whole.schema.names)


def _column(column: Any, *, as_text: bool) -> Any:
    if pa.types.is_list(column.type):
        return pa.array([_as_json(value) for value in column.to_pylist()], pa.string())
    if as_text and pa.types.is_temporal(column.type):
        return column.cast(pa.string())
    if as_text and pa.types.is_boolean(column.type):
        return column.cast(pa.int8())
    return column


def _as_json(value: list[Any] | None) -> str | None:
    if value is None:
        return None
    return json.dumps(value, ensure_ascii=False, default=date.isoformat, separators=(",", ":"))
