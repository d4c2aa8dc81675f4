import numpy as np
import pytest

from posereg.data.synthetic.body import INDEX
from posereg.data.synthetic.scene import HIDDEN, OUTSIDE, SEEN, Setting, plain, render

SETTING = Setting(size=(128, 128))
SCENES = [render(11, k, SETTING) for k in range(60)]
PEOPLE = [(scene, person) for scene in SCENES for person in scene.people]


def test_a_picture_is_a_function_of_seed_and_index():
    again = render(11, 7, SETTING)
    assert np.array_equal(again.image, SCENES[7].image)
    assert np.array_equal(again.people[0].joints, SCENES[7].people[0].joints)
    assert not np.array_equal(render(12, 7, SETTING).image, SCENES[7].image)
    assert not np.array_equal(SCENES[8].image, SCENES[7].image)


def test_pixels_are_the_projection_of_the_3d_joints():
    for scene, person in PEOPLE:
        x, y, z = person.xyz.T
        ahead = z > 100
        pixels = np.stack([x / z, y / z], axis=1) * scene.camera.focal + [scene.camera.cx, scene.camera.cy]
        assert person.joints[ahead] == pytest.approx(pixels[ahead])


def test_flags_agree_with_the_picture():
    for _, person in PEOPLE:
        inside = ((np.rint(person.joints) >= 0) & (np.rint(person.joints) < 128)).all(axis=1) & (
            person.xyz[:, 2] > 100
        )
        assert np.array_equal(person.flags != OUTSIDE, inside)


def test_seen_limb_joints_lie_on_their_person_and_hidden_ones_exist():
    on_person, hidden = [], 0
    names = [
        f"{s}_{j}" for s in ("left", "right") for j in ("shoulder", "elbow", "wrist", "hip", "knee", "ankle")
    ]
    for _, person in PEOPLE:
        for k in (INDEX[name] for name in names):
            x, y = np.rint(person.joints[k]).astype(int)
            if person.flags[k] == SEEN:
                on_person.append(person.mask[y, x])
            hidden += person.flags[k] == HIDDEN
    assert len(on_person) > 500
    assert np.mean(on_person) > 0.97
    assert 0.08 < hidden / (hidden + len(on_person)) < 0.45


def test_the_nose_is_seen_from_the_front_and_not_from_behind():
    nose, head = INDEX["nose"], INDEX["head"]
    front, back = [], []
    for scene in SCENES:
        person = scene.people[0]
        if person.flags[nose] == OUTSIDE:
            continue
        toward = (person.xyz[nose] - person.xyz[head])[2] / np.linalg.norm(
            person.xyz[nose] - person.xyz[head]
        )
        if toward < -0.6:
            front.append(person.flags[nose] == SEEN)
        if toward > 0.5:
            back.append(person.flags[nose] == SEEN)
    assert len(front) > 8
    assert len(back) > 8
    assert np.mean(front) > 0.75
    assert not any(back)


def test_masks_are_disjoint_and_the_main_person_is_in_view():
    for scene in SCENES:
        assert sum(person.mask.astype(int) for person in scene.people).max() <= 1
        assert scene.people[0].mask.mean() > 0.01
        assert scene.image.dtype == np.uint8
        assert scene.image.std() > 5


def test_the_head_box_holds_the_head_and_scales_with_the_person():
    ratios = []
    for _, person in PEOPLE:
        x1, y1, x2, y2 = person.head_box
        for name in ("nose", "head", "neck"):
            x, y = person.joints[INDEX[name]]
            assert x1 - 2 <= x <= x2 + 2
            assert y1 - 2 <= y <= y2 + 2
        # MPII: 200 * scale is about the standing height in pixels, scale = 0.024 * diagonal.
        head, neck = person.joints[INDEX["head_top"]], person.joints[INDEX["neck"]]
        ratios.append(np.hypot(x2 - x1, y2 - y1) / max(np.linalg.norm(head - neck), 1))
    assert 1.0 < np.median(ratios) < 2.0


def test_a_subject_keeps_body_and_clothes():
    setting = Setting(size=(96, 96), people=(1, 1), kinds=("lab",), shares=(1.0,), cut=0.0, front=0.0)
    first, second, other = (
        render(4, k, setting, subject=s).people[0].build for k, s in ((0, 2), (1, 2), (1, 3))
    )
    assert first == second != other


def test_large_pictures_and_portraits_are_drawn():
    assert render(1, 0, Setting(size=(300, 520), people=(2, 2), group=True)).image.shape == (520, 300, 3)


@pytest.mark.parametrize("group", [False, True])
def test_a_plain_setting_shows_whole_people_and_keeps_groups(group):
    setting = Setting(size=(128, 128), people=(2, 3), group=group)
    scenes = [render(3, k, plain(setting)) for k in range(20)]
    assert {len(scene.people) for scene in scenes} == ({2, 3} if group else {1})
    if not group:
        assert np.mean([person.flags != OUTSIDE for scene in scenes for person in scene.people]) > 0.98
