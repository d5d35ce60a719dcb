"""A photo of one's own camera is an example like the others, without anything that the camera wrote into it."""

import io
from pathlib import Path

import psycopg
import pytest
from PIL import Image

from collector.matching.by_hand import decide_by_hand
from tests.filled import SMALL, execute, fill
from tests.shots import MORNING, NOTES, OWNER, RIGHTS, SERIAL, TOKYO, bring_camera, dng, exif, jpeg, scene, write_folder
from tests.trainer.exported import rows
from trainer.dataset.export import Request, export

LABELLED = "SELECT horse_id FROM aptitude WHERE axis = 'distance' AND reviews > 0 ORDER BY horse_id LIMIT 1"


@pytest.mark.usefixtures("plain")
async def test_a_camera_photo_is_an_example_of_pixels_alone(conninfo: str, tmp_path: Path) -> None:
    fill(conninfo, SMALL)
    ((horse_id,),) = execute(conninfo, LABELLED)
    body = jpeg(scene(1), exif(MORNING.replace(year=2016), place=TOKYO, turn=6))
    raw = dng(scene(2), MORNING.replace(year=2016, month=4))
    await bring_camera(conninfo, write_folder(tmp_path / "card", {"a.jpg": body, "b.dng": raw}))
    async with await psycopg.AsyncConnection.connect(conninfo, autocommit=True) as connection:
        for photo in ("camera:160301/01", "camera:160401/01"):
            await decide_by_hand(connection, photo, horse_id)
    for request in (Request(), Request(size=100)):
        found = [one for one in rows(export(conninfo, tmp_path / "datasets", request)) if one["source"] == "camera"]
        assert [(one["horse_id"], one["licence"], one["media_type"]) for one in found] == 2 * [
            (horse_id, RIGHTS, "image/jpeg")
        ]
        for one in found:
            assert not any(secret in one["body"] for secret in (SERIAL.encode(), OWNER.encode(), NOTES, b"Exif"))
        with Image.open(io.BytesIO(found[0]["body"])) as image:
            assert image.height > image.width
            assert not image.getexif()
