"""Whole images with all their people: geometry, ignore masks, what does not fit."""

from dataclasses import replace

import cv2
import numpy as np
import pytest

from data.formats.coco_files import person, write
from data.made import centroid, crowded, dot
from posereg.data.formats import coco
from posereg.data.samples.scenes import SceneAugment, SceneDataset, ignore_mask
from posereg.errors import UserError
from posereg.geometry.affine import transform
from posereg.skeletons.skeleton import COCO


@pytest.mark.parametrize("seed", range(6))
def test_everybody_goes_through_the_image_matrix(tmp_path, seed):
    poses = crowded(tmp_path)
    dataset = SceneDataset(poses, (128, 128), SceneAugment(), seed=seed, max_people=5)
    sample = dataset[(2, 0)]
    assert sample["image"].shape == (128, 128, 3)
    assert sample["person_mask"].tolist() == [True, True, True, False, False]
    back = transform(sample["keypoints"][:3], sample["to_image"].astype(float))
    mirrored = np.linalg.det(sample["to_image"][:, :2]) < 0
    order = COCO.flip if mirrored else np.arange(17)
    labelled = sample["visibility"][:3] > 0
    assert (sample["visibility"][:3] == poses.visibility[:3][:, order]).all()
    assert np.abs(back - poses.keypoints[:3][:, order])[labelled].max() < 1e-3
    scale = abs(np.linalg.det(sample["to_image"][:, :2])) ** -0.5
    assert sample["areas"][:3] == pytest.approx(np.array([200, 2400, 900]) * scale**2, rel=1e-4)
    assert sample["diagonals"][1] == pytest.approx(np.hypot(60, 40) * scale, rel=1e-4)
    assert sample["oks_areas"][:3] == pytest.approx(np.array([100, 2000, 1024]) * scale**2, rel=1e-4)
    assert sample["small"].tolist() == [True, False, False, False, False]


def test_marker_on_the_image_ends_at_its_keypoint(tmp_path):
    x, y = 143.3, 101.8
    picture = dot(300, 200, x, y, 5.0)
    cv2.imwrite(str(tmp_path / "dot.png"), picture)
    poses = crowded(tmp_path)
    keypoints = np.full((4, 17, 2), [x, y], dtype=np.float32)
    poses = replace(
        poses,
        images=("dot.png", "dot.png"),
        keypoints=keypoints,
        extras={**poses.extras, "image_size": np.array([[300, 200], [300, 200]])},
    )
    dataset = SceneDataset(poses, (256, 256), SceneAugment(translation=0.05), seed=1)
    for epoch in range(12):
        sample = dataset[(epoch, 0)]
        assert np.abs(centroid(sample["image"]) - sample["keypoints"][0, 0]).max() < 0.05


def test_ignore_mask_covers_crowd_and_outside_alone(tmp_path):
    region = np.zeros((48, 64), dtype=np.uint8)
    region[8:24, 16:40] = 1
    poses = crowded(tmp_path, region)
    # The image at four times its size in the middle of 320 x 256: 32 pixels of black on every side.
    matrix = np.array([[4.0, 0, 32 + 1.5], [0, 4.0, 32 + 1.5]])
    found = ignore_mask(poses, 1, (64, 48), matrix, (320, 256))
    expected = np.ones((64, 80), dtype=np.uint8)
    expected[8:56, 8:72] = region
    assert (found == expected).all()
    assert ignore_mask(poses, 0, (64, 48), matrix, (320, 256)).sum() == 64 * 80 - 48 * 64


def test_more_people_than_room_keeps_the_largest(tmp_path):
    sample = SceneDataset(crowded(tmp_path), (64, 64), max_people=2)[(0, 0)]
    scale = abs(np.linalg.det(sample["to_image"][:, :2])) ** -0.5
    assert sample["areas"] == pytest.approx(np.array([2400, 900]) * scale**2, rel=1e-4)


def test_scale_must_be_a_range():
    with pytest.raises(UserError, match=r"augment\.scale"):
        SceneAugment(scale=(2.0, 1.0))


@pytest.mark.parametrize("convention", ["center", "corner"])
def test_each_scale_comes_from_the_image_itself(tmp_path, convention):
    """Stripes one pixel wide are there at twice the size, and a dot lies where that of scale 1 does."""
    stripes = np.zeros((200, 300, 3), dtype=np.uint8)
    stripes[:, ::2] = 255
    cv2.imwrite(str(tmp_path / "stripes.png"), stripes)
    cv2.imwrite(str(tmp_path / "dot.png"), dot(300, 200, 143.3, 101.8, 5.0))
    poses = replace(
        crowded(tmp_path),
        images=("stripes.png", "dot.png"),
        extras={"image_size": np.array([[300, 200], [300, 200]])},
    )
    sample = SceneDataset(poses, (128, 128), scales=(0.5, 1.0, 2.0), convention=convention)[(0, 0)]
    sizes = [sample[name].shape[:2] for name in ("image_0.5", "image", "image_2")]
    assert sizes == [(64, 128), (128, 256), (256, 512)]  # rounded up at the smallest scale
    half = 0.5 if convention == "center" else 0.0
    column = (np.arange(200, 300) + half) / 2 - half  # of scale 1, where these of scale 2 lie
    place = transform(np.stack([column, np.full(100, 60.0)], 1), sample["to_image"].astype(float))[:, 0]
    wanted = np.interp(place, np.arange(300), stripes[0, :, 0])
    enlarged = cv2.resize(sample["image"], None, fx=2, fy=2)[120, 200:300, 0]
    assert np.abs(sample["image_2"][120, 200:300, 0] - wanted).max() < 8
    assert np.abs(enlarged - wanted).mean() > 30

    shown = SceneDataset(poses, (128, 128), scales=(0.5, 1.0, 2.0), convention=convention)[(0, 1)]
    place = centroid(shown["image"])
    for scale in (0.5, 2):
        assert centroid(shown[f"image_{scale:g}"]) == pytest.approx((place + half) * scale - half, abs=0.1)


def test_box_centres(tmp_path):
    poses = crowded(tmp_path)
    sample = SceneDataset(poses, (128, 128))[(0, 0)]
    boxes = poses.extras["bbox"][:3]
    back = transform(sample["box_centers"][:3], sample["to_image"].astype(float))
    assert back == pytest.approx(boxes[:, :2] + boxes[:, 2:] / 2, abs=1e-3)


def test_people_without_an_area_bring_that_of_their_box_into_a_batch(tmp_path):
    without = person(4, bbox=(10, 20, 30, 40))
    del without["area"]
    root = write(tmp_path, [without, person(5, area=700.0)])
    cv2.imwrite(str(root / "val2017/000000000001.jpg"), np.zeros((80, 100, 3), np.uint8))
    poses = coco.read(root, "val", everyone=True).on_images(np.array([True, False, False]))
    assert np.isnan(poses.extras["area"][0])
    sample = SceneDataset(poses, (64, 64), SceneAugment(0, (1, 1), 0, 0))[0, 0]
    assert np.isfinite(sample["oks_areas"]).all()
    assert sample["oks_areas"][1] / sample["oks_areas"][0] == pytest.approx(700 / (30 * 40), rel=1e-5)
