import json
import shutil
from dataclasses import replace

import cv2
import numpy as np
import pytest

from data.made import people
from posereg.data.formats import coco, crowdpose, mpii
from posereg.data.sources.check import check, contact_sheet, shared_images
from posereg.data.sources.subset import present
from posereg.records.poses import CROWD, OTHER_SIZE
from shared import shared
from tiny import data_set


def sound(tmp_path, count=6):
    """People without anything to remark: joints inside box and image, left beside right, all labelled."""
    poses = people(tmp_path, count)
    rng = np.random.default_rng(0)
    keypoints = rng.uniform((10, 6), (50, 42), (count, 16, 2)).astype(np.float32)
    keypoints[:, [13, 3]] = (40, 20)
    keypoints[:, [12, 2]] = (20, 20)
    return replace(poses, keypoints=keypoints, visibility=np.full((count, 16), 2, np.uint8))


def found(poses, word):
    return {f.count for f in check(poses).findings if word in f.what}


def test_sound_set_has_nothing_to_remark(tmp_path):
    report = check(sound(tmp_path))
    assert report.findings == ()
    assert report.good
    assert report.lines()[0] == "made train: 6 people on 6 images, 96 labelled joints"


def test_files(tmp_path):
    poses = sound(tmp_path)
    poses.image_path(1).unlink()
    path = poses.image_path(4)
    path.write_bytes(path.read_bytes()[:-200])
    report = check(poses)
    assert [(f.what, f.count, f.examples) for f in report.findings] == [
        ("images missing", 1, ("images/001.jpg",)),
        ("images undecodable", 1, report.findings[1].examples),
    ]
    assert report.findings[1].examples[0].startswith("images/004.jpg: damaged JPEG")
    assert not report.good


def test_a_split_without_anybody_and_pictures_of_several_splits(tmp_path):
    poses = sound(tmp_path)
    report = check(poses.people(np.zeros(0, int)))
    assert "! 1 of 1 split without anybody" in report.lines()
    assert not report.good
    first, rest = replace(poses.people([0, 1]), split="first"), poses.people([1, 2, 3])
    (found,) = shared_images(rest, [first, poses.people([4])])
    assert (found.what, found.examples, found.bad) == (
        "images that first shows too",
        ("images/001.jpg",),
        True,
    )


def test_boxes(tmp_path):
    poses = sound(tmp_path)
    boxes = poses.boxes.copy()
    boxes[0] = np.nan
    boxes[1] = (200, 4, 260, 44)
    broken = replace(poses, boxes=boxes)
    assert found(broken, "empty") == {1}
    assert found(broken, "wholly outside") == {1}


def test_joints(tmp_path):
    poses = sound(tmp_path)
    keypoints, visibility = poses.keypoints.copy(), poses.visibility.copy()
    keypoints[0, 9] = (63.6, 10)  # the image's right edge is at 63.5
    keypoints[1, 9] = (63.4, 10)
    visibility[2] = 0
    keypoints[2] = -100  # not labelled, so nobody minds
    broken = replace(poses, keypoints=keypoints, visibility=visibility)
    assert found(broken, "joints outside the image") == {1}
    assert found(broken, "joints outside their box") == {2}
    assert found(broken, "without a labelled joint") == {1}


def test_ids(tmp_path):
    poses = sound(tmp_path)
    assert found(replace(poses, ids=np.array([1, 2, 2, 3, 3, 3])), "ids used twice") == {2}
    assert found(replace(poses, image_ids=np.array([1, 2, 3, 4, 4, 5])), "image ids used twice") == {1}


def test_symmetry(tmp_path):
    poses = sound(tmp_path, 8)
    visibility, keypoints = poses.visibility.copy(), poses.keypoints.copy()
    visibility[:2, 0] = 0  # right ankle labelled on 75 %
    keypoints[5, [12, 13]] = keypoints[5, [13, 12]]  # the shoulders swapped, the hips not
    broken = replace(poses, visibility=visibility, keypoints=keypoints)
    report = check(broken)
    said = next(f for f in report.findings if "unequally" in f.what)
    assert said.examples == ("right_ankle 75%, left_ankle 100%",)
    crossed = next(f for f in report.findings if "crossed" in f.what)
    assert crossed.count == 1
    assert crossed.examples == ("id 105 on images/005.jpg",)


