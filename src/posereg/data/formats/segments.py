"""Segmentations of COCO files, looked at before pycocotools sees them: it crashes the process on some that are odd."""

from __future__ import annotations

from typing import Any

import numpy as np

from posereg.records.coco_columns import FARTHEST

Json = dict[str, Any]


def codes(segmentation: Any, height: Any, width: Any) -> tuple[bool, list[Json]]:
    """Whether all of a segmentation can be used, and the run-length codes of the part that can.

    Args:
        segmentation: polygons `[[x, y, x, y, ...], ...]`, or a run-length code `{"size": [height, width], "counts":
            ...}` with the counts as a list or compressed; nothing at all is sound too.
        height, width: of the picture.
    """
    from pycocotools import mask

    if not segmentation and segmentation != "":
        return True, []
    if not all(isinstance(side, int) and 0 < side < 2**15 for side in (height, width)):
        return False, []
    if isinstance(segmentation, dict):
        code = _run_lengths(segmentation, height, width)
        return code is not None, [code] if code else []
    polygons = [one for one in segmentation if _is_polygon(one)] if isinstance(segmentation, list) else []
    found: list[Json] = mask.frPyObjects(polygons, height, width) if polygons else []
    return bool(polygons) and len(polygons) == len(segmentation), found


def _is_polygon(points: Any) -> bool:
    if not isinstance(points, list) or len(points) < 6 or len(points) % 2:
        return False
    return all(isinstance(v, int | float) and abs(v) < FARTHEST for v in points)


def _run_lengths(segmentation: Json, height: int, width: int) -> Json | None:
    """The compressed code of a run-length code that fits the picture, else None."""
    from pycocotools import mask

    counts = segmentation.get("counts")
    if segmentation.get("size") != [height, width]:
        return None
    if isinstance(counts, list):
        fits = all(isinstance(v, int) and v >= 0 for v in counts) and sum(counts) == height * width
        return (
            dict(mask.frPyObjects({"size": [height, width], "counts": counts}, height, width))
            if fits
            else None
        )
    if not isinstance(counts, str | bytes):
        return None
    data = counts.encode("ascii", "replace") if isinstance(counts, str) else counts
    runs = _decoded(data)
    if runs is None or min(runs, default=-1) < 0 or sum(runs) != height * width:
        return None
    return {"size": [height, width], "counts": data}


def _decoded(code: bytes) -> list[int] | None:
    """The run lengths of COCO's compressed text: six bits a character, five of them number; from the third run on
    the difference to the last but one. None where the text ends within a number or has other characters."""
    runs: list[int] = []
    value = shift = 0
    for character in np.frombuffer(code, np.uint8).astype(int) - 48:
        if not 0 <= character < 64 or shift > 30:
            return None
        value |= int(character & 31) << shift
        shift += 5
        if character & 32:
            continue
        if character & 16:
            value -= 1 << shift
        runs.append(value + runs[-2] if len(runs) > 2 else value)
        value = shift = 0
    return None if shift else runs
