"""Backbones: what they sum up themselves, photos of any size, folders and revisions."""

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file

from collector.errors import UsageError
from tests.trainer.conftest import CPU, trained
from trainer.dataset.manifest import Version
from trainer.directories import Directories
from trainer.inference.serving import Predictor
from trainer.models.answers import load_model
from trainer.models.backbones import Backbone, import_timm
from trainer.models.networks import build
from trainer.runs.config import make_config
from trainer.training.step import make_optimiser

PHOTOS = torch.rand(2, 3, 64, 96, generator=torch.Generator().manual_seed(0))


def as_timm_has_it(backbone: Backbone, **more: Any) -> Any:
    """timm's whole network, with the weights of a backbone."""
    net = import_timm().create_model(backbone.name, num_classes=0, **more).eval()
    state = {name: tensor for name, tensor in backbone.net.state_dict().items() if name in net.state_dict()}
    if backbone.attention is not None:
        state |= {f"head.{name}": tensor for name, tensor in backbone.attention.state_dict().items()}
    net.load_state_dict(state)
    return net


@torch.inference_mode()
def test_a_class_token_is_used_beside_the_maps_of_the_last_layer() -> None:
    backbone = Backbone("vit_tiny_patch16_224", "none", 2).eval()
    assert (backbone.vector, backbone.features) == (192, [192])
    token, maps = backbone(PHOTOS)
    tokens = as_timm_has_it(backbone, dynamic_img_size=True).forward_features(PHOTOS)
    torch.testing.assert_close(token, tokens[:, 0])
    torch.testing.assert_close(maps.flatten(2).transpose(1, 2), tokens[:, 1:])
    network = build(make_config("probe", ("weights=none", "backbone=vit_tiny_patch16_224", "height=64", "width=96")))
    assert network.features(PHOTOS).shape == (2, 192 + 5 * 192)


@torch.inference_mode()
def test_pooling_by_attention_is_used_beside_the_maps() -> None:
    backbone = Backbone("resnet50_clip", "none", 2).eval()
    vector, *stages = backbone(PHOTOS)
    assert [maps.shape[1] for maps in stages] == backbone.features == [1024, 2048]
    assert backbone.vector == vector.shape[1] == 2048
    net = as_timm_has_it(backbone)
    torch.testing.assert_close(vector, net.forward_head(net.forward_features(PHOTOS), pre_logits=True))


def test_what_is_pooled_by_attention_learns_too() -> None:
    network = build(make_config("finetune", ("weights=none", "backbone=resnet50_clip", "height=64", "width=96")))
    held = {
        id(one)
        for group in make_optimiser(network, make_config("finetune"), CPU).param_groups
        for one in group["params"]
    }
    assert held == {id(parameter) for parameter in network.parameters()}


def test_a_network_of_windows_is_set_up_for_the_size_of_the_photos() -> None:
    settings = ("weights=none", "backbone=swinv2_tiny_window8_256", "height=96", "width=128")
    network, again = build(make_config("probe", settings)).eval(), build(make_config("probe", settings)).eval()
    again.load_state_dict(network.state_dict())
    photos = 255 * torch.rand(1, 3, 96, 128)
    with torch.inference_mode():
        torch.testing.assert_close(network.features(photos), again.features(photos))


@pytest.mark.parametrize(
    ("backbone", "says"),
    [
        ("hiera_tiny_224", r"64 x 96 px \(.*\); choose another backbone, as timm gives no maps of this one"),
        ("cait_xxs24_224", r"64 x 96 px \(Input height .*\); set height and width, such as 224 and 224"),
    ],
)
def test_a_network_that_cannot_be_used_is_refused_in_a_sentence(backbone: str, says: str) -> None:
    with pytest.raises(UsageError, match=says):
        build(make_config("probe", ("weights=none", f"backbone={backbone}", "height=64", "width=96")))


def test_a_run_with_a_transformer_is_trained_and_served(few: tuple[Directories, Version]) -> None:
    settings = ("weights=none", "backbone=vit_tiny_patch16_224", "height=32", "width=48")
    run, network, material = trained(*few, "probe", *settings)
    predictor = Predictor(run, CPU)
    predictor.quicken()
    answers = [prediction.value for prediction, _ in predictor.see(material.pixels[:3])]
    with torch.inference_mode():
        photos = torch.from_numpy(material.pixels[:3]).permute(0, 3, 1, 2).float()
        assert answers == pytest.approx(network.value(photos).tolist(), abs=1e-3)


# --- folders, repositories, digests -----------------------------------------------------------------------


def laid_out(folder: Path, random_seed: int) -> dict[str, torch.Tensor]:
    """A network as a folder of timm's; its weights."""
    torch.manual_seed(random_seed)
    net = import_timm().create_model("resnet10t", num_classes=0)
    folder.mkdir(parents=True)
    (folder / "config.json").write_text(json.dumps({"architecture": "resnet10t", "num_classes": 0}))
    state = {name: tensor.contiguous() for name, tensor in net.state_dict().items()}
    save_file(state, folder / "model.safetensors")
    return state


def test_a_folder_of_timm_is_a_backbone_whose_digest_is_checked(
    few: tuple[Directories, Version], tmp_path: Path
) -> None:
    state = laid_out(tmp_path / "mine", 5)
    name = f"local-dir:{tmp_path / 'mine'}"
    backbone = Backbone(name, "hub", 2)
    assert torch.equal(backbone.net.state_dict()["conv1.0.weight"], state["conv1.0.weight"])
    settings = (f"backbone={name}", "weights=hub", "height=32", "width=32", f"digest={backbone.digest}")
    run, _, _ = trained(*few, "probe", *settings)
    assert run.facts.weights == backbone.digest
    assert load_model(run, CPU)[1].widths
    with pytest.raises(UsageError, match=f"have the SHA-256 {backbone.digest}, and not {'0' * 64} as they should"):
        Backbone(name, "hub", 2, digest="0" * 64)
    with pytest.raises(UsageError, match=r"local-dir:/no/such holds no network of timm \(.*\); it needs config.json"):
        Backbone("local-dir:/no/such", "hub", 2)


def test_a_repository_of_the_hub_is_taken_at_its_pinned_revision(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    revisions = {"a" * 40: 1, "b" * 40: 2}
    held = {name: laid_out(tmp_path / "models--me--mine" / "snapshots" / name, at) for name, at in revisions.items()}
    for revision, state in held.items():
        backbone = Backbone(f"hf-hub:me/mine@{revision}", "hub", 2)
        assert torch.equal(backbone.net.state_dict()["conv1.0.weight"], state["conv1.0.weight"])
    with pytest.raises(UsageError, match=r"hf-hub:me/other@main could not be fetched from the hub"):
        Backbone("hf-hub:me/other@main", "hub", 2)
