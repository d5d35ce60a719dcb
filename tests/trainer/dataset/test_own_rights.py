"""`trainer export --rights own`: a data set of one's own photographs that may be published."""

import json
from datetime import UTC, datetime, timedelta
from io import BytesIO
from pathlib import Path

import psycopg
import pytest
from PIL import Image
from typer.testing import CliRunner

from collector.errors import UsageError
from collector.imports.camera import Stated
from collector.matching.by_hand import decide_by_hand
from collector.sources.camera.record import JAPAN
from collector.sources.licences import licence_of
from collector.storage import images
from tests.filled import SMALL, drawn, execute
from tests.owned import bring_photos, row
from tests.shots import MORNING, RIGHTS, bring_camera, burst, exif, jpeg, scene, stated, write_folder
from tests.trainer.exported import polled, rows
from trainer.cli.app import app
from trainer.dataset.bursts import Shot, bursts, middle
from trainer.dataset.data import load_pixels
from trainer.dataset.examples import OF_OTHERS, Skip
from trainer.dataset.export import export
from trainer.dataset.formats import Format
from trainer.dataset.manifest import verify
from trainer.dataset.own import choose
from trainer.dataset.pixels import Preparation
from trainer.dataset.request import Request

OWN = Request(labels=(), own=True)
HORSES = 5  # that the camera shows
FAR = 20  # bits of 256 by which the hashes of different pictures differ at least
LABELLED = "SELECT DISTINCT horse_id FROM aptitude WHERE reviews > 0 ORDER BY horse_id LIMIT 6"
CAMERA, NUMBER = "UPDATE photo_match", "WHERE source = 'camera' AND number ="
OTHERS = "SELECT digest, content, phash::text FROM photo JOIN blob USING (digest) WHERE source <> 'camera'"


def taken_from_others() -> bytes:
    """A photo of the magazine as somebody put it into a camera's folder."""
    photo = next(photo for year in SMALL.years for issue in SMALL.issues(year) for photo in issue.photos)
    assert photo.picture
    with Image.open(BytesIO(drawn(photo.picture).body)) as image:
        return jpeg(image.convert("RGB"), exif(MORNING + timedelta(hours=3)))


