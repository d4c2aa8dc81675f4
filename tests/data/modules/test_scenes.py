from dataclasses import replace

import numpy as np
import pytest
from pycocotools import mask

from data.made import crowded
from posereg.codecs.art import encode
from posereg.data.formats import coco
from posereg.data.modules.scenes import BottomUpData
from posereg.data.samples.crop import inverse
from posereg.data.samples.scenes import SceneAugment
from posereg.data.sources.source import Source
from posereg.errors import UserError
from posereg.geometry.affine import transform
from shared import shared


def source(poses):
    def reader(root, split, annotations=None, everyone=False):
        assert everyone
        return replace(poses, split=split)

    return Source("made", "coco", reader, evaluate=lambda p, q: None, root=poses.root)


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
    assert len(data.people_loader("train")) == 1
    with pytest.raises(UserError, match="1 images with labelled people do not fill"):
        BottomUpData(source(crowded(tmp_path)), (64, 64), batch_size=2).train_dataloader()


def test_limit_draws_images(tmp_path):
    found = BottomUpData(source(crowded(tmp_path)), limit_val=1, seed=1).poses("valid")
    assert len(found.images) == 1


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
