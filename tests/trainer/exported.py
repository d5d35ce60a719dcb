"""What the tests of the export and of its commands stand on."""

import hashlib
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.commands import run_command
from tests.paths import ROOT
from trainer.dataset import export as exporting
from trainer.dataset.data import with_label
from trainer.dataset.export import export
from trainer.dataset.formats import Format, read_shard
from trainer.dataset.manifest import Version, list_unfinished
from trainer.dataset.plan import Request
from trainer.labels.definition import Wanted
from trainer.labels.poll import Poll

A_SHARD = 7  # photos

# Three more races of each horse, all nearly as far, on the surface and at the distance of the horse.
MORE_RACES = """
WITH more AS (SELECT horse.*, year, row_number() OVER (ORDER BY horse_id, year) AS number FROM horse,
    generate_series(2014, 2018, 2) AS year),
held AS (INSERT INTO race (race_id, race_date, racecourse, race_number, name, surface, distance, going, prizes,
    source_url, observed_at)
    SELECT year || (90000000 + number)::text, make_date(year, 6, 1), '東京', 1, 'x',
        CASE WHEN horse_id::bigint % 2 = 0 THEN 'turf' ELSE 'dirt' END,
        1000 + horse_id::bigint % 8 * 250 + year % 4 * 20,
        CASE WHEN year = 2016 THEN 'soft' ELSE 'firm' END, '{}', 'u', now() FROM more)
INSERT INTO entry (race_id, horse_id, horse_name, horse_key, horse_number, finish, finish_position, odds,
    positions_at_bends, source_url, observed_at)
SELECT year || (90000000 + number)::text, horse_id, name, horse_key, 1, 'finished', 1, 3.5, '{}', 'u', now() FROM more
"""


def environment(conninfo: str, home: Path) -> dict[str, str]:
    """What a command sees of the world."""
    return {
        "PATH": os.defpath, "HOME": "/nonexistent", "LANG": "C.UTF-8", "COLUMNS": "100", "MPLCONFIGDIR": str(home),
        "PADDOCK_DATABASE_URL": conninfo, "PADDOCK_HOME": str(home), "PYTHONPATH": str(ROOT),
        "OMP_NUM_THREADS": "1",
    }  # fmt: skip


def polled(**settings: Any) -> Request:
    """An export of the poll with these settings."""
    return Request(labels=(Wanted(Poll(**settings), "distance"),))


def trainer(conninfo: str, home: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """Run a command to its end."""
    done = run_command("trainer", *words, env=environment(conninfo, home))
    assert "Traceback" not in done.stderr
    return done


def digests(folder: Path) -> dict[str, str]:
    """Every file of a version with the digest of its bytes."""
    found = sorted(path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() for path in found}


def rows(version: Version) -> list[dict[str, Any]]:
    """Every example of a version with its side and its first label."""
    labels = version.manifest.labels
    kind, key = Format(version.manifest.format), labels[0].key if labels else ""
    return [
        with_label(row, key) | {"side": shard.side, "body": body}
        for shard in version.manifest.shards
        for row, body in read_shard(kind, version.folder / shard.path)
    ]


def stopped(conninfo: str, root: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of an export that was stopped while it wrote its card."""

    def stop(*given: Any) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(exporting, "write_card", stop)
        with pytest.raises(KeyboardInterrupt):
            export(conninfo, root, Request())
    (part,) = list_unfinished(root)
    return part
