"""ViTPose (Xu et al., NeurIPS 2022) with the weights that Hugging Face has: it predicts, it is not trained here."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from posereg.codecs.dark import dark_decode
from posereg.codecs.grid import Grid
from posereg.errors import UserError
from posereg.files import read_object, reading
from posereg.methods.base import MEAN, STD, PoseModule
from posereg.models.hub import model_name
from posereg.skeletons.skeleton import Skeleton, skeleton

TYPE = "vitpose"
SIGMA = 2.0  # of the training targets, in cells
JOINTS = "coco"


class VitPose(PoseModule):
    """Maps of a vision transformer, read by DARK.

    ViTPose is trained on unbiased crops (UDP, Huang et al., CVPR 2020): the first and last cell of a map stand for the
    first and last pixel of the input, so a cell is (W - 1) / (w - 1) pixels wide.
    """

    score_rule = "map maximum"

    def decode(self, maps: Tensor) -> tuple[Tensor, Tensor]:
        """Keypoints (B, K, 2) in input pixels and the maxima (B, K) of maps (B, K, h, w)."""
        height, width = maps.shape[-2:]
        cells, scores = dark_decode(maps, Grid(height, width, 1.0, "corner"), SIGMA)
        wide, high = self.input_size
        stride = cells.new_tensor([(wide - 1) / (width - 1), (high - 1) / (height - 1)])
        return cells * stride, scores

    def predict(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Keypoints in input pixels, and the maps' maxima; with the flip test maps are averaged."""
        maps = self.network(images)
        if self.flip_test:
            maps = (maps + self.unflip_maps(self.network(images.flip(-1)))) / 2
        return self.decode(maps)


class Maps(nn.Module):
    """Hugging Face's network as one that gives maps (B, K, h, w)."""

    def __init__(self, model: nn.Module, experts: int) -> None:
        super().__init__()
        self.model = model
        self._experts = experts

    def forward(self, images: Tensor) -> Tensor:
        """Maps of normalised images (B, 3, H, W). ViTPose++ has experts for several data sets; the first is COCO's."""
        which = images.new_zeros(len(images), dtype=torch.long) if self._experts > 1 else None
        maps: Tensor = self.model(images.contiguous(), dataset_index=which).heatmaps
        return maps


def load_vitpose(weights: Path, config: dict[str, Any]) -> VitPose:
    """The model of a folder of Hugging Face, in evaluation mode.

    Args:
        weights: its model.safetensors. config: its config.json.

    Raises:
        UserError: another kind of model, other joints than COCO's, a damaged file, or transformers is not installed.
    """
    kind = config.get("model_type")
    if kind != TYPE:
        raise UserError(
            f"checkpoint: {weights.parent}: a model of type '{kind}'; of Hugging Face's only {TYPE} is known"
        )
    try:
        from transformers import VitPoseForPoseEstimation
        from transformers.utils.logging import disable_progress_bar
    except ImportError as error:
        raise UserError(
            "checkpoint: models of Hugging Face need transformers: pip install 'posereg[hf]'"
        ) from error
    disable_progress_bar()
    with reading(weights, "a model of Hugging Face"):
        model = VitPoseForPoseEstimation.from_pretrained(
            weights.parent, local_files_only=True, use_safetensors=True, trust_remote_code=False
        )
    _check_joints(model.config.id2label, skeleton(JOINTS), weights.parent)
    trunk = model.config.backbone_config
    high, wide = trunk.image_size
    mean, std = _normalisation(weights.parent)
    module = VitPose(
        network=Maps(model, getattr(trunk, "num_experts", 1)),
        skeleton=JOINTS,
        input_size=(wide, high),
        optimizer=partial(torch.optim.Adam, lr=1e-3),
        name=TYPE,
        mean=mean,
        std=std,
    )
    module.plain_config = {"row": model_name(weights), "method": {"name": TYPE}}
    return module.eval()


def _check_joints(labels: dict[int, str], known: Skeleton, folder: Path) -> None:
    """
    Raises:
        UserError: the labels are not COCO's joints in COCO's order.
    """
    if len(labels) != len(known):
        raise UserError(
            f"checkpoint: {folder}: a model of {len(labels)} joints; only COCO's {len(known)} are known"
        )
    for (number, label), joint in zip(sorted(labels.items()), known.joints, strict=True):
        told = label.lower().replace("l_", "left_", 1).replace("r_", "right_", 1)
        if told not in (joint, f"label_{number}"):
            raise UserError(f"checkpoint: {folder}: joint {number} is {label}, where COCO has {joint}")


def _normalisation(folder: Path) -> tuple[tuple[float, float, float], tuple[float, float, float]]:
    """Mean and standard deviation of RGB in [0, 1], as the model's preprocessor says; ImageNet's if it is silent."""
    path = folder / "preprocessor_config.json"
    if not path.is_file():
        return MEAN, STD
    content = read_object(path, "a preprocessor's config")
    with reading(path, "a preprocessor's config"):
        r, g, b = map(float, content.get("image_mean", MEAN))
        x, y, z = map(float, content.get("image_std", STD))
        return (r, g, b), (x, y, z)
