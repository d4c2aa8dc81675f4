"""Poses in pictures that are in memory or on disk: `posereg.load(...).predict(...)`, and what commands stand on."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic, NamedTuple, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray

from posereg.build import load_method
from posereg.data.modules.base import collate
from posereg.data.samples.augment import NO_CHANGE
from posereg.data.samples.crop import Sample, inverse, sample_matrix, warp
from posereg.data.samples.jpeg import Levels
from posereg.errors import UserError
from posereg.geometry.boxes import PADDING, fix_aspect
from posereg.geometry.pixels import half_pixel, image_box
from posereg.geometry.scenes import inference_matrix, inference_size
from posereg.methods.base import PoseModule
from posereg.models import cards
from posereg.predict import pictures
from posereg.predict.predictor import unlabelled
from posereg.skeletons.skeleton import Skeleton

Array = NDArray[np.float32]
Pixels = NDArray[np.uint8]
Image = Pixels | Path | str
Key = TypeVar("Key")
# Of the surest joint's score: from there on a joint says where the person is.
SURE = 0.25
# Of a picture's longer side: a person who takes up more is seen as well at the first look.
FILLED = 0.9
HELD = 200_000_000  # bytes of whole pictures that wait for their second look


class Poses(NamedTuple):
    """N people.

    Attributes:
        keypoints: (N, K, 2) pixels of their image; integer coordinates are pixel centres.
        scores: (N, K) the model's confidence in each joint.
        image: (N,) which of the given images each person is on.
    """

    keypoints: Array
    scores: Array
    image: NDArray[np.int64]


@dataclass(frozen=True)
class Looked(Generic[Key]):
    """A picture as the network looks at it: one crop a person, or the whole of it.

    Attributes:
        key: whatever the caller tells pictures apart by.
        whole: the picture's pixels where nobody said where the person is, to be looked at again from nearer.
    """

    key: Key
    samples: list[Sample]
    whole: Pixels | None = None


class Estimator:
    """A trained 2D model, ready to predict.

    Attributes:
        module: the method. skeleton: its joints. device: where it runs.
    """

    def __init__(self, module: PoseModule, device: str = "auto") -> None:
        if module.dimensions != 2:
            raise UserError(f"{module.name}: this model predicts millimetres, not points in pictures")
        chosen = ("cuda" if torch.cuda.is_available() else "cpu") if device == "auto" else device
        self.device = torch.device(chosen)
        self.module = module.to(self.device).eval()

    @property
    def skeleton(self) -> Skeleton:
        """The joints, in the order of the keypoints."""
        return self.module.skeleton

    @property
    def levels(self) -> Levels:
        """Those of the pictures that the model was trained on (`source.levels`)."""
        reader = self.module.plain_config.get("data", {}).get("reader") or {}
        levels = (reader.get("source") or {}).get("levels")
        return None if levels is None else (float(levels[0]), float(levels[1]))

    @property
    def joints(self) -> tuple[str, ...]:
        """Names of the K joints."""
        return self.skeleton.joints

    def predict(
        self,
        images: Image | Sequence[Image],
        boxes: Any = None,
        batch_size: int = 32,
    ) -> Poses:
        """The people on one image or several.

        Args:
            images: RGB arrays (H, W, 3) uint8 or image files, one or a list. Files are turned as their EXIF says.
            boxes: of one image (n, 4): x, y, width, height of each person, in pixels; of several a list of such. Each
                is enlarged by a quarter before it is cropped. None: each whole image is one person. It is
                looked at twice, the second time about the joints that were found first. Bottom-up models find the
                people themselves and take no boxes.

        Returns:
            the people in the order of the images and their boxes; `keypoints, scores, image = ...` takes it apart.

        Raises:
            UserError: an image that cannot be read, an array that is none, or boxes that do not fit.
        """
        single = isinstance(images, str | Path | np.ndarray)
        listed: list[Image] = [images] if single else list(images)  # type: ignore[arg-type, list-item]
        given = [None] * len(listed) if boxes is None else [boxes] if single else list(boxes)
        if len(given) != len(listed):
            raise UserError(
                f"boxes: {len(given)} lists of boxes for {len(listed)} images; give one list an image"
            )
        looked = (
            self.look(k, _pixels(image, self.levels), None if box is None else checked_boxes(box))
            for k, (image, box) in enumerate(zip(listed, given, strict=True))
        )
        keypoints, scores, place = [], [], []
        for k, found in self.run(looked, batch_size):
            keypoints.append(found.keypoints)
            scores.append(found.scores)
            place.append(np.full(len(found.scores), k, np.int64))
        none = self._nobody()
        return Poses(
            np.concatenate([none.keypoints, *keypoints]),
            np.concatenate([none.scores, *scores]),
            np.concatenate([none.image, *place]),
        )

    def look(self, key: Key, pixels: Pixels, boxes: Array | None = None) -> Looked[Key]:
        """Cut out of a picture what the network sees.

        Args:
            pixels: (H, W, 4) RGBX.
            boxes: (n, 4) x y width height; None: the whole picture is one person.

        Raises:
            UserError: boxes for a bottom-up model.
        """
        height, width = pixels.shape[:2]
        if self.module.finds_people:
            if boxes is not None:
                raise UserError("boxes: a bottom-up model finds the people itself; leave boxes= out")
            size = inference_size((width, height), min(self.module.input_size))
            return Looked(key, [_sample(pixels, inference_matrix((width, height), size), size)])
        if boxes is None:
            edges = np.array([image_box(width, height)], np.float32)
            return Looked(key, self._crops(pixels, edges, 1.0), pixels)
        corner = boxes[:, :2] - half_pixel()
        edges = np.concatenate([corner, corner + boxes[:, 2:]], axis=1)
        return Looked(key, self._crops(pixels, edges, PADDING))

    def _crops(self, pixels: Pixels, edges: Array, padding: float) -> list[Sample]:
        """A crop for each of the boxes (n, 4) x1 y1 x2 y2, grown to the input's shape and by `padding`."""
        wide, high = self.module.input_size
        regions = fix_aspect(edges, wide / high, padding)
        return [_sample(pixels, sample_matrix(box, (wide, high), NO_CHANGE), (wide, high)) for box in regions]

    def run(self, looked: Iterable[Looked[Key]], batch_size: int = 32) -> Iterator[tuple[Key, Poses]]:
        """The people of each picture, in order, several pictures in one batch."""
        waiting: list[Looked[Key]] = []
        size = 1 if self.module.finds_people else batch_size
        for one in looked:
            waiting.append(one)
            held = sum(each.whole.nbytes for each in waiting if each.whole is not None)
            if sum(len(each.samples) for each in waiting) >= size or held > HELD:
                yield from self._batch(waiting, size)
                waiting = []
        yield from self._batch(waiting, size)

    def _batch(self, looked: Sequence[Looked[Key]], size: int) -> Iterator[tuple[Key, Poses]]:
        """The people of each picture; those of whole pictures after a second look, where that is surer."""
        first = self._predicted([one.samples for one in looked], size)
        nearer = [self._nearer(one, poses) for one, poses in zip(looked, first, strict=True)]
        second = self._predicted([samples for samples in nearer if samples], size)
        again = iter(second)
        for one, poses, samples in zip(looked, first, nearer, strict=True):
            closer = next(again) if samples else poses
            surer = bool(samples) and closer.scores.mean() >= poses.scores.mean()
            yield one.key, closer if surer else poses

    def _nearer(self, one: Looked[Key], poses: Poses) -> list[Sample]:
        """The crop about the joints of the one person of a whole picture; none where it would show the same."""
        if one.whole is None:
            return []
        scores = poses.scores[0]
        best = float(scores.max())
        # The maximum of a heat map may be below 0: of a best one there, a quarter would be more.
        sure = scores >= min(SURE * best, best)
        if not sure.any():  # no number among them
            return []
        joints = poses.keypoints[0][sure]
        low, high = joints.min(axis=0), joints.max(axis=0)
        if max(high - low) * PADDING > FILLED * max(one.whole.shape[:2]) or not (high > low).all():
            return []
        return self._crops(one.whole, np.concatenate([low, high])[None], PADDING)

    def _predicted(self, crops: Sequence[Sequence[Sample]], size: int) -> list[Poses]:
        """The people of each picture's samples."""
        samples = [
            {**sample, "index": k} for k, sample in enumerate(sample for one in crops for sample in one)
        ]
        # Each sample an image of its own, numbered as they are.
        rows = np.arange(len(samples))
        poses = unlabelled(np.zeros((len(rows), 4), np.float32), self.skeleton, ("",) * len(rows), rows)
        parts = [self._nobody()]
        for start in range(0, len(samples), size):
            batch = {k: v.to(self.device) for k, v in collate(samples[start : start + size]).items()}
            with torch.inference_mode():
                found = self.module.predict_batch(batch, poses)
            parts.append(Poses(found.keypoints, found.keypoint_scores, found.image_ids))
        keypoints, scores, place = (np.concatenate(columns) for columns in zip(*parts, strict=True))
        people: list[Poses] = []
        start = 0
        for one in crops:
            end = start + len(one)
            own = (place >= start) & (place < end)
            people.append(Poses(keypoints[own], scores[own], place[own] - start))
            start = end
        return people

    def _nobody(self) -> Poses:
        joints = len(self.skeleton)
        empty = np.zeros((0, joints, 2), np.float32), np.zeros((0, joints), np.float32)
        return Poses(*empty, np.zeros(0, np.int64))


