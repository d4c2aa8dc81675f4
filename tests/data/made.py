"""Small data sets made for the tests."""

from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
from pycocotools import mask

from posereg.records.poses import PoseSet
from posereg.skeletons.skeleton import COCO, MPII, Skeleton


def dot(width: int, height: int, x: float, y: float, sigma: float) -> np.ndarray:
    """A Gaussian dot, peak 255, on black; RGB."""
    ys, xs = np.mgrid[:height, :width]
    gray = 255 * np.exp(-((xs - x) ** 2 + (ys - y) ** 2) / (2 * sigma**2))
    return np.repeat(np.round(gray).astype(np.uint8)[..., None], 3, axis=2)


def centroid(image: np.ndarray) -> np.ndarray:
    """Centre of mass (x, y) of the mean channel."""
    gray = image.astype(float).mean(axis=2)
    ys, xs = np.mgrid[: gray.shape[0], : gray.shape[1]]
    return np.array([(gray * xs).sum(), (gray * ys).sum()]) / gray.sum()


def noise_image(path: Path, width: int = 64, height: int = 48, seed: int = 0) -> Path:
    rng = np.random.default_rng(seed)
    image = cv2.GaussianBlur(rng.integers(0, 256, (height, width, 3), dtype=np.uint8), (0, 0), 2)
    path.parent.mkdir(parents=True, exist_ok=True)
    cv2.imwrite(str(path), image)
    return path


def people(root: Path, count: int, seed: int = 0, skeleton: Skeleton = MPII, suffix: str = ".jpg") -> PoseSet:
    """`count` people, one on each of `count` noise images of 64 x 48."""
    rng = np.random.default_rng(seed)
    names = [f"images/{k:03d}{suffix}" for k in range(count)]
    for k, name in enumerate(names):
        noise_image(root / name, seed=k)
    joints = len(skeleton)
    annotations = root / "annotations.txt"
    annotations.write_text("made for tests\n")
    return PoseSet(
        name="made",
        split="train",
        skeleton=skeleton,
        root=root,
        images=tuple(names),
        image_ids=np.arange(count, dtype=np.int64),
        person_image=np.arange(count, dtype=np.int64),
        ids=np.arange(100, 100 + count, dtype=np.int64),
        keypoints=rng.uniform(0, 48, (count, joints, 2)).astype(np.float32),
        visibility=rng.integers(0, 3, (count, joints)).astype(np.uint8),
        boxes=np.tile(np.array([[8, 4, 52, 44]], dtype=np.float32), (count, 1)),
        annotations=annotations,
        extras={"scale": np.full(count, 0.2)},
    )


def crowded(tmp_path, crowd_mask=None):
    """Two images of 64 x 48; three people on the first, a crowd region and nobody else on the second."""
    poses = people(tmp_path, 4, skeleton=COCO)
    codes = np.empty(2, dtype=object)
    codes[:] = [b"", b"" if crowd_mask is None else mask.encode(np.asfortranarray(crowd_mask))["counts"]]
    visibility = poses.visibility.copy()
    visibility[:, 0] = 2
    visibility[3] = 0
    return replace(
        poses,
        images=poses.images[:2],
        image_ids=poses.image_ids[:2],
        person_image=np.array([0, 0, 0, 1]),
        visibility=visibility,
        extras={
            "iscrowd": np.array([False, False, False, True]),
            "bbox": np.array(
                [[0, 0, 20, 10], [0, 0, 60, 40], [0, 0, 30, 30], [5, 5, 9, 9]], dtype=np.float32
            ),
            "area": np.array([100.0, 2000.0, 1024.0, 50.0]),
            "image_size": np.array([[64, 48], [64, 48]]),
            "image_ignore": codes,
        },
    )
