"""Vectors of the collection's photos in a run's feature space, kept in the database.

The photo search shows by them which photos look alike, and needs neither torch nor the run. What is done is kept batch
by batch, so an interrupted command goes on where it was.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, LiteralString

import numpy as np
import psycopg
from psycopg.rows import dict_row

from collector.storage.archive import unpack_whole
from collector.storage.vectors import STORED
from trainer.dataset.consent import Consent
from trainer.dataset.data import Progress
from trainer.dataset.pixels import BrokenPicture
from trainer.inference.neighbours import Index
from trainer.inference.serving import Predictor

BATCH = 64  # photos
WANTED: LiteralString = """
SELECT digest, array_agg(page_url) || array_agg(image_url) AS urls
FROM photo LEFT JOIN photo_vector AS kept USING (digest)
WHERE digest IS NOT NULL AND kept.model IS DISTINCT FROM %(model)s
GROUP BY digest ORDER BY digest
"""
BYTES: LiteralString = "SELECT digest, encoding, content FROM blob WHERE digest = ANY (%(digests)s) ORDER BY digest"
KEEP: LiteralString = """
INSERT INTO photo_vector (digest, model, vector)
SELECT digest, %(model)s, %(vector)s FROM blob WHERE digest = %(digest)s
ON CONFLICT (digest) DO UPDATE SET (model, vector, indexed_at) = (excluded.model, excluded.vector, now())
"""
DROP_OTHERS: LiteralString = "DELETE FROM photo_vector WHERE model <> %(model)s"

Connection = psycopg.Connection[dict[str, Any]]


@dataclass(slots=True)
class Indexed:
    """What an indexing came to: numbers of pictures."""

    new: int = 0
    left_out: int = 0  # their site allows no training on them, or its rules cannot be read
    broken: int = 0

    def as_json(self) -> dict[str, int]:
        """As `--json` prints it."""
        return {"indexed": self.new, "left_out": self.left_out, "broken": self.broken}


def index_photos(conninfo: str, predictor: Predictor, index: Index, progress: Progress) -> Indexed:
    """Give every held photo a vector of this model, and then drop those of other models.

    Photos that may not be trained on get none: a model looks at them here as it does in training.
    """
    report = Indexed()
    with Connection.connect(conninfo, autocommit=True, row_factory=dict_row) as connection:
        consent = Consent.read(connection)
        rows = connection.execute(WANTED, {"model": index.space}).fetchall()
        wanted = [row["digest"] for row in rows if consent.why_not(*row["urls"]) is None]
        report.left_out = len(rows) - len(wanted)
        for start in range(0, len(wanted), BATCH):
            _keep(connection, predictor, index, wanted[start : start + BATCH], report)
            progress(min(start + BATCH, len(wanted)), len(wanted))
        connection.execute(DROP_OTHERS, {"model": index.space})
    return report


def _keep(connection: Connection, predictor: Predictor, index: Index, digests: Sequence[str], report: Indexed) -> None:
    seen = list(_pixels(connection, predictor, digests))
    report.broken += len(digests) - len(seen)
    if not seen:
        return
    features = np.stack([its for _, its in predictor.see(np.stack([pixels for _, pixels in seen]))])
    points = index.project(features).astype(STORED)
    with connection.transaction(), connection.cursor() as cursor:
        cursor.executemany(
            KEEP,
            [
                {"digest": digest, "model": index.space, "vector": point.tobytes()}
                for (digest, _), point in zip(seen, points, strict=True)
            ],
        )
    report.new += len(seen)


def _pixels(connection: Connection, predictor: Predictor, digests: Sequence[str]) -> Iterator[tuple[str, np.ndarray]]:
    """The pictures that can be read."""
    for row in connection.execute(BYTES, {"digests": list(digests)}).fetchall():
        body = unpack_whole(row["content"], row["encoding"], row["digest"])
        try:
            if body is not None:
                yield row["digest"], predictor.prepare(body)
        except BrokenPicture:
            continue
