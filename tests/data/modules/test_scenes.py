from dataclasses import replace

import cv2
import numpy as np
import pytest
from pycocotools import mask

from data.made import centroid, dot, people
from posereg.codecs.art import encode
from posereg.data.formats import coco
from posereg.data.modules.scenes import BottomUpData
from posereg.data.samples.crop import inverse
from posereg.data.samples.scenes import SceneAugment, SceneDataset, ignore_mask
from posereg.data.sources.source import Source
from posereg.errors import UserError
from posereg.geometry.affine import transform
from posereg.skeletons.skeleton import COCO
from shared import shared


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


def source(poses):
    def reader(root, split, annotations=None, everyone=False):
        assert everyone
        return replace(poses, split=split)

    return Source("made", "coco", reader, evaluate=lambda p, q: None, root=poses.root)


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


def test_test_images_come_whole_with_the_short_side_given(tmp_path):
    data = BottomUpData(source(crowded(tmp_path)), (96, 96))
    batches = list(data.val_dataloader())
    assert [b["index"].tolist() for b in batches] == [[0], [1]]
    image = batches[0]["image"]
    assert tuple(image.shape) == (1, 128, 192, 3)  # 48 -> 128 (96 to a multiple of 64), 64 -> 171 -> 192
    matrix = inverse(batches[0]["to_image"][0].numpy().astype(float))
    corners = transform(np.array([[-0.5, -0.5], [63.5, 47.5]]), matrix)
    assert corners[0, 1] == pytest.approx(-0.5, abs=1e-3)
    assert corners[1, 1] == pytest.approx(127.5, abs=1e-3)
    assert corners[:, 0].sum() == pytest.approx(191, abs=1e-3)


def test_training_skips_images_without_labelled_people(tmp_path):
    data = BottomUpData(source(crowded(tmp_path)), (64, 64), batch_size=1, augment=SceneAugment())
    assert len(data.train_dataloader()) == 1
    assert len(data.val_dataloader()) == 2
    with pytest.raises(UserError, match="1 images with labelled people do not fill"):
        BottomUpData(source(crowded(tmp_path)), (64, 64), batch_size=2).train_dataloader()


def test_limit_draws_images(tmp_path):
    found = BottomUpData(source(crowded(tmp_path)), limit_val=1, seed=1).poses("valid")
    assert len(found.images) == 1


def test_scale_must_be_a_range():
    with pytest.raises(UserError, match=r"augment\.scale"):
        SceneAugment(scale=(2.0, 1.0))


@pytest.mark.parametrize("workers", [0, 2])
def test_real_coco_scenes_make_targets(workers):
    root = shared("data/coco")
    src = Source("coco", "coco", coco.read, None, root, train_split="train2017", val_split="val2017")
    data = BottomUpData(src, (256, 256), batch_size=4, augment=SceneAugment(), workers=workers)
    batch = next(iter(data.train_dataloader()))
    assert tuple(batch["ignore"].shape) == (4, 64, 64)
    targets = encode(batch, (64, 64))
    assert targets.heatmaps.shape == (4, 17, 64, 64)
    assert 0.5 < targets.heatmaps.amax() <= 1


def test_real_coco_ignore_is_the_union_of_crowd_and_unlabelled():
    poses = coco.read(shared("data/coco"), "val", everyone=True)
    unlabelled = (poses.visibility == 0).all(axis=1)
    for row in range(len(poses.images)):
        here = poses.person_image == row
        wanted = (poses.extras["iscrowd"] | unlabelled) & here
        assert bool(poses.extras["image_ignore"][row]) == wanted.any()
        if not wanted.any():
            continue
        width, height = poses.extras["image_size"][row]
        code = {"size": [height, width], "counts": poses.extras["image_ignore"][row]}
        area = mask.area(code)
        areas = poses.extras["area"][wanted]
        assert areas.max() * 0.9 - 50 <= area <= areas.sum() * 1.1 + 50