@pytest.fixture
async def mixed(filled: str, tmp_path: Path) -> str:
    """A magazine, a table's photo, and a camera: bursts of five horses, and a photo that is the magazine's."""
    (other,), *horses = execute(filled, LABELLED)
    await bring_photos(filled, tmp_path, [row("a.jpg", other, date="2016-03-01")])
    files = {f"{horse}-{at}.jpg": body for horse in range(HORSES)
             for at, body in enumerate(burst(horse, 3, MORNING + timedelta(minutes=horse)))}  # fmt: skip
    files["x.jpg"] = taken_from_others()
    await bring_camera(filled, write_folder(tmp_path / "card", files), stated("東京"))
    async with await psycopg.AsyncConnection.connect(filled, autocommit=True) as connection:
        for number in range(1, 3 * HORSES + 2):
            await decide_by_hand(connection, f"camera:150301/{number:02}", horses[(number - 1) // 3 % HORSES][0])
    return filled


@pytest.mark.usefixtures("plain")
@pytest.mark.parametrize("kind", Format)
def test_no_photo_of_others_and_nothing_that_others_know_is_in_any_file(
    mixed: str, tmp_path: Path, kind: Format
) -> None:
    version = export(mixed, tmp_path / "sets", Request(labels=(), own=True, format=kind, every_photo=True))
    found = rows(version)
    assert {one["source"] for one in found} == {"camera"}
    assert len(found) == 3 * HORSES
    assert version.manifest.left_out == {Skip.OTHERS_TOO: 1}
    files = [path.read_bytes() for path in version.folder.rglob("*") if path.is_file()]
    others = execute(mixed, OTHERS)
    assert len(others) > 50
    for digest, content, phash in others:
        assert not any(digest.encode() in file or bytes(content) in file for file in files)
        for one in found:
            written = f"{int(images.inspect(one['body']).phash, 16):0256b}"
            assert sum(left != right for left, right in zip(written, phash, strict=True)) >= FAR
    for (sire,) in execute(mixed, "SELECT DISTINCT sire FROM horse WHERE sire IS NOT NULL"):
        assert not any(sire.encode() in file for file in files)
    assert not any(one[name] for one in found for name in OF_OTHERS)
    assert verify(version) == []


@pytest.mark.usefixtures("plain")
def test_licence_datasheet_and_metadata_say_whose_the_photos_are_and_whose_the_rest_is(
    mixed: str, tmp_path: Path
) -> None:
    execute(mixed, f"{CAMERA} SET head_turned = true {NUMBER} 2")
    execute(mixed, f"{CAMERA} SET rule = 'walk', by_hand = false, certainty = 0.97 {NUMBER} 5")
    version = export(mixed, tmp_path, OWN)
    folder = version.folder
    left = version.manifest.left_out
    assert (left[Skip.HEAD_TURNED], left[Skip.SAME_BURST], left[Skip.OTHERS_TOO]) == (1, 2 * HORSES - 1, 1)
    found = rows(version)
    assert len(found) == len({one["burst"] for one in found}) == len({one["horse_id"] for one in found}) == HORSES
    assert [(one["match_rule"], one["certainty"]) for one in found if one["match_rule"] != "by_hand"] == [
        ("walk", 0.97)
    ]
    assert {(one["licence"], one["racecourse"], one["head_turned"]) for one in found} == {(RIGHTS, "東京", False)}
    assert min(one["taken_at"] for one in found).astimezone(JAPAN).strftime("%H:%M") == "10:20"
    licence, sheet, card = ((folder / name).read_text() for name in ("LICENSE", "DATASHEET.md", "README.md"))
    assert "SPDX-License-Identifier: CC-BY-4.0" in licence
    assert "Aiko Tanaka" in licence
    assert "license: cc-by-4.0" in card
    assert "private study" not in card
    assert "labels.md" not in card
    for said in (
        f"{HORSES} photos of {HORSES} horses", "東京 (5)", "Canon EOS R5", "A person named the horse: 4 photos, 80%",
        "certainty at least 0.970", "no use or publication", "the camera's serial number", "### Labels\n\nNone.",
    ):  # fmt: skip
        assert said.casefold() in sheet.casefold(), said
    said = json.loads((folder / "croissant.json").read_text())
    assert said["license"] == "https://creativecommons.org/licenses/by/4.0/"
    assert said["creator"] == [{"@type": "sc:Person", "name": "Aiko Tanaka"}]
    with pytest.raises(UsageError, match="has no labels"):
        version.manifest.label()


@pytest.mark.usefixtures("plain")
def test_in_every_data_set_a_burst_is_one_example_and_a_turned_head_none(mixed: str, tmp_path: Path) -> None:
    execute(mixed, f"{CAMERA} SET head_turned = true {NUMBER} 1")
    version = export(mixed, tmp_path, Request())
    assert (version.manifest.left_out[Skip.SAME_BURST], version.manifest.left_out[Skip.HEAD_TURNED]) == (9, 1)
    found = {one["photo"]: one for one in rows(version)}
    of_camera = {photo: one["burst"] for photo, one in found.items() if one["source"] == "camera"}
    assert (of_camera["camera:150301/02"], of_camera["camera:150301/05"]) == ("camera:150301/02", "camera:150301/04")
    assert len(of_camera) == HORSES + 1  # the magazine's photo in the camera's folder is an example here
    assert {(one["burst"], one["taken_at"]) for photo, one in found.items() if photo not in of_camera} == {(None, None)}
    assert {one["head_turned"] for one in found.values()} == {False}


@pytest.mark.usefixtures("plain")
def test_labels_are_written_where_they_are_asked_for_with_the_terms_of_their_source(mixed: str, tmp_path: Path) -> None:
    version = export(mixed, tmp_path, Request(labels=polled().labels, own=True))
    assert sum(one["label"] is not None for one in rows(version)) > 0
    sheet = (version.folder / "DATASHEET.md").read_text()
    assert "`poll/distance`" in sheet
    assert "https://db.netkeiba.com" in sheet
    assert len(load_pixels(version, Preparation(16, 24), tmp_path / "cache")) == HORSES  # a run can learn from it


async def test_one_data_set_has_one_licence_that_lets_others_use_it(mixed: str, tmp_path: Path) -> None:
    kept = jpeg(scene(9), exif(MORNING + timedelta(hours=1)))
    await bring_camera(
        mixed, write_folder(tmp_path / "kept", {"a.jpg": kept}), Stated("Aiko Tanaka", "all rights mine")
    )
    ((horse,),) = execute(mixed, "SELECT horse_id FROM photo_match WHERE source = 'camera' LIMIT 1")
    async with await psycopg.AsyncConnection.connect(mixed, autocommit=True) as connection:
        await decide_by_hand(connection, f"camera:150301/{3 * HORSES + 2:02}", horse)
    with pytest.raises(
        UsageError, match=r'"CC BY 4.0" \(15 photos\), "all rights mine" \(1 photo\). Choose with --licence'
    ):
        export(mixed, tmp_path, OWN)
    version = export(mixed, tmp_path, Request(labels=(), own=True, licence="cc-by-4.0"))
    assert version.manifest.left_out[Skip.OTHER_LICENCE] == 1
    assert {one["licence"] for one in rows(version)} == {RIGHTS}


def test_rights_without_an_open_licence_are_refused_with_what_to_do() -> None:
    with pytest.raises(UsageError, match=r"does not let others use them.* CC-BY-4.0.* `collector import --camera"):
        choose({"all rights with me": 3, "CC BY-NC 4.0": 2}, None)
    with pytest.raises(UsageError, match=r"No photo has the licence CC0-1.0"):
        choose({"CC BY 4.0": 3}, "CC0")
    with pytest.raises(UsageError, match=r"--licence mine is not one of"):
        choose({"CC BY 4.0": 3}, "mine")
    assert choose({"CC BY 4.0": 3, "https://creativecommons.org/licenses/by/4.0/": 1}, None) == licence_of("CC-BY-4.0")


def test_a_collection_without_a_camera_has_nothing_to_publish(filled: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no photo of your own camera"):
        export(filled, tmp_path, OWN)


def test_a_burst_is_of_one_camera_one_horse_and_one_moment() -> None:
    def shot(place: int, seconds: float, camera: str = "a", horse: str = "1") -> Shot:
        return Shot(camera, horse, datetime(2015, 3, 1, tzinfo=UTC) + timedelta(seconds=seconds), place)

    shots = [shot(0, 0.8), shot(1, 0), shot(2, 0.4, camera="b"), shot(3, 1.6), shot(4, 5), shot(5, 2.0, horse="2")]
    assert sorted(bursts(shots)) == [[1, 0, 3], [2], [4], [5]]
    assert [middle(burst) for burst in ([1, 0, 3], [4], [7, 8])] == [0, 4, 7]


@pytest.mark.usefixtures("plain")
def test_the_command_writes_it_and_says_what_to_look_at(mixed: str, tmp_path: Path) -> None:
    command = CliRunner(env={"PADDOCK_DATABASE_URL": mixed, "PADDOCK_HOME": str(tmp_path), "COLUMNS": "200"})
    alone = command.invoke(app, ["export", "--licence", "CC0-1.0"])
    assert (alone.exit_code, "add --rights own" in alone.stderr) == (2, True)
    done = command.invoke(app, ["export", "--rights", "own", "--out", str(tmp_path / "sets")])
    assert done.exit_code == 0, done.stderr
    assert "the licence covers your photos alone" in done.stdout
    assert len(list(tmp_path.glob("sets/*/DATASHEET.md"))) == 1
    again = command.invoke(app, ["dataset", "delete", str(next(tmp_path.glob("sets/*"))), "--yes"])
    assert "`trainer export --rights own --licence CC-BY-4.0` makes it again" in again.stdout
