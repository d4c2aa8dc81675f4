import json
import math

import numpy as np
import PIL.Image
import pytest

from mice import JOINTS, mice, mouse_set
from posereg.data.formats import own_coco
from posereg.errors import UserError
from posereg.evaluation import foreign, own
from posereg.records.coco_file import NO_CATEGORY
from posereg.records.poses import CROWD, OTHER_SIZE, TURNED, TWICE_LISTED, UNLABELLED

WIDE = {"bbox": [1, 1, 99, 99]}


def changed(folder, change, images=4, **source):
    """The set that is read after `change(content)`."""
    content = mice(folder, images)
    change(content)
    (folder / "mouse.json").write_text(json.dumps(content))
    return mouse_set(folder, images, **source)


def first(**fields):
    return lambda content: content["annotations"][0].update(fields)


def test_sound_annotations_are_read_as_they_are(tmp_path):
    content = mice(tmp_path, 4)
    poses = mouse_set(tmp_path, 4)
    assert poses.left_out == {}
    assert poses.skeleton.joints == tuple(JOINTS)
    wanted = np.reshape([one["keypoints"] for one in content["annotations"]], (4, 12, 3))
    np.testing.assert_allclose(poses.keypoints, wanted[..., :2], rtol=1e-6)
    np.testing.assert_allclose(
        poses.extras["bbox"], [one["bbox"] for one in content["annotations"]], rtol=1e-6
    )
    assert poses.ids.tolist() == [100, 101, 102, 103]
    assert poses.image_ids.tolist() == [0, 1, 2, 3]
    assert poses.extras["image_size"].tolist() == [[128, 120]] * 4
    x, y, w, h = content["annotations"][1]["bbox"]
    center = (poses.boxes[1, :2] + poses.boxes[1, 2:]) / 2
    np.testing.assert_allclose(center, [x + (w - 1) / 2, y + (h - 1) / 2], rtol=1e-5)


def test_joints_go_by_name(tmp_path):
    def turned(content):
        content["categories"][0]["keypoints"] = JOINTS[::-1]
        for one in content["annotations"]:
            one["keypoints"] = np.reshape(one["keypoints"], (12, 3))[::-1].ravel().tolist()

    poses = changed(tmp_path / "a", turned)
    plain = mouse_set(tmp_path / "b", 4)
    np.testing.assert_array_equal(poses.keypoints, plain.keypoints)


@pytest.mark.parametrize(
    ("names", "said"),
    [
        (None, "does not name its joints"),
        (12, "does not name its joints"),
        (JOINTS[:-1], "has no joint tail_tip"),
        ([*JOINTS, "nose"], "names a joint twice"),
    ],
)
def test_joints_without_fitting_names_are_refused(tmp_path, names, said):
    with pytest.raises(UserError, match=said):
        changed(tmp_path, lambda content: content["categories"][0].update(keypoints=names))


