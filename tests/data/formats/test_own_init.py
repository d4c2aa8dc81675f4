"""Descriptions drawn up from annotations of each form."""

import json

import numpy as np
import pytest
import sleap_io as sio
import yaml

from mice import JOINTS, as_csv, as_yolo, mice
from posereg.data.formats.own_init import METRICS, SHARES, describe
from posereg.errors import UserError


def test_coco_names_joints_and_limbs(tmp_path):
    content = mice(tmp_path, 2)
    content["categories"][0]["skeleton"] = [[1, 4], [4, 2], [99, 1], [3, 3]]
    (tmp_path / "mouse.json").write_text(json.dumps(content))
    assert describe(tmp_path / "mouse.json") == {
        "skeleton": {"joints": JOINTS, "limbs": [["nose", "neck"], ["neck", "L_ear"]]},
        "source": {"format": "coco-json", "splits": SHARES},
        "metrics": METRICS,
    }


def test_several_categories_ask_for_one_and_those_without_poses_do_not_count(tmp_path):
    content = mice(tmp_path, 2)
    content["categories"].append({"id": 2, "name": "rat", "keypoints": ["nose"]})
    (tmp_path / "mouse.json").write_text(json.dumps(content))
    assert describe(tmp_path / "mouse.json")["source"]["category"] == "mouse"
    content["annotations"][0] |= {"category_id": 2}
    (tmp_path / "mouse.json").write_text(json.dumps(content))
    with pytest.raises(UserError, match=r"several categories; choose one: category=mouse\|rat"):
        describe(tmp_path / "mouse.json")
    assert describe(tmp_path / "mouse.json", "rat")["skeleton"] == {"joints": ["nose"]}
    with pytest.raises(UserError, match=r"no category 'cat' with poses, did you mean 'rat'"):
        describe(tmp_path / "mouse.json", "cat")
    content["annotations"] = []
    (tmp_path / "mouse.json").write_text(json.dumps(content))
    with pytest.raises(UserError, match="has no poses"):
        describe(tmp_path / "mouse.json")


def test_joints_without_names_are_asked_for(tmp_path):
    content = mice(tmp_path, 2)
    del content["categories"][0]["keypoints"]
    (tmp_path / "mouse.json").write_text(json.dumps(content))
    with pytest.raises(UserError, match="does not name its joints"):
        describe(tmp_path / "mouse.json")


def test_tables_and_their_likelihoods(tmp_path):
    as_csv(tmp_path, mice(tmp_path, 2))
    assert describe(tmp_path / "mouse.csv") == {
        "skeleton": {"joints": JOINTS}, "source": {"format": "dlc-csv", "splits": SHARES}, "metrics": METRICS,
    }  # fmt: skip
    (tmp_path / "b.csv").write_text("scorer,m,m,m\nbodyparts,nose,nose,nose\ncoords,x,y,likelihood\n")
    assert describe(tmp_path / "b.csv")["source"]["confidence"] == 0.5


def test_yolo_folders_keep_their_splits_and_may_lack_names(tmp_path):
    as_yolo(tmp_path, mice(tmp_path, 2), 1)
    path = tmp_path / "yolo/data.yaml"
    with pytest.raises(UserError, match="does not name its joints; say joints=nose"):
        describe(path)
    assert describe(path, joints=JOINTS) == {
        "skeleton": {"joints": JOINTS}, "source": {"format": "yolo-pose"}, "metrics": METRICS,
    }  # fmt: skip
    content = yaml.safe_load(path.read_text())
    path.write_text(yaml.safe_dump({**content, "names": ["rat", "mouse"], "kpt_names": {1: JOINTS[::-1]}}))
    found = describe(path, "mouse")
    assert (found["skeleton"]["joints"], found["source"]["category"]) == (JOINTS[::-1], "mouse")


def test_other_files_are_refused(tmp_path):
    (tmp_path / "a.txt").touch()
    with pytest.raises(UserError, match=r"a.txt: must be a COCO-style .json"):
        describe(tmp_path / "a.txt")


def test_pairs_come_from_the_file_where_names_do_not_say_them(tmp_path):
    described = {"train": "x", "kpt_shape": [3, 2], "names": ["fish"], "kpt_names": ["eye", "auge", "fin"]}
    (tmp_path / "data.yaml").write_text(yaml.safe_dump({**described, "flip_idx": [1, 0, 2]}))
    found = describe(tmp_path / "data.yaml")["skeleton"]
    assert found == {"joints": ["eye", "auge", "fin"], "pairs": [["eye", "auge"]]}
    (tmp_path / "data.yaml").write_text(yaml.safe_dump({**described, "flip_idx": [1, 1, 2]}))
    assert describe(tmp_path / "data.yaml")["skeleton"] == {"joints": ["eye", "auge", "fin"]}


def test_limbs_and_symmetries_of_sleap(tmp_path):
    skeleton = sio.Skeleton(
        nodes=["eye", "auge", "fin"], edges=[("eye", "fin")], symmetries=[("eye", "auge")]
    )
    one = sio.Instance.from_numpy(np.ones((3, 2)), skeleton=skeleton)
    frame = sio.LabeledFrame(
        video=sio.Video.from_filename([str(tmp_path / "a.png")]), frame_idx=0, instances=[one]
    )
    sio.save_slp(sio.Labels([frame]), str(tmp_path / "a.slp"), verbose=False)
    found = describe(tmp_path / "a.slp")
    wanted = {"joints": ["eye", "auge", "fin"], "limbs": [["eye", "fin"]], "pairs": [["auge", "eye"]]}
    assert found["skeleton"] == wanted
    assert found["source"]["format"] == "sleap"


@pytest.mark.parametrize("limbs", [1, [3], [[1]], [[1, []]], [[1.0, 0.5]]])
def test_limbs_that_are_none_are_one_line(tmp_path, limbs):
    content = mice(tmp_path, 2)
    content["categories"][0]["skeleton"] = limbs
    (tmp_path / "mouse.json").write_text(json.dumps(content))
    with pytest.raises(UserError, match=r"mouse.json: not COCO-style annotations"):
        describe(tmp_path / "mouse.json")
