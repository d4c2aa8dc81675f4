"""Several splits of one data set as one, e.g. train and val as trainval."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from posereg.records.poses import PoseSet


def together(split: str, parts: Sequence[PoseSet]) -> PoseSet:
    """The people of several splits behind one another. Ids that occur in several parts go on from the first's.

    Args:
        split: what the whole is called.
        parts: of one data set: the same root, skeleton and columns.
    """
    first = parts[0]
    images, people, start = [first.image_ids], [first.ids], len(first.images)
    rows = [first.person_image]
    for part in parts[1:]:
        images.append(_apart(np.concatenate(images), part.image_ids))
        people.append(_apart(np.concatenate(people), part.ids))
        rows.append(part.person_image + start)
        start += len(part.images)
    return replace(
        first,
        split=split,
        images=tuple(name for part in parts for name in part.images),
        image_ids=np.concatenate(images),
        person_image=np.concatenate(rows),
        ids=np.concatenate(people),
        keypoints=np.concatenate([part.keypoints for part in parts]),
        visibility=np.concatenate([part.visibility for part in parts]),
        boxes=np.concatenate([part.boxes for part in parts]),
        extras={name: np.concatenate([part.extras[name] for part in parts]) for name in first.extras},
        left_out=all_left_out(parts),
        marks_occlusion=all(part.marks_occlusion for part in parts),
        more_annotations=tuple(part.annotations for part in parts[1:]),
    )


def all_left_out(parts: Sequence[PoseSet]) -> dict[str, Sequence[str]]:
    """What the readers of several sets left out, by reason."""
    reasons = dict.fromkeys(reason for part in parts for reason in part.left_out)
    return {
        reason: tuple(who for part in parts for who in part.left_out.get(reason, ())) for reason in reasons
    }


def _apart(taken: NDArray[np.int64], ids: NDArray[np.int64]) -> NDArray[np.int64]:
    """The ids as they are, or moved behind those taken where one occurs twice."""
    return ids if not np.isin(ids, taken).any() else ids + int(taken.max()) + 1 - min(0, int(ids.min()))
