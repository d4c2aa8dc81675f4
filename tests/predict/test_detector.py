"""A detector that is known by heart, and a real torchvision one with random weights through the command."""

import json
import urllib.error

import numpy as np
import pytest
import torch
from torchvision import models

from data.made import noise_image
from posereg.cli.program import invoke
from posereg.data.formats import coco, detections
from posereg.errors import UserError
from posereg.predict.detector import Picture, detect, load_detector
from posereg.predict.predictor import read_boxes
from tiny import data_set


def seen(images):
    """Two people, a cat, a person too faint and one without width; the image's width is told in the first box."""
    return [
        {
            "boxes": torch.tensor(
                [[1.0, 2, image.shape[2], 30], [4, 5, 8, 9], [0, 0, 5, 5], [2, 2, 4, 4], [3, 3, 3, 9]]
            ),
            "labels": torch.tensor([1, 1, 17, 1, 1]),
            "scores": torch.tensor([0.6, 0.9, 0.99, 0.1, 0.8]),
        }
        for image in images
    ]


def test_people_above_the_score_best_first(tmp_path):
    pictures = [Picture(noise_image(tmp_path / f"{k}.png", width=64 - k), f"{k}.png", k) for k in range(3)]
    found = list(detect(seen, pictures, min_score=0.5, batch_size=2))
    assert [row["image_id"] for row in found] == [0, 0, 1, 1, 2, 2]
    assert found[2] == {"image": "1.png", "image_id": 1, "category_id": 1, "bbox": [4, 5, 4, 4], "score": 0.9}
    assert [row["bbox"] for row in found[1::2]] == [[1, 2, 63 - k, 28] for k in range(3)]


def test_pixels_reach_the_detector_as_rgb_in_0_to_1(tmp_path):
    import cv2

    blue = np.zeros((4, 6, 3), np.uint8)
    blue[..., 0] = 255  # OpenCV writes BGR
    cv2.imwrite(str(tmp_path / "blue.png"), blue)

    def look(images):
        assert images[0].shape == (3, 4, 6)
        assert images[0].amax((1, 2)).tolist() == [0, 0, 1]
        return seen(images)

    assert len(list(detect(look, [Picture(tmp_path / "blue.png", "blue.png", 7)]))) == 3


def test_the_file_serves_predict_and_the_coco_reader(tmp_path):
    torch.manual_seed(0)
    model = models.get_model("ssdlite320_mobilenet_v3_large", weights=None, weights_backbone=None)
    for block in model.head.classification_head.module_list:
        block[1].bias.data.view(-1, 91)[:, 1] += 3  # without training no category stands out
    torch.save(model.state_dict(), tmp_path / "weights.pth")
    root, out = data_set("coco"), tmp_path / "boxes.json"
    invoke(["detect", 
            "data=synthetic_coco", f"data.root={root}", f"out={out}", "detector=ssdlite320_mobilenet_v3_large",
            f"weights={tmp_path / 'weights.pth'}", "min_score=0.001", "device=cpu",
        ]
    )  # fmt: skip
    rows = json.loads(out.read_text())
    poses = coco.read(root, "val2017")
    found = detections.detected(poses, out)
    assert len(found) == len(rows) > 0
    np.testing.assert_allclose(found.extras["box_score"], [row["score"] for row in rows])
    names = [found.images[k] for k in found.person_image]
    assert names == [row["image"] for row in rows]
    bbox = found.extras["bbox"]
    size = poses.extras["image_size"][found.person_image]
    assert (bbox[:, :2] >= 0).all()
    assert (bbox[:, :2] + bbox[:, 2:] <= size + 0.05).all()
    assert sum(map(len, read_boxes(out).values())) == len(rows)


def test_both_ways_out_without_network_or_file(monkeypatch, tmp_path):
    def offline(*_, **__):
        raise urllib.error.URLError("no route")

    monkeypatch.setattr("torch.hub.download_url_to_file", offline)
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    with pytest.raises(UserError, match=r"network.*weights=FILE") as told:
        load_detector("ssdlite320_mobilenet_v3_large")
    assert "\n" not in str(told.value)


def test_mistakes_name_what_to_do(tmp_path):
    with pytest.raises(UserError, match="fasterrcnn_resnet50_fpn'"):
        load_detector("fasterrcnn_resnet50_fp")
    torch.save({"other": torch.zeros(1)}, tmp_path / "foreign.pth")
    with pytest.raises(UserError, match=r"foreign.pth does not fit detector ssdlite"):
        load_detector("ssdlite320_mobilenet_v3_large", str(tmp_path / "foreign.pth"))
    with pytest.raises(UserError, match="no such file"):
        load_detector("ssdlite320_mobilenet_v3_large", str(tmp_path / "gone.pth"))
    with pytest.raises(UserError, match="source="):
        invoke(["detect", "out=x.json"])