@pytest.mark.parametrize(
    ("fields", "reason", "people"),
    [
        ({"iscrowd": 1}, CROWD, 3),
        ({"image_id": 99}, "people on an image that is not listed", 3),
        ({"image_id": None}, "people on an image that is not listed", 3),
        ({"keypoints": [1, 2, 2]}, "people whose keypoints are not three numbers for each joint", 3),
        ({"keypoints": None}, "people whose keypoints are not three numbers for each joint", 3),
        ({"keypoints": [0] * 36}, UNLABELLED, 3),
        ({**WIDE, "keypoints": [5, 5, -1] * 11 + [60, 60, 2]}, "people with a negative visibility", 4),
        (
            {**WIDE, "keypoints": [math.nan, 5, 2] + [60, 60, 2] * 11},
            "labelled joints that have no usable position",
            4,
        ),
        (
            {**WIDE, "keypoints": [1e30, 5, 2] + [60, 60, 2] * 11},
            "labelled joints that have no usable position",
            4,
        ),
        (
            {**WIDE, "keypoints": [None, 5, 2] + [60, 60, 2] * 11},
            "labelled joints that have no usable position",
            4,
        ),
        ({"bbox": None}, "people whose box is none", 4),
        ({"bbox": [1, 1, 0, 5]}, "people whose box is none", 4),
        ({"bbox": [1, 1, -3, 5]}, "people whose box is none", 4),
        ({"bbox": [math.nan, 1, 3, 5]}, "people whose box is none", 4),
        ({"bbox": [1, 1, 3]}, "people whose box is none", 4),
        ({"bbox": [500, 5, 20, 20]}, own_coco.BOX_BESIDE, 4),
        ({"bbox": [5, -30, 20, 20]}, own_coco.BOX_BESIDE, 4),
        ({"bbox": [500, 5, 20, 20], "keypoints": [500, 9, 2] * 12}, own_coco.BESIDE, 3),
        ({"bbox": None, "keypoints": [9, -9, 2] * 12}, own_coco.BESIDE, 3),
        ({"category_id": 9}, NO_CATEGORY, 3),
        ({"id": 102}, own_coco.TWICE, 4),
    ],
)
def test_what_cannot_be_used_is_counted_by_reason(tmp_path, fields, reason, people):
    poses = changed(tmp_path, first(**fields))
    assert len(poses) == people
    ((found, who),) = poses.left_out.items()
    assert reason in found
    assert who == (("102", "102") if reason == own_coco.TWICE else ("100",))
    assert np.isfinite(poses.keypoints).all()
    assert np.isfinite(poses.boxes).all()
    assert (poses.boxes[:, 2:] > poses.boxes[:, :2]).all()
    assert len(set(poses.ids.tolist())) == len(poses)


def test_who_names_no_category_is_of_the_only_one(tmp_path):
    assert len(changed(tmp_path / "a", first(category_id=None))) == 4

    def two(content):
        content["categories"].append({"id": 2, "name": "horse", "keypoints": JOINTS})
        del content["annotations"][0]["category_id"]

    poses = changed(tmp_path / "b", two, category="mouse")
    assert (poses.ids.tolist(), poses.left_out) == ([101, 102, 103], {NO_CATEGORY: ("100",)})


def test_a_category_without_an_id_is_refused(tmp_path):
    with pytest.raises(UserError, match=r"its category 'mouse' has no id"):
        changed(tmp_path, lambda content: content["categories"][0].pop("id"))


@pytest.mark.parametrize(("orientation", "size", "named"), [
    (2, (128, 120), True), (3, (128, 120), True), (4, (128, 120), True),
    (6, (128, 120), False),  # the declared size tells that the annotations are of the picture as stored
    (6, (None, None), True), (1, (128, 120), False),
])  # fmt: skip
def test_pictures_of_which_exif_leaves_open_how_they_were_annotated_are_named(
    tmp_path, orientation, size, named
):
    def turned(content):
        exif = PIL.Image.Exif()
        exif[0x0112] = orientation
        path = tmp_path / "pictures/001.png"
        PIL.Image.open(path).save(path, exif=exif)
        content["images"][1]["width"], content["images"][1]["height"] = size

    wanted = {TURNED: ("pictures/001.png",)} if named else {}
    assert changed(tmp_path, turned).left_out == wanted


def test_a_picture_under_two_ids_is_named(tmp_path):
    """It may fall into two splits."""
    poses = changed(tmp_path, lambda content: content["images"][1].update(file_name="000.png"))
    assert poses.left_out == {TWICE_LISTED: ("pictures/000.png",)}


def test_a_picture_under_two_ids_falls_into_one_split(tmp_path):
    content = mice(tmp_path, 12)
    for number in range(6, 12):
        content["images"][number]["file_name"] = content["images"][number - 6]["file_name"]
    (tmp_path / "mouse.json").write_text(json.dumps(content))
    names = {}
    for seed in range(3):
        shares = {"splits": {"a": 0.5, "b": 0.5}, "seed": seed}
        sets = [mouse_set(tmp_path, 12, split, **shares) for split in "ab"]
        assert [len(one.images) for one in sets] == [6, 6]
        assert not set(sets[0].images) & set(sets[1].images)
        assert set(sets[0].left_out[TWICE_LISTED]) == set(sets[0].images)
        names[seed] = sets[0].images
    assert len(set(names.values())) > 1
    listed = mouse_set(tmp_path, 12, "a", splits={"a": ["000.png"], "b": ["001.png"]})
    assert listed.images == ("pictures/000.png",) * 2


