"""`posereg submit`: predictions for test sets whose labels are withheld, in the layout their servers ask for."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from posereg.cli.spec import (
    BATCH_SIZE,
    BOOLEAN,
    CHECKPOINT,
    DEVICE,
    DIR,
    NAME,
    Command,
    Option,
    listed,
    number,
)
from posereg.errors import UserError

if TYPE_CHECKING:
    from posereg.data.sources.source import Source
    from posereg.methods.base import PoseModule
    from posereg.records.poses import PoseSet
    from posereg.records.predictions import Predictions

COMMAND = Command(
    "submit",
    "write a test-set submission: MPII, COCO or CHALL_H80K",
    """
    mpii: pred_keypoints_mpii.mat of the official toolkit, single-person test images.

    coco: results JSON; data.boxes=FILE names a detector's boxes (`posereg detect`), which a bottom-up model does
    without.

    h80k: one CSV per image, 17 lines x,y,z in mm relative to the pelvis; the boxes come from the 2D predictions of
    `posereg data project`.
    """,
    config="data",
    options=(
        Option(
            "checkpoint",
            listed(CHECKPOINT),
            "trained models; several top-down ones are averaged",
            required=True,
        ),
        Option("out", DIR, "where the submission goes", required=True),
        Option("split", NAME, "split of the data set", default_text="test; of coco test-dev2017"),
        Option(
            "flip_test", BOOLEAN, "average with the mirrored picture's poses", default_text="as in training"
        ),
        Option(
            "crop_scales",
            listed(number(0.01)),
            "sizes of each person's crop, poses averaged",
            default_text="one crop, 1",
        ),
        DEVICE,
        BATCH_SIZE,
    ),
    examples=("posereg submit data=mpii data.root=data/mpii checkpoint=runs/a/last.ckpt out=submission",),
)


def run(
    overrides: list[str],
    checkpoint: list[str],
    out: Path,
    split: str | None,
    flip_test: bool | None,
    crop_scales: list[float] | None,
    device: str,
    batch_size: int,
) -> int:
    """Predict the test split and write the submission.

    Raises:
        UserError: a missing or foreign checkpoint, people without boxes, or a data set without a test server.
    """
    from posereg.build import load_method
    from posereg.cli.data_source import source_of
    from posereg.predict.submission import write_submission
    from posereg.predict.submission_2d import write_coco, write_mpii

    source = source_of(overrides)
    writers = {"mpii": write_mpii, "coco": write_coco, "h80k": write_submission}
    if source.file is not None or source.skeleton not in writers:
        raise UserError(
            f"posereg submit: no submission for {source.name}; there is one for {', '.join(writers)}"
        )
    poses = source.read(split or ("test-dev2017" if source.skeleton == "coco" else "test"))
    print("".join(f"{line}\n" for line in poses.remarks()), end="")
    modules = []
    for path in checkpoint:
        module = load_method(path)
        if module.skeleton.name != source.skeleton:
            raise UserError(
                f"checkpoint: {path} has the joints of {module.skeleton.name}, not of {source.skeleton}"
            )
        if flip_test is not None:
            module.flip_test = flip_test
        modules.append(module)
    names = [str(path) for path in checkpoint]
    predictions = _predicted(modules, names, source, poses, crop_scales, device, batch_size)
    print(f"{out}: {writers[source.skeleton](poses, predictions, out)} poses")
    return 0


def _predicted(
    modules: list[PoseModule],
    names: list[str],
    source: Source,
    poses: PoseSet,
    scales: list[float] | None,
    device: str,
    batch_size: int,
) -> Predictions:
    from posereg.methods.ensemble import average
    from posereg.predict import multicrop
    from posereg.predict.predictor import predict

    if any(module.finds_people for module in modules):
        if len(modules) > 1 or scales is not None:
            raise UserError("posereg submit: a bottom-up model takes one checkpoint= and no crop_scales=")
        return predict(modules[0], poses, batch_size, device)
    if not len(poses):
        raise UserError(
            f"{poses.annotations}: it has no annotated people; name a detector's boxes with data.boxes=FILE"
        )
    predictions = average(
        [multicrop.predict(one, poses, scales or [1.0], batch_size, device) for one in modules], names
    )
    return source.postprocessed(poses, predictions)
