"""Example people with their skeletons: the ground truth beside what every row predicts."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import cv2
import numpy as np
from numpy.typing import NDArray

from posereg.data.samples import jpeg
from posereg.errors import UserError
from posereg.geometry import affine, boxes
from posereg.records.poses import PoseSet
from posereg.records.predictions import Predictions
from posereg.skeletons.skeleton import Skeleton

Image = NDArray[np.uint8]
MARGIN = 1.1  # room around the box in a tile


@dataclass(frozen=True)
class Example:
    """One person: tiles (label, picture) with the ground truth first; errors in percent of the box's size."""

    person: int
    tiles: tuple[tuple[str, Image], ...]
    errors: dict[str, float]


def gallery(
    poses: PoseSet, rows: Mapping[str, Predictions], count: int = 6, side: int = 200
) -> list[Example]:
    """`count` people from easy to hard (by the median error over the rows), one tile per row.

    Raises:
        UserError: predictions that do not name the people of this set, or are not in pixels.
    """
    place = {int(identity): k for k, identity in enumerate(poses.ids)}
    aligned = {}
    for name, predictions in rows.items():
        if len(predictions) and (predictions.ids < 0).all():
            predictions = _assigned(poses, predictions)
        if not set(predictions.ids.tolist()) <= set(place) or not len(predictions):
            raise UserError(f"{name}: its predictions are of other people than {poses.name} {poses.split}")
        if predictions.keypoints.shape[-1] != 2:
            raise UserError(f"{name}: poses in millimetres have no place in the picture")
        keypoints = np.full((*poses.keypoints.shape[:2], 2), np.nan, np.float32)
        keypoints[[place[int(identity)] for identity in predictions.ids]] = predictions.keypoints
        aligned[name] = keypoints
    errors = {name: _errors(poses, keypoints) for name, keypoints in aligned.items()}
    # A run may have been scored on a part of the people.
    scored = np.flatnonzero([np.isfinite(k).any() for k in np.stack(list(aligned.values()), axis=1)])
    examples = []
    for person in scored[
        spread(np.median(np.stack(list(errors.values()))[:, scored], axis=0), count)
    ].tolist():
        image = picture_of(poses, person)
        box, skeleton = poses.boxes[person], poses.skeleton
        truth = tile(image, box, poses.keypoints[person], poses.visibility[person], skeleton, side)
        drawn = [("truth", truth)]
        for name, keypoints in aligned.items():
            seen = np.where(np.isnan(keypoints[person, :, 0]), 0, 2).astype(np.uint8)
            drawn.append((name, tile(image, box, keypoints[person], seen, skeleton, side)))
        examples.append(Example(person, tuple(drawn), {n: float(e[person]) for n, e in errors.items()}))
    return examples


def picture_of(poses: PoseSet, person: int) -> Image:
    """RGB pixels (H, W, 3) of a person's picture as stored, which is what annotations are of.

    Raises:
        UserError: it is missing or cannot be decoded.
    """
    return np.ascontiguousarray(jpeg.read(poses.image_path(person), levels=poses.levels).pixels[..., :3])


def tile(
    image: Image,
    box: NDArray[np.floating],
    keypoints: NDArray[np.floating],
    visibility: NDArray[np.uint8],
    skeleton: Skeleton,
    side: int,
) -> Image:
    """The box of a person as a square picture (side, side, 3) with the skeleton drawn over it.

    Args:
        image: (H, W, 3) RGB. box: (4,) x1 y1 x2 y2; keypoints: (K, 2), in pixels of the image.
    """
    from posereg.geometry.drawing import draw_skeleton

    center, size = boxes.center_size(boxes.fix_aspect(box[None], 1.0, MARGIN))
    matrix = affine.crop_matrix(center[0], size[0], (side, side))
    crop = cv2.warpAffine(image, matrix, (side, side), flags=cv2.INTER_AREA, borderValue=(236, 239, 244))
    moved = affine.transform(np.nan_to_num(keypoints), matrix).astype(np.float32)
    return np.asarray(draw_skeleton(np.asarray(crop, np.uint8), moved, visibility, skeleton), np.uint8)


def sheet(examples: Sequence[Example], gap: int = 4) -> Image:
    """All examples as one picture: one line per person, one column per table row, labels on top."""
    labels = [label for label, _ in examples[0].tiles]
    side = examples[0].tiles[0][1].shape[0]
    height, width = len(examples) * (side + gap) + 24, len(labels) * (side + gap) - gap
    page = np.full((height, width, 3), 255, np.uint8)
    for column, label in enumerate(labels):
        at = (column * (side + gap) + 4, 16)
        cv2.putText(page, label, at, cv2.FONT_HERSHEY_SIMPLEX, 0.5, (51, 65, 85), 1, cv2.LINE_AA)
        for line, example in enumerate(examples):
            top, left = 24 + line * (side + gap), column * (side + gap)
            page[top : top + side, left : left + side] = example.tiles[column][1]
    return page


def data_uri(image: Image, quality: int = 85) -> str:
    """The picture (H, W, 3) as a JPEG inside a `data:` address."""
    written, content = cv2.imencode(".jpg", image[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, quality])
    assert written
    return "data:image/jpeg;base64," + base64.b64encode(content.tobytes()).decode()


def _assigned(poses: PoseSet, predictions: Predictions) -> Predictions:
    """A bottom-up method's poses under the ids of the people they match best; poses that match no one are dropped."""
    from posereg.evaluation.keypoint_errors import matched_people

    matched = matched_people(poses, predictions)
    return replace(predictions.rows(matched.detection), ids=matched.person)


def _errors(poses: PoseSet, keypoints: NDArray[np.floating]) -> NDArray[np.float64]:
    """(N,) mean distance over labelled joints, in percent of the box's longer side; a missing pose counts 100."""
    distance = np.linalg.norm(keypoints - poses.keypoints, axis=-1)
    longer = (poses.boxes[:, 2:] - poses.boxes[:, :2]).max(axis=1)
    share = 100 * np.nan_to_num(distance, nan=np.inf) / longer[:, None]
    labelled = poses.visibility > 0
    total = np.where(labelled, np.minimum(share, 100), 0).sum(axis=1)
    return np.asarray(total / np.maximum(labelled.sum(axis=1), 1), np.float64)


def spread(errors: NDArray[np.float64], count: int) -> list[int]:
    """Indices into `errors` (N,) at evenly spaced ranks between the 5th and the 95th percentile."""
    order = np.argsort(errors, kind="stable")
    ranks = np.linspace(0.05, 0.95, min(count, len(order))) * (len(order) - 1)
    return list(dict.fromkeys(int(order[round(rank)]) for rank in ranks))
