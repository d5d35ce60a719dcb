"""A person's own photo is an example like the others, with its own rights as its licence."""

import io
from pathlib import Path

import pytest
from PIL import Image

from tests.filled import SMALL, execute, fill
from tests.owned import RIGHTS, bring_photos, picture, row
from tests.telephones import taken_by_telephone
from tests.trainer.exported import rows
from trainer.dataset.examples import LICENCE
from trainer.dataset.export import Request, export
from trainer.labels.definition import Wanted
from trainer.labels.results import RESULTS

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


@pytest.mark.usefixtures("plain")
@pytest.mark.parametrize("kind", ["a JPEG of 50 million pixels", "AVIF", "HEIC"])
async def test_a_telephones_photo_is_exported_as_it_is_or_smaller(conninfo: str, tmp_path: Path, kind: str) -> None:
    fill(conninfo, SMALL)
    ((horse_id,),) = execute(conninfo, LABELLED)
    name = f"a.{'jpg' if kind.startswith('a JPEG') else kind.lower()}"
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / name).write_bytes(taken_by_telephone(picture(7), kind))
    await bring_photos(conninfo, tmp_path, [row(name, horse_id, date="2016-03-01")])
    whole, small = (
        next(one for one in rows(export(conninfo, tmp_path / "datasets", request)) if one["source"] == "own")
        for request in (Request(), Request(size=100))
    )
    assert whole["body"] == (tmp_path / "photos" / name).read_bytes()
    with Image.open(io.BytesIO(small["body"])) as image:
        assert (image.format, image.size) == ("JPEG", (100, 75))


@pytest.mark.usefixtures("plain")
def test_the_card_says_what_the_keepers_allow_and_who_permitted_more(conninfo: str, tmp_path: Path) -> None:
    fill(conninfo, SMALL)
    before = export(conninfo, tmp_path / "datasets", Request())
    execute(
        conninfo,
        "INSERT INTO acceptance (source, terms_digest, terms, permission, accepted_at, accepted_by)"
        " VALUES ('keibado', '', '', 'A | B, 2026-11-20', now(), 'command')",
    )
    after = export(conninfo, tmp_path / "datasets", Request())
    assert before.name != after.name  # its card says something else
    (source,) = after.manifest.sources
    assert (source["name"], source["terms"]["copying"], source["permission"]) == (
        "keibado", "personal", "A | B, 2026-11-20",
    )  # fmt: skip
    card = (after.folder / "README.md").read_text()
    assert "nothing else is licensed.](http://old.keibado.ne.jp/) | - | 2026-08-30 | personal | A \\| B, 2026" in card
    assert "A \\| B" not in (before.folder / "README.md").read_text()


@pytest.mark.usefixtures("plain")
async def test_the_card_says_which_share_is_licensed_and_that_it_may_not_be_passed_on(
    conninfo: str, tmp_path: Path
) -> None:
    fill(conninfo, SMALL)
    wanted = Request(labels=(*Request().labels, Wanted(RESULTS, "distance")))
    before = export(conninfo, tmp_path / "datasets", wanted)
    where = "SET licensed = true, source_url = 'https://jravan.invalid/race/' || race_id WHERE race_id < '2016'"
    for table in ("race", "entry"):
        execute(conninfo, f"UPDATE {table} {where}")
    after = export(conninfo, tmp_path / "datasets", wanted)
    (licensed,) = [one for one in after.manifest.stated if one["copying"] == "subscribers"]
    photos = sum(after.manifest.photos.values())
    assert (licensed["source"], licensed["horse"], licensed["entry"]) == ("jravan", 0, licensed["race"])
    assert 0 < licensed["entry"] < photos
    starts = sum(one["start"] for one in after.manifest.stated)
    assert 0 < licensed["start"] < starts
    said = "may not be published or passed on unless that licence allows it."
    for name in ("README.md", "croissant.json"):
        text = (after.folder / name).read_text()
        assert f"the entry and result of {licensed['entry']} of {photos} (" in text
        assert f"{licensed['start']} of {starts} (" in text
        assert said in text
        assert said not in (before.folder / name).read_text()
    polled = export(conninfo, tmp_path / "datasets", Request()).manifest.stated
    assert {one["start"] for one in polled} == {0}  # no label of it was made of starts
