"""Challenge submission of a 3D model: one CSV an image, 17 lines x,y,z in mm relative to the pelvis, two decimals.

posereg submit data=h80k [data.root=DIR] checkpoint=FILE[,FILE...] out=DIR [split=test] [flip_test=true|false]
               [device=cpu] [batch_size=32]

checkpoint  several models are averaged
split       default: test; its boxes come from the 2D predictions of `posereg data project`
"""

from __future__ import annotations

from pathlib import Path

from posereg.errors import UserError

HELP = "write the CHALL_H80K submission of a trained 3D model"
KEYS = ("checkpoint", "out", "split", "flip_test", "device", "batch_size")


def run(arguments: list[str]) -> int:
    """
    Raises:
        UserError: a missing or 2D checkpoint, frames without boxes, or `out` is there already.
    """
    from posereg.cli._source import source_of, split_arguments
    from posereg.inference.ensemble import average
    from posereg.inference.predictor import load_method, predict
    from posereg.inference.submission import write_submission
    from posereg.methods.volume import VolumePose

    own, overrides = split_arguments(arguments, "submit", KEYS)
    for key in ("checkpoint", "out"):
        if key not in own:
            raise UserError(f"posereg submit: {key}= is missing")
    if own.get("flip_test", "true") not in ("true", "false"):
        raise UserError(f"posereg submit: flip_test={own['flip_test']} is neither true nor false")
    size = own.get("batch_size", "32")
    if not size.isdecimal() or int(size) < 1:
        raise UserError(f"posereg submit: batch_size={size} is not a whole number above 0")
    poses = source_of(overrides).read(own.get("split", "test"))
    names = own["checkpoint"].split(",")
    members = []
    for name in names:
        module = load_method(name)
        if not isinstance(module, VolumePose):
            raise UserError(f"checkpoint: {name} is no 3D model but a {type(module).__name__}")
        if "flip_test" in own:
            module.flip_test = own["flip_test"] == "true"
        members.append(predict(module, poses, int(size), own.get("device", "auto")))
    count = write_submission(poses, average(members, names), Path(own["out"]))
    print(f"{own['out']}: {count} poses")
    return 0
