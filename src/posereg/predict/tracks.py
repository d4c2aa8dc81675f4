"""People of a video told apart from frame to frame, by how alike their poses are, and their joints smoothed.

Poses are matched by object keypoint similarity, as Xiao et al. do in *Simple Baselines for Human Pose Estimation and
Tracking* (ECCV 2018, section 3.3, without optical flow): nothing beside the poses themselves is looked at.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

from posereg.predict.journal import Entry
from posereg.predict.one_euro import OneEuro

Array = NDArray[np.float64]

NEAR = 0.2  # of a pose's size: the distance at which a joint counts 0.6, twice OKS's sigma of a hip
ALIKE = 0.3  # the least similarity of the same person in two frames
LOST = 1.0  # seconds after which a person who is not seen is forgotten
RAW = "unsmoothed"


@dataclass
class Track:
    """A person who was seen.

    Attributes:
        pose: (K, 2) where, in the last frame that shows them. time: that frame's, in seconds.
    """

    number: int
    pose: Array
    time: float
    smoother: OneEuro | None


class Tracks:
    """Numbers the people of a video's entries, in the order of its frames.

    Everything it knows comes from the entries that it was shown, so a prediction that was cut off shows the entries
    of before again and goes on as if nothing had happened.
    """

    def __init__(self, smooth: bool) -> None:
        self._smooth = smooth
        self._tracks: list[Track] = []
        self._next = 0

    def follow(self, entry: Entry) -> Entry:
        """The entry with an `id` for each person; smoothed, `keypoints` are and `unsmoothed` says what they were."""
        people = entry["people"]
        raw = [person.get(RAW, person["keypoints"]) for person in people]
        time = float(entry["time"])
        self._tracks = [track for track in self._tracks if time - track.time <= LOST]
        poses = [np.array(list(points.values()), np.float64)[:, :2] for points in raw]
        tracks = self._matched(poses, time)
        numbered = []
        for person, points, pose, track in zip(people, raw, poses, tracks, strict=True):
            told = {"id": track.number, **person}
            if track.smoother is not None:
                moved = track.smoother(pose, time, size_of(pose)).tolist()
                smooth = {
                    name: [round(x, 2), round(y, 2), score]
                    for (name, (*_, score)), (x, y) in zip(points.items(), moved, strict=True)
                }
                told |= {"keypoints": smooth, RAW: points}
            numbered.append(told)
        return {**entry, "people": numbered}

    def _matched(self, poses: Sequence[Array], time: float) -> list[Track]:
        """The track of each pose: the most alike ones, each at most once; a new one where none is alike enough."""
        alike = np.array([[similarity(track.pose, pose) for track in self._tracks] for pose in poses])
        found: dict[int, Track] = {}
        if alike.size:
            rows, columns = linear_sum_assignment(alike, maximize=True)
            pairs = zip(rows.tolist(), columns.tolist(), strict=True)
            found = {row: self._tracks[column] for row, column in pairs if alike[row, column] >= ALIKE}
        return [self._seen(found.get(row), pose, time) for row, pose in enumerate(poses)]

    def _seen(self, track: Track | None, pose: Array, time: float) -> Track:
        if track is None:
            track = Track(self._next, pose, time, OneEuro() if self._smooth else None)
            self._tracks.append(track)
            self._next += 1
        track.pose, track.time = pose, time
        return track


def similarity(first: Array, second: Array) -> float:
    """Of two poses (K, 2): 1 for the same, towards 0 the farther their joints are apart, measured by their size."""
    size = max(size_of(first), size_of(second))
    distance: Array = ((first - second) ** 2).sum(1)
    return float(np.exp(-distance / (2 * (NEAR * size) ** 2)).mean())


def size_of(pose: Array) -> float:
    """Of a pose (K, 2), in pixels: the root of its box's area, at least a tenth of the longer side."""
    sides = np.ptp(pose, axis=0)
    longer = float(sides.max())
    return max(float(np.sqrt(sides.prod())), longer / 10, 1.0)
