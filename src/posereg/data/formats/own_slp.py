"""SLEAP's label files (.slp), as COCO-style content: a category a skeleton, a picture a labelled frame.

Read by sleap-io (pip install 'posereg[sleap]'). Coordinates count pixel centres from 0 in it, as here.
"""

from __future__ import annotations

from pathlib import Path
from types import ModuleType
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from posereg.data.formats.own_csv import box_about
from posereg.errors import UserError
from posereg.files import reading

Json = dict[str, Any]


def library() -> ModuleType:
    """sleap-io.

    Raises:
        UserError: it is not installed.
    """
    try:
        import sleap_io
    except ImportError as error:
        raise UserError("SLEAP's .slp files need sleap-io: pip install 'posereg[sleap]'") from error
    module: ModuleType = sleap_io
    return module


def labels_of(path: Path) -> Any:
    """The file's `sleap_io.Labels`, its videos not opened.

    Raises:
        UserError: no sleap-io, no such file, or another kind.
    """
    sleap_io = library()
    with reading(path, "SLEAP's labels"):
        if not path.is_file():
            raise FileNotFoundError(path)
        return sleap_io.load_slp(path, open_videos=False)


def load(path: Path) -> Json:
    """A label file as COCO-style content. Boxes lie about the joints; what SLEAP predicted is marked `predicted`.

    Raises:
        UserError: as `labels_of`, or pictures that lie inside the file.
    """
    labels = labels_of(path)
    skeletons = list(labels.skeletons)
    images, annotations = [], []
    for frame in labels.labeled_frames:
        name = picture_name(frame, path)
        images.append({"id": name, "file_name": name})
        for number, one in enumerate(frame.instances, 1):
            points: NDArray[np.float64] = np.asarray(one.numpy(), np.float64)
            known = np.isfinite(points).all(axis=1, keepdims=True)
            keypoints = np.concatenate([np.where(known, points, 0), np.where(known, 2, 0)], axis=1)
            annotations.append(
                {
                    "id": f"{name}, instance {number}",
                    "image_id": name,
                    "category_id": skeletons.index(one.skeleton),
                    "bbox": box_about(points),
                    "keypoints": keypoints.ravel().tolist(),
                    "predicted": hasattr(one, "score"),
                }
            )
    categories = [
        {"id": k, "name": name_of(one, k), "keypoints": [node.name for node in one.nodes]}
        for k, one in enumerate(skeletons)
    ]
    return {"images": images, "annotations": annotations, "categories": categories}


def unpacked(path: Path, folder: Path) -> Path:
    """A label file that holds its pictures itself as pictures and labels.slp in `folder`; gives that file, or one that
    does not hold them as it is.

    Raises:
        UserError: as `labels_of`, or the folder holds something.
    """
    sleap_io = library()
    if not any((video.backend_metadata or {}).get("has_embedded_images") for video in labels_of(path).videos):
        return path
    if folder.exists() and any(folder.iterdir()):
        raise UserError(
            f"{folder}: is there already and holds something; the pictures of {path} would go there"
        )
    folder.mkdir(parents=True, exist_ok=True)
    with reading(path, "SLEAP's labels"):
        labels = sleap_io.load_slp(path)
        files, found = [], []
        for number, frame in enumerate(labels.labeled_frames):
            files.append(str(folder / f"{number:06}.png"))
            image = np.asarray(frame.image)
            cv2.imwrite(files[-1], cv2.cvtColor(image, cv2.COLOR_RGB2BGR) if image.shape[-1] == 3 else image)
        video = sleap_io.Video.from_filename(files)
        for number, frame in enumerate(labels.labeled_frames):
            found.append(sleap_io.LabeledFrame(video=video, frame_idx=number, instances=frame.instances))
        made = sleap_io.Labels(found, videos=[video], skeletons=labels.skeletons)
        sleap_io.save_slp(made, str(folder / "labels.slp"), verbose=False)
    return folder / "labels.slp"


def name_of(skeleton: Any, number: int) -> str:
    """What the category of a skeleton is called."""
    return str(skeleton.name or f"skeleton-{number}")


def picture_name(frame: Any, path: Path) -> str:
    """The picture of a labelled frame: its file in a list of pictures, else `video.mp4#frame`.

    Raises:
        UserError: it lies inside the label file.
    """
    video = frame.video
    if isinstance(video.filename, list):
        return str(video.filename[frame.frame_idx])
    if (video.backend_metadata or {}).get("has_embedded_images"):
        raise UserError(
            f"{path}: holds its pictures itself; take them out: posereg data convert from={path.name} to=labels.json"
        )
    return f"{video.filename}#{frame.frame_idx}"
