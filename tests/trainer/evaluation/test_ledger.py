"""Each look at the final test is counted, also by several processes at once."""

import json
import subprocess
import sys
from pathlib import Path

from tests.paths import ROOT
from trainer.dataset.manifest import Version
from trainer.evaluation.ledger import Opening, ledger_of, note_opening, times_opened

OPENING = Opening("probe-1", "skill", 0.1, 20, 10)
MANY = """
import sys
from pathlib import Path
from trainer.dataset.manifest import Version
from trainer.evaluation.ledger import Opening, note_opening
counts = [note_opening(Version(Path(sys.argv[1]), None), Opening(sys.argv[2], "skill", 0.1, 20, 10)) for _ in range(25)]
assert counts == sorted(set(counts))
"""


def version_in(folder: Path) -> Version:
    (folder / "data-1").mkdir()
    return Version(folder / "data-1", None)  # pyright: ignore[reportArgumentType]


def test_each_look_is_a_line_that_stays(tmp_path: Path) -> None:
    version = version_in(tmp_path)
    assert times_opened(version) == 0
    assert [note_opening(version, OPENING) for _ in range(3)] == [1, 2, 3]
    first = ledger_of(version).read_text()
    note_opening(version, OPENING)
    assert ledger_of(version).read_text().startswith(first)
    line = json.loads(first.splitlines()[0])
    assert (line["answers"], line["verdict"]) == ("probe-1", "skill")
    assert line["time"]


def test_half_a_line_of_a_killed_process_spoils_no_other(tmp_path: Path) -> None:
    version = version_in(tmp_path)
    note_opening(version, OPENING)
    with ledger_of(version).open("a") as file:
        file.write('{"time": "20')
    assert note_opening(version, OPENING) == 3  # a look whose line is cut is a look
    assert json.loads(ledger_of(version).read_text().splitlines()[2])["answers"] == "probe-1"


def test_two_processes_at_once_lose_no_line(tmp_path: Path) -> None:
    version = version_in(tmp_path)
    both = [
        subprocess.Popen([sys.executable, "-c", MANY, str(version.folder), name], cwd=ROOT) for name in ("one", "two")
    ]
    assert [process.wait(60) for process in both] == [0, 0]
    lines = [json.loads(line) for line in ledger_of(version).read_text().splitlines()]
    assert sorted(line["answers"] for line in lines) == ["one"] * 25 + ["two"] * 25


def test_the_ledger_outlives_the_export_of_the_same_version(tmp_path: Path) -> None:
    version = version_in(tmp_path)
    note_opening(version, OPENING)
    version.folder.rmdir()
    assert times_opened(version) == 1
