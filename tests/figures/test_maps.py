"""Figures of maps: the colours of limbs, where things are drawn, and that what is drawn is what was computed."""

import numpy as np
import pytest

from posereg import config as configs
from posereg.build import load_method
from posereg.data.samples.people import TopDownDataset
from posereg.figures import maps as map_figures
from posereg.figures.maps import TILE, Seen, SeenInContext
from posereg.methods.seen import people_seen
from posereg.skeletons.skeleton import LSP, MPII, skeleton
from untrained import SOFTARGMAX, checkpoint


@pytest.fixture(scope="module")
def soft(tmp_path_factory):
    return checkpoint(tmp_path_factory.mktemp("soft"), *SOFTARGMAX)


def validation(module):
    source = configs.instantiate(module.plain_config["data"])
    return source.read(source.val_split)


def one_spot(place, joints=16, side=8):
    """Maps (K, side, side), all nothing but the last joint of `place`: {joint: (x, y)}."""
    maps = np.zeros((joints, side, side), np.float32)
    for joint, (x, y) in place.items():
        maps[joint, y, x] = 0.7
    return maps


def test_what_is_drawn_has_the_predicted_positions_for_means(soft):
    """The aggregate is a distribution whose mean on the ramp is Eq. 6's position, the part map's is its own."""
    module = load_method(soft)
    people = people_seen(module, validation(module), [0, 3])
    ramp = np.linspace(0, 1, 16)
    for person in people:
        assert isinstance(person, SeenInContext)
        for maps, points in ((person.aggregate, person.keypoints), (person.maps, person.part)):
            np.testing.assert_allclose(maps.sum((1, 2)), 1, rtol=1e-5)
            mean = np.stack([maps.sum(1) @ ramp, maps.sum(2) @ ramp], axis=-1)
            np.testing.assert_allclose(mean * 128, points, atol=1e-2)
        np.testing.assert_allclose(person.context.sum((1, 2)), 0.2, rtol=1e-5)
        likeliest = person.logits.reshape(16, -1).argmax(1)
        assert np.array_equal(likeliest, person.maps.reshape(16, -1).argmax(1))
        assert np.abs(person.keypoints - person.part).max() > 0.1


@pytest.mark.parametrize("name", ["coco", "crowdpose", "h80k", "lsp", "mpii"])
def test_limbs_have_colours_of_their_own(name):
    joints = skeleton(name)
    colors = dict(zip(joints.joints, map(tuple, map_figures.joint_colors(joints)), strict=True))
    for part in ("elbow", "knee"):
        assert colors[f"left_{part}"] != colors[f"right_{part}"]
    assert colors["left_wrist"] == colors["left_shoulder"] != colors["left_ankle"]
    if name == "lsp":
        mpii = dict(zip(MPII.joints, map(tuple, map_figures.joint_colors(MPII)), strict=True))
        assert all(colors[joint] == mpii[joint] for joint in LSP.joints)


def test_joints_of_any_name_have_their_sides_colours():
    mouse = skeleton({"joints": ["nose", "L_ear", "R_ear", "tail"], "colors": {"tail": [1, 2, 3]}})
    nose, left, right, tail = map(tuple, map_figures.joint_colors(mouse).tolist())
    assert len({nose, left, right, tail}) == 4
    assert tail == (1, 2, 3)


def test_part_picture_shows_each_joint_in_its_colour_at_its_place():
    wrist, ankle = MPII.joints.index("left_wrist"), MPII.joints.index("right_ankle")
    picture = map_figures.part_picture(one_spot({wrist: (1, 2), ankle: (6, 5)}), MPII, side=80)
    colors = map_figures.joint_colors(MPII)
    # The centre of cell (x, y) on ten pixels a cell.
    np.testing.assert_allclose(picture[24:26, 14:16].mean((0, 1)), colors[wrist], atol=28)
    np.testing.assert_allclose(picture[54:56, 64:66].mean((0, 1)), colors[ankle], atol=28)
    assert picture[70, 10].sum() == 0


