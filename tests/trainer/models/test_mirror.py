"""Answers over a photo and its mirror image."""

import dataclasses
from pathlib import Path

import numpy as np
import pytest

from tests.trainer.conftest import CPU, trained
from trainer.dataset.examples import Side
from trainer.dataset.manifest import Version
from trainer.directories import Directories
from trainer.inference.serving import Predictor, export_onnx
from trainer.models.answers import answer, calibrate, load_model


@pytest.mark.parametrize("head", ["plain", "bins"])
def test_a_photo_and_its_mirror_image_have_one_answer(
    few: tuple[Directories, Version], tmp_path: Path, head: str
) -> None:
    settings = ("height=16", "width=24", "epochs=1", f"head={head}", "mirror_answers=true")
    run, network, material = trained(*few, "first-cnn", *settings)
    pixels = np.array(material.pixels[:6])
    mirrored = np.ascontiguousarray(pixels[:, :, ::-1])
    one, other = answer(network, pixels, CPU)[0], answer(network, mirrored, CPU)[0]
    np.testing.assert_allclose(one.value, other.value, atol=1e-5)
    network.mirror = False
    alone = [answer(network, photos, CPU)[0] for photos in (pixels, mirrored)]
    assert np.abs(alone[0].value - alone[1].value).max() > 1e-4
    np.testing.assert_allclose(one.value, (alone[0].value + alone[1].value) / 2, atol=1e-5)
    spreads = [its.spread for its in alone]
    if one.spread is not None and spreads[0] is not None and spreads[1] is not None:
        assert (one.spread >= np.minimum(spreads[0], spreads[1]) - 1e-5).all()
    loaded, calibration = load_model(run, CPU)
    outside = material.table.on(Side.VALIDATION)
    again = calibrate(
        answer(loaded, material.pixels, CPU, outside)[0], material.table.label[outside], material.table.horse[outside]
    )
    assert dataclasses.asdict(again) == dataclasses.asdict(calibration)
    predictor = Predictor(run, CPU)
    predictor.quicken()
    answers = [prediction.value for prediction, _ in predictor.see(mirrored)]
    assert answers == pytest.approx(one.value.tolist(), abs=1e-3)
    assert export_onnx(run, tmp_path / "model.onnx", pixels) < 1e-3
