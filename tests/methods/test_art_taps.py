"""Where the regression head looks: the positions drawn are those of the matrices, at the people's centres."""

from dataclasses import replace

import cv2
import numpy as np
import torch

from posereg.data.formats import coco
from posereg.figures import taps as taps_figure
from posereg.methods import art_taps
from posereg.methods.art import BottomUpPose
from posereg.networks.art import ARTNet
from posereg.networks.hrnet import HRNetTrunk
from tiny import data_set

SIZE = 64


def method(adaptive: bool = True) -> BottomUpPose:
    torch.manual_seed(0)
    network = ARTNet(
        HRNetTrunk("hrnet_w18_small"), adaptive=adaptive, init="identity", width=8, regression_width=16
    )
    return BottomUpPose(
        network=network, skeleton="coco", input_size=(SIZE, SIZE), optimizer=torch.optim.Adam
    ).eval()


def test_positions_are_a_stretched_and_turned_grid_about_the_centre():
    art = method()
    # A quarter turn and twice the size: y' = 2 x, x' = -2 y, in cells of four pixels.
    conv = art.network.regression_block.conv1
    conv.transform.bias.data = torch.tensor([0.0, 2.0, -2.0, 0.0])
    keypoints = torch.full((1, 17, 2), 29.5)
    keypoints[0, 5] = 1000.0  # not labelled: no part of the centre
    visibility = torch.full((1, 17), 2)
    visibility[0, 5] = 0
    with torch.inference_mode():
        found = art_taps.sampled(art, torch.zeros(1, 3, SIZE, SIZE), keypoints, visibility)[0]
    center = found[4]
    assert (center - 29.5).abs().max() <= 2  # the middle of the nearest cell
    right = found[5] - center  # the kernel's (0, +1)
    torch.testing.assert_close(right, torch.tensor([0.0, 8.0]), atol=1e-3, rtol=0)
    below = found[7] - center
    torch.testing.assert_close(below, torch.tensor([-8.0, 0.0]), atol=1e-3, rtol=0)


def test_images_with_people_side_by_side(tmp_path):
    poses = coco.read(data_set("coco"), "val2017")
    assert art_taps.draw(method(), poses, tmp_path / "a.png", images=2)
    picture = cv2.imread(str(tmp_path / "a.png"))
    sides = [taps_figure.SIDE + taps_figure.GAP, 0]
    assert picture.shape[0] <= taps_figure.SIDE
    assert sides[0] <= picture.shape[1] <= 2 * sides[0]
    assert not art_taps.draw(method(adaptive=False), poses, tmp_path / "b.png")
    nobody = replace(poses, visibility=np.zeros_like(poses.visibility))
    assert not art_taps.draw(method(), nobody, tmp_path / "b.png")
    assert not (tmp_path / "b.png").exists()
