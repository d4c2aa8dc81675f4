"""CHALL_H80K: `Train|Val|Test/IMG/%05d.jpg` and `Train|Val/POSE/%05d.csv`, numbered from 1.

A pose file has 17 lines x,y,z: millimetres in camera axes, relative to the pelvis. Five subjects train, two
validate, four test, each with a body and clothes of their own; one capture hall. No cameras and no 2D joints, as
published: those lie in `truth/<split>.npz` (also for Test), for tests of this package only.

`truth`: joints (N, 18, 2) pixels, xyz (N, 18, 3) camera mm (thorax last), camera (N, 3) focal, cx, cy, subject (N,),
action (N,) what the legs do.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from posereg.data.synthetic.body import INDEX
from posereg.data.synthetic.pictures import Job, Options, draw_all
from posereg.data.synthetic.scene import SPLIT, Scene, Setting, generator
from posereg.skeletons.skeleton import H80K

# split: subjects, share of the frames (as published)
SPLITS = {"Train": (range(5), 0.45), "Val": (range(5, 7), 0.25), "Test": (range(7, 11), 0.30)}
_ROWS = [INDEX[name] for name in H80K.joints]

Truth = tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64], str]


def _truth(scene: Scene, job: Job) -> Truth:
    person, camera = scene.people[0], scene.camera
    lens = np.array([camera.focal, camera.cx, camera.cy])
    return person.joints[_ROWS], person.xyz[_ROWS], lens, person.habit


def write(folder: Path, options: Options) -> dict[str, int]:
    """Draws `options.count` frames, split by `SPLITS`; returns how many each split has.

    Raises:
        UserError: a picture cannot be written.
    """
    setting = Setting(size=(options.size, options.size), people=(1, 1), kinds=("lab",), shares=(1.0,), cut=0.0,
                      fill=(0.42, 0.72), shift=0.12, front=0.0)  # fmt: skip
    rng = generator(options.seed, SPLIT)
    ends = np.round(np.cumsum([share for _, share in SPLITS.values()]) * options.count).astype(int).tolist()
    parts = list(zip(SPLITS, [0, *ends], ends, strict=False))
    subjects = {split: rng.choice(list(SPLITS[split][0]), size=last - first) for split, first, last in parts}
    jobs = [
        Job(first + k, folder / split / "IMG" / f"{k + 1:05d}.jpg", setting, subject=int(subjects[split][k]))
        for split, first, last in parts
        for k in range(last - first)
    ]
    truths = draw_all(jobs, options, _truth, "CHALL_H80K")
    (folder / "truth").mkdir()
    for split, first, last in parts:
        (folder / split / "IMG").mkdir(parents=True, exist_ok=True)
        rows = truths[first:last]
        joints, xyz = (
            np.stack([row[k] for row in rows]) if rows else np.zeros((0, 18, 2 + k)) for k in (0, 1)
        )
        if split != "Test":
            _write_poses(folder / split / "POSE", xyz[:, :17] - xyz[:, :1])
        np.savez_compressed(
            folder / "truth" / f"{split}.npz", joints=joints, xyz=xyz, camera=np.array([row[2] for row in rows]),
            subject=subjects[split], action=np.array([row[3] for row in rows]),
        )  # fmt: skip
    return {"images": options.count, **{split: last - first for split, first, last in parts}}


def _write_poses(folder: Path, poses: NDArray[np.float64]) -> None:
    folder.mkdir(parents=True)
    for k, pose in enumerate(poses):
        np.savetxt(folder / f"{k + 1:05d}.csv", pose, fmt="%.4f", delimiter=",")
