"""The official MPII annotations, `mpii_human_pose_v1_u12_1.mat`, with all its irregularities.

A rectangle may lack scale, objpos or joints; `is_visible` is absent, empty, a character or a number; one
rectangle or joint is a structure where several are an array; `single_person` holds 1-based numbers, one
number or nothing. Test images have no joints.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from posereg.data.formats import matfile
from posereg.data.formats.mpii_lists import HEAD_PER_SCALE, HEAD_SHARE, People, read_h5
from posereg.errors import UserError
from posereg.files import reading


def is_official(path: Path) -> bool:
    """Whether a MATLAB file is the official release rather than `gt_valid.mat`.

    Raises:
        UserError: missing, truncated or no MATLAB file.
    """
    return "RELEASE" in matfile.names(path)


def read_official(path: Path, split: str) -> People:
    """The people of one split, in the file's order.

    `trainval` is every person with joints, scale and centre on a training image (about 29k). `train` and `valid`
    are the standard split, defined by `train.h5` and `valid.h5` beside the file. `test` is the
    people of the single-person lists of test images.

    Raises:
        UserError: train or valid without the .h5 that defines it.
    """
    with reading(path, "the official MPII annotations"):
        return _read_release(path, split)


def _read_release(path: Path, split: str) -> People:
    options = {"struct_as_record": False, "squeeze_me": True, "variable_names": "RELEASE"}
    release = matfile.load(path, **options)["RELEASE"]
    training = np.atleast_1d(release.img_train)
    if split in ("train", "valid"):
        listed = path.with_name(f"{split}.h5")
        if not listed.exists():
            raise UserError(
                f"{path}: the split '{split}' is defined by {listed.name}; put it beside, or use split trainval"
            )
        order = read_h5(listed)
        wanted = list(zip(order.annolist.tolist(), order.annorect.tolist(), strict=True))
    elif split == "test":
        wanted = [
            (image, number - 1)
            for image, numbers in enumerate(np.atleast_1d(release.single_person))
            if not training[image]
            for number in np.atleast_1d(numbers).astype(int).tolist()
        ]
    else:
        wanted = [
            (image, k)
            for image in np.flatnonzero(training).tolist()
            for k in _annotated(release.annolist, image)
        ]
    return _collect(np.atleast_1d(release.annolist), wanted)


def _annotated(annolist: Any, image: int) -> Iterator[int]:
    for k, rect in enumerate(_structures(np.atleast_1d(annolist)[image].annorect)):
        if _points(rect) and _number(rect, "scale") > 0 and _center(rect) is not None:
            yield k


def _collect(annolist: NDArray[Any], wanted: list[tuple[int, int]]) -> People:
    count = len(wanted)
    joints = np.zeros((count, 16, 2))
    annotated, visible = np.zeros((count, 16), dtype=bool), np.zeros((count, 16), dtype=bool)
    center, scale = np.full((count, 2), np.nan), np.full(count, np.nan)
    head_box = np.full((count, 4), np.nan)
    names, keep = [], np.ones(count, dtype=bool)
    rects: dict[int, list[Any]] = {}
    for row, (image, k) in enumerate(wanted):
        if image not in rects:
            rects[image] = _structures(annolist[image].annorect)
        names.append(str(annolist[image].image.name))
        rect = rects[image][k] if k < len(rects[image]) else None
        middle = _center(rect)
        scale[row] = _number(rect, "scale")
        if middle is None or not scale[row] > 0:
            keep[row] = False
            continue
        center[row] = middle
        head_box[row] = [_number(rect, name) for name in ("x1", "y1", "x2", "y2")]
        for point in _points(rect):
            joint = int(_number(point, "id"))
            joints[row, joint] = _number(point, "x"), _number(point, "y")
            annotated[row, joint] = True
            visible[row, joint] = _is_visible(point)
    index = np.array(wanted, dtype=np.int64).reshape(-1, 2)
    diagonal = np.linalg.norm(head_box[:, 2:] - head_box[:, :2], axis=1)
    head_size = np.where(np.isnan(diagonal), HEAD_PER_SCALE * scale, HEAD_SHARE * diagonal)
    people = People(
        names, joints, annotated, visible, center, scale, head_box, index[:, 0], index[:, 1], head_size
    )
    return people if keep.all() else people.rows(keep)


def _structures(value: Any) -> list[Any]:
    """The structures of a field that is one structure, an array of them, or empty."""
    return [item for item in np.atleast_1d(value).ravel().tolist() if hasattr(item, "_fieldnames")]


def _points(rect: Any) -> list[Any]:
    return _structures(getattr(getattr(rect, "annopoints", None), "point", ()))


def _center(rect: Any) -> tuple[float, float] | None:
    position = getattr(rect, "objpos", None)
    x, y = _number(position, "x"), _number(position, "y")
    return None if np.isnan(x) or np.isnan(y) else (x, y)


def _number(item: Any, field: str) -> float:
    """A numeric field, NaN where absent or empty."""
    value = np.asarray(getattr(item, field, ()))
    return float(value.ravel()[0]) if value.size and value.dtype.kind in "biuf" else float("nan")


def _is_visible(point: Any) -> bool:
    """1, '1' or True; absent, empty, 0 and '0' are not."""
    value = np.asarray(getattr(point, "is_visible", ())).ravel()
    return bool(value.size) and str(value[0]).strip() in ("1", "1.0", "True")
