"""A person's own photo is an example like the others, with its own rights as its licence."""

from pathlib import Path

import pytest

from tests.filled import SMALL, execute, fill
from tests.owned import RIGHTS, bring_photos, row
from tests.trainer.exported import rows
from trainer.dataset.examples import LICENCE
from trainer.dataset.export import Request, export

LABELLED = "SELECT horse_id FROM aptitude WHERE axis = 'distance' AND reviews > 0 ORDER BY horse_id LIMIT 1"


@pytest.mark.usefixtures("plain")
async def test_an_own_photo_is_an_example_with_its_own_rights(conninfo: str, tmp_path: Path) -> None:
    fill(conninfo, SMALL)
    ((horse_id,),) = execute(conninfo, LABELLED)
    await bring_photos(conninfo, tmp_path, [row("a.jpg", horse_id, date="2016-03-01")])
    found = {one["photo"]: one for one in rows(export(conninfo, tmp_path / "datasets", Request()))}
    own = found["own:160301/01"]
    assert (own["horse_id"], own["licence"], own["origin"]) == (horse_id, RIGHTS, "Someone")
    assert own["body"] == (tmp_path / "photos" / "a.jpg").read_bytes()
    others = {(one["licence"], one["origin"]) for photo, one in found.items() if photo != "own:160301/01"}
    assert others == {(LICENCE, None)}
