"""Exports with `datasets`: the same rows from the same Postgres, written as one Parquet file with pictures."""

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
from datasets import Dataset, Features, disable_progress_bars
from psycopg.rows import dict_row

from trainer.dataset.examples import as_example
from trainer.dataset.facts import PHOTOS as FACTS
from trainer.dataset.formats import schema_of
from trainer.dataset.request import POLL
from trainer.labels.definition import PHOTOS
from trainer.labels.observing import observe

QUERY = f"SELECT facts.*, blob.content FROM ({FACTS}) facts JOIN blob USING (digest)"


def rows(conninfo: str) -> Iterator[dict[str, Any]]:
    with (
        psycopg.Connection[dict[str, Any]].connect(conninfo, row_factory=dict_row) as connection,
        connection.cursor("rows", binary=True) as cursor,
    ):
        cursor.itersize = 100
        labels = observe(connection, (POLL,), PHOTOS).settled(set())
        for row in cursor.execute(QUERY.encode()):
            its = labels.of(row["photo"])
            if not any(its.values()):
                continue
            example = as_example(row, its)
            yield {"image": {"bytes": row["content"], "path": f"{example.photo}.jpg"}} | example.plain()


def main() -> None:
    conninfo, _, out = sys.argv[1:]
    disable_progress_bars()
    features = Features.from_arrow_schema(schema_of((POLL.key,)))
    cache = Path(out, "cache")
    data: Any = Dataset.from_generator(rows, features=features, gen_kwargs={"conninfo": conninfo}, cache_dir=str(cache))
    data.to_parquet(Path(out, "train.parquet"))
    print(len(data))


if __name__ == "__main__":
    main()
