"""Drawn skeletons: the sides have their colours, whatever the joints are called."""

import numpy as np

from posereg.geometry.drawing import LEFT, MIDDLE, RIGHT, draw_skeleton, limb_color, side_color
from posereg.skeletons.skeleton import COCO, Skeleton

MOUSE = Skeleton("mouse", ("nose", "L_ear", "R_ear", "tail"), ((0, 1), (0, 2), (0, 3), (1, 2)))


def test_colours_follow_the_sides():
    assert [side_color(MOUSE, k) for k in range(4)] == [MIDDLE, LEFT, RIGHT, MIDDLE]
    assert [limb_color(MOUSE, a, b) for a, b in MOUSE.limbs] == [LEFT, RIGHT, MIDDLE, MIDDLE]
    assert side_color(COCO, COCO.joints.index("left_wrist")) == LEFT
    own = Skeleton("own", ("nose", "L_ear", "R_ear"), (), colors={"L_ear": (1, 2, 3)})
    assert [side_color(own, k) for k in range(3)] == [MIDDLE, (1, 2, 3), RIGHT]


def test_a_joint_is_drawn_where_it_is_in_its_colour():
    points = np.array([[20, 20], [60, 20], [20, 60], [np.nan, 0]], float)
    drawn = draw_skeleton(np.zeros((80, 80, 3), np.uint8), points, np.array([2, 2, 2, 2]), MOUSE)
    assert tuple(drawn[20, 60]) == LEFT
    assert tuple(drawn[60, 20]) == RIGHT
