"""Check a data set before days of training: files, boxes, joints, labels and counts, with a sheet of twenty people.

`check(poses)` reads every image, so it finds what the loader would only count. What it reports is data, `Report`;
the command prints it and writes `contact_sheet` beside it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import ArrayLike, NDArray

from posereg.data.samples import frames, jpeg
from posereg.data.samples.augment import NO_CHANGE
from posereg.data.samples.crop import crop, sample_matrix
from posereg.data.samples.jpeg import BadImageError
from posereg.files import whole_file
from posereg.geometry.pixels import inside
from posereg.records.poses import ORDINARY, OTHER_SIZE, PoseSet

EXAMPLES = 5
BLACK = 16  # of 255: no pixel of a usable picture stays below
ASYMMETRY = 0.05  # difference of the left and right joint's share of labels that is worth a look

# What the data sets' papers and lists say: people, images (None: not counted here).
PUBLISHED: dict[tuple[str, str], tuple[int | None, int | None]] = {
    ("mpii", "train"): (22246, 14679),
    ("mpii", "valid"): (2958, 2729),
    ("lsp", "train"): (1000, 1000),
    ("lsp", "test"): (1000, 1000),
    ("lsp", "all"): (2000, 2000),
    ("lspet", "all"): (10000, 10000),
    ("coco", "val2017"): (None, 5000),
    ("crowdpose", "train"): (None, 10000),
    ("crowdpose", "val"): (None, 2000),
    ("crowdpose", "test"): (None, 8000),
    ("h80k", "train"): (35832, 35832),
    ("h80k", "val"): (19312, 19312),
    ("h80k", "test"): (24416, 24416),
}

Progress = Callable[[Iterable[int], int], Iterable[int]]


@dataclass(frozen=True)
class Finding:
    """`count` of `total` things are as `what` says; `examples` names the first few.

    `bad` findings make training fail or learn nonsense; the others are worth knowing.
    """

    what: str
    count: int
    total: int
    bad: bool
    examples: tuple[str, ...] = ()

    def __str__(self) -> str:
        named = f": {', '.join(self.examples)}" if self.examples else ""
        more = ", ..." if len(self.examples) < self.count and self.examples else ""
        return f"{self.count} of {self.total} {self.what}{named}{more}"


@dataclass(frozen=True)
class Report:
    """What `check` found."""

    name: str
    split: str
    people: int
    images: int
    joints: int  # labelled ones
    findings: tuple[Finding, ...] = field(default=())

    @property
    def good(self) -> bool:
        """True if nothing was found that would break training."""
        return not any(finding.bad for finding in self.findings)

    def lines(self) -> list[str]:
        """The report as text: a headline, then one line a finding, `!` before what breaks training."""
        head = f"{self.name} {self.split}: {self.people} people on {self.images} images, {self.joints} labelled joints"
        marks = [f"{'!' if finding.bad else '-'} {finding}" for finding in self.findings]
        return [head, *(marks or ["- nothing to remark"])]


def check(poses: PoseSet, progress: Progress | None = None, threads: int = 4) -> Report:
    """Read every image once, in full, and compare it with its annotations.

    Args:
        progress: wraps the rows of `poses.images` as they are read, with their number (a progress bar).
    """
    sizes, bad = _read_images(poses, progress, threads)
    findings = [
        Finding("split without anybody", int(not len(poses)), 1, True),
        *bad,
        *_ids(poses),
        *_boxes(poses, sizes),
        *_joints(poses, sizes),
        *_head_boxes(poses),
    ]
    findings += [*_symmetry(poses), *_counts(poses), *_declared(poses, sizes), *_left_out(poses)]
    labelled = int((poses.visibility > 0).sum())
    return Report(
        poses.name,
        poses.split,
        len(poses),
        len(poses.images),
        labelled,
        tuple(f for f in findings if f.count),
    )


def shared_images(poses: PoseSet, others: Sequence[PoseSet]) -> list[Finding]:
    """Pictures of people that other splits show too: what is measured on them was trained on."""
    found = []
    for other in others:
        both = sorted(str(path.relative_to(poses.root)) for path in poses.shown() & other.shown())
        found += [
            Finding(
                f"images that {other.split} shows too",
                len(both),
                len(poses.images),
                True,
                tuple(both[:EXAMPLES]),
            )
        ]
    return [finding for finding in found if finding.count]


def contact_sheet(
    poses: PoseSet, path: Path | str, count: int = 20, seed: int = 0, side: int = 256, columns: int = 5
) -> int:
    """A PNG of `count` people drawn by the seed, cropped as for training, with their annotated skeletons.

    Returns:
        how many people are on it; images that cannot be read are passed over, and of nobody there is no sheet.

    Raises:
        UserError: the file cannot be written.
    """
    from posereg.geometry.drawing import draw_skeleton

    usable = np.flatnonzero((poses.boxes[:, 2:] - poses.boxes[:, :2] > 0).all(axis=1))
    tiles: list[NDArray[np.uint8]] = []
    for row in np.random.default_rng(seed).permutation(usable).tolist():
        if len(tiles) == count:
            break
        matrix = sample_matrix(poses.boxes[row], (side, side), NO_CHANGE)
        try:
            image = crop(poses.image_path(row), matrix, (side, side), poses.levels)
        except BadImageError:
            continue
        points = poses.keypoints[row] @ matrix[:, :2].T + matrix[:, 2]
        tiles.append(draw_skeleton(image, points, poses.visibility[row], poses.skeleton))
    if not tiles:
        return 0
    drawn = len(tiles)
    tiles += [np.zeros((side, side, 3), dtype=np.uint8)] * (-len(tiles) % columns)
    rows = [np.concatenate(tiles[k : k + columns], axis=1) for k in range(0, len(tiles), columns)]
    sheet = cv2.cvtColor(np.concatenate(rows), cv2.COLOR_RGB2BGR)
    with whole_file(Path(path).with_suffix(".png")) as temporary:
        cv2.imwrite(str(temporary), sheet)
    return drawn


def _read_images(
    poses: PoseSet, progress: Progress | None, threads: int
) -> tuple[NDArray[np.float64], list[Finding]]:
    """Width and height (M, 2) of each image, NaN where it cannot be read, and what was wrong."""
    sizes = np.full((len(poses.images), 2), np.nan)
    missing, damaged, black = [], [], []

    def read(row: int) -> tuple[int, int, bool] | str:
        path = poses.root / poses.images[row]
        if not Path(frames.file_of(path)).exists():
            return "missing"
        try:
            image = jpeg.read(path, levels=poses.levels).pixels
        except BadImageError as error:
            return str(error)
        return image.shape[1], image.shape[0], bool(image[..., :3].max() < BLACK)

    rows = range(len(poses.images))
    with ThreadPoolExecutor(threads) as pool:
        results = pool.map(read, rows)
        for row in progress(rows, len(rows)) if progress else rows:
            result = next(results)
            if isinstance(result, tuple):
                sizes[row] = result[:2]
                black += [poses.images[row]] if result[2] else []
            elif result == "missing":
                missing.append(poses.images[row])
            else:
                damaged.append(result.removeprefix(f"{poses.root}/"))
    total = len(rows)
    return sizes, [
        Finding("images missing", len(missing), total, True, tuple(missing[:EXAMPLES])),
        Finding("images undecodable", len(damaged), total, True, tuple(damaged[:EXAMPLES])),
        Finding(
            "images black all over (of 16 bits a pixel? source.levels says which values are used)",
            len(black),
            total,
            True,
            tuple(black[:EXAMPLES]),
        ),
    ]


def _ids(poses: PoseSet) -> list[Finding]:
    ids, counts = np.unique(poses.ids, return_counts=True)
    twice = ids[counts > 1]
    images, per_image = np.unique(poses.image_ids, return_counts=True)
    shared = images[per_image > 1]
    return [
        Finding("ids used twice", len(twice), len(ids), True, tuple(map(str, twice[:EXAMPLES].tolist()))),
        Finding(
            "image ids used twice",
            len(shared),
            len(images),
            True,
            tuple(map(str, shared[:EXAMPLES].tolist())),
        ),
    ]


def _boxes(poses: PoseSet, sizes: NDArray[np.float64]) -> list[Finding]:
    size = sizes[poses.person_image]
    low, high = poses.boxes[:, :2], poses.boxes[:, 2:]
    empty = ~(high - low > 0).all(axis=1)
    outside = ~empty & ((high < 0) | (low > size - 1)).any(axis=1)
    return [
        Finding("boxes empty or undefined", int(empty.sum()), len(poses), True, _named(poses, empty)),
        Finding(
            "boxes wholly outside the image", int(outside.sum()), len(poses), True, _named(poses, outside)
        ),
    ]


def _joints(poses: PoseSet, sizes: NDArray[np.float64]) -> list[Finding]:
    labelled = poses.visibility > 0
    size = sizes[poses.person_image][:, None]
    outside = labelled & ~inside(poses.keypoints, size) & np.isfinite(size).all(axis=2)
    nobody = ~labelled.any(axis=1)
    low, high = poses.boxes[:, None, :2], poses.boxes[:, None, 2:]
    strays = labelled & ~((poses.keypoints >= low) & (poses.keypoints <= high)).all(axis=2)
    total = int(labelled.sum())
    return [
        Finding(
            "labelled joints outside the image",
            int(outside.sum()),
            total,
            False,
            _named(poses, outside.any(1)),
        ),
        Finding(
            "labelled joints outside their box", int(strays.sum()), total, False, _named(poses, strays.any(1))
        ),
        Finding(
            "people without a labelled joint", int(nobody.sum()), len(poses), False, _named(poses, nobody)
        ),
    ]


def _head_boxes(poses: PoseSet) -> list[Finding]:
    if "head_box" not in poses.extras:
        return []
    absent = np.isnan(np.asarray(poses.extras["head_box"], dtype=float)).any(axis=1)
    sized = np.asarray(poses.extras.get("head_size", np.zeros(len(poses))), dtype=float) > 0
    return [
        Finding("people without a head box", int(absent.sum()), len(poses), False, _named(poses, absent)),
        Finding("people without a head size", int((~sized).sum()), len(poses), True, _named(poses, ~sized)),
    ]


def _symmetry(poses: PoseSet) -> list[Finding]:
    """Left and right labelled unequally often, and people whose shoulders and hips point opposite ways."""
    share = (poses.visibility > 0).mean(axis=0) if len(poses) else np.zeros(len(poses.skeleton))
    pairs = poses.skeleton.flip_pairs
    uneven = [(a, b) for a, b in pairs if abs(share[a] - share[b]) > ASYMMETRY]
    names = poses.skeleton.joints
    said = tuple(f"{names[a]} {share[a]:.0%}, {names[b]} {share[b]:.0%}" for a, b in uneven[:EXAMPLES])
    findings = [Finding("flip pairs labelled unequally", len(uneven), len(pairs), False, said)]
    trunk = [f"{side}_{part}" for part in ("shoulder", "hip") for side in ("left", "right")]
    if all(name in names for name in trunk):
        at = [names.index(name) for name in trunk]
        known = (poses.visibility[:, at] > 0).all(axis=1)
        shoulders = poses.keypoints[:, at[0]] - poses.keypoints[:, at[1]]
        hips = poses.keypoints[:, at[2]] - poses.keypoints[:, at[3]]
        lengths = np.linalg.norm(shoulders, axis=1) * np.linalg.norm(hips, axis=1)
        crossed = known & ((shoulders * hips).sum(axis=1) < -0.5 * lengths)
        said = _named(poses, crossed)
        what = "people with shoulders and hips crossed (left and right swapped?)"
        findings.append(Finding(what, int(crossed.sum()), int(known.sum()), False, said))
    return findings


def _declared(poses: PoseSet, sizes: NDArray[np.float64]) -> list[Finding]:
    """Pictures of another size than the annotations were made for: boxes and joints may be those of other pixels."""
    if "image_size" not in poses.extras:
        return []
    declared = np.asarray(poses.extras["image_size"], dtype=np.float64)
    other = (declared > 0).all(axis=1) & np.isfinite(sizes).all(axis=1) & (declared != sizes).any(axis=1)
    said = tuple(
        f"{poses.images[k]} is {sizes[k, 0]:g} x {sizes[k, 1]:g}, not {declared[k, 0]:g} x {declared[k, 1]:g}"
        for k in np.flatnonzero(other)[:EXAMPLES]
    )
    return [Finding("pictures of another size than declared", int(other.sum()), len(other), True, said)]


def _left_out(poses: PoseSet) -> list[Finding]:
    """What the reader left out or changed; every id, but for what each data set has.

    The reader holds a few pictures against the declared sizes, `_declared` all: that says it.
    """
    return [
        Finding(
            f"annotations: {reason}",
            len(who),
            len(who) + len(poses),
            reason not in ORDINARY,
            tuple(who[:EXAMPLES] if reason in ORDINARY else who),
        )
        for reason, who in poses.left_out.items()
        if reason != OTHER_SIZE
    ]


def _counts(poses: PoseSet) -> list[Finding]:
    people, images = PUBLISHED.get((poses.name, poses.split), (None, None))
    shown = len(np.unique(poses.person_image)) if people is not None else len(poses.images)
    return [
        Finding(f"{unit}, {wanted} were published", have, wanted, False)
        for unit, have, wanted in (("people", len(poses), people), ("images", shown, images))
        if wanted is not None and have != wanted
    ]


def _named(poses: PoseSet, which: ArrayLike) -> tuple[str, ...]:
    rows: Sequence[int] = np.flatnonzero(which)[:EXAMPLES].tolist()
    return tuple(f"id {poses.ids[row]} on {poses.images[poses.person_image[row]]}" for row in rows)