def load(
    checkpoint: Path | str | None = None, device: str = "auto", flip_test: bool | None = None
) -> Estimator:
    """A trained model, ready to predict: `posereg.load("body16-r18").predict("photo.jpg")`.

    Args:
        checkpoint: a shipped model's name (`posereg models`), a run's folder, a .ckpt or .safetensors file, or
            `https://...#sha256=...`; None: the model that comes with posereg.
        device: `cpu`, `cuda` ...; `auto` takes a GPU if there is one.
        flip_test: average with the mirrored image; None: as the model was evaluated.

    Raises:
        UserError: nothing of that name, or a model of 3D poses.
    """
    module = load_method(checkpoint if checkpoint is not None else cards.default_name())
    if flip_test is not None:
        module.flip_test = flip_test
    return Estimator(module, device)


def checked_boxes(boxes: Any) -> Array:
    """Boxes as (n, 4) float32 x y width height.

    Raises:
        UserError: another shape, values that are not finite, or a box without an area.
    """
    try:
        values = np.asarray(boxes, np.float32)
    except (TypeError, ValueError) as error:
        raise UserError("boxes: not numbers (n, 4): x, y, width, height of each person") from error
    values = values.reshape(-1, 4) if values.size == 0 else values
    if values.ndim != 2 or values.shape[1] != 4:
        shape = " x ".join(map(str, values.shape))
        raise UserError(f"boxes: of shape {shape}, expected n x 4: x, y, width, height of each person")
    if not np.isfinite(values).all() or (values[:, 2:] <= 0).any():
        raise UserError("boxes: a box needs finite numbers, and a width and height above 0")
    return values


def _pixels(image: Image, levels: Levels) -> Pixels:
    """RGBX pixels of a file or an array.

    Raises:
        UserError: neither.
    """
    if isinstance(image, str | Path):
        return pictures.read(image, levels)
    return rgbx(image)


def rgbx(image: Any) -> Pixels:
    """(H, W, 4) of an RGB array (H, W, 3): the fourth channel is only there because OpenCV warps four faster.

    Raises:
        UserError: another shape or type.
    """
    import cv2

    if (
        not isinstance(image, np.ndarray)
        or image.dtype != np.uint8
        or image.ndim != 3
        or image.shape[2] not in (3, 4)
    ):
        what = f"{image.dtype} {image.shape}" if isinstance(image, np.ndarray) else type(image).__name__
        raise UserError(f"images: an RGB array (H, W, 3) of uint8 or a file is needed, not {what}")
    return image if image.shape[2] == 4 else np.asarray(cv2.cvtColor(image, cv2.COLOR_RGB2RGBA), np.uint8)


def _sample(pixels: Pixels, matrix: NDArray[np.float64], size: tuple[int, int]) -> Sample:
    return {"image": warp(pixels, matrix, 1, size), "to_image": inverse(matrix).astype(np.float32)}
