"""The JSON file beside an exported model."""

from export.models import build
from posereg.export.card import card
from posereg.export.parity import Parity

PARITY = Parity(1e-5, {"scores": 1e-7}, 112, 0)


def test_a_crop_models_card() -> None:
    said = card(build("R1", "input_size=[96,128]"), "onnx", "fp32", "uint8", PARITY)
    assert said["input"]["shape"] == ["N", 128, 96, 3]
    assert list(said["outputs"]) == ["keypoints", "scores"]
    assert len(said["joints"]) == 16
    assert "1.25" in said["crop"]
    assert said["parity"] == {"keypoints_px": 1e-5, "scores": 1e-7, "keypoints_compared": 112, "ties": 0}


def test_depth_is_said_of_3d_models() -> None:
    assert "depth" in card(build("volume"), "onnx", "fp32", "uint8", PARITY)["outputs"]["keypoints"]


def test_a_bottom_up_models_card() -> None:
    said = card(build("art"), "onnx", "fp32", "uint8", PARITY)
    assert said["input"]["shape"] == ["N", "32 n", "32 m", 3]
    assert (list(said["outputs"]), said["crop"]) == (["heatmaps", "centers", "poses"], None)
