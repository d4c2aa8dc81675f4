"""What a network's maps look like, as PNG: Figures 1, 4 and 5 of the soft-argmax paper, Figure 2 of integral's.

Pictures are uint8 RGB (H, W, 3). Limbs have the same colours in maps and poses.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from posereg.errors import UserError, nearest
from posereg.files import whole_file
from posereg.geometry.pixels import pixel_to_cell
from posereg.records.poses import PoseSet
from posereg.skeletons.skeleton import Skeleton

Image = NDArray[np.uint8]
Float = NDArray[np.float32]

TILE, GAP, HEAD = 160, 4, 18
FONT, INK = cv2.FONT_HERSHEY_SIMPLEX, (51, 65, 85)
WHITE, DARK = (255, 255, 255), (15, 23, 42)
# By body part; bright, so that they add up to a picture on black.
COLORS = {
    "head": (255, 214, 51), "trunk": (214, 84, 255), "right_arm": (64, 224, 96), "left_arm": (51, 153, 255),
    "right_leg": (255, 77, 64), "left_leg": (51, 230, 230),
}  # fmt: skip
ARM, LEG = ("shoulder", "elbow", "wrist"), ("hip", "knee", "ankle")
HEAD_PARTS = ("nose", "neck", "head_top", "left_eye", "right_eye", "left_ear", "right_ear")
# The joints of the papers' figures.
SOFTMAX_JOINTS = ("right_ankle", "right_hip", "right_wrist", "right_shoulder", "neck", "head_top", "left_knee",
                  "left_wrist")  # fmt: skip
COMPARED_JOINTS = ("right_ankle", "left_ankle", "right_wrist")


@dataclass(frozen=True)
class Seen:
    """One person as a network sees it, in the joints of the data.

    Attributes:
        image: (H, W, 3) the input. keypoints: (K, 2) predicted, input pixels.
        maps: (K, h, w) as the decoder reads them: probabilities, or any maps for argmax.
    """

    image: Image
    maps: Float
    keypoints: Float


@dataclass(frozen=True)
class SeenInContext(Seen):
    """Further, for soft-argmax with context.

    Attributes:
        logits: (K, h, w) part maps before the softmax.
        context: (K, h, w) probabilities of the context maps, each weighted by its share; they sum to 1 - alpha.
        alpha: share of `maps` in the position; 1 without context maps.
        part: (K, 2) positions by the part maps alone, input pixels.
    """

    logits: Float
    context: Float
    alpha: float
    part: Float

    @property
    def aggregate(self) -> Float:
        """(K, h, w) distributions whose means are the positions, Eq. 6."""
        return self.alpha * self.maps + self.context


def write(people: Sequence[Seen], skeleton: Skeleton, out: Path, joints: Sequence[str] = ()) -> list[str]:
    """Draw what these people allow: `parts.png`, and of soft-argmax `softmax_<n>.png` and `context_<n>.png`.

    Returns:
        The files' names, in `out`.

    Raises:
        UserError: an unknown joint.
    """
    pictures = {"parts.png": parts_figure(people, skeleton)}
    for n, person in enumerate(people):
        if not isinstance(person, SeenInContext):
            continue
        chosen = indices(skeleton, joints or SOFTMAX_JOINTS, strict=bool(joints))
        pictures[f"softmax_{n}.png"] = softmax_figure(person, skeleton, chosen)
        if person.alpha < 1:
            moved = indices(skeleton, joints) if joints else most_moved(person)
            pictures[f"context_{n}.png"] = context_figure(person, skeleton, moved)
    for name, picture in pictures.items():
        save(picture, out / name)
    return list(pictures)


def parts_figure(people: Sequence[Seen], skeleton: Skeleton) -> Image:
    """Figure 1 of the soft-argmax paper: one column per person, with the input, the maps as one picture, the pose."""
    lines = [
        [person.image for person in people],
        [part_picture(person.maps, skeleton) for person in people],
        [pose_picture(person.image, person.keypoints, skeleton) for person in people],
    ]
    return grid(lines, left=("input", "maps", "pose"))


def softmax_figure(person: SeenInContext, skeleton: Skeleton, joints: Sequence[int]) -> Image:
    """Figure 4 of the soft-argmax paper: one column per joint, its map before and after the softmax."""
    lines = [
        [part_picture(person.maps, skeleton), *(heat(person.logits[k]) for k in joints)],
        [pose_picture(person.image, person.keypoints, skeleton), *(heat(person.maps[k]) for k in joints)],
    ]
    return grid(lines, top=("all", *(_title(skeleton, k) for k in joints)), left=("before", "after"))


def context_figure(person: SeenInContext, skeleton: Skeleton, joints: Sequence[int]) -> Image:
    """Figure 5 of the soft-argmax paper: one column per joint, where part map, context maps and both together see it.

    A ring is the part map's position, a dot the final one; the title says how far they are apart.
    """
    part, final = (_on_tile(points, person.image) for points in (person.part, person.keypoints))
    lines = []
    for maps in (person.maps, person.context, person.aggregate):
        tiles = []
        for k in joints:
            tile = over(person.image, maps[k])
            _dot(tile, part[k], WHITE, filled=False)
            _dot(tile, final[k], WHITE)
            tiles.append(tile)
        lines.append(tiles)
    apart = np.linalg.norm(person.keypoints - person.part, axis=-1)
    top = tuple(f"{_title(skeleton, k)} {apart[k]:.1f} px" for k in joints)
    return grid(lines, top, ("part", "context", "both"))


def compare_figure(
    runs: Mapping[str, Sequence[Seen]], skeleton: Skeleton, joints: Sequence[int], truth: Float | None = None
) -> Image:
    """Figure 2 of the integral paper: one line per joint and person, the input, then each run's map over it.

    Args:
        runs: by name, the same people.
        truth: (N, K, 2) annotated joints in input pixels, NaN where not labelled, drawn as dots.
    """
    first = next(iter(runs.values()))
    lines, left = [], []
    for n, person in enumerate(first):
        for k in joints:
            tile = _resized(person.image)
            if truth is not None and np.isfinite(truth[n, k]).all():
                _dot(tile, _on_tile(truth[n, k], person.image), WHITE)
            lines.append([tile, *(over(person.image, people[n].maps[k]) for people in runs.values())])
            left.append(_title(skeleton, k))
    return grid(lines, top=("input", *runs), left=left)


def truth(poses: PoseSet, rows: Sequence[int], input_size: tuple[int, int]) -> Float:
    """Annotated joints (N, K, 2) of these people in input pixels, NaN where not labelled."""
    from posereg.data.samples.augment import NO_CHANGE
    from posereg.data.samples.crop import sample_matrix
    from posereg.geometry.affine import transform

    keypoints = np.full((len(rows), len(poses.skeleton), 2), np.nan, np.float32)
    for n, row in enumerate(rows):
        moved = transform(poses.keypoints[row], sample_matrix(poses.boxes[row], input_size, NO_CHANGE))
        labelled = poses.visibility[row] > 0
        keypoints[n, labelled] = moved[labelled]
    return keypoints


def most_moved(person: SeenInContext, count: int = 6) -> list[int]:
    """The joints whose position the context changes most."""
    apart = np.linalg.norm(person.keypoints - person.part, axis=-1)
    return np.argsort(-apart, kind="stable")[:count].tolist()  # type: ignore[no-any-return]


def indices(skeleton: Skeleton, names: Sequence[str], strict: bool = True) -> list[int]:
    """
    Raises:
        UserError: a name that the skeleton does not have, unless not `strict`.
    """
    for name in names:
        if strict and name not in skeleton.joints:
            raise UserError(f"joints: {skeleton.name} has no '{name}'{nearest(name, skeleton.joints)}")
    return [skeleton.joints.index(name) for name in names if name in skeleton.joints]


def joint_colors(skeleton: Skeleton) -> Image:
    """RGB (K, 3) by body part; of joints that are no part of a human body, by side. A skeleton's own colours win."""

    def color(name: str, side: str) -> tuple[int, int, int]:
        part = name.partition("_")[2]
        if side and part in LEG:
            return COLORS[f"{side}_leg"]
        if side and (part in ARM or name not in HEAD_PARTS):
            return COLORS[f"{side}_arm"]
        return COLORS["head" if name in HEAD_PARTS else "trunk"]

    named = zip(skeleton.joints, skeleton.sides, strict=True)
    return np.array([skeleton.colors.get(name, color(name, side)) for name, side in named], np.uint8)


