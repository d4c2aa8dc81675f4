"""Person boxes by a torchvision detector, for images and data sets without boxes."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from posereg.data.samples.jpeg import Levels, read
from posereg.errors import UserError, nearest
from posereg.networks.weights import read_tensors
from posereg.predict import pictures
from posereg.terminal.progress import tracked

PERSON = 1  # of COCO's categories, as torchvision's detectors number them
Detector = Callable[[list[Tensor]], list[dict[str, Tensor]]]


class Picture(NamedTuple):
    """An image, and its name in the box file."""

    path: Path
    name: str
    image_id: int
    as_seen: bool = False  # turned as EXIF says; images of data sets are labelled as they are stored
    levels: Levels = None  # as of `PoseSet`


def load_detector(name: str, weights: str | None = None) -> nn.Module:
    """A torchvision detector trained on COCO, in evaluation mode.

    Args:
        name: e.g. `fasterrcnn_resnet50_fpn_v2`.
        weights: a local file of its weights; None for torchvision's own, downloaded once and cached.

    Raises:
        UserError: unknown name, or weights that cannot be downloaded or read, or do not fit.
    """
    from torchvision import models

    valid = [
        model
        for model in models.list_models(module=models.detection)
        if not model.startswith(("mask", "keypoint"))
    ]
    if name not in valid:
        raise UserError(f"detector: unknown detector '{name}'{nearest(name, valid)}")
    model: nn.Module = models.get_model(name, weights=None, weights_backbone=None)
    state = read_tensors(weights) if weights else _download(name)
    try:
        model.load_state_dict(state)
    except RuntimeError as error:
        reason = " ".join(str(error).split())[:160]
        raise UserError(f"weights: {weights} does not fit detector {name}: {reason}") from error
    return model.eval()


def _download(name: str) -> dict[str, Tensor]:
    from torchvision import models

    try:
        state: dict[str, Tensor] = models.get_model_weights(name).DEFAULT.get_state_dict(progress=True)  # type: ignore[attr-defined]
    except (OSError, RuntimeError) as error:  # URLError is an OSError; a broken download fails its hash
        raise UserError(
            f"detector {name}: its weights could not be downloaded ({type(error).__name__}); connect to the network "
            "once, or name a local file with weights=FILE"
        ) from error
    return state


def detect(
    detector: Detector,
    pictures: Sequence[Picture],
    min_score: float = 0.05,
    device: torch.device | str = "cpu",
    batch_size: int = 1,
) -> Iterator[dict[str, Any]]:
    """Boxes of people as entries of a COCO result file, with the image's name beside.

    Args:
        detector: RGB images (3, H, W) in [0, 1] -> `boxes` (N, 4) x1 y1 x2 y2 (edges), `labels`, `scores` of each.
        min_score: boxes with lower scores, and empty ones, are dropped.

    Yields:
        `image`, `image_id`, `category_id` 1, `bbox` x y width height in image pixels, `score`; best first in an image.

    Raises:
        UserError: an image that cannot be decoded.
    """
    starts = range(0, len(pictures), batch_size)
    for start in tracked(starts, len(starts), "images"):
        batch = pictures[start : start + batch_size]
        images = [_pixels(picture).to(device) for picture in batch]
        with torch.inference_mode():
            detections = detector(images)
        for picture, boxes in zip(batch, detections, strict=True):
            for box, score in people_in(boxes, min_score):
                yield {
                    "image": picture.name,
                    "image_id": picture.image_id,
                    "category_id": 1,
                    "bbox": box,
                    "score": score,
                }


def people_in(found: dict[str, Tensor], min_score: float) -> Iterator[tuple[list[float], float]]:
    """x y width height and score of the people that a detector found on an image, best first; empty boxes are left
    out."""
    people = (found["labels"] == PERSON) & (found["scores"] >= min_score)
    scores = found["scores"][people].float().cpu()
    corners = found["boxes"][people].float().cpu()
    for k in scores.argsort(descending=True, stable=True).tolist():
        x1, y1, x2, y2 = corners[k].tolist()
        size = round(x2 - x1, 2), round(y2 - y1, 2)
        if min(size) > 0:
            yield [round(x1, 2), round(y1, 2), *size], round(float(scores[k]), 5)


def _pixels(picture: Picture) -> Tensor:
    """RGB (3, H, W) in [0, 1]."""
    levels = picture.levels
    whole = (
        pictures.read(picture.path, levels) if picture.as_seen else read(picture.path, levels=levels).pixels
    )
    pixels = whole[..., :3]
    return torch.from_numpy(pixels.copy()).permute(2, 0, 1).float() / 255
