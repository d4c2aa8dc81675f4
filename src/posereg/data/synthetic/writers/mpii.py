"""MPII Human Pose: `images/`, the official RELEASE structure, the stacked-hourglass split and `gt_valid.mat`.

The official file comes with its irregularities: `is_visible` as text, number or empty; people without
scale, centre or joints; one structure where others have an array; test pictures without joints. Coordinates
are 1-based with one decimal. The head box gives the scale: 0.6 x its diagonal = 25 x scale.

`count` people are labelled and split: a fifth (at least one) goes to `valid.h5`, the rest to `train.h5`; a further
twentieth are test pictures. Other people in a picture are in the official file only.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from posereg.data.synthetic.pictures import Job, Options, draw_all
from posereg.data.synthetic.scene import OUTSIDE, SEEN, SPLIT, Person, Scene, Setting, generator
from posereg.data.synthetic.writers import matlab
from posereg.skeletons.skeleton import MPII

Float = NDArray[np.float64]
# As published: head size = 0.6 x the head box's diagonal = 25 x scale; codes move the centre down by 15 x scale,
# and the stacked-hourglass files have the scale enlarged by 1.25.
HEAD_SHARE, HEAD_PER_SCALE, DOWN_PER_SCALE, HOURGLASS_PADDING = 0.6, 25.0, 15.0, 1.25
VALID_SHARE, TEST_SHARE = 0.2, 0.05
NAMES = ("rank", "rkne", "rhip", "lhip", "lkne", "lank", "pelv", "thor", "neck", "head", "rwri", "relb", "rsho",
         "lsho", "lelb", "lwri")  # fmt: skip


@dataclass(frozen=True)
class Rect:
    """One person, 1-based: joints (16, 2), flags (16,) 0 absent 1 hidden 2 seen, head box (4,), centre (2,)."""

    joints: Float
    flags: NDArray[np.uint8]
    head: Float
    scale: float
    center: Float


def _rect(person: Person) -> Rect:
    joints, flags = person.of(MPII)
    joints, head = np.round(joints + 1, 1), np.round(person.head_box + 1, 1)
    scale = HEAD_SHARE * float(np.linalg.norm(head[2:] - head[:2])) / HEAD_PER_SCALE
    inside = joints[flags != OUTSIDE]
    center = (inside.min(axis=0) + inside.max(axis=0)) / 2 - [0, DOWN_PER_SCALE * scale]
    return Rect(joints, flags, head, scale, np.round(center, 1))


def _rects(scene: Scene, job: Job) -> list[Rect]:
    main, *others = scene.people
    return [_rect(main), *(_rect(person) for person in others if (person.of(MPII)[1] != OUTSIDE).sum() >= 5)]


def write(folder: Path, options: Options) -> dict[str, int]:
    """Draws `options.count` labelled people and the test pictures; returns how many images, and people by split.

    Raises:
        UserError: a picture cannot be written.
    """
    valid = max(1, round(VALID_SHARE * options.count)) if options.count > 1 else 0
    test = max(1, round(TEST_SHARE * options.count))
    total = options.count + test
    setting = Setting(size=(options.size, options.size))
    names = [f"{k + 1:09d}.jpg" for k in range(total)]
    jobs = [Job(k, folder / "images" / name, setting) for k, name in enumerate(names)]
    people = draw_all(jobs, options, _rects, "MPII")
    rng = generator(options.seed, SPLIT)
    order = rng.permutation(options.count)
    splits = {
        "valid": np.sort(order[:valid]),
        "train": np.sort(order[valid:]),
        "test": np.arange(options.count, total),
    }
    release = _release(names, people, splits["test"], rng)
    matlab.save(folder / "mpii_human_pose_v1_u12_1.mat", {"RELEASE": release})
    for split, rows in splits.items():
        _hourglass(
            folder / f"{split}.h5",
            [names[k] for k in rows],
            rows,
            [people[k][0] for k in rows],
            split == "test",
        )
    if valid:
        matlab.save(folder / "gt_valid.mat", _truth([people[k][0] for k in splits["valid"]]))
    return {"images": total, **{split: len(rows) for split, rows in splits.items()}}


def _structures(rows: list[dict[str, Any]], names: tuple[str, ...]) -> NDArray[np.void]:
    """A 1 x n MATLAB structure array; a field that a row lacks is empty."""
    made = np.empty((1, len(rows)), dtype=[(field, object) for field in names])
    for k, row in enumerate(rows):
        for field in names:
            made[0, k][field] = row.get(field, np.zeros((0, 0)))
    return made


def _point(joint: int, rect: Rect, rng: np.random.Generator) -> dict[str, Any]:
    seen = rect.flags[joint] == SEEN
    styles: tuple[Any, ...] = ("1", 1.0, "1") if seen else ("0", 0.0, np.zeros((0, 0)))
    x, y = rect.joints[joint]
    return {"x": x, "y": y, "id": float(joint), "is_visible": styles[int(rng.integers(3))]}


def _annorect(rect: Rect, main: bool, test: bool, rng: np.random.Generator) -> dict[str, Any]:
    x1, y1, x2, y2 = rect.head
    place = {"scale": rect.scale, "objpos": {"x": rect.center[0], "y": rect.center[1]}}
    if test:
        return place
    row: dict[str, Any] = {"x1": x1, "y1": y1, "x2": x2, "y2": y2}
    lacking = 1.0 if main else rng.random()
    if lacking > 0.15:
        row |= place
    if lacking > 0.3:
        joints = rng.permutation(np.flatnonzero(rect.flags != OUTSIDE))
        points = [_point(int(joint), rect, rng) for joint in joints]
        row["annopoints"] = {"point": _structures(points, ("x", "y", "id", "is_visible"))}
    return row


def _release(
    names: list[str], people: list[list[Rect]], test: NDArray[np.int64], rng: np.random.Generator
) -> dict[str, Any]:
    held = set(test.tolist())
    rows, single = [], np.empty((len(names), 1), dtype=object)
    for k, (name, rects) in enumerate(zip(names, people, strict=True)):
        names_of_fields = (
            ("scale", "objpos") if k in held else ("x1", "y1", "x2", "y2", "annopoints", "scale", "objpos")
        )
        annorect = [_annorect(rect, n == 0, k in held, rng) for n, rect in enumerate(rects)]
        rows.append({
            "image": {"name": name},
            "annorect": _structures(annorect, names_of_fields),
            "frame_sec": np.zeros((1, 0)),
            "vidx": np.zeros((1, 0)),
        })  # fmt: skip
        alone = len(rects) == 1 or rng.random() < 0.8
        single[k, 0] = np.array([[1.0]]) if alone else np.zeros((0, 0))
    act = [{"cat_name": "synthetic", "act_name": "drawn people", "act_id": 1.0}] * len(names)
    return {
        "annolist": _structures(rows, ("image", "annorect", "frame_sec", "vidx")),
        "img_train": np.array([[0.0 if k in held else 1.0 for k in range(len(names))]]),
        "version": "12",
        "single_person": single,
        "act": _structures(act, ("cat_name", "act_name", "act_id")).T,
        "video_list": np.zeros((1, 0)),
    }


def _hourglass(
    path: Path, names: list[str], index: NDArray[np.int64], people: list[Rect], test: bool
) -> None:
    """The split file of the stacked-hourglass code: centre and scale already adjusted."""
    import h5py

    flags = np.stack([rect.flags for rect in people]) if people else np.zeros((0, 16), np.uint8)
    joints = np.stack([rect.joints for rect in people]) if people else np.zeros((0, 16, 2))
    scale = np.array([rect.scale for rect in people])
    center = np.array([rect.center for rect in people]).reshape(-1, 2)
    labelled = (flags != OUTSIDE) & (not test)
    torso = joints[:, 7] - joints[:, 6]
    lean = np.rad2deg(np.arctan2(torso[:, 0], -torso[:, 1]))  # degrees from upright, to the right positive
    both = labelled[:, 6] & labelled[:, 7]
    with h5py.File(path, "w") as file:
        file["index"] = index.astype(float)
        file["person"] = np.zeros(len(people))
        file["imgname"] = np.array(names, dtype="S13")
        file["part"] = np.where(labelled[..., None], joints, 0.0)
        file["visible"] = (labelled & (flags == SEEN)).astype(float)
        file["center"] = center + np.stack([np.zeros_like(scale), DOWN_PER_SCALE * scale], axis=1)
        file["scale"] = HOURGLASS_PADDING * scale
        file["normalize"] = np.zeros_like(scale) if test else HEAD_PER_SCALE * scale
        file["torsoangle"] = np.where(both, lean, 0.0)
        file.attrs["name"] = "mpii"


def _truth(people: list[Rect]) -> dict[str, Any]:
    missing = np.stack([rect.flags == OUTSIDE for rect in people])
    joints = np.stack([rect.joints for rect in people])
    return {
        "dataset_joints": np.array([list(NAMES)], dtype=object),
        "jnt_missing": missing.T.astype(float),
        "pos_gt_src": np.where(missing[..., None], 0.0, joints).transpose(1, 2, 0),
        "headboxes_src": np.stack([rect.head.reshape(2, 2) for rect in people], axis=2),
    }
