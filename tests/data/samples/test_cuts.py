"""The crop cache beside the crops of the pictures: places, pixels, and entries that are damaged, missing or shared."""

import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from data.made import centroid, dot, people
from posereg.data.samples.augment import NO_CHANGE, Augment, stream
from posereg.data.samples.crop import crop, inverse, sample_matrix
from posereg.data.samples.cuts import Cuts, reach
from posereg.data.samples.people import TopDownDataset
from posereg.errors import UserError
from posereg.geometry.affine import transform

RECIPES = [
    Augment(),
    Augment(rotation=0, scale=0),
    Augment(rotation=20, rotation_law="uniform", rotation_chance=1, scale=0.3, scale_law="uniform"),
    Augment(rotation=40, rotation_law="steps", scale=0.3, scale_law="steps", scale_step=0.3, translation=0.1),
    Augment(rotation=180, rotation_law="uniform", rotation_chance=1),
    Augment(rotation=45, rotation_chance=0),
]


def one(tmp_path: Path, image: np.ndarray, box: list[float], joint: tuple[float, float] = (0, 0)):
    """A set of one person on one picture."""
    poses = people(tmp_path, 1)
    cv2.imwrite(str(poses.image_path(0)), image[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, 97])
    keypoints = np.full((1, len(poses.skeleton), 2), joint, np.float32)
    return replace(
        poses,
        boxes=np.array([box], np.float32),
        keypoints=keypoints,
        visibility=np.full_like(poses.visibility, 2),
    )


