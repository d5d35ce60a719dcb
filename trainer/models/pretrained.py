"""Networks with a pretrained backbone whose maps are pooled: all of it is trained, or only a head on its features."""

from torch import nn

from trainer.models.backbones import Backbone
from trainer.models.necks import Pooled
from trainer.models.registry import Parts, model
from trainer.runs.config import RunConfig

STAGES = 2  # last stages of a backbone that are pooled; in most networks those of strides 16 and 32


@model("probe")
@model("tuned")
def pooled(config: RunConfig) -> Parts:
    """A backbone by its name, and five numbers for each of its last maps."""
    backbone = Backbone(config.backbone, config.weights, STAGES, digest=config.digest)
    backbone.sizes(config.height, config.width)  # raises if it does not take them
    neck = Pooled(backbone.features, backbone.vector)
    dropped = nn.Sequential(neck, nn.Dropout(config.dropout)) if config.dropout else neck
    return Parts(backbone, neck.width, dropped, backbone.mean, backbone.std)
