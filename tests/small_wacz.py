"""The small WACZ file that ships with the tests: some results and horses of the look-alike, at the demo's addresses.

    python -m tests.small_wacz

writes `tests/data/look-alike.wacz` anew; a test holds that it is what this makes.
"""

import gzip
import hashlib
import io
import json
import zipfile
from datetime import UTC, date, datetime

from collector.demo.netkeiba.site import answer_path, races_of
from collector.demo.world.world import World
from collector.settings import DEMO_PORT
from tests.collector.imports.saved import Saved, response
from tests.paths import ROOT

FILE = ROOT / "tests" / "data" / "look-alike.wacz"
SITE = f"http://localhost:{DEMO_PORT}"
SAVED_AT = datetime(2026, 11, 1, 12, 0, tzinfo=UTC)
YEAR = 2015  # before what the demo crawls
RACES, HORSES = 2, 2


def day() -> date:
    """The race day of the pages."""
    return next(iter(World().issues(YEAR))).race_days[0]


def pages() -> list[Saved]:
    """The pages in it."""
    world = World()
    races = races_of(world).on(day())[:RACES]
    horses = list(dict.fromkeys(entry.horse.horse_id for entry in races[0].entries))[:HORSES]
    found = list[Saved]()
    for path in [f"/race/{race.race_id}/" for race in races] + [f"/horse/{horse_id}/" for horse_id in horses]:
        answer = answer_path(world, path)
        assert answer is not None
        found.append(Saved(SITE + path, "", "", answer.body, answer.media_type, SAVED_AT))
    return found


def made() -> bytes:
    """The file: the same bytes each time."""
    warc = b"".join(gzip.compress(response(page), mtime=0) for page in pages())
    listed = [{"format": "json-pages-1.0", "id": "pages", "title": "All Pages"}]
    listed += [{"url": page.url, "ts": f"{page.at:%Y-%m-%dT%H:%M:%SZ}"} for page in pages()]
    members = {
        "archive/data.warc.gz": warc,
        "pages/pages.jsonl": "".join(json.dumps(line) + "\n" for line in listed).encode(),
    }
    resources = [
        {"name": name.rpartition("/")[2], "path": name, "bytes": len(body),
         "hash": f"sha256:{hashlib.sha256(body).hexdigest()}"} for name, body in members.items()
    ]  # fmt: skip
    about = {"profile": "data-package", "wacz_version": "1.1.1", "created": "2026-11-01T12:00:00Z"}
    members["datapackage.json"] = json.dumps(about | {"resources": resources}, indent=2).encode()
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_STORED) as archive:
        for name, body in members.items():
            archive.writestr(zipfile.ZipInfo(name, SAVED_AT.timetuple()[:6]), body)
    return out.getvalue()


if __name__ == "__main__":
    FILE.write_bytes(made())
