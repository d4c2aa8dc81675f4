"""Annotations of any form that own data may have, written in any other: COCO-style JSON, DeepLabCut's table, a
YOLO-pose folder, SLEAP's labels.

What is read is what training would see: who is left out of a data set is left out here too, and counted. Tables and
SLEAP's labels do not tell occluded joints from visible ones.
"""

from __future__ import annotations

import csv
import os
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path

import cv2
import numpy as np

from posereg.data.formats import own, own_init, own_slp
from posereg.data.samples import frames, jpeg
from posereg.errors import UserError
from posereg.files import whole_file, write_json, write_text
from posereg.records.poses import PoseSet

SHARES = {"train": 0.8, "val": 0.2}


def everybody(
    annotations: Path,
    images: Path | None = None,
    category: str | None = None,
    joints: Sequence[str] | None = None,
) -> PoseSet:
    """All animals of an annotation file, of whatever split.

    Args:
        images: the folder of pictures; else they are looked for from the annotation file's own.
        category, joints: as in `own_init.describe`.

    Raises:
        UserError: annotations that cannot be used.
    """
    described = own_init.describe(annotations, category, joints)
    root = Path(os.path.commonpath([annotations.resolve().parent, (images or annotations.parent).resolve()]))
    source = {**described["source"], "annotations": annotations.resolve().relative_to(root).as_posix()}
    if images is not None:
        source["images"] = images.resolve().relative_to(root).as_posix()
    if source["format"] == "yolo-pose":
        source.pop("splits", None)
    else:
        source["splits"] = {"all": 1.0}
    skeleton = {"name": annotations.stem, **described["skeleton"]}
    return own.read(root, "all", name=annotations.stem, skeleton=skeleton, source=source)


def writer_of(path: Path) -> Callable[[PoseSet, Path], None]:
    """How a file of that name is written: .json, .csv, .slp, or a folder for YOLO.

    Raises:
        UserError: another ending.
    """
    writers = {".json": write_coco, ".csv": write_csv, ".slp": write_slp, "": write_yolo}
    if path.suffix.lower() not in writers:
        raise UserError(
            f"to={path}: must end in .json (COCO), .csv (DeepLabCut) or .slp (SLEAP), or be a folder (YOLO)"
        )
    return writers[path.suffix.lower()]


def write_coco(poses: PoseSet, path: Path) -> None:
    """COCO-style JSON of one category; areas where they are known."""
    names, skeleton = _names(poses, path.parent), poses.skeleton
    images = []
    for number, name in enumerate(names):
        size = jpeg.header_size(poses.root / poses.images[number]) or ()
        images.append(
            {"id": number + 1, "file_name": name, **dict(zip(("width", "height"), size, strict=False))}
        )
    people = []
    for row in range(len(poses)):
        seen = poses.visibility[row]
        points = np.column_stack([poses.keypoints[row].astype(np.float64), seen])
        area = float(np.asarray(poses.extras["area"], np.float64)[row])
        people.append(
            {
                "id": row + 1,
                "image_id": int(poses.person_image[row]) + 1,
                "category_id": 1,
                "iscrowd": 0,
                "bbox": np.asarray(poses.extras["bbox"], np.float64)[row].tolist(),
                **({"area": area} if np.isfinite(area) else {}),
                "num_keypoints": int((seen > 0).sum()),
                "keypoints": points.ravel().tolist(),
            }
        )
    limbs = [[a + 1, b + 1] for a, b in skeleton.limbs]
    category = {"id": 1, "name": skeleton.name, "keypoints": list(skeleton.joints), "skeleton": limbs}
    write_json(path, {"images": images, "annotations": people, "categories": [category]})


def write_csv(poses: PoseSet, path: Path) -> None:
    """DeepLabCut's table; with a line `individuals` where a picture shows several."""
    names, joints = _names(poses, path.parent), poses.skeleton.joints
    on = [np.flatnonzero(poses.person_image == image) for image in range(len(names))]
    most = max((len(rows) for rows in on), default=1) or 1
    columns = [(f"animal{k + 1}", joint, part) for k in range(most) for joint in joints for part in "xy"]
    heads = [["scorer", *("posereg" for _ in columns)]]
    heads += [["individuals", *(column[0] for column in columns)]] if most > 1 else []
    heads += [
        ["bodyparts", *(column[1] for column in columns)],
        ["coords", *(column[2] for column in columns)],
    ]
    with whole_file(path) as temporary, open(temporary, "w", encoding="utf-8", newline="") as file:
        out = csv.writer(file, lineterminator="\n")
        out.writerows(heads)
        for name, rows in zip(names, on, strict=True):
            cells: list[str] = []
            for row in rows:
                for point, seen in zip(poses.keypoints[row].tolist(), poses.visibility[row], strict=True):
                    cells += map(repr, point) if seen else ("", "")
            out.writerow([name, *cells, *[""] * (len(columns) - len(cells))])


