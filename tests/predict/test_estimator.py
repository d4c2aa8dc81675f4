"""posereg.load(...).predict(...): poses in image pixels, whatever the images and boxes come as."""

import cv2
import numpy as np
import pytest
import torch

import posereg
from posereg import config as configs
from posereg.build import build_method
from posereg.data.formats import mpii
from posereg.errors import UserError
from posereg.geometry import boxes as box
from posereg.methods.art import BottomUpPose
from posereg.methods.base import PoseModule
from posereg.models import cards
from posereg.networks.art import ARTNet
from posereg.networks.hrnet import HRNetTrunk
from posereg.predict.estimator import Estimator, checked_boxes
from posereg.predict.predictor import predict
from tiny import data_set, overrides


class Marker(PoseModule):
    """Finds the red, the green and the blue spot of a crop: an oracle that needs no training."""

    def __init__(self, size=(64, 64)):
        super().__init__(
            torch.nn.Identity(), {"name": "spots", "joints": ["red", "green", "blue"]}, size, torch.optim.Adam
        )

    def predict(self, images):
        colors = (images * self.std + self.mean).flatten(2)
        rest = colors.sum(1, keepdim=True) - colors
        strength = colors - rest
        score, place = strength.max(2)
        width = images.shape[3]
        return torch.stack([place % width, place // width], dim=2).float(), score


def picture(spots, size=(200, 150)):
    """Black, with a red, a green and a blue disc at these points."""
    image = np.zeros((size[1], size[0], 3), np.uint8)
    for channel, point in enumerate(spots):
        color = [0, 0, 0]
        color[channel] = 255
        cv2.circle(image, point, 4, color, -1)
    return image


SPOTS = [(40, 60), (90, 30), (70, 110)]


@pytest.fixture(scope="module")
def estimator():
    return Estimator(Marker(), "cpu")


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory):
    """An untrained heat-map model."""
    given = overrides("mpii", tmp_path_factory.mktemp("estimator"), "method=H1", "input_scale=0.25")
    plain = configs.plain(configs.compose(given))
    torch.manual_seed(0)
    path = tmp_path_factory.mktemp("estimator") / "last.ckpt"
    torch.save({"state_dict": build_method(plain, weights=False).state_dict(), "posereg_config": plain}, path)
    return path


def test_whole_images_and_boxes_give_points_of_the_image(estimator):
    image = picture(SPOTS)
    keypoints, scores, place = estimator.predict(image)
    assert keypoints.shape == (1, 3, 2)
    assert scores.shape == (1, 3)
    assert place.tolist() == [0]
    np.testing.assert_allclose(
        keypoints[0], SPOTS, atol=6
    )  # an input pixel is 200 / 64 image pixels, a disc 9
    closer = estimator.predict(image, boxes=[[30, 20, 70, 100], [25, 15, 80, 105]])
    assert closer.keypoints.shape == (2, 3, 2)
    for found in closer.keypoints:
        np.testing.assert_allclose(found, SPOTS, atol=5)


def test_a_whole_picture_is_looked_at_from_nearer():
    """Discs of 9 pixels in a picture of which the first look sees every 20th: it places them, the second finds them."""
    spots = [(500, 400), (640, 330), (560, 560)]
    image = picture(spots, (1280, 900))
    image = cv2.dilate(image, np.ones((25, 25), np.uint8))  # to be seen at all
    once = Marker()
    looks = []
    predict_once = once.predict
    once.predict = lambda images: looks.append(len(images)) or predict_once(images)
    found = Estimator(once, "cpu").predict([image, image, image], batch_size=2)
    # The first pixel of a disc counts, so it is off by its radius and by what a pixel covers.
    np.testing.assert_allclose(found.keypoints, np.broadcast_to(spots, (3, 3, 2)), atol=18)
    assert looks == [2, 2, 1, 1]
    boxed = Estimator(Marker(), "cpu").predict(image, [[480, 310, 180, 270]])
    assert np.abs(found.keypoints[0] - boxed.keypoints[0]).max() < 8


def test_a_person_who_fills_the_picture_is_looked_at_once():
    once = Marker()
    looks = []
    predict_once = once.predict
    once.predict = lambda images: looks.append(len(images)) or predict_once(images)
    Estimator(once, "cpu").predict(picture([(8, 75), (192, 80), (100, 140)]))
    assert looks == [1]


def test_a_second_look_that_is_less_sure_does_not_count():
    unsure = Marker()
    predict_once = unsure.predict
    calls = []

    def fading(images):
        points, scores = predict_once(images)
        calls.append(points)
        return points, scores / len(calls)

    unsure.predict = fading
    estimator = Estimator(unsure, "cpu")
    image = picture(SPOTS, (400, 300))
    found = estimator.predict(image)
    assert len(calls) == 2
    (crop,) = estimator.look(0, np.dstack([image, image[..., :1]])).samples
    affine = crop["to_image"]
    np.testing.assert_allclose(found.keypoints[0], calls[0][0] @ affine[:, :2].T + affine[:, 2], atol=1e-3)


@pytest.mark.parametrize("score", [-3.0, 0.0, float("nan")])
def test_scores_that_are_logits_or_none_end_no_prediction(score):
    odd = Marker()
    predict_once = odd.predict
    odd.predict = lambda images: (predict_once(images)[0], torch.full((len(images), 3), score))
    found = Estimator(odd, "cpu").predict(picture(SPOTS, (400, 300)))
    np.testing.assert_allclose(found.keypoints[0], SPOTS, atol=12)


def test_several_images_of_several_sizes_and_people(estimator):
    moved = [(x + 60, y + 20) for x, y in SPOTS]
    images = [picture(SPOTS), picture(moved, (300, 180)), picture(SPOTS)]
    boxes = [[[30, 20, 70, 100]], np.zeros((0, 4)), [[20, 10, 90, 110], [30, 20, 70, 100]]]
    found = estimator.predict(images, boxes, batch_size=2)
    assert found.image.tolist() == [0, 2, 2]
    np.testing.assert_allclose(found.keypoints, np.broadcast_to(SPOTS, (3, 3, 2)), atol=5)
    alone = estimator.predict(images)
    assert alone.image.tolist() == [0, 1, 2]
    np.testing.assert_allclose(alone.keypoints[1], moved, atol=8)


def test_a_model_reads_deep_pictures_as_it_was_trained_to(tmp_path):
    """Twelve bits in sixteen give what eight give; without the levels the spots are all but black."""
    eight = picture(SPOTS)[..., ::-1]
    cv2.imwrite(str(tmp_path / "a.png"), eight.astype(np.uint16) * 16)
    estimator = Estimator(Marker(), "cpu")
    assert estimator.levels is None
    estimator.module.plain_config = {"data": {"reader": {"source": {"levels": [0, 4080]}}}}
    assert estimator.levels == (0, 4080)
    found = estimator.predict(tmp_path / "a.png")
    np.testing.assert_array_equal(found.keypoints, estimator.predict(picture(SPOTS)).keypoints)


def test_nobody_is_an_answer(estimator):
    assert estimator.predict([]).keypoints.shape == (0, 3, 2)
    assert estimator.predict(picture(SPOTS), boxes=[]).scores.shape == (0, 3)


def test_a_file_gives_what_its_pixels_give(estimator, tmp_path):
    cv2.imwrite(str(tmp_path / "a.png"), picture(SPOTS)[..., ::-1])
    file, pixels = estimator.predict(tmp_path / "a.png"), estimator.predict(picture(SPOTS))
    np.testing.assert_array_equal(file.keypoints, pixels.keypoints)
    np.testing.assert_array_equal(file.keypoints, estimator.predict([str(tmp_path / "a.png")]).keypoints)


def test_boxes_give_what_a_data_set_of_them_gives(checkpoint):
    poses = mpii.read(data_set("mpii"), "valid").people(np.arange(4))
    center, size = box.center_size(poses.boxes)
    tight = box.from_center(center, size / box.PADDING)
    model = posereg.load(checkpoint, device="cpu")
    theirs = predict(model.module, poses, device="cpu")
    for k in range(4):
        x1, y1, x2, y2 = tight[k]
        ours = model.predict(poses.image_path(k), boxes=[[x1 + 0.5, y1 + 0.5, x2 - x1, y2 - y1]])
        far = np.abs(ours.keypoints[0] - theirs.keypoints[k])
        assert np.median(far) < 0.5
    assert model.joints == poses.skeleton.joints


def test_a_bottom_up_model_finds_people_and_takes_no_boxes():
    torch.manual_seed(0)
    module = BottomUpPose(
        network=ARTNet(HRNetTrunk("hrnet_w18_small"), regression_width=32), skeleton="coco", input_size=(64, 64),
        optimizer=torch.optim.Adam, grouping={"center_threshold": -1.0},
    )  # fmt: skip
    model = Estimator(module, "cpu")
    found = model.predict([picture(SPOTS), picture(SPOTS, (150, 200))])
    assert set(found.image.tolist()) == {0, 1}
    assert found.keypoints.shape[1:] == (17, 2)
    with pytest.raises(UserError, match="finds the people itself"):
        model.predict(picture(SPOTS), boxes=[[0, 0, 9, 9]])


@pytest.mark.parametrize(
    ("images", "boxes", "message"),
    [
        (np.zeros((5, 5), np.uint8), None, "an RGB array"),
        (np.zeros((5, 5, 3), np.float32), None, "float32"),
        (3.0, None, "iterable|an RGB array"),
        ("no.jpg", None, r"no\.jpg"),
        (picture(SPOTS), [[0, 0, 5]], "of shape 1 x 3"),
        (picture(SPOTS), [[0, 0, 5, 0]], "above 0"),
        (picture(SPOTS), [[0, 0, float("nan"), 4]], "finite"),
        ([picture(SPOTS)], [[], []], "2 lists of boxes for 1 images"),
    ],
)
def test_what_cannot_be_used_is_said(estimator, images, boxes, message):
    with pytest.raises((UserError, TypeError), match=message):
        estimator.predict(images, boxes)


def test_boxes_may_be_anything_that_holds_four_numbers_each():
    assert checked_boxes([(1, 2, 3, 4)]).dtype == np.float32
    assert checked_boxes([]).shape == (0, 4)
    with pytest.raises(UserError, match="not numbers"):
        checked_boxes([["a", 1, 2, 3]])


def test_the_default_is_the_model_that_comes_along(checkpoint, tmp_path, monkeypatch):
    monkeypatch.setattr(cards, "SHIPPED", tmp_path)
    with pytest.raises(UserError, match="no model comes with this copy"):
        posereg.load()
    assert posereg.load(checkpoint, "cpu", flip_test=True).module.flip_test
