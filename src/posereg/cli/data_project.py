"""`posereg data project`: the 2D poses that CHALL_H80K lacks."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from posereg.cli.spec import (
    BOOLEAN,
    CHECKPOINT,
    DEVICE,
    DIR,
    FILE,
    Command,
    Option,
    choice,
    listed,
    whole,
)
from posereg.errors import UserError

if TYPE_CHECKING:
    import numpy as np

COMMAND = Command(
    "data project",
    "find 2D poses for CHALL_H80K with a 2D model and fit a camera to each",
    """
    Without boxes the first pass looks at the whole frame; each further pass looks at the box of the joints found
    before. Existing poses are kept; those of another model or of other settings are refused.
    """,
    config="data",
    options=(
        Option("checkpoint", CHECKPOINT, "a 2D model trained with posereg, e.g. I1 on MPII", required=True),
        Option(
            "split", listed(choice("train", "val", "test")), "splits", default_text="the splits that exist"
        ),
        Option("boxes", FILE, 'JSON list of {"image": name, "bbox": [x, y, width, height]}, for one split'),
        Option("passes", whole(1), "passes over each frame", default=2),
        Option(
            "out",
            DIR,
            "where <split>.npz go",
            default_text="<data.root>/pose2d, where the reader expects them",
        ),
        DEVICE,
        Option("batch_size", whole(1), "frames at a time", default=32),
        Option("overwrite", BOOLEAN, "replace poses that exist already", default=False),
    ),
    examples=("posereg data project data=h80k data.root=data/h80k checkpoint=runs/a/last.ckpt",),
)
SUSPECT = 0.3


def run(
    overrides: list[str],
    checkpoint: str,
    split: list[str] | None,
    boxes: Path | None,
    passes: int,
    out: Path | None,
    device: str,
    batch_size: int,
    overwrite: bool,
) -> int:
    """Predict each split's frames, fit a camera to each, and print how well they fit.

    Raises:
        UserError: a missing checkpoint, frames or boxes.
    """
    from posereg.build import load_method
    from posereg.cli.data_source import source_of
    from posereg.data.formats import h80k
    from posereg.data.formats.detections import file_hash
    from posereg.data.formats.projection import project
    from posereg.models.resolve import checkpoint_file
    from posereg.predict.pose2d import predict_frames
    from posereg.predict.predictor import read_boxes
    from posereg.records.predictions import load

    root = Path(source_of(overrides).root)
    there = [name for name, folder in h80k.FOLDERS.items() if (root / folder / "IMG").is_dir()]
    splits = split or there
    if not splits:
        raise UserError(f"{root}: no Train/IMG, Val/IMG or Test/IMG; put CHALL_H80K there or set data.root")
    if boxes is not None and len(splits) > 1:
        raise UserError(
            "posereg data project: frames of all splits have the same names; give one split= with boxes="
        )
    people = read_boxes(boxes) if boxes is not None else None
    out = out or root / "pose2d"
    module = load_method(checkpoint)
    made = {"model": file_hash(checkpoint_file(checkpoint)), "passes": passes}
    made |= {"boxes": file_hash(boxes)} if boxes is not None else {}
    for name in splits:
        path = out / f"{name}.npz"
        poses = h80k.read(root, name)
        if path.exists() and not overwrite:
            _refuse_others(path, load(path).meta.get("projected_with"), made)
            print(f"{path}: there already (overwrite=true predicts anew)")
        else:
            predictions = predict_frames(
                module, poses, people, device=device, passes=passes, batch_size=batch_size
            )
            replace(predictions, meta={**predictions.meta, "projected_with": made}).save(path)
        _, cameras = project(poses, load(path))
        print(_summary(str(path), cameras.fitted, cameras.residual, cameras.relative))
    return 0


def _refuse_others(path: Path, known: object, made: dict[str, object]) -> None:
    if known != made:
        raise UserError(
            f"{path} is of another model, passes or boxes ({known or 'not said which'}, asked for {made}); "
            "overwrite=true predicts anew, out=DIR keeps both"
        )


def _summary(path: str, fitted: np.ndarray, residual: np.ndarray, relative: np.ndarray) -> str:  # type: ignore[type-arg]
    """One line: how many frames got a camera and how well it fits."""
    import numpy as np

    if not fitted.any():
        return f"{path}: {len(fitted)} frames, no camera fitted (no 3D poses, or predictions without extent)"
    bad = int((relative[fitted] > SUSPECT).sum())
    return (
        f"{path}: cameras for {int(fitted.sum())} of {len(fitted)} frames, residual "
        f"{np.median(residual[fitted]):.2f} px ({100 * np.median(relative[fitted]):.1f} % of the pose's spread) "
        f"in the median; {bad} fit badly (over {SUSPECT:.0%})"
    )
