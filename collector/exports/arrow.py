"""Rows and columns as Arrow has them."""

from collections.abc import Sequence
from functools import cache
from typing import Any

import pyarrow as pa

from collector.exports.columns import Column, Table, Type
from collector.exports.selection import Selection


@cache
def arrow_types() -> dict[Type, pa.DataType]:
    """How Arrow, and so Parquet, holds what a column holds."""
    return {
        Type.TEXT: pa.string(),
        Type.INTEGER: pa.int32(),
        Type.NUMBER: pa.float64(),
        Type.BOOLEAN: pa.bool_(),
        Type.DATE: pa.date32(),
        Type.TIME: pa.time64("us"),
        Type.MOMENT: pa.timestamp("us", "UTC"),
        Type.TEXTS: pa.list_(pa.string()),
        Type.INTEGERS: pa.list_(pa.int32()),
        Type.NUMBERS: pa.list_(pa.float64()),
        Type.DATES: pa.list_(pa.date32()),
    }


def schema_of(selection: Selection) -> pa.Schema:
    """The wanted columns, with their units and meanings."""
    table = selection.table
    facts = {"table": table.name, "meaning": table.meaning, "key": ", ".join(table.key)}
    return pa.schema([_as_field(column, table) for column in selection.shown], metadata=facts)


def _as_field(column: Column, table: Table) -> "pa.Field[Any]":
    facts = {"meaning": column.meaning} | ({"unit": column.unit} if column.unit else {})
    return pa.field(column.name, arrow_types()[column.type], nullable=column.name not in table.key, metadata=facts)


def as_batch(found: Sequence[tuple[Any, ...]], schema: pa.Schema) -> pa.RecordBatch:
    """Rows as Arrow has them."""
    columns = zip(*found, strict=True)
    arrays = [pa.array(values, kind.type) for values, kind in zip(columns, schema, strict=True)]
    return pa.RecordBatch.from_arrays(arrays, schema=schema)
