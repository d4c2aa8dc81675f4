"""Find the 2D poses that CHALL_H80K lacks: predict every frame with a 2D model, fit a camera to each.

posereg data project data=h80k [data.root=DIR] checkpoint=FILE [split=train,val,test] [boxes=FILE] [passes=2]
                     [out=DIR] [device=cpu] [batch_size=32] [overwrite=true]

checkpoint  a 2D model of posereg's, e.g. I1 trained on MPII
split       default: those of train, val and test that are there
boxes       a detector's boxes, JSON list of {"image": name, "bbox": [x, y, width, height]}, for one split; without
            it the first pass looks at the whole frame
passes      each further pass looks at the box of the joints found before
out         default: <data.root>/pose2d, where the data set's reader looks for <split>.npz
overwrite   predict anew what is there already; without it files of another model or of other settings are refused
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np

from posereg.errors import UserError

KEYS = ("checkpoint", "split", "boxes", "passes", "out", "device", "batch_size", "overwrite")
SUSPECT = 0.3


def run(arguments: list[str]) -> int:
    """
    Raises:
        UserError: a missing checkpoint, frames or boxes.
    """
    from posereg.build import load_method
    from posereg.cli._source import source_of, split_arguments
    from posereg.data.formats import h80k
    from posereg.data.formats.detections import file_hash
    from posereg.data.formats.projection import project
    from posereg.predict.pose2d import predict_frames
    from posereg.predict.predictor import read_boxes
    from posereg.records.predictions import load

    own, overrides = split_arguments(arguments, "data project", KEYS)
    if "checkpoint" not in own:
        raise UserError("posereg data project: checkpoint= is missing (a 2D model of posereg's)")
    numbers = {key: _number(own, key, default) for key, default in (("passes", 2), ("batch_size", 32))}
    root = Path(source_of(overrides).root)
    there = [name for name, folder in h80k.SPLITS.items() if (root / folder / "IMG").is_dir()]
    splits = own["split"].split(",") if "split" in own else there
    if not splits:
        raise UserError(f"{root}: no Train/IMG, Val/IMG or Test/IMG; put CHALL_H80K there or set data.root")
    if "boxes" in own and len(splits) > 1:
        raise UserError(
            "posereg data project: frames of all splits have the same names; give one split= with boxes="
        )
    boxes = read_boxes(own["boxes"]) if "boxes" in own else None
    out = Path(own.get("out", root / "pose2d"))
    module = load_method(own["checkpoint"])
    made = {"model": file_hash(Path(own["checkpoint"])), "passes": numbers["passes"]}
    made |= {"boxes": file_hash(Path(own["boxes"]))} if "boxes" in own else {}
    for split in splits:
        path = out / f"{split}.npz"
        poses = h80k.read(root, split)
        if path.exists() and own.get("overwrite") != "true":
            _refuse_others(path, load(path).meta.get("projected_with"), made)
            print(f"{path}: there already (overwrite=true predicts anew)")
        else:
            found = predict_frames(module, poses, boxes, device=own.get("device", "auto"), **numbers)
            replace(found, meta={**found.meta, "projected_with": made}).save(path)
        _, cameras = project(poses, load(path))
        print(_summary(str(path), cameras.found, cameras.residual, cameras.relative))
    return 0


def _refuse_others(path: Path, known: object, made: dict[str, object]) -> None:
    if known != made:
        raise UserError(
            f"{path} is of another model, passes or boxes ({known or 'not said which'}, asked for {made}); "
            "overwrite=true predicts anew, out=DIR keeps both"
        )


def _summary(path: str, found: np.ndarray, residual: np.ndarray, relative: np.ndarray) -> str:  # type: ignore[type-arg]
    """One line: how many frames got a camera and how well it fits."""
    if not found.any():
        return f"{path}: {len(found)} frames, no camera fitted (no 3D poses, or predictions without extent)"
    bad = int((relative[found] > SUSPECT).sum())
    return (
        f"{path}: cameras for {int(found.sum())} of {len(found)} frames, residual {np.median(residual[found]):.2f} px "
        f"({100 * np.median(relative[found]):.1f} % of the pose's spread) in the median; {bad} fit badly (over "
        f"{SUSPECT:.0%})"
    )


def _number(found: dict[str, str], key: str, default: int) -> int:
    text = found.get(key, str(default))
    if not text.isdecimal() or int(text) < 1:
        raise UserError(f"posereg data project: {key}={text} is not a whole number above 0")
    return int(text)
