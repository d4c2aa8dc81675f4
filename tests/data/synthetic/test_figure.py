"""A dressed person: the solids lie on the body, are covered by what the appearance says, and hide what is behind."""

from dataclasses import replace

import numpy as np
import pytest

from posereg.data.synthetic import textures
from posereg.data.synthetic.body import forward, sample_build
from posereg.data.synthetic.camera import frame, look_at
from posereg.data.synthetic.figure import SUIT, Appearance, draw, sample_appearance, solids, suit
from posereg.data.synthetic.shapes import FAR, Ellipsoid, Light, canvas

BUILD = sample_build(np.random.default_rng(3))
POSE = forward(BUILD, {})
SIDE = 192
JOINTS = ("head", "thorax", "torso", "pelvis", *(
    f"{side}_{part}" for side in ("left", "right") for part in ("elbow", "wrist", "knee", "ankle")
))  # fmt: skip


def seen_from(azimuth: float):
    camera = look_at(POSE.at("pelvis"), azimuth, 0.0, 6000.0)
    return frame(camera, POSE.joints, (SIDE, SIDE), 0.85, (0.5, 0.5))


def drawn(appearance: Appearance, azimuth: float = 0.0, owner: int = 1):
    on = canvas(np.zeros((SIDE, SIDE, 3), np.float32), Light(np.array([0.0, 0.0, -1.0]), 1.0, 0.0))
    camera = seen_from(azimuth)
    draw(on, solids(POSE, BUILD, appearance, camera), camera, owner)
    return on, camera


def appearance(seed: int = 0, **changes) -> Appearance:
    return replace(sample_appearance(np.random.default_rng(seed), BUILD), **changes)


@pytest.mark.parametrize("azimuth", [0.0, 70.0, 180.0])
def test_every_joint_lies_on_the_drawn_person(azimuth):
    on, camera = drawn(appearance(), azimuth, owner=4)
    assert set(np.unique(on.owner)) == {0, 4}
    for name in JOINTS:
        x, y = np.round(camera.to_pixels(POSE.at(name))).astype(int)
        assert on.owner[y, x] == 4, name
    assert (on.depth[on.owner == 4] < FAR).all()
    assert (on.depth[on.owner == 0] == FAR).all()
    assert 0.03 < (on.owner == 4).mean() < 0.5


@pytest.mark.parametrize(("leg", "covered"), [(2.0, True), (0.2, False)])
def test_trousers_cover_what_they_say(leg, covered):
    red, skin = np.array([255.0, 0, 0], np.float32), np.array([0.0, 255, 0], np.float32)
    on, camera = drawn(
        appearance(
            bottom=np.broadcast_to(red, (64, 96, 3)).copy(), tone=skin, leg=leg, skirt=False, loose=1.0
        )
    )
    shin = (POSE.at("left_knee") + POSE.at("left_ankle")) / 2
    x, y = np.round(camera.to_pixels(shin)).astype(int)
    assert (on.image[y, x].argmax() == 0) == covered


def test_the_nearer_leg_hides_the_other_from_the_side():
    on, camera = drawn(appearance(skirt=False), azimuth=90.0)
    near, far = sorted(("left_knee", "right_knee"), key=lambda n: camera.to_camera(POSE.at(n))[2])
    x, y = np.round(camera.to_pixels(POSE.at(near))).astype(int)
    depth = camera.to_camera(POSE.at(near))[2]
    assert abs(on.depth[y, x] - depth) < 150
    assert on.depth[y, x] < camera.to_camera(POSE.at(far))[2]


def test_hair_follows_its_style():
    camera = seen_from(0.0)
    count = {
        style: sum(
            isinstance(part, Ellipsoid) for part in solids(POSE, BUILD, appearance(hair_style=style), camera)
        )
        for style in ("bald", "short", "long", "cap")
    }
    assert count["bald"] + 1 == count["short"]
    assert count["cap"] == count["short"] + 2
    assert count["long"] == count["short"] - 1  # one mass of hair more, no ears


def test_the_same_seed_is_the_same_person_and_values_stay_in_range():
    one, again = appearance(5), appearance(5)
    assert all(np.array_equal(getattr(one, name), getattr(again, name)) for name in vars(one))
    many = [sample_appearance(np.random.default_rng(seed), BUILD) for seed in range(40)]
    assert {each.hair_style for each in many} > {"short"}
    assert all(0 <= each.sleeve <= 2 and 0.2 <= each.leg <= 2 and 1 <= each.loose <= 1.18 for each in many)
    assert len(textures.HAIR) > 1
    assert len({tuple(np.round(each.hair, 3)) for each in many}) > 10


@pytest.mark.parametrize("azimuth", [0.0, 180.0])
def test_a_suit_tells_left_from_right_wherever_one_looks_from(azimuth):
    on, camera = drawn(suit(np.random.default_rng(0)), azimuth)
    colours = np.array(list(SUIT.values()), float)
    for name, part, near in (("elbow", "forearm", "wrist"), ("knee", "shin", "ankle")):
        for side in ("left", "right"):
            middle = (POSE.at(f"{side}_{name}") + POSE.at(f"{side}_{near}")) / 2
            x, y = np.rint(camera.to_pixels(middle)).astype(int)
            pixel = on.image[y, x] / np.linalg.norm(on.image[y, x])
            likest = np.argmax(colours @ pixel / np.linalg.norm(colours, axis=1))
            assert list(SUIT)[likest] == f"{side}_{part}"
