"""Exports with `datasets`: the same rows from the same Postgres, written as one Parquet file with pictures."""

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
from datasets import Dataset, Features, Image, Value, disable_progress_bars
from psycopg.rows import dict_row

from trainer.dataset.examples import COLUMNS, Selection, as_example
from trainer.dataset.export import FACTS

QUERY = f"SELECT facts.*, blob.content FROM ({FACTS} WHERE opinion.value IS NOT NULL) facts JOIN blob USING (digest)"
MOMENTS = ("label_observed_at", "fetched_at")
TYPES = {"label": "float64", "issue_date": "date32", "race_date": "date32"} | dict.fromkeys(MOMENTS, "timestamp[us]")
NUMBERS = ("age", "distance", "left_px", "right_px", "reviews", "width", "height")


def rows(conninfo: str) -> Iterator[dict[str, Any]]:
    with (
        psycopg.Connection[dict[str, Any]].connect(conninfo, row_factory=dict_row) as connection,
        connection.cursor("rows", binary=True) as cursor,
    ):
        cursor.itersize = 100
        for row in cursor.execute(QUERY.encode(), {"axis": Selection().axis.value}):
            example = as_example(row)
            yield {"image": {"bytes": row["content"], "path": f"{example.photo}.jpg"}} | example.plain()


def main() -> None:
    conninfo, _, out = sys.argv[1:]
    disable_progress_bars()
    types = TYPES | dict.fromkeys(NUMBERS, "int32")
    features = Features({"image": Image()} | {name: Value(types.get(name, "string")) for name in COLUMNS})
    cache = Path(out, "cache")
    data: Any = Dataset.from_generator(rows, features=features, gen_kwargs={"conninfo": conninfo}, cache_dir=str(cache))
    data.to_parquet(Path(out, "train.parquet"))
    print(len(data))


if __name__ == "__main__":
    main()
