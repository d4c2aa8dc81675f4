from dataclasses import replace

import cv2
import numpy as np
import pytest
import simplejpeg
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from data.made import centroid, dot, people
from posereg.data.samples import jpeg
from posereg.data.samples.augment import NO_CHANGE, Augment, Change, stream
from posereg.data.samples.crop import sample_matrix, topdown_sample, warp
from posereg.geometry import boxes
from posereg.geometry.affine import transform
from posereg.skeletons.skeleton import LSP, MPII, Skeleton, names, skeleton

CHANGES = st.builds(
    Change,
    rotation=st.floats(-180, 180),
    scale=st.floats(0.7, 1.4),
    flip=st.booleans(),
    shift=st.tuples(st.floats(-0.05, 0.05), st.floats(-0.05, 0.05)),
    color_gain=st.just(NO_CHANGE.color_gain),
    color_power=st.just(NO_CHANGE.color_power),
)


def rgbx(image):
    return cv2.cvtColor(image, cv2.COLOR_RGB2RGBA)


@settings(max_examples=60, deadline=None)
@given(
    change=CHANGES,
    side=st.floats(90, 200),
    at=st.tuples(st.floats(-0.15, 0.15), st.floats(-0.15, 0.15)),
    size=st.sampled_from([(128, 128), (192, 256), (160, 120)]),
)
def test_marker_pixel_ends_where_its_keypoint_ends(change, side, at, size):
    """In float, so that the crop's rounding to 8 bits does not blur the answer; the next test has the bytes."""
    box = np.array([150 - side / 2, 140 - side / 2, 150 + side / 2, 140 + side / 2])
    matrix = sample_matrix(box, size, change)
    x, y = 150 + at[0] * side, 140 + at[1] * side
    sigma = 6.0 / np.sqrt(abs(np.linalg.det(matrix[:, :2])))
    image = dot(300, 280, x, y, sigma).astype(
        np.float32
    )  # its own rounding to 8 bits moves it off (x, y) a little
    crop = warp(rgbx(image), matrix, 1, size)
    moved = matrix[:, :2] @ centroid(image) + matrix[:, 2]
    margin = 30
    if not (margin < moved[0] < size[0] - 1 - margin and margin < moved[1] < size[1] - 1 - margin):
        return  # the dot is cut at the edge
    assert np.abs(centroid(crop) - moved).max() < 0.01


