"""Bottom-up data: whole images with all their people (ART paper; docs/papers/art.md#training).

A batch has the image side of a top-down one (`image`, `to_image`, `color_gain`, `color_power`, `index` = row of
`PoseSet.images`) and, padded to P people in input pixels:

| key | shape, type | |
|---|---|---|
| `keypoints` | (B, P, K, 2) float32 | |
| `visibility` | (B, P, K) uint8 | 0, 1, 2 |
| `person_mask` | (B, P) bool | False: padding |
| `areas`, `diagonals` | (B, P) float32 | of the person's box |
| `oks_areas` | (B, P) float32 | the area OKS uses (COCO: the segment's) |
| `small` | (B, P) bool | too small to get a centre and offsets |
| `box_centers` | (B, P, 2) float32 | of the person's box |
| `ignore` | (B, H / 4, W / 4) uint8 | 1: crowd, unlabelled people, outside the image |

Whole images at test size also come at other scales, `image_0.5`, `image_2`, each resampled from the image itself.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from posereg.data.samples import jpeg
from posereg.data.samples.augment import UNIT
from posereg.data.samples.crop import crop, inverse
from posereg.data.samples.dataset import ImageDataset, Sample
from posereg.errors import UserError
from posereg.geometry.affine import crop_matrix, transform
from posereg.geometry.pixels import Convention, middle, pixel_to_cell
from posereg.geometry.scenes import inference_matrix, inference_size, scaled_matrix
from posereg.records.poses import PoseSet
from posereg.settings.ranges import Annotated, Interval, Is, Share, Zoom, rising

Matrix = NDArray[np.float64]

MASK_STRIDE = 4  # the stride of the maps whose loss the mask takes away (HRNet: a quarter of the input)


@dataclass(frozen=True)
class SceneAugment:
    """How a training scene is cut out; the defaults are the released code's.

    Attributes:
        rotation: degrees, uniform within +-.
        scale: range of the crop's side, in short sides of the image, uniform.
        translation: shift in x and y, in crop sides, uniform within +-.
        flip: chance of a mirror image.
    """

    rotation: Annotated[float, Interval(ge=0, le=180)] = 30.0
    scale: Annotated[tuple[Zoom, Zoom], Is("a range [low, high], both above 0", rising)] = (0.75, 1.5)
    translation: Share = 0.2
    flip: Share = 0.5

    def __post_init__(self) -> None:
        scale = self.scale if isinstance(self.scale, Sequence) else ()
        if len(scale) != 2 or not 0 < scale[0] <= scale[1]:
            raise UserError(f"augment.scale of scenes is a range [low, high] above 0, not {self.scale}")

    def matrix(
        self, image_size: tuple[int, int], input_size: tuple[int, int], rng: np.random.Generator
    ) -> tuple[Matrix, bool]:
        """Image -> input (2, 3), and whether it mirrors."""
        turn, size, x, y, mirror = rng.random(5).tolist()
        low, high = self.scale
        side = min(image_size) * (low + (high - low) * size)
        shift = self.translation * side
        middle_x, middle_y = middle(image_size)
        center = (middle_x + shift * (2 * x - 1), middle_y + shift * (2 * y - 1))
        box = (side, side * input_size[1] / input_size[0])
        flip = mirror < self.flip
        return crop_matrix(center, box, input_size, self.rotation * (2 * turn - 1), flip), flip


class SceneDataset(ImageDataset):
    """Scenes by (epoch, image row): augmented squares for training, the whole image at test size without `augment`.

    Args:
        input_size: (W, H) in training; at test time the short side is its smaller number, the long side follows.
        max_people: most people per sample; the largest are kept.
        small_area: people below this area (square image pixels) are `small`: 32 x 32 on COCO, 0 on CrowdPose.
        scales: at which whole images are seen; 1 among them. They lie on each other as the `convention` has it.
    """

    def __init__(
        self,
        poses: PoseSet,
        input_size: tuple[int, int],
        augment: SceneAugment | None = None,
        seed: int = 0,
        max_people: int = 30,
        small_area: float = 32.0**2,
        max_bad_images: int = 0,
        scales: Sequence[float] = (1.0,),
        convention: Convention = "center",
    ) -> None:
        super().__init__(poses, np.arange(len(poses.images), dtype=np.int64), seed, max_bad_images)
        self.input_size, self.augment = input_size, augment
        self.max_people, self.small_area = max_people, small_area
        self.varied = augment is not None
        self.scales, self.convention = tuple(scales), convention
        labelled = np.flatnonzero((poses.visibility > 0).any(axis=1) & ~crowd(poses))
        by_image = labelled[np.argsort(poses.person_image[labelled], kind="stable")]
        starts = np.searchsorted(poses.person_image[by_image], np.arange(len(poses.images) + 1))
        self._people, self._starts = by_image, starts

    def sample(self, row: int, rng: np.random.Generator | None) -> Sample:
        """One image with all its people, as the table above says; augmented by `rng` if there is one.

        Raises:
            BadImageError: the image cannot be decoded.
        """
        poses, flip = self.poses, False
        path = poses.root / poses.images[row]
        size = image_size(poses, row)
        others: dict[str, Any] = {}
        if self.augment is not None and rng is not None:
            input_size = self.input_size
            matrix, flip = self.augment.matrix(size, input_size, rng)
        else:
            smallest, side = min(self.scales), min(self.input_size)
            input_size = inference_size(size, side, smallest=smallest)
            matrix = inference_matrix(size, input_size)
            for scale in self.scales:
                if scale != 1:
                    there = inference_size(size, side, scale, smallest)
                    scaled = scaled_matrix(matrix, scale, self.convention)
                    others[image_at(scale)] = crop(path, scaled, there, poses.levels)
        return {
            "image": crop(path, matrix, input_size, poses.levels),
            **others,
            "to_image": inverse(matrix).astype(np.float32),
            "color_gain": UNIT,
            "color_power": UNIT,
            "index": row,
            "ignore": ignore_mask(poses, row, size, matrix, input_size),
            **self._everybody(row, matrix, flip),
        }

    def _everybody(self, row: int, matrix: Matrix, flip: bool) -> dict[str, NDArray[Any]]:
        poses, room, joints = self.poses, self.max_people, len(self.poses.skeleton)
        people = self._people[self._starts[row] : self._starts[row + 1]]
        middles, sides = _boxes(poses, people)
        if len(people) > room:
            people = people[np.sort(np.argsort(-sides.prod(axis=1), kind="stable")[:room])]
            middles, sides = _boxes(poses, people)
        count = len(people)
        scale = float(np.sqrt(abs(np.linalg.det(matrix[:, :2]))))
        keypoints, visibility = transform(poses.keypoints[people], matrix), poses.visibility[people]
        if flip:
            keypoints, visibility = keypoints[:, poses.skeleton.flip], visibility[:, poses.skeleton.flip]
        segment = box_area = sides.prod(axis=1)
        if "area" in poses.extras:
            annotated = poses.extras["area"][people].astype(float)
            segment = np.where(np.isnan(annotated), box_area, annotated)

        def padded(shape: tuple[int, ...], kind: Any, values: NDArray[Any]) -> NDArray[Any]:
            column = np.zeros((room, *shape), dtype=kind)
            column[:count] = values
            return column

        return {
            "keypoints": padded((joints, 2), np.float32, np.where(visibility[..., None] > 0, keypoints, 0)),
            "visibility": padded((joints,), np.uint8, visibility),
            "person_mask": np.arange(room) < count,
            "areas": padded((), np.float32, sides.prod(axis=1) * scale**2),
            "diagonals": padded((), np.float32, np.hypot(sides[:, 0], sides[:, 1]) * scale),
            "oks_areas": padded((), np.float32, segment * scale**2),
            "box_centers": padded((2,), np.float32, transform(middles, matrix)),
            "small": padded((), np.bool_, segment < self.small_area),
        }


def image_at(scale: float) -> str:
    """The sample's column of the image at a scale of the test: `image`, `image_0.5`, `image_2`."""
    return "image" if scale == 1 else f"image_{scale:g}"