def write_slp(poses: PoseSet, path: Path) -> None:
    """SLEAP's labels: frames of their videos, and all pictures as one list."""
    sio = own_slp.library()
    names = poses.skeleton.joints
    edges, mirrored = [(names[a], names[b]) for a, b in poses.skeleton.limbs], poses.skeleton.flip_pairs
    skeleton = sio.Skeleton(
        nodes=list(names),
        edges=edges or [(names[0], names[-1])],  # SLEAP cannot save a skeleton without any
        symmetries=[(names[a], names[b]) for a, b in mirrored],
        name=poses.skeleton.name,
    )
    places = [str(poses.root / image) for image in poses.images]
    stills = [place for place in places if frames.named(place) is None]
    listed = sio.Video.from_filename(stills) if stills else None
    films = {frame.video: sio.Video.from_filename(frame.video) for p in places if (frame := frames.named(p))}
    labelled = []
    for image, place in enumerate(places):
        points = [
            np.where(poses.visibility[row][:, None] > 0, poses.keypoints[row], np.nan)
            for row in np.flatnonzero(poses.person_image == image)
        ]
        frame = frames.named(place)
        video, number = (films[frame.video], frame.number) if frame else (listed, stills.index(place))
        instances = [sio.Instance.from_numpy(one, skeleton=skeleton) for one in points]
        labelled.append(sio.LabeledFrame(video=video, frame_idx=number, instances=instances))
    labels = sio.Labels(
        labelled, videos=[*films.values(), *([listed] if listed else [])], skeletons=[skeleton]
    )
    with whole_file(path) as temporary:
        sio.save_slp(labels, str(temporary), verbose=False)


def write_yolo(poses: PoseSet, folder: Path) -> None:
    """A YOLO-pose folder with copies of the pictures, a fifth of them in its split val.

    Raises:
        UserError: a folder that holds something, a picture that is not there, or two that would have one name.
    """
    if folder.exists() and any(folder.iterdir()):
        raise UserError(f"to={folder}: is there already and holds something")
    above = os.path.commonpath([os.path.dirname(image) for image in poses.images]) if poses.images else ""
    flat = [
        os.path.relpath(image, above or ".").replace(os.sep, "_").replace("#", "_") for image in poses.images
    ]
    films = [frames.named(image) is not None for image in poses.images]
    flat = [f"{name}.png" if film else name for name, film in zip(flat, films, strict=True)]
    if len({Path(name).stem for name in flat}) < len(flat):
        raise UserError(f"to={folder}: two pictures would have one label file; give them different names")
    for split, rows in own.divided(poses.images, poses.root, SHARES, 0).items():
        for kind in ("images", "labels"):
            (folder / kind / split).mkdir(parents=True, exist_ok=True)
        for image in rows:
            picture = poses.root / poses.images[image]
            pixels = jpeg.read(picture).pixels
            if frames.named(picture) is None:
                shutil.copy(picture, folder / "images" / split / flat[image])
            else:
                cv2.imwrite(
                    str(folder / "images" / split / flat[image]), cv2.cvtColor(pixels, cv2.COLOR_RGBA2BGR)
                )
            here = np.flatnonzero(poses.person_image == image).tolist()
            lines = [_yolo_line(poses, row, pixels.shape) for row in here]
            write_text((folder / "labels" / split / flat[image]).with_suffix(".txt"), "".join(lines))
    import yaml

    joints = len(poses.skeleton)
    described = {
        "train": "images/train",
        "val": "images/val",
        "kpt_shape": [joints, 3],
        "kpt_names": {0: list(poses.skeleton.joints)},
        "flip_idx": poses.skeleton.flip.tolist(),
        "names": {0: poses.skeleton.name},
    }
    write_text(folder / "data.yaml", yaml.safe_dump(described, sort_keys=False, default_flow_style=None))


def _yolo_line(poses: PoseSet, row: int, shape: Sequence[int]) -> str:
    height, width = shape[:2]
    x, y, w, h = np.asarray(poses.extras["bbox"], np.float64)[row].tolist()
    points = np.column_stack([poses.keypoints[row] / np.array([width, height]), poses.visibility[row]])
    box = ((x + w / 2) / width, (y + h / 2) / height, w / width, h / height)
    return " ".join(["0", *(f"{value:.9g}" for value in (*box, *points.ravel()))]) + "\n"


def _names(poses: PoseSet, folder: Path) -> list[str]:
    """The pictures' paths from the folder of the file that names them."""
    return [Path(os.path.relpath(poses.root / image, folder.resolve())).as_posix() for image in poses.images]
