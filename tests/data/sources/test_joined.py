"""Sets joined for training: every person keeps its picture, its joints by name, and an id of its own."""

from pathlib import Path

import numpy as np

from posereg import config as configs
from posereg.cli.data_source import source_of
from posereg.data.formats import lspet, mpii
from posereg.data.sources import joined
from posereg.data.sources.joined import Part
from posereg.skeletons.skeleton import LSP, MPII
from posereg.train import train
from shared import shared
from tiny import data_set, overrides

RANGES = {"train": (1, 16), "val": (17, 24)}


def both(split):
    part = Part(lambda **where: lspet.read(ranges=RANGES, **where), data_set("lspet"), "train")
    return joined.read(data_set("mpii"), split, first=mpii.read, more={"lspet": part})


def test_people_of_both_follow_each_other():
    first = mpii.read(data_set("mpii"), "train")
    other = lspet.read(data_set("lspet"), "train", ranges=RANGES)
    found = both("train")
    assert found.skeleton is MPII
    assert len(found) == len(first) + len(other)
    assert len(set(found.ids.tolist())) == len(found)
    assert len(set(found.image_ids.tolist())) == len(found.images)
    np.testing.assert_array_equal(found.keypoints[: len(first)], first.keypoints)
    for k in range(len(other)):
        row = len(first) + k
        assert found.image_path(row) == other.image_path(k).absolute()
        assert found.image_path(row).exists()
        for joint, name in enumerate(MPII.joints):
            if name in LSP.joints:
                source = LSP.joints.index(name)
                assert found.visibility[row, joint] == other.visibility[k, source]
                np.testing.assert_array_equal(found.keypoints[row, joint], other.keypoints[k, source])
            else:
                assert found.visibility[row, joint] == 0
    assert np.isnan(found.extras["head_size"][len(first) :]).all()
    assert (found.extras["annolist"][len(first) :] == -1).all()


def test_validation_is_the_first_sets_alone():
    np.testing.assert_array_equal(both("valid").ids, mpii.read(data_set("mpii"), "valid").ids)


def test_a_run_trains_on_both_and_is_scored_on_the_first(tmp_path):
    given = [
        *overrides("mpii", tmp_path, "method=I_star"),
        "data=mpii_subset",
        f"data.reader.more.lspet.root={data_set('lspet')}",
        "data.reader.more.lspet.reader.ranges.train=[1,16]",
    ]
    result = train(configs.compose(given), given)
    wanted = len(mpii.read(data_set("mpii"), "train")) + 16
    assert result["protocol"]["train_people"] == wanted
    assert result["protocol"]["people"] == len(mpii.read(data_set("mpii"), "valid"))
    assert "PCKh@0.5" in result["metrics"]


def body(*more):
    return [
        *(
            f"data.reader.more.{name}.root={data_set(kind)}"
            for name, kind in (("lspet", "lspet"), ("coco", "coco"))
        ),
        "data.reader.more.lspet.reader.ranges.train=[1,10]",
        "data.reader.more.lspet_rest.reader.ranges.train=[17,24]",
        *more,
    ]


def test_body_is_four_parts_in_mpiis_joints():
    source = source_of(["data=body", f"data.root={data_set('mpii')}", *body()])
    people, first = source.read("train"), mpii.read(data_set("mpii"), "train")
    names = [Path(people.images[i]).name for i in people.person_image[len(first) :]]
    leeds = [f"im{number:05d}.jpg" for number in (*range(1, 11), *range(17, 25))]
    assert names[:18] == leeds
    assert len(names) > 18
    labelled = people.visibility[len(first) + 18 :] > 0
    shared = [people.skeleton.joints.index(name) for name in ("left_wrist", "right_ankle")]
    lacking = [people.skeleton.joints.index(name) for name in ("pelvis", "head_top")]
    assert labelled[:, shared].any()
    assert not labelled[:, lacking].any()
    np.testing.assert_array_equal(source.read("valid").ids, mpii.read(data_set("mpii"), "valid").ids)


def test_the_large_split_of_leeds_leaves_its_validation_out():
    given = ["data=lspet_7000", f"data.root={data_set('lspet')}"]
    ranges = (
        "data.reader.first.ranges={train: [1, 5], val: [6, 9]}",
        "data.reader.more.rest.reader.ranges.train=[10,24]",
    )
    source = source_of([*given, *ranges])
    numbers = {
        split: [source.read(split).images[i][-7:-4] for i in range(len(source.read(split)))]
        for split in ("train", "val")
    }
    assert numbers["train"] == [f"{n:03d}" for n in (*range(1, 6), *range(10, 25))]
    assert numbers["val"] == [f"{n:03d}" for n in range(6, 10)]


def test_the_real_subset():
    from posereg.data.sources.subset import present

    source = source_of(
        [
            "data=mpii_subset",
            f"data.root={shared('data/mpii')}",
            f"data.reader.more.lspet.root={shared('data/lspet')}",
            "data.annotations={train: "
            f"{shared('data/mpii')}/annotations/train_people.csv, valid: "
            f"{shared('data/mpii')}/annotations/detections_our_format.mat}}",
        ]
    )
    assert len(present(source.read("train"), "drop")) == 1908 + 2500
    assert len(present(source.read("valid"), "drop")) == 264