def test_many_people_of_one_picture_are_no_repeats_of_one_another(tmp_path):
    """In whole pixels, as most annotations are; only the last one repeats another."""
    places = np.random.default_rng(0).integers(1, 100, (20_000, 12, 2))
    assert len(np.unique(places.reshape(20_000, -1), axis=0)) == 20_000

    def crowded(content):
        person = content["annotations"][0]
        joints = np.concatenate([places, np.full((20_000, 12, 1), 2)], axis=2).reshape(20_000, -1).tolist()
        content["annotations"] = [
            {**person, "id": k, **WIDE, "keypoints": one} for k, one in enumerate([*joints, joints[7]])
        ]

    assert changed(tmp_path, crowded).left_out[own_coco.REPEATED] == ("20000",)


def test_who_repeats_another_counts_once(tmp_path):
    def twice(content):
        one, other = content["annotations"][:2]
        content["annotations"] += [
            {**one, "id": 7, "bbox": [1, 2, 30, 40]},
            {**one, "id": 8, "image_id": 1},  # of another picture
            {**other, "id": 9, "keypoints": [*other["keypoints"][:-1], 1]},  # occluded there
        ]

    poses = changed(tmp_path, twice)
    assert poses.left_out == {own_coco.REPEATED: ("7",)}
    assert poses.ids.tolist() == [100, 101, 102, 103, 8, 9]


@pytest.mark.parametrize(
    ("fields", "reasons"),
    [
        ({"keypoints": [0.3, 0.9, 2] * 12}, {own_coco.SHARES, own_coco.APART}),
        ({"keypoints": [0.3, 0.9, 2] + [0, 0, 0] * 11}, {own_coco.APART}),
        ({"bbox": [0.1, 0.2, 0.5, 0.6]}, {own_coco.APART}),
        ({"bbox": [0.1, 0.2, 0.5, 0.6], "keypoints": [0.3, 0.9, 2] * 12}, {own_coco.SHARES}),
    ],
)
def test_shares_instead_of_pixels_are_named(tmp_path, fields, reasons):
    poses = changed(tmp_path, first(**fields))
    assert poses.left_out == dict.fromkeys(reasons, ("100",))
    assert len(poses) == 4


@pytest.mark.parametrize("bbox", [[1, 1, 0, 5], [900, 1, 3, 5]])
def test_a_box_that_is_none_lies_about_the_joints(tmp_path, bbox):
    poses = changed(tmp_path, first(bbox=bbox, keypoints=[10, 20, 2, 30, 60, 2] + [0] * 30))
    assert poses.extras["bbox"][0].tolist() == [10, 20, 21, 41]


def test_confidences_need_a_threshold(tmp_path):
    keypoints = [5, 5, 0.4] * 6 + [5, 5, 0.9] * 6
    with pytest.raises(UserError, match=r"visibility 0.4, which is not 0, 1 or 2; .*source.confidence: 0.5"):
        changed(tmp_path / "a", first(keypoints=keypoints))
    poses = changed(tmp_path / "b", first(keypoints=keypoints), confidence=0.5)
    assert poses.visibility[0].tolist() == [0] * 6 + [2] * 6


def test_several_categories_ask_for_one(tmp_path):
    def horses(content):
        content["categories"].append({"id": 2, "name": "horse", "keypoints": JOINTS})
        content["annotations"][0]["category_id"] = 2

    with pytest.raises(UserError, match=r"source.category: mouse, horse"):
        changed(tmp_path / "a", horses)
    assert changed(tmp_path / "b", horses, category="horse").ids.tolist() == [100]
    assert changed(tmp_path / "c", horses, category="mouse").ids.tolist() == [101, 102, 103]
    with pytest.raises(UserError, match=r"no category 'cow' .*mouse, horse"):
        changed(tmp_path / "d", horses, category="cow")


