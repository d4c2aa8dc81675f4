import cv2
import numpy as np
import pytest

from posereg.data.formats import h80k
from posereg.errors import UserError


def write(root, numbers=(1, 2, 7)):
    rng = np.random.default_rng(0)
    poses = rng.normal(0, 300, (len(numbers), 17, 3)).round(3)
    poses[:, 0] = 0
    for folder in ("Train/IMG", "Train/POSE", "Test/IMG"):
        (root / folder).mkdir(parents=True)
    for number, pose in zip(numbers, poses, strict=True):
        cv2.imwrite(str(root / "Train" / "IMG" / f"{number:05d}.jpg"), np.zeros((100, 120, 3), np.uint8))
        text = "\n".join(",".join(map(str, row)) for row in pose.tolist())
        (root / "Train" / "POSE" / f"{number:05d}.csv").write_text(text + "\n")
    cv2.imwrite(str(root / "Test" / "IMG" / "00004.jpg"), np.zeros((100, 120, 3), np.uint8))
    return poses


def test_poses_by_number_with_the_thorax_between_the_shoulders(tmp_path):
    poses = write(tmp_path)
    found = h80k.read(tmp_path, "train")
    assert found.ids.tolist() == [1, 2, 7]
    assert found.images[2] == "Train/IMG/00007.jpg"
    assert np.allclose(found.extras["xyz"][:, :17], poses, atol=1e-3)
    assert np.allclose(found.extras["xyz"][:, 17], (poses[:, 11] + poses[:, 14]) / 2, atol=1e-3)
    assert found.boxes[0].tolist() == [-0.5, -0.5, 119.5, 99.5]
    assert (found.visibility == 0).all()


def test_hash_covers_the_poses(tmp_path):
    write(tmp_path)
    before = h80k.read(tmp_path, "train").annotation_hash
    assert h80k.read(tmp_path, "train").annotation_hash == before
    path = tmp_path / "Train" / "POSE" / "00002.csv"
    path.write_text(path.read_text().replace("0", "1", 1))
    assert h80k.read(tmp_path, "train").annotation_hash != before


def test_test_split_has_no_poses(tmp_path):
    write(tmp_path)
    assert np.isnan(h80k.read(tmp_path, "test").extras["xyz"]).all()


def test_files_that_do_not_fit_are_named(tmp_path):
    write(tmp_path)
    pose = tmp_path / "Train" / "POSE" / "00002.csv"
    pose.write_text("1,2,3\n")
    with pytest.raises(UserError, match=r"00002\.csv: 3 numbers"):
        h80k.read(tmp_path, "train")
    pose.write_text("a,b,c\n")
    with pytest.raises(UserError, match=r"00002\.csv: not a pose file"):
        h80k.read(tmp_path, "train")
    pose.unlink()
    with pytest.raises(UserError, match=r"00002\.csv: no such pose file"):
        h80k.read(tmp_path, "train")
    with pytest.raises(UserError, match="Val/IMG: no such folder"):
        h80k.read(tmp_path, "val")
    with pytest.raises(UserError, match="no split 'valid'"):
        h80k.read(tmp_path, "valid")