def test_nearly_flat_maps_do_not_turn_white():
    flat = 1 / 64 + np.random.default_rng(0).normal(0, 1e-6, (16, 8, 8)).astype(np.float32)
    assert map_figures.heat(flat[0]).max() < 230
    assert map_figures.heat(5 + flat[0]).max() < 230
    colors = map_figures.joint_colors(MPII).astype(int)
    assert np.abs(map_figures.part_picture(flat, MPII) - colors.mean(0)).max() < 2


def test_heat_is_brightest_at_the_maximum():
    picture = map_figures.heat(one_spot({0: (6, 1)})[0], side=80).astype(int).sum(-1)
    y, x = np.unravel_index(picture.argmax(), picture.shape)
    assert (x // 10, y // 10) == (6, 1)


def test_pose_picture_draws_limbs_in_input_pixels():
    """A line from hip to knee passes their middle, in a picture of another size than the input."""
    points = np.full((16, 2), 5.0, np.float32)
    knee, hip = MPII.joints.index("left_knee"), MPII.joints.index("left_hip")
    points[hip], points[knee] = (20.0, 40.0), (40.0, 60.0)
    blank = np.zeros((64, 64, 3), np.uint8)
    picture = map_figures.pose_picture(blank, points, MPII, side=192)
    color = map_figures.joint_colors(MPII)[knee]
    np.testing.assert_allclose(picture[50 * 3 + 1, 30 * 3 + 1], color, atol=2)


def test_grid_places_tiles_below_titles():
    tiles = [[np.full((10, 10, 3), 20 * (2 * r + c), np.uint8) for c in range(2)] for r in range(2)]
    page = map_figures.grid(tiles, top=("a", "b"))
    assert page.shape == (map_figures.HEAD + 2 * TILE + map_figures.GAP, 2 * TILE + map_figures.GAP, 3)
    for r in range(2):
        for c in range(2):
            y = map_figures.HEAD + r * (TILE + map_figures.GAP) + TILE // 2
            assert (page[y, c * (TILE + map_figures.GAP) + TILE // 2] == 20 * (2 * r + c)).all()


def test_truth_is_what_the_loader_gives(soft):
    module = load_method(soft)
    poses = validation(module)
    found = map_figures.truth(poses, [2, 5], module.input_size)
    dataset = TopDownDataset(poses, module.input_size)
    for n, row in enumerate((2, 5)):
        sample = dataset[row]
        seen = sample["visibility"] > 0
        np.testing.assert_allclose(found[n][seen], sample["keypoints"][seen], atol=1e-3)
        assert np.isnan(found[n][~seen]).all()


def test_joints_of_the_context_figure_are_those_it_moves_most():
    still = np.zeros((16, 2), np.float32)
    moved = still.copy()
    moved[[4, 9, 1], 0] = [2.0, 5.0, 1.0]
    maps = np.ones((16, 8, 8), np.float32) / 64
    image = np.zeros((64, 64, 3), np.uint8)
    person = SeenInContext(image, maps, moved, maps, 0.2 * maps, 0.8, still)
    assert map_figures.most_moved(person, 3) == [9, 4, 1]


def test_comparison_has_a_line_for_each_joint_and_person():
    image = np.zeros((64, 64, 3), np.uint8)
    seen = [Seen(image, one_spot({3: (k, k)}), np.zeros((16, 2), np.float32)) for k in (1, 6)]
    picture = map_figures.compare_figure({"H1": seen, "I1": seen}, MPII, [3])
    top = [map_figures.HEAD + n * (TILE + map_figures.GAP) for n in range(2)]
    columns = [picture.shape[1] - TILE, picture.shape[1] - 2 * TILE - map_figures.GAP]
    for n, k in enumerate((1, 6)):
        for x in columns:
            tile = picture[top[n] : top[n] + TILE, x : x + TILE].astype(int).sum(-1)
            row, column = np.unravel_index(tile.argmax(), tile.shape)
            assert (column * 8 // TILE, row * 8 // TILE) == (k, k)
