"""Leeds Sports Pose and its extension: `images/` and `joints.mat`.

LSP: `im0001.jpg`, joints 3 x 14 x N, third row 1 = occluded, every joint labelled. LSPET: `im00001.jpg`,
joints 14 x 3 x N, third column 1 = labelled; unlabelled joints carry negative coordinates. Both 1-based.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from posereg.data.synthetic.pictures import Job, Options, draw_all
from posereg.data.synthetic.scene import HIDDEN, OUTSIDE, SPLIT, Scene, Setting, generator
from posereg.data.synthetic.writers import matlab
from posereg.skeletons.skeleton import LSP

WHOLE = Setting(cut=0.0, fill=(0.6, 0.84), people=(1, 2), front=0.12)

EXTENDED = replace(WHOLE, cut=0.2)


def sized(setting: Setting, size: int) -> Setting:
    """The setting for square pictures of `size` pixels."""
    return replace(setting, size=(size, size))


def _joints(scene: Scene, job: Job) -> NDArray[np.float64]:
    joints, flags = scene.people[0].of(LSP)
    return np.concatenate([joints + 1, flags[:, None]], axis=1)


def write(folder: Path, options: Options) -> dict[str, int]:
    """Draws `options.count` people, one a picture, all joints labelled (LSP); returns how many.

    Raises:
        UserError: a picture cannot be written.
    """
    setting = sized(WHOLE, options.size)
    jobs = [Job(k, folder / f"images/im{k + 1:04d}.jpg", setting) for k in range(options.count)]
    rows = np.stack(draw_all(jobs, options, _joints, "LSP"))
    rows[..., 2] = rows[..., 2] == HIDDEN
    matlab.save(folder / "joints.mat", {"joints": rows.transpose(2, 1, 0)})
    return {"images": options.count, "people": options.count}


def write_extended(folder: Path, options: Options) -> dict[str, int]:
    """LSPET: some people are cut off, and a part of the hidden joints is not labelled."""
    setting = sized(EXTENDED, options.size)
    jobs = [Job(k, folder / f"images/im{k + 1:05d}.jpg", setting) for k in range(options.count)]
    rows = np.stack(draw_all(jobs, options, _joints, "LSPET"))
    chance = generator(options.seed, SPLIT).random(rows.shape[:2])
    absent = (rows[..., 2] == OUTSIDE) | ((rows[..., 2] == HIDDEN) & (chance < 0.35))
    rows[..., 2] = ~absent
    rows[absent, :2] = -26.0
    matlab.save(folder / "joints.mat", {"joints": rows.transpose(1, 2, 0)})
    return {"images": options.count, "people": options.count}
