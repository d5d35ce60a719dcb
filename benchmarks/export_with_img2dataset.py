"""Exports with img2dataset: photos that lie ready as files, and the same columns, written as Parquet shards."""

import contextlib
import os
import sys
from pathlib import Path
from typing import Any

import psycopg
import pyarrow as pa
import pyarrow.parquet as pq
from img2dataset import download  # pyright: ignore[reportMissingImports]
from psycopg.rows import dict_row

from trainer.dataset.examples import COLUMNS, as_example
from trainer.dataset.facts import read_facts
from trainer.dataset.formats import batched, schema_of
from trainer.dataset.request import POLL
from trainer.labels.definition import PHOTOS
from trainer.labels.observing import observe

# It has columns of these names itself.
RENAMED = {"width": "photo_width", "height": "photo_height"}


def write_list(conninfo: str, bodies: Path, path: Path) -> None:
    columns = list(schema_of((POLL.key,)))[1:]
    schema = pa.schema(
        [pa.field("url", pa.string())] + [pa.field(RENAMED.get(c.name, c.name), c.type) for c in columns]
    )
    with (
        psycopg.Connection[dict[str, Any]].connect(conninfo, row_factory=dict_row) as connection,
        pq.ParquetWriter(path, schema) as writer,
    ):
        labels = observe(connection, (POLL,), PHOTOS).settled(set())
        labelled = (row for row in read_facts(connection) if any(labels.of(row["photo"]).values()) and row["digest"])
        for found in batched(labelled, 2000):
            facts = [as_example(row, labels.of(row["photo"])).plain() for row in found]
            rows = [{RENAMED.get(key, key): value for key, value in fact.items()} for fact in facts]
            for row in rows:
                row["url"] = f"file://{bodies}/{row['digest']}.jpg"
            writer.write_table(pa.Table.from_pylist(rows, schema))


def main() -> None:
    conninfo, bodies, out = sys.argv[1:]
    write_list(conninfo, Path(bodies), Path(out, "list.parquet"))
    # "no" with all re-encoding off: the bytes go as they are, as in the other two.
    with contextlib.redirect_stdout(sys.stderr):
        download(
            url_list=f"{out}/list.parquet", input_format="parquet", url_col="url", output_folder=f"{out}/shards",
            output_format="parquet", save_additional_columns=[RENAMED.get(name, name) for name in COLUMNS],
            disable_all_reencoding=True, resize_mode="no", extract_exif=False, compute_hash="sha256",
            processes_count=os.cpu_count() or 1, thread_count=8, number_sample_per_shard=5000,
        )  # fmt: skip
    shards = Path(out, "shards").glob("[0-9]*.parquet")
    print(sum(pq.read_table(path, columns=["status"])["status"].to_pylist().count("success") for path in shards))


if __name__ == "__main__":
    main()
