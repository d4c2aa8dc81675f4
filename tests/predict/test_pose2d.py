"""2D poses of frames: what each pass looks at. The network answers with the brightest place."""

from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose
from torch import Tensor, nn

from data.made import dot, people
from posereg.errors import UserError
from posereg.methods.integral import IntegralPose
from posereg.predict.pose2d import predict_frames
from posereg.skeletons.skeleton import MPII

PLACES = [(20.0, 14.0), (33.0, 30.0), (45.0, 20.0)]


class Bright(nn.Module):
    """Every joint at the bright dot, the first four 6 px about it, in the picture's own brightness."""

    def forward(self, images: Tensor) -> list[Tensor]:
        gray = images.mean(1, keepdim=True)
        maps = nn.functional.avg_pool2d(gray, 2)
        shifts = [(0, 3), (0, -3), (3, 0), (-3, 0)]
        moved = [torch.roll(maps, shift, dims=(2, 3)) for shift in shifts]
        return [torch.cat([*moved, *[maps] * 12], dim=1)]


@pytest.fixture
def frames(tmp_path: Path):
    poses = people(tmp_path, 3)
    for k, (x, y) in enumerate(PLACES):
        cv2.imwrite(str(poses.image_path(k)), dot(64, 48, x, y, 1.5))
    poses.boxes[:] = [-0.5, -0.5, 63.5, 47.5]
    return poses


@pytest.fixture
def method() -> IntegralPose:
    return IntegralPose(network=Bright(), skeleton="mpii", input_size=(64, 64), optimizer=torch.optim.SGD,
                        decode="argmax").eval()  # type: ignore[arg-type] # fmt: skip


def test_joints_of_the_models_skeleton_in_image_pixels(frames, method) -> None:
    found = predict_frames(method, frames, passes=1, device="cpu")
    assert found.keypoints.shape == (3, len(MPII), 2)
    assert found.meta["skeleton"] == "mpii"
    assert_allclose(found.keypoints[:, 10], PLACES, atol=1.5)
    assert found.ids.tolist() == frames.ids.tolist()


def test_further_passes_look_closer(frames, method, monkeypatch) -> None:
    looked = []
    from posereg.predict import pose2d

    original = pose2d.predict
    monkeypatch.setattr(
        pose2d, "predict", lambda m, p, *rest: looked.append(p.boxes) or original(m, p, *rest)
    )
    found = predict_frames(method, frames, passes=2, device="cpu")
    assert_allclose(looked[0], frames.boxes)
    # Joints 6 px to either side, a quarter more.
    assert_allclose(looked[1][:, 2] - looked[1][:, 0], 15, atol=3)
    assert_allclose((looked[1][:, :2] + looked[1][:, 2:]) / 2, PLACES, atol=1.5)
    coarse = predict_frames(method, frames, passes=1, device="cpu")
    gap = np.abs(found.keypoints[:, 10] - PLACES).mean()
    assert gap <= np.abs(coarse.keypoints[:, 10] - PLACES).mean()


def test_a_detectors_box_is_taken_instead(frames, method, monkeypatch) -> None:
    looked = []
    from posereg.predict import pose2d

    monkeypatch.setattr(pose2d, "predict", lambda m, p, *rest: looked.append(p.boxes))
    with pytest.raises(AttributeError):  # there is no answer to go on with
        predict_frames(method, frames, {"001.jpg": [[0, 0, 10, 10], [20, 20, 40, 30]]}, 1, device="cpu")
    assert_allclose(looked[0][0], frames.boxes[0])
    assert_allclose(looked[0][1], [19, 19.5, 41, 30.5])  # the larger, 1.1 times


def test_mistakes(frames, method) -> None:
    with pytest.raises(UserError, match="passes=0"):
        predict_frames(method, frames, passes=0)
    with pytest.raises(UserError, match="none of the frames"):
        predict_frames(method, frames, {"other.jpg": [[0, 0, 1, 1]]})


def test_frames_of_one_name_cannot_share_a_box(frames, method) -> None:
    images = ("a/000.jpg", "b/000.jpg", "b/001.jpg")
    twice = replace(frames, images=images)
    with pytest.raises(UserError, match=r"2 of the images are called 000.jpg"):
        predict_frames(method, twice, {"000.jpg": [[0, 0, 10, 10]]})


def test_a_frame_that_cannot_be_decoded_is_an_error_and_not_another_frame(frames, method) -> None:
    frames.image_path(1).write_bytes(b"no picture")
    with pytest.raises(UserError, match=r"001.jpg: not an image"):
        predict_frames(method, frames, passes=1, device="cpu")
    frames.image_path(1).unlink()
    with pytest.raises(UserError, match=r"001.jpg: image is not there"):
        predict_frames(method, frames, passes=1, device="cpu")
