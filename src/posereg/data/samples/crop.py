"""One top-down sample: decode once, one affine warp from the source image straight to the uint8 input.

Rotation, scale, translation, flip and the decoder's reduced scale are folded into the matrix of that warp, and
the keypoints go through the same matrix. Float images and heat maps are made later, on the device.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any, Protocol

import cv2
import numpy as np
from numpy.typing import NDArray

from posereg.data.samples import jpeg
from posereg.data.samples.augment import NO_CHANGE, Augment, Change
from posereg.geometry.affine import crop_matrix
from posereg.geometry.pixels import cell_offset, image_box
from posereg.records.poses import PoseSet

Matrix = NDArray[np.float64]
Sample = dict[str, Any]


class Cutter(Protocol):
    """What gives a person's crop."""

    def crop(self, row: int, matrix: Matrix) -> NDArray[np.uint8]:
        """RGB (H, W, 3) by `matrix`, image to input pixels."""
        ...


def topdown_sample(
    poses: PoseSet,
    row: int,
    input_size: tuple[int, int],
    augment: Augment | None,
    rng: np.random.Generator | None,
    transforms: Any = None,
    extras: Sequence[str] = (),
    cuts: Cutter | None = None,
) -> Sample:
    """The network input of one person, with the batch's keys (docs/architecture.md), unbatched.

    Visibility is the data set's: a joint that leaves the crop keeps it, since losses differ in what they do then.
    Keypoints that are not labelled are 0. `extras` names columns of the set to hand on; `z` (K,), a depth in
    image pixels, comes in input pixels, mirrored like the joints.

    Args:
        input_size: (W, H) of the input.
        augment: what to draw from `rng`; None for the plain crop.
        transforms: an albumentations Compose for colour and occlusion (`photometric.build`).
        cuts: crops from people who were cut out before (`cuts.Cuts`), in place of the pictures.

    Raises:
        BadImageError: the image is missing, truncated or undecodable.
    """
    change = augment.draw(rng) if augment is not None and rng is not None else NO_CHANGE
    matrix = sample_matrix(poses.boxes[row], input_size, change)
    if cuts is not None:
        image = cuts.crop(row, matrix)
    else:
        # Plain strings and one OpenCV call: next to a decode of 0.2 ms, pathlib and five numpy calls show.
        path = os.path.join(poses.root, poses.images[poses.person_image[row]])
        image = crop(path, matrix, input_size, poses.levels)
    if transforms is not None:
        if rng is not None:
            transforms.set_random_seed(int(rng.integers(1 << 31)))
        image = transforms(image=image)["image"]
    keypoints: NDArray[np.float32] = cv2.transform(poses.keypoints[row][None], matrix)[0]
    visibility = poses.visibility[row]
    columns = {name: poses.extras[name][row] for name in extras}
    if "z" in columns:
        columns["z"] = (columns["z"] * np.hypot(matrix[0, 0], matrix[1, 0])).astype(np.float32)
    if change.flip:
        swap = poses.skeleton.flip
        keypoints, visibility = keypoints[swap], visibility[swap]
        if "z" in columns:
            columns["z"] = columns["z"][swap]
    keypoints[visibility == 0] = 0
    return {
        "image": image,
        "keypoints": keypoints,
        "visibility": visibility,
        "to_image": inverse(matrix).astype(np.float32),
        "box": poses.boxes[row],
        "color_gain": change.color_gain,
        "color_power": change.color_power,
        "index": row,
        **columns,
    }


def sample_matrix(box: NDArray[np.floating], input_size: tuple[int, int], change: Change) -> Matrix:
    """Image to input pixels (2, 3): the box, its short side grown to the input's aspect, changed as drawn."""
    x1, y1, x2, y2 = box.tolist()
    width = max(x2 - x1, (y2 - y1) * input_size[0] / input_size[1]) * change.scale
    height = width * input_size[1] / input_size[0]
    center = ((x1 + x2) / 2 + change.shift[0] * width, (y1 + y2) / 2 + change.shift[1] * width)
    return crop_matrix(center, (width, height), input_size, change.rotation, change.flip)


def crop(path: Any, matrix: Matrix, size: tuple[int, int], levels: jpeg.Levels = None) -> NDArray[np.uint8]:
    """The uint8 RGB crop (H, W, 3) that `matrix` (image -> input pixels) cuts out; black outside the image.

    Args:
        levels: as of `PoseSet`.

    Raises:
        BadImageError: the image is missing, truncated or undecodable.
    """
    shrink = abs(matrix[0, 0] * matrix[1, 1] - matrix[0, 1] * matrix[1, 0]) ** -0.5
    pixels, factor = jpeg.read(path, bottom(matrix, size), shrink, levels)
    return warp(pixels, matrix, factor, size)


def bottom(matrix: Matrix, size: tuple[int, int]) -> float:
    """The lowest image row that a crop needs: the largest y of its corners taken back."""
    (_, _, _), (c, d, y) = inverse(matrix).tolist()
    left, top, right, low = image_box(*size)
    lowest: float = y + max(left * c, right * c) + max(top * d, low * d)
    return lowest


def inverse(matrix: Matrix) -> Matrix:
    """Inverse of one affine matrix (2, 3); in plain floats five times as fast as the general `affine.invert`."""
    (a, b, x), (c, d, y) = matrix.tolist()
    det = a * d - b * c
    a, b, c, d = d / det, -b / det, -c / det, a / det
    return np.array([[a, b, -a * x - b * y], [c, d, -c * x - d * y]])


def warp(pixels: NDArray[np.uint8], matrix: Matrix, factor: int, size: tuple[int, int]) -> NDArray[np.uint8]:
    """RGBX `pixels`, decoded at 1 / `factor`, through `matrix` (full-size image -> input): RGB (H, W, 3)."""
    if factor > 1:
        # A decoded pixel is a cell of `factor` pixels of the image.
        linear = matrix[:, :2]
        offset = matrix[:, 2] + linear.sum(axis=1) * cell_offset(factor)
        matrix = np.concatenate([linear * factor, offset[:, None]], axis=1)
    warped = cv2.warpAffine(pixels, matrix, size, flags=cv2.INTER_LINEAR)
    image: NDArray[np.uint8] = cv2.cvtColor(warped, cv2.COLOR_RGBA2RGB)
    return image