def crowd(poses: PoseSet) -> NDArray[np.bool_]:
    """(N,) which people are crowd regions."""
    flags = poses.extras.get("iscrowd")
    return np.zeros(len(poses), dtype=bool) if flags is None else flags.astype(bool)


def image_size(poses: PoseSet, row: int) -> tuple[int, int]:
    """Width and height, from the annotations where they tell, else from the file.

    Raises:
        BadImageError: the file is needed and damaged.
    """
    known = poses.extras.get("image_size")
    if known is not None and (known[row] > 0).all():
        return int(known[row][0]), int(known[row][1])
    return jpeg.image_size(poses.root / poses.images[row])


def ignore_mask(
    poses: PoseSet, row: int, size: tuple[int, int], matrix: Matrix, input_size: tuple[int, int]
) -> NDArray[np.uint8]:
    """(H / 4, W / 4) uint8: 1 where training should not look, in cells of four input pixels.

    As in the released code, what lies outside the image is ignored too.
    """
    valid = np.ones((size[1], size[0]), dtype=np.uint8)
    codes = poses.extras.get("image_ignore")
    if codes is not None and codes[row]:
        from pycocotools import mask

        valid -= mask.decode({"size": [size[1], size[0]], "counts": codes[row]})
    to_cells = pixel_to_cell(matrix, MASK_STRIDE)
    to_cells[:, :2] = matrix[:, :2] / MASK_STRIDE  # the shift of the convention is the last column's alone
    cells = (input_size[0] // MASK_STRIDE, input_size[1] // MASK_STRIDE)
    shown = cv2.warpAffine(valid * np.uint8(255), to_cells, cells, flags=cv2.INTER_LINEAR)
    ignored: NDArray[np.uint8] = (shown <= 127).astype(np.uint8)
    return ignored


def _boxes(poses: PoseSet, people: NDArray[np.int64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Middles (n, 2), and width and height (n, 2), of the people's boxes as annotated, in image pixels."""
    if "bbox" in poses.extras:
        boxes = poses.extras["bbox"][people].astype(np.float64)
        return boxes[:, :2] + boxes[:, 2:] / 2, boxes[:, 2:]
    corners = poses.boxes[people].astype(np.float64)
    return (corners[:, :2] + corners[:, 2:]) / 2, corners[:, 2:] - corners[:, :2]