def part_picture(maps: Float, skeleton: Skeleton, side: int = TILE) -> Image:
    """Maps (K, h, w) as one picture (side, side, 3): each scaled to its maximum, in its joint's colour, added up.

    Of a flat map, one that says nothing of where the joint is, the K-th part is drawn: K flat maps give the mean of
    their colours.
    """
    peaks = np.maximum(maps, 0)
    top = np.maximum(peaks.max((1, 2), keepdims=True), len(maps) * peaks.mean((1, 2), keepdims=True))
    peaks = peaks / np.maximum(top, 1e-12)
    mixed = np.tensordot(peaks, joint_colors(skeleton).astype(np.float32), axes=(0, 0))
    grown = cv2.resize(mixed.astype(np.float32), (side, side), interpolation=cv2.INTER_LINEAR)
    return np.asarray(np.clip(grown, 0, 255), np.uint8)


def pose_picture(image: Image, keypoints: Float, skeleton: Skeleton, side: int = TILE) -> Image:
    """The input with the pose over it; keypoints (K, 2) in its pixels. A limb has its outer joint's colour."""
    drawn = _resized(image, side)
    points = _on_tile(keypoints, image, side)
    colors = joint_colors(skeleton).tolist()
    trunk = list(COLORS["trunk"])
    for a, b in skeleton.limbs:
        color = colors[b] if colors[a] == trunk else colors[a]
        cv2.line(drawn, _point(points[a]), _point(points[b]), color, 3, cv2.LINE_AA)
    for point, color in zip(points, colors, strict=True):
        _dot(drawn, point, color)
    return drawn


