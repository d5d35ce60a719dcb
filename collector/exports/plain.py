"""Columns for formats that know fewer types than Arrow: JSON in place of lists, ISO 8601 in place of times."""

import pyarrow as pa


def without_lists(whole: pa.Schema) -> pa.Schema:
    """The same columns, with text in place of lists."""
    return pa.schema(
        [field.with_type(pa.string()) if pa.types.is_list(field.type) else field for field in whole], whole.metadata
    )


def as_sqlite(batch: pa.RecordBatch) -> pa.RecordBatch:
    """The same rows, with ISO 8601 in place of dates and times, and 0 and 1 in place of booleans."""
    return pa.RecordBatch.from_arrays([_as_sqlite(column) for column in batch.columns], batch.schema.names)


def _as_sqlite(column: pa.Array) -> pa.Array:
    if pa.types.is_temporal(column.type):
        return column.cast(pa.string())
    return column.cast(pa.int8()) if pa.types.is_boolean(column.type) else column