def smooth(width: int, height: int) -> np.ndarray:
    """Waves of grey with a little colour, as photographs have: JPEG keeps half of its resolution."""
    noise = np.random.default_rng(0).uniform(40, 216, (height // 16, width // 16, 1))
    colour = np.random.default_rng(1).uniform(-20, 20, (height // 64, width // 64, 3))
    grey = cv2.resize(noise, (width, height), interpolation=cv2.INTER_CUBIC)[..., None]
    return np.clip(grey + cv2.resize(colour, (width, height)), 0, 255).astype(np.uint8)


def files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file())


@pytest.mark.parametrize("size", [(256, 256), (192, 256), (160, 96)])
@pytest.mark.parametrize("augment", RECIPES)
def test_no_crop_of_a_recipe_looks_beyond_its_reach_and_some_nearly_there(augment, size):
    box = np.array([-size[0] / 2, -size[1] / 2, size[0] / 2, size[1] / 2])  # as wide as the input
    corners = np.array([[x, y] for x in (-0.5, size[0] - 0.5) for y in (-0.5, size[1] - 0.5)])
    changes = [augment.draw(stream(0, 0, k)) for k in range(3000)]
    seen = [transform(corners, inverse(sample_matrix(box, size, change))) / size[0] for change in changes]
    furthest = np.abs(seen).max(axis=(0, 1))
    assert (furthest <= np.array(reach(augment, size)) + 1e-9).all()
    assert (furthest > 0.9 * np.array(reach(augment, size))).all()


def test_without_augmentation_the_reach_is_the_box():
    assert reach(None, (192, 256)) == (0.5, 256 / 192 / 2)


@pytest.mark.parametrize("side", [100, 128, 217, 333, 700])  # 128: the input; 700: decoded at a quarter
@pytest.mark.parametrize("at", [(0.5, 0.5), (0.41, 0.62)])
def test_a_marker_ends_where_its_joint_ends(tmp_path, side, at):
    x1, y1 = 91.3, 60.7
    joint = (x1 + at[0] * side, y1 + at[1] * side)
    poses = one(tmp_path, dot(900, 800, *joint, side / 20), [x1, y1, x1 + side, y1 + side], joint)
    augment = Augment(translation=0.02)
    dataset = TopDownDataset(
        poses, (128, 128), augment, cuts=Cuts(tmp_path / "cache", poses, (128, 128), augment)
    )
    for epoch in range(6):
        sample = dataset[epoch, 0]
        assert np.abs(centroid(sample["image"]) - sample["keypoints"][0]).max() < 0.2


@pytest.mark.parametrize(
    "box", [[300, 200, 420, 330], [100, 50, 700, 500], [-60, -40, 500, 350], [600, 300, 900, 700]]
)
def test_pixels_are_near_those_of_the_picture_and_all_else_is_the_same(tmp_path, box):
    poses, augment = one(tmp_path, smooth(800, 600), box), Augment()
    pictures = TopDownDataset(poses, (192, 256), augment)
    cached = TopDownDataset(
        poses, (192, 256), augment, cuts=Cuts(tmp_path / "cache", poses, (192, 256), augment)
    )
    for epoch in range(12):
        first, second = pictures[epoch, 0], cached[epoch, 0]
        off = np.abs(first.pop("image").astype(int) - second.pop("image"))
        assert off.mean() < 2.5
        assert np.percentile(off, 95) < 10  # but for the picture's border
        for name, value in first.items():
            np.testing.assert_array_equal(value, second[name])


def test_a_small_person_keeps_every_pixel_and_a_large_one_no_more_than_the_input_has(tmp_path):
    for side, wide in ((50, 50), (400, 128)):
        poses = one(tmp_path / str(side), smooth(800, 800), [200, 200, 200 + side, 200 + side])
        cuts = Cuts(tmp_path / "cache", poses, (128, 128), None)
        entry = cuts.make(0)
        found = cv2.imdecode(np.frombuffer(entry.data, np.uint8), cv2.IMREAD_COLOR)
        assert abs(found.shape[1] - wide) <= 2 * 2 * wide / side + 2
        assert entry.step[0] == pytest.approx(side / wide, rel=0.02)


def test_entries_are_read_without_the_pictures_and_those_missing_are_made(tmp_path):
    poses = people(tmp_path / "data", 3)
    cuts = Cuts(tmp_path / "cache", poses, (32, 48), None)
    cuts.build(threads=2)
    assert len(files(cuts.folder)) == 3
    matrix = sample_matrix(poses.boxes[1], (32, 48), NO_CHANGE)
    before = cuts.crop(1, matrix)
    Path(cuts.entry(2)).unlink()
    poses.image_path(1).unlink()
    np.testing.assert_array_equal(cuts.crop(1, matrix), before)
    cuts.build()
    assert len(files(cuts.folder)) == 3


DAMAGES = [
    lambda content: b"",
    lambda content: content[:20],
    lambda content: content[:-9],
    lambda content: content[:-40] + b"?" + content[-39:],
    lambda content: b"other..." + content[8:],
]


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_entry_is_made_anew(tmp_path, damage):
    poses = people(tmp_path / "data", 1)
    cuts = Cuts(tmp_path / "cache", poses, (32, 48), None)
    matrix = sample_matrix(poses.boxes[0], (32, 48), NO_CHANGE)
    before = cuts.crop(0, matrix)
    path = Path(cuts.entry(0))
    content = path.read_bytes()
    path.write_bytes(damage(content))
    np.testing.assert_array_equal(cuts.crop(0, matrix), before)
    assert path.read_bytes() == content


def test_other_settings_and_boxes_are_other_entries(tmp_path):
    poses = people(tmp_path / "data", 1)
    base = Cuts(tmp_path / "cache", poses, (32, 48), Augment())
    assert Cuts(tmp_path / "cache", poses, (32, 48), Augment(color_gain=0, flip=0)).entry(0) == base.entry(0)
    assert Cuts(tmp_path / "cache", poses, (48, 32), Augment()).folder != base.folder
    assert Cuts(tmp_path / "cache", poses, (32, 48), Augment(scale=0.4)).folder != base.folder
    poses.annotations.write_text("others")
    assert Cuts(tmp_path / "cache", replace(poses), (32, 48), Augment()).folder != base.folder
    moved = replace(poses, boxes=poses.boxes + 1)
    assert (
        Path(Cuts(tmp_path / "cache", moved, (32, 48), Augment()).entry(0)).name != Path(base.entry(0)).name
    )


def test_pictures_that_are_newer_than_their_entries_or_elsewhere_are_cut_anew(tmp_path):
    poses = people(tmp_path / "data", 2)
    cuts = Cuts(tmp_path / "cache", poses, (32, 48), None)
    cuts.build()
    matrix = sample_matrix(poses.boxes[0], (32, 48), NO_CHANGE)
    before, other = cuts.crop(0, matrix), Path(cuts.entry(1)).stat().st_mtime_ns
    cv2.imwrite(str(poses.image_path(0)), np.full((48, 64, 3), 90, np.uint8))
    later = Path(cuts.entry(0)).stat().st_mtime_ns + 10**9
    os.utime(poses.image_path(0), ns=(later, later))
    cuts.build()
    inside = np.s_[16:32, 8:24]
    assert np.abs(cuts.crop(0, matrix)[inside].astype(int) - 90).mean() < 2
    assert np.abs(before[inside].astype(int) - 90).mean() > 2
    assert Path(cuts.entry(1)).stat().st_mtime_ns == other
    assert Cuts(tmp_path / "cache", replace(poses, root=tmp_path), (32, 48), None).folder != cuts.folder


def test_runs_that_build_at_the_same_time_share_what_they_make(tmp_path):
    poses = people(tmp_path / "data", 40)
    both = [Cuts(tmp_path / "cache", poses, (32, 48), None) for _ in range(2)]
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(lambda cuts: cuts.build(threads=2), both))
    assert len(files(tmp_path / "cache")) == 40
    matrix = sample_matrix(poses.boxes[7], (32, 48), NO_CHANGE)
    alone = Cuts(tmp_path / "alone", poses, (32, 48), None)
    np.testing.assert_array_equal(both[0].crop(7, matrix), alone.crop(7, matrix))


def test_a_box_beside_the_picture_is_black_as_without_the_cache(tmp_path):
    poses = one(tmp_path, smooth(96, 96), [500, 500, 540, 540])
    matrix = sample_matrix(poses.boxes[0], (32, 32), NO_CHANGE)
    found = Cuts(tmp_path / "cache", poses, (32, 32), None).crop(0, matrix)
    np.testing.assert_array_equal(found, crop(str(poses.image_path(0)), matrix, (32, 32)))
    assert not found.any()


def test_pictures_of_12_bits_are_cut_by_their_levels(tmp_path):
    poses = people(tmp_path / "data", 1, suffix=".png")
    cv2.imwrite(str(poses.image_path(0)), np.full((48, 64), 2048, np.uint16))
    for levels, grey in (((0, 4095), 128), ((0, 65535), 8)):
        deep = replace(poses, levels=levels)
        matrix = sample_matrix(poses.boxes[0], (32, 48), NO_CHANGE)
        found = Cuts(tmp_path / "cache", deep, (32, 48), None).crop(0, matrix)
        assert np.abs(found[16:32, 8:24].astype(int) - grey).max() <= 1


def test_pictures_that_cannot_be_decoded_are_counted_as_without_the_cache(tmp_path):
    poses = people(tmp_path / "data", 3)
    poses.image_path(1).write_bytes(b"none")
    cuts = Cuts(tmp_path / "cache", poses, (32, 48), None)
    cuts.build()
    dataset = TopDownDataset(poses, (32, 48), max_bad_images=1, cuts=cuts)
    assert dataset[0, 1]["index"] == 2
    assert dataset.undecodable() == 1


def test_a_folder_that_cannot_be_written_is_one_line(tmp_path):
    (tmp_path / "cache").write_text("a file")
    cuts = Cuts(tmp_path / "cache", people(tmp_path / "data", 3), (32, 48), None)
    with pytest.raises(UserError, match=r"cannot write .*cache") as caught:
        cuts.build(threads=2)
    assert "\n" not in str(caught.value)
