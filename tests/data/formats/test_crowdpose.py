"""CrowdPose: who is kept, areas, and the published counts."""

import json

import numpy as np
import pytest

from posereg.data.formats import crowdpose
from posereg.geometry.boxes import center_size
from shared import shared


def test_real_crowdpose_counts():
    """The counts of docs/papers/data_and_metrics.md#crowdpose and #crowding."""
    everyone = crowdpose.read(shared("data/crowdpose"), "val", everyone=True)
    assert len(everyone) == 8527
    assert len(everyone.images) == 2000
    assert everyone.extras["iscrowd"].sum() == 106
    assert (everyone.extras["num_keypoints"] == 0).sum() == 1453
    index = everyone.extras["image_crowd_index"]
    assert np.histogram(index, [0, 0.2, 0.8, 10])[0].tolist() == [411, 1240, 349]
    first = json.loads((shared("data/crowdpose") / "crowdpose_val.json").read_text())["annotations"][0]
    assert everyone.extras["area"][0] == pytest.approx(0.53 * first["bbox"][2] * first["bbox"][3])


def test_crowdpose_crops_have_labels_and_boxes():
    found = crowdpose.read(shared("data/crowdpose"), "val")
    assert (found.visibility > 0).any(axis=1).all()
    assert not found.extras["iscrowd"].any()
    center, _ = center_size(found.boxes)
    size = found.extras["image_size"][found.person_image]
    assert ((center >= 0) & (center < size)).all()
    assert found.skeleton.joints[12] == "head_top"


def crowd_file(root, *people):
    """Three people as CrowdPose writes them: no areas, no segmentations, a flat folder of images."""
    rows = [
        {"id": k, "image_id": 1, "category_id": 1, "iscrowd": int(crowd), "num_keypoints": joints,
         "keypoints": [10, 20, 2] * joints + [0] * 3 * (14 - joints), "bbox": [10, 20, 30, 40]}
        for k, (joints, crowd) in enumerate(people)
    ]  # fmt: skip
    image = {"id": 1, "file_name": "1.jpg", "width": 100, "height": 80, "crowdIndex": 0.25}
    (root / "images").mkdir()
    (root / "crowdpose_val.json").write_text(json.dumps({"images": [image], "annotations": rows}))
    return root


def test_who_is_trained_on_and_who_is_scored(tmp_path):
    root = crowd_file(tmp_path, (14, False), (3, False), (0, False), (0, True))
    assert crowdpose.read(root, "val").ids.tolist() == [0, 1]
    assert crowdpose.read(root, "val", min_keypoints=4).ids.tolist() == [0]
    everyone = crowdpose.read(root, "val", everyone=True)
    assert everyone.ids.tolist() == [0, 1, 2, 3]
    assert everyone.images == ("images/1.jpg",)
    assert everyone.extras["image_crowd_index"].tolist() == [0.25]
    assert everyone.extras["area"].tolist() == pytest.approx([0.53 * 30 * 40] * 4)


def test_boxes_are_padded_about_the_clipped_box(tmp_path):
    center, size = center_size(crowdpose.read(crowd_file(tmp_path, (14, False)), "val").boxes)
    assert center.tolist() == [[24.5, 39.5]]
    assert size.tolist() == [[29 * 1.25, 39 * 1.25]]
