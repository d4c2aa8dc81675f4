"""Left and right in joint names."""

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from posereg.errors import UserError
from posereg.skeletons.sides import find_pairs, named_pairs
from posereg.skeletons.skeleton import Skeleton, names, skeleton

WAYS = [
    ("left_ear", "right_ear"), ("Left ear", "Right ear"), ("leftEar", "rightEar"), ("L_ear", "R_ear"),
    ("l_ear", "r_ear"), ("L-ear", "R-ear"), ("LEar", "REar"), ("ear.L", "ear.R"), ("ear_l", "ear_r"),
    ("ear_left", "ear_right"), ("earLeft", "earRight"), ("earL", "earR"), ("leftear", "rightear"),
    ("earleft", "earright"), ("front_left_paw", "front_right_paw"), ("frontLeftPaw", "frontRightPaw"),
    ("front_L_paw", "front_R_paw"), ("EAR_LEFT", "EAR_RIGHT"), ("L1", "R1"),
]  # fmt: skip


@pytest.mark.parametrize(("left", "right"), WAYS)
def test_every_way_to_write_a_side(left, right):
    assert find_pairs(["nose", right, left]) == ((2, 1),)
    assert find_pairs([left, "nose", right]) == ((0, 2),)


@pytest.mark.parametrize(
    "name", ["Rear", "upright", "bright_spot", "leftover", "tail", "lower_lip", "LED", "nose1"]
)
def test_a_name_that_only_contains_the_letters_is_no_side(name):
    assert find_pairs([name, "nose"]) == ()


@pytest.mark.parametrize(
    ("name", "partner"),
    [("L_ear", "R_ear"), ("earRight", "earLeft"), ("left_ear", "right_ear"), ("ear.R", "ear.L")],
)
def test_a_side_without_its_partner_is_an_error_that_shows_both(name, partner):
    with pytest.raises(UserError, match=rf"mouse: '{name}' looks like one side.*'{partner}'"):
        find_pairs(["nose", name], "mouse")


def test_two_possible_partners_are_an_error():
    with pytest.raises(UserError, match="may be"):
        find_pairs(["left_paw_l", "right_paw_l", "left_paw_r", "right_paw_r"])


def test_a_rule_of_the_users():
    joints = ["sin_ear", "nose", "dex_ear"]
    assert named_pairs(joints, {"left": "sin_", "right": "dex_"}, "mouse") == ((0, 2),)
    with pytest.raises(UserError, match="'dex_eye' belongs to 'sin_eye'"):
        named_pairs([*joints, "dex_eye"], {"left": "sin_", "right": "dex_"}, "mouse")
    with pytest.raises(UserError, match="no joint has 'kiri'"):
        named_pairs(joints, {"left": "kiri", "right": "kanan"}, "mouse")


def check_flip(joints: Skeleton) -> None:
    """A mirror image of a mirror image is the picture itself, and left and right are as many."""
    assert np.array_equal(joints.flip[joints.flip], np.arange(len(joints)))
    assert joints.sides.count("left") == joints.sides.count("right") == len(joints.flip_pairs)
    for k, side in enumerate(joints.sides):
        other = {"left": "right", "right": "left", "": ""}[side]
        assert joints.sides[int(joints.flip[k])] == other
        assert (joints.flip[k] == k) == (side == "")


@pytest.mark.parametrize("name", names())
def test_flips_of_the_shipped_skeletons(name):
    check_flip(skeleton(name))
    assert skeleton(name).flip_pairs


STEMS = st.lists(st.from_regex(r"[a-km-qs-z][a-z]{2,8}", fullmatch=True), unique=True, min_size=1, max_size=8)
SIDES = st.sampled_from([("left", "right"), ("L", "R"), ("l", "r"), ("Left", "Right")])
FORMS = st.sampled_from(["{}_x", "x_{}", "x.{}", "{}-x"])


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(STEMS, STEMS, FORMS, SIDES, st.randoms())
def test_flips_of_any_skeleton(paired, single, form, sides, random):
    paired = [stem for stem in paired if not stem.endswith(("left", "right"))]
    single = [stem for stem in single if not stem.endswith(("left", "right"))]
    joints = [form.replace("x", stem).format(side) for stem in paired for side in sides]
    joints += [stem for stem in single if stem not in joints]
    random.shuffle(joints)
    if not joints:
        return
    made = Skeleton("any", tuple(joints), limbs=())
    check_flip(made)
    assert len(made.flip_pairs) == len(paired)
    index = {name: k for k, name in enumerate(joints)}
    for stem in paired:
        left, right = (index[form.replace("x", stem).format(side)] for side in sides)
        assert made.flip[left] == right
        assert (made.sides[left], made.sides[right]) == ("left", "right")