@pytest.mark.parametrize("factor", [1, 2, 4, 8])
@pytest.mark.parametrize("flip", [False, True])
def test_marker_survives_file_decoder_and_reduced_scale(tmp_path, factor, flip):
    """Through a JPEG on disk, decoded at the reduced scale that the crop allows, rows below it left out."""
    x, y, sigma = 401.7, 300.4, 5.0 * factor
    image = np.ascontiguousarray(dot(1003, 1207, x, y, sigma))
    (tmp_path / "dot.jpg").write_bytes(simplejpeg.encode_jpeg(image, quality=98, colorsubsampling="444"))
    side = 128.0 * factor * 1.02
    box = np.array([390 - side / 2, 310 - side / 2, 390 + side / 2, 310 + side / 2])
    matrix = sample_matrix(box, (128, 128), NO_CHANGE._replace(flip=flip, rotation=17.0))
    decoded = jpeg.read(tmp_path / "dot.jpg", bottom=310 + side, shrink=side / 128)
    assert decoded.factor == factor
    assert decoded.pixels.shape[1] == -(-1003 // factor)
    crop = warp(decoded.pixels, matrix, decoded.factor, (128, 128))
    moved = matrix[:, :2] @ [x, y] + matrix[:, 2]
    assert np.abs(centroid(np.where(crop < 3, 0, crop)) - moved).max() < 0.03  # JPEG's own noise included


def test_flip_of_the_crop_is_the_exact_mirror(tmp_path):
    poses = people(tmp_path, 1)
    matrix = sample_matrix(poses.boxes[0], (64, 48), NO_CHANGE)
    mirrored = sample_matrix(poses.boxes[0], (64, 48), NO_CHANGE._replace(flip=True))
    pixels = jpeg.read(poses.image_path(0)).pixels
    difference = warp(pixels, matrix, 1, (64, 48))[:, ::-1].astype(int) - warp(pixels, mirrored, 1, (64, 48))
    assert np.abs(difference).max() <= 1  # float32 rounding of the sampling positions


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(seed=st.integers(0, 2**31), flip=st.booleans())
def test_to_image_takes_keypoints_back(tmp_path_factory, seed, flip):
    poses = people(tmp_path_factory.mktemp("people"), 1, seed=seed % 7)
    augment = Augment(rotation=40, rotation_law="uniform", scale=0.3, translation=0.1, flip=float(flip))
    sample = topdown_sample(poses, 0, (96, 128), augment, stream(seed, 3, 0))
    back = sample["keypoints"] @ sample["to_image"][:, :2].T + sample["to_image"][:, 2]
    swap = MPII.flip if flip else np.arange(16)
    labelled = sample["visibility"] > 0
    assert (sample["visibility"] == poses.visibility[0][swap]).all()
    assert np.abs(back - poses.keypoints[0][swap])[labelled].max(initial=0) < 1e-3
    assert (sample["keypoints"][~labelled] == 0).all()


def test_plain_crop_of_a_box_in_place_is_the_image(tmp_path):
    """A box as large as the input, on the pixel grid: nothing is resampled."""
    poses = people(tmp_path, 1, suffix=".png")
    whole = replace(poses, boxes=np.array([[-0.5, -0.5, 63.5, 47.5]], dtype=np.float32))
    sample = topdown_sample(whole, 0, (64, 48), None, None)
    expected = cv2.cvtColor(cv2.imread(str(poses.image_path(0))), cv2.COLOR_BGR2RGB)
    assert (sample["image"] == expected).all()
    labelled = poses.visibility[0] > 0
    assert np.allclose(sample["keypoints"][labelled], poses.keypoints[0][labelled], atol=1e-4)


def test_depth_is_scaled_and_mirrored_with_the_joints(tmp_path):
    poses = people(tmp_path, 1, skeleton=LSP)
    depth = np.arange(14, dtype=np.float32)[None]
    poses = replace(poses, extras={"z": depth})
    sample = topdown_sample(poses, 0, (88, 88), Augment(0, scale=0, flip=1.0), stream(0, 0, 0), extras=("z",))
    assert np.allclose(sample["z"], 2 * depth[0][LSP.flip])  # box 44 px wide, input 88


def test_randomness_depends_on_seed_epoch_and_index_alone(tmp_path):
    poses = people(tmp_path, 2)
    keys = [(0, 0, 0), (0, 0, 1), (0, 1, 0), (1, 0, 0)]
    made = {key: topdown_sample(poses, 0, (32, 32), Augment(), stream(*key)) for key in keys}
    again = topdown_sample(poses, 0, (32, 32), Augment(), stream(0, 1, 0))
    assert (made[0, 1, 0]["image"] == again["image"]).all()
    matrices = [made[key]["to_image"].tobytes() for key in keys]
    gains = [made[key]["color_gain"].tobytes() for key in keys]
    assert len(set(gains)) == 4
    assert len(set(matrices)) >= 3  # two draws may both be the unrotated, unscaled box


@pytest.mark.parametrize(("input_size", "height"), [((288, 384), 384 / 1.25), ((256, 256), 256 / 1.25)])
def test_a_standing_person_of_every_format_fills_the_patch_alike(input_size, height):
    """A person of 200 x 500 pixels: the tight box takes the patch's aspect, then a quarter more (3D system)."""
    joints = np.array([[[100.0, 100.0], [300.0, 600.0]]])
    box = boxes.padded(boxes.from_keypoints(joints, np.ones((1, 2), bool)))[0]
    matrix = sample_matrix(box, input_size, NO_CHANGE)
    assert np.ptp(transform(joints, matrix)[0, :, 1]) == pytest.approx(height, rel=1e-5)


@st.composite
def skeletons(draw):
    """A shipped skeleton, or one of any joints and pairs."""
    if draw(st.booleans()):
        return skeleton(draw(st.sampled_from(names())))
    pairs, single = draw(st.integers(1, 6)), draw(st.integers(0, 4))
    joints = [f"{side}_{k}x" for k in range(pairs) for side in "LR"] + [f"part{k}" for k in range(single)]
    return Skeleton("any", tuple(draw(st.permutations(joints))), limbs=())


@settings(deadline=None)
@given(joints=skeletons(), seed=st.integers(0, 99))
def test_in_a_mirrored_sample_each_joint_is_where_its_partner_is_seen(tmp_path_factory, joints, seed):
    """By hand: x becomes W - 1 - x, and the name moves to the other side."""
    rng = np.random.default_rng(seed)
    poses = people(tmp_path_factory.getbasetemp() / "mirrored", 1)
    low, high = poses.boxes[0, :2], poses.boxes[0, 2:]
    poses = replace(
        poses,
        skeleton=joints,
        keypoints=rng.uniform(low, high, (1, len(joints), 2)).astype(np.float32),
        visibility=rng.integers(0, 3, (1, len(joints)), np.uint8),
        extras={},
    )
    plain, mirrored = (
        topdown_sample(poses, 0, (64, 96), Augment(rotation=0, scale=0, flip=flip), stream(0, 0, 0))
        for flip in (0.0, 1.0)
    )
    place = {name: k for k, name in enumerate(joints.joints)}
    for name, k in place.items():
        side, _, stem = name.partition("_")
        partner = {"L": "R", "R": "L", "left": "right", "right": "left"}.get(side)
        other = place[f"{partner}_{stem}"] if partner else k
        assert mirrored["visibility"][k] == plain["visibility"][other] == poses.visibility[0, other]
        if poses.visibility[0, other]:
            x, y = plain["keypoints"][other]
            np.testing.assert_allclose(mirrored["keypoints"][k], (63 - x, y), atol=1e-3)
    assert np.abs(mirrored["image"].astype(int) - plain["image"][:, ::-1]).max() <= 1
