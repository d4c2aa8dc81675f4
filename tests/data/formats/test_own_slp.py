import cv2
import numpy as np
import pytest
import sleap_io as sio

from mice import JOINTS, as_slp, instance, mice, mouse_set
from posereg.data.formats import own_coco, own_slp
from posereg.errors import UserError
from posereg.predict import video


def test_a_list_of_pictures_gives_what_the_json_gives(tmp_path):
    as_slp(tmp_path, mice(tmp_path, 4))
    poses = mouse_set(tmp_path, 4, format="sleap", annotations="mouse.slp")
    plain = mouse_set(tmp_path, 4)
    assert poses.left_out == {}
    assert poses.images == plain.images
    np.testing.assert_array_equal(poses.keypoints, plain.keypoints)
    np.testing.assert_array_equal(poses.visibility, plain.visibility)
    np.testing.assert_allclose(poses.extras["bbox"], own_boxes(plain), rtol=1e-6)


def own_boxes(poses):
    low, high = poses.keypoints.min(1), poses.keypoints.max(1)
    return np.concatenate([low, high - low + 1], axis=1)


@pytest.fixture
def filmed(tmp_path):
    """Eight frames of a film, three of them labelled: frame 5 with two mice, one joint of the first unlabelled."""
    content = mice(tmp_path, 3)
    with video.writer(tmp_path / "pictures/film.mp4", 25) as add:
        for number in range(8):
            add(cv2.imread(str(tmp_path / f"pictures/{number % 3:03}.png")))
    skeleton = sio.Skeleton(nodes=list(JOINTS), edges=[("nose", "neck")], name="mouse")
    points = [one["keypoints"] for one in content["annotations"]]
    points[0][2] = 0
    film = sio.Video.from_filename(str(tmp_path / "pictures/film.mp4"))
    two = [instance(points[0], skeleton), instance(points[2], skeleton)]
    frames = [
        sio.LabeledFrame(video=film, frame_idx=5, instances=two),
        sio.LabeledFrame(video=film, frame_idx=1, instances=[instance(points[1], skeleton)]),
        sio.LabeledFrame(
            video=film,
            frame_idx=2,
            instances=[sio.PredictedInstance.from_numpy(np.ones((12, 2)), skeleton=skeleton)],
        ),
    ]
    labels = sio.Labels(frames, videos=[film], skeletons=[skeleton])
    sio.save_slp(labels, str(tmp_path / "film.slp"), verbose=False)
    return tmp_path, points


def test_frames_of_a_film_are_pictures(filmed):
    folder, points = filmed
    poses = mouse_set(folder, 3, format="sleap", annotations="film.slp", images=None)
    assert poses.images == ("pictures/film.mp4#5", "pictures/film.mp4#1", "pictures/film.mp4#2")
    assert poses.person_image.tolist() == [0, 0, 1]
    assert poses.visibility[0].tolist() == [0] + [2] * 11
    np.testing.assert_allclose(poses.keypoints[2], np.reshape(points[1], (12, 3))[:, :2], rtol=1e-6)
    assert {reason: len(who) for reason, who in poses.left_out.items()} == {own_coco.PREDICTED: 1}


def test_a_film_is_split_by_its_name(filmed):
    folder, _ = filmed
    splits = {"train": ["film.mp4"], "val": []}
    assert len(mouse_set(folder, 3, "train", format="sleap", annotations="film.slp", splits=splits)) == 3
    assert len(mouse_set(folder, 3, "val", format="sleap", annotations="film.slp", splits=splits)) == 0
    both = {**splits, "val": ["film.mp4#1"]}
    with pytest.raises(UserError, match=r"'film.mp4#1' is in train and in val"):
        mouse_set(folder, 3, "val", format="sleap", annotations="film.slp", splits=both)


def test_pictures_inside_the_file_are_to_be_taken_out(filmed):
    folder, _ = filmed
    labels = sio.load_slp(str(folder / "film.slp"))
    sio.save_slp(labels, str(folder / "all.pkg.slp"), embed="all", verbose=False)
    with pytest.raises(UserError, match=r"all.pkg.slp: holds its pictures itself.*posereg data convert"):
        own_slp.load(folder / "all.pkg.slp")


def test_other_files_are_named(tmp_path):
    (tmp_path / "a.slp").write_text("{}")
    with pytest.raises(UserError, match=r"a.slp: not SLEAP's labels"):
        own_slp.load(tmp_path / "a.slp")
    with pytest.raises(UserError, match=r"b.slp: no such file"):
        own_slp.load(tmp_path / "b.slp")


def test_without_the_library_the_extra_is_named(tmp_path, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "sleap_io", None)
    with pytest.raises(UserError, match=r"pip install 'posereg\[sleap\]'"):
        own_slp.load(tmp_path / "b.slp")
