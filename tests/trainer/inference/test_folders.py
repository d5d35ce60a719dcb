"""Folders of photos as people have them: folders in folders, other files, and the formats of telephones."""

import json
from pathlib import Path

import pytest

from collector.errors import UsageError
from tests.telephones import taken_by_telephone
from tests.trainer.inference.test_answers import trainer
from trainer.directories import Directories
from trainer.inference.photos import count_photos, read_photos
from trainer.runs.runs import Run


def _nothing(_url: str) -> bytes:
    raise AssertionError


def test_folders_in_folders_are_read_and_what_is_passed_over_is_counted(
    directories: Directories, run: Run, photos: Path
) -> None:
    inner = photos / "2016" / "spring"
    inner.mkdir(parents=True)
    (photos / "2.jpg").rename(inner / "2.jpg")
    for name in ("3.jpg.xmp", "raw.CR3", ".4.jpg", "README"):
        (inner / name).write_bytes(b"x")
    (photos / ".thumbnails").mkdir()
    (photos / "again").symlink_to(inner)
    done = trainer(directories, "predict", str(photos), "--run", run.name, "--json")
    assert done.exit_code == 0, done.stderr
    assert [one["photo"] for one in json.loads(done.stdout)] == ["1.jpg", "broken.jpg", "2016/spring/2.jpg"]
    assert count_photos(str(photos)) == 3
    expected = "7 passed over: 2 hidden, 1 .cr3, 1 .txt, 1 .xmp, 1 link to a folder, 1 without a suffix."
    assert expected in " ".join(done.stderr.split())


def test_a_folder_without_a_photo_says_what_it_holds_instead(tmp_path: Path) -> None:
    (tmp_path / "scan.tiff").write_bytes(b"II*")
    with pytest.raises(UsageError, match=r"holds no photo .*; 1 passed over: 1 \.tiff\.$"):
        list(read_photos(str(tmp_path), _nothing))


@pytest.mark.parametrize("kind", ["a JPEG of 50 million pixels", "AVIF", "HEIC"])
def test_a_photo_of_a_telephone_is_answered(directories: Directories, run: Run, photos: Path, kind: str) -> None:
    suffix = {"AVIF": "avif", "HEIC": "heic"}.get(kind, "jpg")
    path = photos / f"telephone.{suffix}"
    path.write_bytes(taken_by_telephone((photos / "1.jpg").read_bytes(), kind))
    values = []
    for photo in (photos / "1.jpg", path):
        done = trainer(directories, "predict", str(photo), "--run", run.name, "--json")
        assert done.exit_code == 0, done.stderr
        values.append(json.loads(done.stdout)[0]["value"])
    assert values[0] == pytest.approx(values[1], abs=0.1)