def test_head_boxes_and_counts(tmp_path):
    poses = sound(tmp_path)
    head = np.ones((6, 4))
    head[3] = np.nan
    poses = replace(poses, name="mpii", split="valid", extras={"head_box": head, "head_size": np.ones(6)})
    lines = "\n".join(check(poses).lines())
    assert "1 of 6 people without a head box: id 103" in lines
    assert "6 of 2958 people, 2958 were published" in lines
    assert "6 of 2729 images" in lines


def test_progress_sees_every_image(tmp_path):
    seen = []

    def progress(rows, total):
        for row in rows:
            seen.append((row, total))
            yield row

    check(sound(tmp_path), progress)
    assert seen == [(k, 6) for k in range(6)]


def test_contact_sheet_shows_the_joints(tmp_path):
    poses = sound(tmp_path)
    poses.image_path(2).unlink()
    assert contact_sheet(poses, tmp_path / "sheet", count=4, side=64, columns=2) == 4
    sheet = cv2.imread(str(tmp_path / "sheet.png"))
    assert sheet.shape == (128, 128, 3)
    bare = replace(poses, visibility=np.zeros_like(poses.visibility))
    contact_sheet(bare, tmp_path / "bare.png", count=4, side=64, columns=2)
    assert (cv2.imread(str(tmp_path / "bare.png")) != sheet).any(axis=2).mean() > 0.02


def test_contact_sheet_without_any_image(tmp_path):
    poses = people(tmp_path, 1)
    poses.image_path(0).unlink()
    assert contact_sheet(poses, tmp_path / "sheet.png") == 0
    assert not (tmp_path / "sheet.png").exists()


def test_real_people():
    poses = present(mpii.read(shared("data/mpii"), "valid"), "drop")
    poses = present(poses, "drop").people(np.arange(40))
    report = check(poses)
    assert not any("undecodable" in f.what or "empty" in f.what for f in report.findings)


@pytest.mark.parametrize(("kind", "reader"), [("coco", coco), ("crowdpose", crowdpose)])
def test_a_declared_size_is_held_against_the_picture(tmp_path, kind, reader):
    shutil.copytree(data_set(kind), tmp_path / "set")
    assert not found(reader.read(tmp_path / "set", "val", everyone=True), "declared")
    (path,) = tmp_path.glob(
        f"set/**/*{'crowdpose_val' if kind == 'crowdpose' else 'person_keypoints_val2017'}.json"
    )
    content = json.loads(path.read_text())
    content["images"][-1]["width"] += 10
    path.write_text(json.dumps(content))
    report = check(reader.read(tmp_path / "set", "val", everyone=True))
    (finding,) = [one for one in report.findings if "declared" in one.what]
    assert (finding.count, finding.bad) == (1, True)
    assert content["images"][-1]["file_name"] in finding.examples[0]
    assert not report.good


def test_what_was_left_out_is_listed(tmp_path):
    poses = replace(sound(tmp_path), left_out={"boxes odd": tuple(map(str, range(9))), CROWD: ("7",)})
    report = check(poses)
    assert not report.good
    assert "! 9 of 15 annotations: boxes odd: 0, 1, 2, 3, 4, 5, 6, 7, 8" in report.lines()
    assert check(replace(poses, left_out={CROWD: ("7",)})).good


def test_another_size_is_said_once(tmp_path):
    """By the comparison of all pictures: the reader looks at a few."""
    sizes = np.tile([64, 48], (6, 1))
    sizes[2] = 48, 64
    poses = sound(tmp_path)
    poses = replace(
        poses, extras={**poses.extras, "image_size": sizes}, left_out={OTHER_SIZE: ("images/002.jpg",)}
    )
    (finding,) = check(poses).findings
    assert (finding.what, finding.count, finding.total) == ("pictures of another size than declared", 1, 6)


def test_twelve_bits_in_sixteen_are_black_and_named(tmp_path):
    """A camera of 12 bits writes 0 to 4095 into 16: what is read has 15 of 255 at most."""
    poses = sound(tmp_path)
    rng = np.random.default_rng(0)
    for number, most in ((1, 4096), (2, 65536)):
        name = tmp_path / f"deep{number}.png"
        cv2.imwrite(str(name), rng.integers(0, most, (48, 64)).astype(np.uint16))
        images = list(poses.images)
        images[number] = name.relative_to(poses.root).as_posix()
        poses = replace(poses, images=tuple(images))
    (finding,) = check(poses).findings
    assert (finding.count, finding.bad, finding.examples) == (1, True, ("deep1.png",))
    assert "black all over" in finding.what
