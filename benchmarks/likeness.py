"""Which photos look alike: compared exactly in memory, as `collector serve` does, and by pgvector in a Postgres.

    pip install pgserver && python benchmarks/likeness.py [PHOTOS]

Points are random, in 129 dimensions that vary less and less, as the main components of features do; each horse has a
place of its own and some eight photos around it. Asked is for the 48 nearest photos, one of each other horse.
`pgserver` brings a Postgres with pgvector; the index is HNSW as it comes, asked for eight times as many.
"""

import sys
import time
from collections.abc import Callable
from statistics import median
from tempfile import TemporaryDirectory

import numpy as np
import pgserver  # pyright: ignore[reportMissingImports]
import psycopg

from collector.storage.vectors import STORED
from collector.web.likeness.space import space_of

DIMENSIONS, A_HORSE, COUNT, ASKED = 129, 8, 48, 30
NEAREST = """
SELECT id FROM (
    SELECT DISTINCT ON (horse) id, away FROM (
        SELECT id, horse, place <-> %(place)s::vector AS away FROM point WHERE horse <> %(horse)s
        ORDER BY place <-> %(place)s::vector LIMIT %(reach)s) AS near
    ORDER BY horse, away) AS one ORDER BY away LIMIT %(count)s
"""


def main(photos: int) -> None:
    """Print what each way takes."""
    random = np.random.default_rng(1)
    sizes = 1 / np.sqrt(np.arange(1, DIMENSIONS + 1))
    horses = np.arange(photos) // A_HORSE
    points = (
        random.normal(size=(horses[-1] + 1, DIMENSIONS))[horses] + random.normal(size=(photos, DIMENSIONS))
    ) * sizes
    points = points.astype(STORED)
    rows = [(str(at), points[at].tobytes(), str(at), str(horses[at])) for at in range(photos)]
    started = time.perf_counter()
    space = space_of(rows)
    print(f"{photos:,} photos, {DIMENSIONS} numbers each")
    print(f"in memory: read in {time.perf_counter() - started:.1f} s, {space.vectors.nbytes / 1e6:.0f} MB")
    asked = random.choice(photos, ASKED, replace=False)
    exact = {at: space.nearest(str(at), COUNT) for at in asked}
    print(f"in memory, exact: {took(lambda at: space.nearest(str(at), COUNT), asked):.1f} ms")
    with TemporaryDirectory() as folder:
        server = pgserver.get_server(folder)
        with psycopg.connect(server.get_uri(), autocommit=True) as connection:
            in_postgres(connection, points, horses, asked, exact)
        server.cleanup()


def in_postgres(
    connection: psycopg.Connection,
    points: np.ndarray,
    horses: np.ndarray,
    asked: np.ndarray,
    exact: dict[int, list[str]],
) -> None:
    """Print the same for pgvector, without and with an index."""
    connection.execute("SET maintenance_work_mem = '1GB'; SET max_parallel_maintenance_workers = 2")
    connection.execute("CREATE EXTENSION vector")
    connection.execute(f"CREATE TABLE point (id int PRIMARY KEY, horse int, place vector({DIMENSIONS}))".encode())
    with connection.cursor().copy("COPY point FROM STDIN") as copy:
        for at, point in enumerate(points):
            copy.write_row((at, int(horses[at]), as_text(point)))
    connection.execute("ANALYZE point")

    def ask(at: int) -> list[str]:
        values = {"place": as_text(points[at]), "horse": int(horses[at]), "reach": 8 * COUNT, "count": COUNT}
        return [str(found) for (found,) in connection.execute(NEAREST, values).fetchall()]

    print(f"pgvector, exact: {took(ask, asked):.1f} ms")
    started = time.perf_counter()
    connection.execute("CREATE INDEX ON point USING hnsw (place vector_l2_ops)")
    (size,) = connection.execute("SELECT pg_relation_size('point_place_idx')").fetchone() or (0,)
    print(f"pgvector, HNSW: made in {time.perf_counter() - started:.0f} s, {size / 1e6:.0f} MB")
    connection.execute(f"SET hnsw.ef_search = {8 * COUNT}".encode())
    share = np.mean([len(set(ask(at)) & set(exact[at])) / COUNT for at in asked])
    print(f"pgvector, HNSW: {took(ask, asked):.1f} ms, {share:.0%} of the nearest")


def as_text(point: np.ndarray) -> str:
    """A point as pgvector reads it."""
    return "[" + ",".join(f"{number:g}" for number in point) + "]"


def took(ask: Callable[[int], object], asked: np.ndarray) -> float:
    """The median ms of a question."""
    times = []
    for at in asked:
        started = time.perf_counter()
        ask(int(at))
        times.append(1000 * (time.perf_counter() - started))
    return median(times)


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 100_000)
