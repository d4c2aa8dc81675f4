"""Where the adaptive convolution of the regression head looks, at people's centres: Figure 3 of the ART paper."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from posereg.codecs.art import person_centers
from posereg.codecs.grid import grid_of
from posereg.files import whole_file
from posereg.geometry.drawing import draw_skeleton
from posereg.geometry.pixels import pixel_to_cell
from posereg.networks.art import ARTNet
from posereg.records.poses import PoseSet

if TYPE_CHECKING:
    from posereg.methods.base import PoseModule

Image = NDArray[np.uint8]
SIDE = 480  # pixels of a picture's longer side
GAP = 6
# Neighbours in the kernel's row-major order: the 3x3 grid as lines, which show turn and stretch.
EDGES = [(k, k + 1) for k in range(9) if k % 3 < 2] + [(k, k + 3) for k in range(6)]
COLORS = ((255, 209, 102), (6, 214, 160), (239, 71, 111), (76, 201, 240), (200, 140, 255), (255, 140, 60))


def write(method: PoseModule, poses: PoseSet, path: Path, images: int = 4) -> bool:
    """Draw images with people, evenly spread over the set, into one PNG.

    Returns:
        False where there is nothing to draw: ordinary convolutions, or no annotated people.
    """
    from posereg.data.modules.base import collate
    from posereg.data.samples.scenes import SceneDataset, crowd

    network = method.network
    if not isinstance(network, ARTNet) or not network.regression_block.adaptive:
        return False
    labelled = (poses.visibility > 0).any(axis=1) & ~crowd(poses)
    rows = np.unique(poses.person_image[labelled])
    if not len(rows):
        return False
    rows = rows[np.unique(np.linspace(0, len(rows) - 1, images).round().astype(int))]
    dataset = SceneDataset(poses, method.input_size)
    training = method.training
    method.eval()
    pictures = []
    for row in rows.tolist():
        batch: dict[str, Any] = {k: v.to(method.device) for k, v in collate([dataset[row]]).items()}
        # Real poses only; the sample has room for more.
        there = batch["person_mask"][0].bool() & (batch["visibility"][0] > 0).any(-1)
        keypoints, visibility = batch["keypoints"][0][there], batch["visibility"][0][there]
        with torch.inference_mode():
            taps = sampled(method, method.images(batch), keypoints, visibility)
        pictures.append(
            drawn(
                batch["image"][0].cpu().numpy(),
                taps.cpu().numpy(),
                keypoints.cpu().numpy(),
                visibility.cpu().numpy(),
                poses,
            )
        )
    method.train(training)
    height = max(picture.shape[0] for picture in pictures)
    page = np.concatenate(
        [np.pad(p, ((0, height - p.shape[0]), (0, GAP), (0, 0)), constant_values=255) for p in pictures],
        axis=1,
    )
    with whole_file(path) as temporary:
        cv2.imwrite(str(temporary), page[..., ::-1])
    return True


def sampled(method: PoseModule, image: Tensor, keypoints: Tensor, visibility: Tensor) -> Tensor:
    """Input pixels (M, 9, 2) xy that the regression head's first adaptive convolution reads at people's centres.

    Args:
        image: (1, 3, H, W) normalised. keypoints: (M, K, 2) input pixels, with visibility (M, K).
    """
    offsets: Tensor = method.network.regression_taps(image)[0]  # type: ignore[operator]
    grid = grid_of(offsets, (image.shape[-1], image.shape[-2]), method.convention)
    center = grid.cells(person_centers(keypoints, visibility > 0))
    cell = center.round().long()
    x, y = cell[:, 0].clamp(0, grid.width - 1), cell[:, 1].clamp(0, grid.height - 1)
    at = offsets[:, :, y, x].permute(2, 0, 1).flip(-1)  # (M, 9, 2), now (dx, dy)
    return grid.pixels(torch.stack([x, y], dim=-1)[:, None] + at)


def drawn(
    image: Image,
    taps: NDArray[np.floating],
    keypoints: NDArray[np.floating],
    visibility: NDArray[np.integer],
    poses: PoseSet,
) -> Image:
    """The image (H, W, 3) with every person's skeleton and nine sampled positions (M, 9, 2), joined as a grid."""
    factor = SIDE / max(image.shape[:2])
    picture = np.asarray(
        cv2.resize(image, None, fx=factor, fy=factor, interpolation=cv2.INTER_LINEAR), np.uint8
    )
    gray = np.repeat(cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY)[..., None], 3, axis=2)
    picture = np.asarray(0.5 * picture + 0.5 * gray, np.uint8)

    def shown(points: NDArray[np.floating]) -> NDArray[np.floating]:
        return np.asarray(pixel_to_cell(points, 1 / factor))

    for person, seen in zip(keypoints, visibility, strict=True):
        picture = draw_skeleton(picture, shown(person), seen, poses.skeleton, thickness=1)
    for k, points in enumerate(shown(taps)):
        color = COLORS[k % len(COLORS)]
        dots = [(round(float(x)), round(float(y))) for x, y in points]
        for a, b in EDGES:
            cv2.line(picture, dots[a], dots[b], color, 1, cv2.LINE_AA)
        for dot in dots:
            cv2.circle(picture, dot, 4, (20, 20, 20), -1, cv2.LINE_AA)
            cv2.circle(picture, dot, 3, color, -1, cv2.LINE_AA)
    return picture
