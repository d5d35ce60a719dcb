"""What is drawn: saliency over the photo itself, sheets of answers; and pictures of 16 bits are read as they look."""

import io

import numpy as np
import pytest
from PIL import Image, ImageOps

from tests.trainer.conftest import CPU, trained
from trainer.dataset.examples import Side
from trainer.dataset.manifest import Version
from trainer.dataset.pixels import Preparation, fit, open_picture, place_of
from trainer.directories import Directories, as_file_name
from trainer.evaluation import report
from trainer.evaluation.evaluate import evaluate
from trainer.inference.saliency import draw, overlay, saliency

GREY = np.full((228, 304, 3), 120, np.uint8)


def redness(picture: Image.Image) -> np.ndarray:
    """How much redder than grey each pixel is."""
    pixels = np.asarray(picture).astype(int)
    return pixels[..., 0] - pixels[..., 1]


@pytest.mark.parametrize(
    ("size", "drawn"), [((304, 228), (304, 228)), ((1280, 960), (640, 480)), ((90, 500), (90, 500))]
)
@pytest.mark.parametrize("fit_", ["pad", "squash"])
def test_a_map_lies_over_the_photo_at_the_photos_own_size(
    size: tuple[int, int], drawn: tuple[int, int], fit_: str
) -> None:
    photo = Image.new("RGB", size, (120, 120, 120))
    spot = (size[0] // 2, size[1] // 4)  # what matters, in the photo
    photo.paste((255, 255, 255), (spot[0] - 12, spot[1] - 12, spot[0] + 12, spot[1] + 12))
    how = Preparation(32, 32, fit_)  # pyright: ignore[reportArgumentType]
    heat = (fit(photo, how).astype(np.float32).mean(2) - 127).clip(0)
    picture = draw(photo, heat, how)
    assert picture.size == drawn
    row, column = np.unravel_index(redness(picture).argmax(), drawn[::-1])
    scale = drawn[0] / size[0]
    assert abs(column - spot[0] * scale) < max(drawn) / 16
    assert abs(row - spot[1] * scale) < max(drawn) / 16


@pytest.mark.parametrize("size", [(304, 228), (90, 500), (500, 91), (37, 37)])
def test_where_a_photo_lies_in_its_pixels_is_where_it_was_put(size: tuple[int, int]) -> None:
    how = Preparation(48, 64)
    padded = np.asarray(ImageOps.pad(Image.new("RGB", size, (255, 255, 255)), (64, 48), color=(0, 0, 0)))[..., 0] > 0
    left, upper, right, lower = place_of(*size, how)
    assert padded[upper:lower, left:right].all()
    assert padded.sum() == (right - left) * (lower - upper)


def test_where_little_matters_little_is_red() -> None:
    heat = np.full((228, 304), 0.3, np.float32) + np.random.default_rng(1).random((228, 304), np.float32) * 0.02
    heat[100:120, 100:130] = 1
    red = redness(overlay(GREY, heat))
    assert red[105:115, 105:125].min() > 100
    assert np.median(red) <= 1
    assert (red > 20).mean() < 0.02


def test_a_map_does_not_depend_on_the_photos_beside_it(directories: Directories, version: Version) -> None:
    _, network, material = trained(directories, version, "first-cnn", "epochs=1")
    photos = np.array(material.pixels[:5])
    together, alone = saliency(network, photos, CPU), saliency(network, photos[3:4], CPU)
    np.testing.assert_allclose(together[3], alone[0], atol=1e-4)


def test_the_best_and_the_worst_answers_share_no_photo(
    directories: Directories, version: Version, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = trained(directories, version, "svr")[0]
    evaluation, answered = evaluate(run, Side.TRAIN, directories, CPU)
    for count in (1, 2, 5, 16, 40):
        sheets: list[list[tuple[np.ndarray, str]]] = []
        few = answered.some(np.arange(count))
        monkeypatch.setattr(report, "grid", lambda pictures, sheets=sheets: sheets.append(list(pictures)))
        monkeypatch.setattr(report, "save", lambda *_: None)
        report.write_report(run.folder / "report", evaluation, few, version)
        best, worst = ([words for _, words in sheet] for sheet in sheets)
        assert not set(best) & set(worst)
        assert len(best) + len(worst) == min(count, 2 * report.SHEET)
        assert all("label 0." in words or "label 1." in words for words in best)


def test_grey_of_sixteen_bits_is_scaled_and_not_cut_off() -> None:
    ramp = np.linspace(0, 65535, 64).astype(np.uint16)[None].repeat(48, 0)
    file = io.BytesIO()
    Image.fromarray(ramp).save(file, "PNG")
    seen = np.asarray(open_picture(file.getvalue()))
    assert seen.shape == (48, 64, 3)
    np.testing.assert_allclose(seen[0, :, 0], ramp[0] / 257, atol=1)


def test_different_names_are_different_files() -> None:
    names = ["a b.jpg", "a_b.jpg", "a?b.jpg", "x" * 90 + ".jpg", "y" + "x" * 90 + ".jpg", "馬[b].jpg", ".", "..", "_"]
    files = [as_file_name(name) for name in names]
    assert len(set(files)) == len(names)
    assert all(file == as_file_name(name) for name, file in zip(names, files, strict=True))
    assert all(len(f"{file}.png".encode()) < 256 and not file.startswith(".") for file in files)
