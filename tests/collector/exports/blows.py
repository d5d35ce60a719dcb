"""What other processes do to an export or to its file; apart from the tests, so that they import no more than this."""

import os
from multiprocessing.synchronize import Event
from pathlib import Path

from collector.exports.export import Request, export
from collector.exports.formats import Format
from collector.exports.tables import tables_named
from collector.exports.target import Target


def struck(conninfo: str, path: Path, file_format: Format, blow: int) -> None:
    """Export, and send this process a signal in the middle."""

    def strike(table: str, _done: int, _rows: int | None) -> None:
        if table == "horse":  # other tables are written, this one is begun
            os.kill(os.getpid(), blow)

    export(conninfo, Request(Target(path, file_format), tables_named("race,entry,horse")), strike)


def keep_open(path: Path, opened: Event, done: Event) -> None:
    """Have a DuckDB file open for a while."""
    import duckdb

    with duckdb.connect(str(path)):
        opened.set()
        done.wait(30)
