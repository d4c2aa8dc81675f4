"""Pose sets that were read before, kept whole until something changes that they were read from.

For annotations of gigabytes, which take longer to hash than to read what came of them: what is kept goes by size and
times of every file and folder that was looked at, and by posereg's code. The folder may be deleted at any time.
"""

from __future__ import annotations

import hashlib
import json
import os
import time
import zipfile
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from posereg.errors import UserError
from posereg.files import whole_file
from posereg.records import columns_cache
from posereg.records.poses import PoseSet
from posereg.settings.places import cache_folder
from posereg.settings.remembered import code
from posereg.skeletons.skeleton import Skeleton

SETTLED = 2.0  # seconds: the coarsest clock of a file system; what changed later may change again unseen
COLUMNS = ("image_ids", "person_image", "ids", "keypoints", "visibility", "boxes")
PLAIN = ("category", "joint_order", "levels", "marks_occlusion")
State = list[int] | None
Reading = tuple[
    PoseSet, Iterable[Path]
]  # and every file and folder it depends on, also those that are not there


def read(
    name: str, root: Path, split: str, files: Sequence[Path], skeleton: Skeleton, anew: Callable[[], Reading]
) -> PoseSet:
    """What `anew` reads, or what it read before.

    Args:
        name, root, split, skeleton: of the set.
        files: that are read, the annotations first.

    Raises:
        UserError: as `anew`.
    """
    annotations = files[0]
    if not columns_cache.worth(annotations):
        return anew()[0]
    places = "\n".join(map(os.path.abspath, (root, *files)))
    entry = cache_folder() / "sets" / f"{name}-{split}-{hashlib.sha256(places.encode()).hexdigest()[:24]}.npz"
    if entry.exists():
        try:
            kept = _kept(entry, root, annotations, skeleton)
        except (OSError, ValueError, KeyError, TypeError, zipfile.BadZipFile) as error:
            columns_cache.say(f"{entry}: damaged, so {annotations} is read anew ({error})")
        else:
            if kept is not None:
                return kept
    settled = time.time_ns() - int(SETTLED * 1e9)
    poses, looked_at = anew()
    states = {os.path.abspath(place): _state(place) for place in (*files, *looked_at)}
    if all(max(state[1:]) < settled for state in states.values() if state):
        try:
            with whole_file(entry, durable=False) as temporary:
                _save(temporary, poses, states)
        except UserError as error:
            columns_cache.say(f"{annotations}: will be read anew next time ({error})")
    return poses


def _state(place: Path | str) -> State:
    """Size and times of change of a file or folder; None where there is none."""
    try:
        found = os.stat(place)
    except OSError:
        return None
    return [found.st_size, found.st_mtime_ns, found.st_ctime_ns]


def _save(path: Path, poses: PoseSet, states: dict[str, State]) -> None:
    about = {
        "code": code(),
        "states": states,
        "name": poses.name,
        "split": poses.split,
        "left_out": {reason: list(who) for reason, who in poses.left_out.items()},
        **{name: getattr(poses, name) for name in PLAIN},
    }
    columns = {name: getattr(poses, name) for name in COLUMNS}
    extras = {f"extras/{name}": column for name, column in poses.extras.items()}
    texts = {"about": json.dumps(about), "images": "\0".join(poses.images)}
    written = {
        name: np.frombuffer(text.encode("utf-8", "surrogatepass"), np.uint8) for name, text in texts.items()
    }
    np.savez(path, **written, **columns, **extras, allow_pickle=False)


def _kept(entry: Path, root: Path, annotations: Path, skeleton: Skeleton) -> PoseSet | None:
    """None where posereg's code or something that was looked at has changed.

    Raises:
        OSError, BadZipFile, ValueError, KeyError, TypeError: damaged, or not what was kept.
    """
    with np.load(entry, allow_pickle=False) as archive:
        about: dict[str, Any] = json.loads(_text(archive["about"]))
        if about["code"] != code() or any(_state(place) != state for place, state in about["states"].items()):
            return None
        images = _text(archive["images"])
        return PoseSet(
            name=about["name"],
            split=about["split"],
            skeleton=skeleton,
            root=root,
            images=tuple(images.split("\0")) if images else (),
            annotations=annotations,
            left_out={reason: tuple(who) for reason, who in about["left_out"].items()},
            category=about["category"],
            joint_order=about["joint_order"] and tuple(about["joint_order"]),
            levels=about["levels"] and tuple(about["levels"]),
            marks_occlusion=about["marks_occlusion"],
            extras={
                name.removeprefix("extras/"): archive[name]
                for name in archive.files
                if name.startswith("extras/")
            },
            **{name: archive[name] for name in COLUMNS},
        )


def _text(encoded: np.ndarray[Any, np.dtype[np.uint8]]) -> str:
    return encoded.tobytes().decode("utf-8", "surrogatepass")
