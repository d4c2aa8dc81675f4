"""Pictures of a mouse with twelve points, and their annotations in COCO's form, made for tests."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import yaml

from posereg.data.formats import own
from posereg.records.poses import PoseSet
from posereg.settings import own_data

HERE = Path(__file__).parent
JOINTS: list[str] = yaml.safe_load((HERE / "mouse.yaml").read_text())["skeleton"]["joints"]
# The animal, nose up: across and along, in body lengths.
SHAPE = np.array([
    (0, -0.5), (-0.1, -0.4), (0.1, -0.4), (0, -0.3), (-0.15, -0.2), (0.15, -0.2), (0, 0), (-0.15, 0.2), (0.15, 0.2),
    (0, 0.3), (0.05, 0.45), (0, 0.6),
])  # fmt: skip


def mice(folder: Path, images: int = 60, seed: int = 0) -> dict[str, Any]:
    """Write `mouse.yaml`, `mouse.json` and `pictures/`; gives the annotations."""
    rng = np.random.default_rng(seed)
    (folder / "pictures").mkdir(parents=True)
    shutil.copy(HERE / "mouse.yaml", folder)
    content: dict[str, Any] = {
        "images": [],
        "annotations": [],
        "categories": [{"id": 1, "name": "mouse", "keypoints": JOINTS}],
    }
    for number in range(images):
        angle, size = rng.uniform(-0.6, 0.6), rng.uniform(40, 60)
        turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
        points = SHAPE @ turn.T * size + rng.uniform(50, 70, 2)
        picture = np.full((120, 128, 3), 200, np.uint8)
        for x, y in points:
            cv2.circle(picture, (round(x), round(y)), 5, (60, 60, 60), -1)
        cv2.imwrite(str(folder / f"pictures/{number:03}.png"), picture)
        low, extent = points.min(0), np.ptp(points, axis=0)
        content["images"].append({"id": number, "file_name": f"{number:03}.png", "width": 128, "height": 120})
        content["annotations"].append(
            {
                "id": number + 100,
                "image_id": number,
                "category_id": 1,
                "bbox": [*low, *extent],
                "keypoints": [float(v) for x, y in points for v in (x, y, 2)],
            }
        )
    (folder / "mouse.json").write_text(json.dumps(content))
    return content


def names_of(content: dict[str, Any]) -> list[str]:
    """The joints' names, in the file's order."""
    return list(content["categories"][0]["keypoints"])


def as_csv(folder: Path, content: dict[str, Any], individuals: bool = False) -> None:
    """The annotations as DeepLabCut's table, `mouse.csv`."""
    columns = [(joint, part) for joint in names_of(content) for part in "xy"]
    lines = [["scorer", *("me" for _ in columns)]]
    lines += [["individuals", *("mouse1" for _ in columns)]] if individuals else []
    lines += [["bodyparts", *(joint for joint, _ in columns)], ["coords", *(part for _, part in columns)]]
    names = {image["id"]: image["file_name"] for image in content["images"]}
    for one in content["annotations"]:
        points = np.reshape(one["keypoints"], (12, 3))[:, :2]
        lines.append([f"pictures/{names[one['image_id']]}", *map(repr, points.ravel().tolist())])
    (folder / "mouse.csv").write_text("".join(",".join(line) + "\n" for line in lines))


def as_yolo(folder: Path, content: dict[str, Any], train: int, named: bool = False) -> None:
    """The annotations as a YOLO-pose folder, `yolo/`, the first `train` pictures in its split train, with
    the joints' names if `named`."""
    for number, one in enumerate(content["annotations"]):
        split, name = "train" if number < train else "val", content["images"][number]["file_name"]
        for kind in ("images", "labels"):
            (folder / "yolo" / kind / split).mkdir(parents=True, exist_ok=True)
        shutil.copy(folder / "pictures" / name, folder / "yolo/images" / split)
        x, y, w, h = one["bbox"]
        box = [(x + w / 2) / 128, (y + h / 2) / 120, w / 128, h / 120]
        points = np.reshape(one["keypoints"], (12, 3)) / (128, 120, 1)
        words = " ".join(f"{float(v)}" for v in (*box, *points.ravel()))
        (folder / "yolo/labels" / split / name).with_suffix(".txt").write_text(f"0 {words}\n")
    described = {"train": "images/train", "val": "images/val", "kpt_shape": [12, 3], "names": {0: "mouse"}}
    described |= {"kpt_names": names_of(content)} if named else {}
    (folder / "yolo/data.yaml").write_text(yaml.safe_dump(described))


def as_slp(folder: Path, content: dict[str, Any]) -> None:
    """The annotations as SLEAP's file, `mouse.slp`, of one list of pictures."""
    import sleap_io as sio

    skeleton = sio.Skeleton(nodes=names_of(content), edges=[("nose", "neck")], name="mouse")
    names = [str(folder / "pictures" / image["file_name"]) for image in content["images"]]
    video = sio.Video.from_filename(names)
    frames = [
        sio.LabeledFrame(video=video, frame_idx=number, instances=[instance(one["keypoints"], skeleton)])
        for number, one in enumerate(content["annotations"])
    ]
    sio.save_slp(
        sio.Labels(frames, videos=[video], skeletons=[skeleton]), str(folder / "mouse.slp"), verbose=False
    )


def instance(keypoints: list[float], skeleton: Any) -> Any:
    """One animal as SLEAP has it."""
    import sleap_io as sio

    points = np.reshape(keypoints, (-1, 3))
    return sio.Instance.from_numpy(np.where(points[:, 2:] > 0, points[:, :2], np.nan), skeleton=skeleton)


def mouse_set(folder: Path, images: int, split: str = "all", /, **source: Any) -> PoseSet:
    """The people that the reader makes of fresh mice, or of the files that are there."""
    if not (folder / "mouse.json").exists():
        mice(folder, images)
    described = own_data.read(folder / "mouse.yaml")
    given = {**described["source"], "splits": {"all": 1.0}, **source}
    return own.read(
        folder, split, name="mouse", skeleton={"name": "mouse", **described["skeleton"]}, source=given
    )
