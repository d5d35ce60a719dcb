"""What the tests of the export and of its commands stand on."""

import hashlib
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.paths import ROOT
from trainer.dataset import export as exporting
from trainer.dataset.data import with_label
from trainer.dataset.export import export
from trainer.dataset.formats import Format, read_shard
from trainer.dataset.manifest import Version, list_unfinished
from trainer.dataset.plan import Request
from trainer.labels.definition import Wanted
from trainer.labels.poll import Poll

TRAINER = [sys.executable, "-c", "from trainer.cli.app import main; main()"]
A_SHARD = 7  # photos


def environment(conninfo: str, home: Path) -> dict[str, str]:
    """What a command sees of the world."""
    return {
        "PATH": os.defpath, "HOME": "/nonexistent", "LANG": "C.UTF-8", "COLUMNS": "100", "MPLCONFIGDIR": str(home),
        "PADDOCK_DATABASE_URL": conninfo, "PADDOCK_HOME": str(home), "PYTHONPATH": str(ROOT),
    }  # fmt: skip


def polled(**settings: Any) -> Request:
    """An export of the poll with these settings."""
    return Request(labels=(Wanted(Poll(**settings), "distance"),))


def trainer(conninfo: str, home: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """Run a command to its end."""
    done = subprocess.run([*TRAINER, *words], env=environment(conninfo, home), capture_output=True, text=True)
    assert "Traceback" not in done.stderr
    return done


def digests(folder: Path) -> dict[str, str]:
    """Every file of a version with the digest of its bytes."""
    found = sorted(path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() for path in found}


def rows(version: Version) -> list[dict[str, Any]]:
    """Every example of a version with its side and its first label."""
    kind, key = Format(version.manifest.format), version.manifest.label().key
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
