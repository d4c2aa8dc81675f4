"""Splits that a data set has, by its config alone."""

import pytest

from posereg import config as configs
from posereg.settings.splits import split_problems, splits_of

H36M = ("data=h36m", "method=volume", "loader=mixed", "augment=volume")


def told(*given):
    config = configs.plain(configs.compose(given))
    return [str(problem) for problem in split_problems(config)]


@pytest.mark.parametrize(
    ("data", "splits"),
    [
        ("mpii", ["train", "valid", "trainval", "test"]),
        ("mpii_subset", ["train", "valid", "trainval", "test"]),
        ("lsp", ["train", "test", "all"]),
        ("lspet_3000", ["train", "val", "all"]),
        ("synthetic_h80k", ["train", "val", "test", "trainval"]),
        ("coco", None),  # one more is a file of its name
    ],
)
def test_what_splits_there_are(data, splits):
    config = configs.plain(configs.compose([f"data={data}"]))
    assert splits_of(config["data"]["reader"]) == splits


def test_other_splits_are_refused_with_the_nearest():
    assert told("data=coco", "data.val_split=mine") == []
    assert told("data.val_split=val") == [
        "data.val_split=val: synthetic has no such split, did you mean 'valid'?"
    ]
    assert told("+loader.train_split=trian", "data=lsp") == [
        "loader.train_split=trian: lsp has no such split, did you mean 'train'?"
    ]
    (line,) = told(*H36M, "loader.others.mpii.train_split=all")
    assert line.startswith("loader.others.mpii.train_split=all: mpii has no such split")


def test_files_by_split_must_name_the_splits():
    files = "data.annotations={train2017: a.json, val2O17: b.json}"
    (line,) = told("data=coco", files)
    assert line == "data.val_split=val2017: data.annotations names no file for it, did you mean 'val2O17'?"