def test_ids_may_be_texts_mixed_or_huge(tmp_path):
    def texts(content):
        for image, one in zip(content["images"], content["annotations"], strict=True):
            image["id"], one["image_id"] = f"img-{image['id']}", f"img-{image['id']}"
        content["images"][1]["id"], content["annotations"][1]["image_id"] = 7, "7"
        content["images"][2]["id"], content["annotations"][2]["image_id"] = 2**70, 2**70
        content["annotations"][3]["id"] = None

    poses = changed(tmp_path, texts)
    assert poses.person_image.tolist() == [0, 1, 2, 3]
    assert poses.extras["image_key"].tolist() == ["img-0", "7", str(2**70), "img-3"]
    assert poses.image_ids.tolist() == [1, 2, 3, 4]
    assert poses.ids.tolist() == [1, 2, 3, 4]


def test_an_image_id_for_two_pictures_is_refused(tmp_path):
    with pytest.raises(UserError, match=r"image id 1 is used twice: 001.png, 000.png"):
        changed(tmp_path, lambda content: content["images"].append({**content["images"][0], "id": 1}))


@pytest.mark.parametrize(
    "text", ["[]", "{}", '{"images": [], "annotations": {}, "categories": []}', '{"images": [1]}']
)
def test_another_file_is_refused(tmp_path, text):
    (tmp_path / "x.json").write_text(text)
    with pytest.raises(UserError, match="not a COCO annotation file"):
        own_coco.load(tmp_path / "x.json")
    with pytest.raises(UserError, match="no such annotation file"):
        own_coco.load(tmp_path / "y.json")


@pytest.mark.parametrize("declared", [(120, 128), (64, 60), (256, 240)])
def test_pictures_of_another_size_than_declared_are_named(tmp_path, declared):
    """Exchanged, as EXIF's turning and old files have it; or resized after they were annotated."""

    def other(content):
        content["images"][2].update(width=declared[0], height=declared[1])

    assert changed(tmp_path, other).left_out == {OTHER_SIZE: ("pictures/002.png",)}


@pytest.mark.parametrize("declared", [{}, {"width": None, "height": "x"}, {"width": 0, "height": 0}])
def test_a_size_that_is_not_declared_is_none_to_compare(tmp_path, declared):
    def without(content):
        for image in content["images"]:
            del image["width"], image["height"]
            image.update(declared)

    assert changed(tmp_path, without).left_out == {}


def test_results_of_other_programs_go_by_the_file_s_order_category_and_ids(tmp_path):
    """Text ids, joints in another order, and a second category whose results are not ours."""
    backwards = JOINTS[::-1]

    def other(content):
        content["categories"] = [
            {"id": 7, "name": "mouse", "keypoints": backwards},
            {"id": 8, "name": "rat", "keypoints": JOINTS},
        ]
        for image, one in zip(content["images"], content["annotations"], strict=True):
            image["id"] = one["image_id"] = f"p{image['id']}"
            one["category_id"] = 7
            one["keypoints"] = np.reshape(one["keypoints"], (12, 3))[::-1].ravel().tolist()

    poses = changed(tmp_path, other, category="mouse")
    content = json.loads((tmp_path / "mouse.json").read_text())
    results = [
        {"image_id": one["image_id"], "category_id": 7, "keypoints": one["keypoints"], "score": 1.0}
        for one in content["annotations"]
    ]
    rat = {**results[0], "category_id": 8}
    (tmp_path / "results.json").write_text(json.dumps([*results, rat]))
    found = foreign.read(tmp_path / "results.json", poses)
    assert found.meta["results_of_other_categories"] == 1
    scored = own.evaluate(poses, found, metrics={"oks": {"area": "box"}})
    assert (scored.metrics["AP"], scored.protocol["people"]) == (100, 4)
    (tmp_path / "results.json").write_text(json.dumps([{**results[0], "image_id": "p9"}]))
    with pytest.raises(UserError, match=r"result 0 is of image 'p9', which is not in the split"):
        foreign.read(tmp_path / "results.json", poses)


def test_results_that_name_numbers_as_texts_find_their_images(tmp_path):
    poses = mouse_set(tmp_path, 3)
    results = [
        {"image_id": key, "keypoints": points.ravel().tolist(), "score": 1.0}
        for key, points in zip(("0", 1.0, 2), np.dstack([poses.keypoints, poses.visibility]), strict=True)
    ]
    (tmp_path / "results.json").write_text(json.dumps(results))
    assert foreign.read(tmp_path / "results.json", poses).image_ids.tolist() == [0, 1, 2]