def heat(values: NDArray[np.floating], side: int = TILE) -> Image:
    """A map (h, w) as a picture (side, side, 3), from 0 or its minimum below 0 (dark) to its maximum (bright), or to
    twice its mean where that is more: a nearly flat map is half bright everywhere."""
    low = min(0.0, float(values.min()))
    high = max(float(values.max()), low + 2 * (float(values.mean()) - low))
    scaled = (values - low) / max(high - low, 1e-12)
    grown = cv2.resize(scaled.astype(np.float32), (side, side), interpolation=cv2.INTER_LINEAR)
    colored = cv2.applyColorMap(np.round(255 * grown).astype(np.uint8), cv2.COLORMAP_INFERNO)
    return np.ascontiguousarray(colored[..., ::-1], np.uint8)


def over(image: Image, values: NDArray[np.floating], side: int = TILE) -> Image:
    """A map (h, w) over its darkened input (H, W, 3), as a picture (side, side, 3)."""
    added = 0.5 * _resized(image, side).astype(np.float32) + heat(values, side)
    return np.asarray(np.clip(added, 0, 255), np.uint8)


def grid(lines: Sequence[Sequence[Image]], top: Sequence[str] = (), left: Sequence[str] = ()) -> Image:
    """Tiles (h, w, 3) of any sizes, each resized to a square, with titles of columns and lines."""
    margin = 12 + max((cv2.getTextSize(text, FONT, 0.4, 1)[0][0] for text in left), default=-12)
    head = HEAD if top else 0
    height = head + len(lines) * (TILE + GAP) - GAP
    width = margin + max(map(len, lines)) * (TILE + GAP) - GAP
    page = np.full((height, width, 3), 255, np.uint8)
    for column, text in enumerate(top):
        cv2.putText(page, text, (margin + column * (TILE + GAP) + 2, 13), FONT, 0.36, INK, 1, cv2.LINE_AA)
    for line, tiles in enumerate(lines):
        y = head + line * (TILE + GAP)
        if left:
            cv2.putText(page, left[line], (4, y + TILE // 2), FONT, 0.4, INK, 1, cv2.LINE_AA)
        for column, tile in enumerate(tiles):
            x = margin + column * (TILE + GAP)
            page[y : y + TILE, x : x + TILE] = _resized(tile)
    return page


def save(picture: Image, path: Path) -> None:
    """A PNG file, whole or not at all."""
    with whole_file(path) as temporary:
        cv2.imwrite(str(temporary), picture[..., ::-1])


def _resized(image: Image, side: int = TILE) -> Image:
    shrinks = side < min(image.shape[:2])
    way = cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR
    return np.array(cv2.resize(image, (side, side), interpolation=way), np.uint8)


def _on_tile(points: NDArray[np.floating], image: Image, side: int = TILE) -> NDArray[np.floating]:
    """Pixels (..., 2) of the image to pixels of its picture."""
    return np.asarray(pixel_to_cell(points, np.array(image.shape[1::-1]) / side))


def _point(xy: NDArray[np.floating]) -> tuple[int, int]:
    return round(float(xy[0])), round(float(xy[1]))


def _dot(
    picture: Image, xy: NDArray[np.floating], color: Sequence[float], filled: bool = True, radius: int = 3
) -> None:
    cv2.circle(picture, _point(xy), radius + 1, DARK, -1 if filled else 3, cv2.LINE_AA)
    cv2.circle(picture, _point(xy), radius, color, -1 if filled else 1, cv2.LINE_AA)


def _title(skeleton: Skeleton, joint: int) -> str:
    return skeleton.joints[joint].replace("_", " ")
