"""A frozen backbone sees a photo once; its answers come from the features that are kept."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from torch.nn.modules.module import register_module_forward_pre_hook

from tests.trainer.conftest import CPU, start
from trainer.dataset.examples import Side
from trainer.dataset.manifest import Version
from trainer.directories import Directories
from trainer.models.answers import answer
from trainer.models.backbones import Backbone
from trainer.models.features import BATCH, answer_version, keeps_features
from trainer.models.networks import Network
from trainer.runs.config import make_config
from trainer.training.learn import Material, Report, gather, learn

SMALL = ("weights=none", "backbone=resnet10t", "height=32", "width=48")


def learnt(few: tuple[Directories, Version], cache: Path, preset: str, *settings: str) -> tuple[Network, Material, int]:
    """A trained network, its data, and how many photos its backbone saw."""
    config = make_config(preset, (*SMALL, *settings))
    run = start(*few, config)
    material = gather(few[1], config, cache)
    seen = 0

    def count(module: Any, given: Any) -> None:
        nonlocal seen
        if isinstance(module, Backbone) and len(given[0]) > 1:
            seen += len(given[0])

    hook = register_module_forward_pre_hook(count)
    try:
        return learn(run, material, CPU, Report()), material, seen
    finally:
        hook.remove()


def test_a_probe_sees_each_photo_once(few: tuple[Directories, Version], tmp_path: Path) -> None:
    _, material, seen = learnt(few, tmp_path, "probe")
    assert seen == -(-len(material.table) // BATCH) * BATCH
    again = learnt(few, tmp_path, "probe")
    assert again[2] == 0


@pytest.mark.parametrize(
    ("preset", "settings"),
    [
        ("probe", ()),
        ("probe", ("mirror_answers=true",)),
        ("finetune", ("freeze=backbone.*", "epochs=1", "head=bins", "mirror_answers=true")),
        ("finetune", ("epochs=1",)),
    ],
)
def test_answers_of_kept_features_are_those_of_the_photos(
    few: tuple[Directories, Version], tmp_path: Path, preset: str, settings: tuple[str, ...]
) -> None:
    network, material, _ = learnt(few, tmp_path, preset, *settings)
    outside = material.table.on(Side.VALIDATION)
    config = make_config(preset, (*SMALL, *settings))
    assert keeps_features(config) is (settings != ("epochs=1",))
    kept = answer_version(network, config, material.version, material.pixels, CPU, tmp_path, outside)
    seen = answer(network, material.pixels, CPU, outside)
    np.testing.assert_allclose(kept.value, seen.value, atol=1e-5)
    assert (kept.spread is None) == (seen.spread is None)
    if kept.spread is not None and seen.spread is not None:
        np.testing.assert_allclose(kept.spread, seen.spread, atol=1e-4)
