import json
import math

import numpy as np
import pytest
import torch

from posereg.data.formats import coco
from posereg.data.sources.subset import keep_images
from posereg.errors import UserError
from posereg.methods.art import BottomUpPose
from posereg.networks.art import ARTNet
from posereg.networks.hrnet import HRNetTrunk
from posereg.predict.predictor import predict, read_boxes
from shared import shared


@pytest.fixture
def pictures():
    """Three real pictures of different sizes."""
    people = coco.read(shared("data/coco"), "val2017", everyone=True)
    return keep_images(people, np.arange(len(people.images)) < 3)


def untrained(center_threshold):
    torch.manual_seed(0)
    return BottomUpPose(
        network=ARTNet(HRNetTrunk("hrnet_w18_small"), regression_width=32),
        skeleton="coco",
        input_size=(128, 128),
        optimizer=torch.optim.Adam,
        grouping={"center_threshold": center_threshold},
    )


def test_poses_are_in_the_pixels_of_each_picture(pictures):
    """An untrained network's proposals lie about their own cells: all over the picture, and not beyond."""
    found = predict(untrained(-1.0), pictures, device="cpu")
    assert set(found.image_ids.tolist()) == set(pictures.image_ids.tolist())
    assert found.keypoints.shape[1:] == (17, 2)
    for image_id, size in zip(pictures.image_ids, pictures.extras["image_size"], strict=True):
        middles = found.keypoints[found.image_ids == image_id].mean(1)
        assert (middles > -120).all()  # the input is padded to a multiple of 64
        assert (middles < size + 120).all()
        assert (np.ptp(middles, axis=0) > 0.3 * size).all()


def test_nobody_found_is_no_error(pictures):
    assert len(predict(untrained(9.0), pictures, device="cpu")) == 0


def test_boxes_go_by_the_name_behind_any_folder(tmp_path):
    names = ["a.jpg", "x/b.jpg", "C:\\photos\\c.jpg"]
    (tmp_path / "b.json").write_text(json.dumps([{"image": name, "bbox": [1, 2, 4, 6]} for name in names]))
    assert read_boxes(tmp_path / "b.json") == {
        name: [[0.5, 1.5, 4.5, 7.5]] for name in ("a.jpg", "b.jpg", "c.jpg")
    }


@pytest.mark.parametrize("bad", [math.nan, math.inf, 1e30, None, "x", [1]])
@pytest.mark.parametrize("at", range(4))
def test_boxes_of_no_place_are_refused(tmp_path, bad, at):
    box = [1, 2, 4, 6]
    box[at] = bad
    (tmp_path / "b.json").write_text(json.dumps([{"image": "a.jpg", "bbox": box}]))
    with pytest.raises(UserError, match=r"b.json: .*entry 0"):
        read_boxes(tmp_path / "b.json")
