"""Predictions for test sets whose labels are withheld, in the layout their keepers ask for.

posereg submit data=NAME [data.root=DIR] checkpoint=FILE[,FILE...] out=DIR [split=NAME] [flip_test=true|false]
               [crop_scales=1,0.9,1.1] [device=cpu] [batch_size=32]

data        mpii: pred_keypoints_mpii.mat of the official toolkit, single-person test images
            coco: results JSON; data.boxes=FILE names a detector's boxes (posereg detect), which a bottom-up model
            does without
            h80k: one CSV an image, 17 lines x,y,z in mm relative to the pelvis; the boxes come from the 2D
            predictions of `posereg data project`
checkpoint  several models are averaged, top-down ones
crop_scales sizes of each person's crop, poses averaged; default: one crop
split       default: test, for coco test-dev2017
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from posereg.errors import UserError

if TYPE_CHECKING:
    from posereg.data.sources.source import Source
    from posereg.methods.base import PoseModule
    from posereg.records.poses import PoseSet
    from posereg.records.predictions import Predictions

HELP = "write a test-set submission: MPII, COCO or CHALL_H80K"
KEYS = ("checkpoint", "out", "split", "flip_test", "crop_scales", "device", "batch_size")


def run(arguments: list[str]) -> int:
    """
    Raises:
        UserError: a missing or foreign checkpoint, people without boxes, or a data set nobody keeps labels of.
    """
    from posereg.build import load_method
    from posereg.cli._source import source_of, split_arguments
    from posereg.predict.submission import write_submission
    from posereg.predict.submission_2d import write_coco, write_mpii

    own, overrides = split_arguments(arguments, "submit", KEYS)
    for key in ("checkpoint", "out"):
        if key not in own:
            raise UserError(f"posereg submit: {key}= is missing")
    if own.get("flip_test", "true") not in ("true", "false"):
        raise UserError(f"posereg submit: flip_test={own['flip_test']} is neither true nor false")
    size = own.get("batch_size", "32")
    if not size.isdecimal() or int(size) < 1:
        raise UserError(f"posereg submit: batch_size={size} is not a whole number above 0")
    try:
        scales = [float(scale) for scale in own.get("crop_scales", "1").split(",")]
    except ValueError:
        raise UserError(
            f"posereg submit: crop_scales={own['crop_scales']} is no list of numbers like 1,0.9,1.1"
        ) from None
    source = source_of(overrides)
    writers = {"mpii": write_mpii, "coco": write_coco, "h80k": write_submission}
    if source.skeleton not in writers:
        raise UserError(
            f"posereg submit: no submission for {source.name}; there is one for {', '.join(writers)}"
        )
    poses = source.read(own.get("split", "test-dev2017" if source.skeleton == "coco" else "test"))
    names = own["checkpoint"].split(",")
    modules = []
    for name in names:
        module = load_method(name)
        if module.skeleton.name != source.skeleton:
            raise UserError(
                f"checkpoint: {name} has the joints of {module.skeleton.name}, not of {source.skeleton}"
            )
        if "flip_test" in own:
            module.flip_test = own["flip_test"] == "true"
        modules.append(module)
    found = _predicted(modules, names, source, poses, own, scales, int(size))
    count = writers[source.skeleton](poses, found, Path(own["out"]))
    print(f"{own['out']}: {count} poses")
    return 0


def _predicted(
    modules: list[PoseModule],
    names: list[str],
    source: Source,
    poses: PoseSet,
    own: dict[str, str],
    scales: list[float],
    batch_size: int,
) -> Predictions:
    from posereg.methods.art import BottomUpPose
    from posereg.methods.ensemble import average
    from posereg.predict import multicrop, scenes

    device = own.get("device", "auto")
    bottom_up = [module for module in modules if isinstance(module, BottomUpPose)]
    if bottom_up:
        if len(modules) > 1 or "crop_scales" in own:
            raise UserError("posereg submit: a bottom-up model takes one checkpoint= and no crop_scales=")
        return scenes.predict(bottom_up[0], poses, device)
    if not len(poses):
        raise UserError(
            f"{poses.annotations}: nobody is annotated there; name a detector's boxes with data.boxes=FILE"
        )
    found = average([multicrop.predict(one, poses, scales, batch_size, device) for one in modules], names)
    return found if source.postprocess is None else source.postprocess(poses, found)
