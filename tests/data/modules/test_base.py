"""The contract of data modules: what a run asks for is there, or the class cannot be built."""

from functools import partial
from pathlib import Path

import cv2
import numpy as np
import pytest

from data.formats.coco_files import person, write
from mice import mouse_set
from posereg.data.formats import coco
from posereg.data.modules.base import ImageData
from posereg.data.modules.mixed import MixedData
from posereg.data.modules.scenes import BottomUpData
from posereg.data.modules.topdown import TopDownData
from posereg.data.sources.source import Source
from posereg.errors import UserError
from posereg.evaluation import oks, own


def source(**changed):
    """A source over no files: the reader answers with the name of the split, so that tests see what was asked."""
    fields = {
        "name": "words",
        "skeleton": "mpii",
        "reader": lambda root, split, annotations: f"people of {split}",
        "evaluate": lambda poses, predictions: (poses, predictions),
        "root": Path(),
    }
    return Source(**{**fields, **changed})


class People(str):
    """Stands for the people of a split, of whom nobody was left out."""

    def remarks(self):
        return []

    def shown(self):
        return {self.partition(",")[0]}


class Words(ImageData):
    """The least a subclass defines."""

    @property
    def protocol(self):
        return {"box_source": "none"}

    def selected(self, split, limit, seed):
        return People(f"{limit} of {split}, seed {seed}")

    def train_dataloader(self):
        return None

    def plain_loader(self, split):
        return split


@pytest.mark.parametrize("name", ["selected", "train_dataloader", "plain_loader"])
def test_a_module_that_lacks_a_part_of_the_contract_cannot_be_built(name):
    own = {key: value for key, value in vars(Words).items() if key != name}
    partial = type("Partial", (ImageData,), own)
    with pytest.raises(TypeError, match=name):
        partial(source(), (64, 64), 2)
    assert Words(source(), (64, 64), 2).protocol == {"box_source": "none"}


@pytest.mark.parametrize("kind", [TopDownData, BottomUpData, MixedData])
def test_every_shipped_module_keeps_the_contract(kind):
    assert not kind.__abstractmethods__
    assert kind(source=source()).val_batch_size >= 1


def test_scoring_uses_the_people_that_were_predicted_unless_the_source_has_a_truth_of_its_own():
    data = Words(source(), (64, 64), 2, limit_val=7, seed=3)
    assert data.evaluate("poses") == ("7 of valid, seed 0", "poses")
    crowds = source(truth=lambda root, split, annotations: f"everyone of {split}")
    assert Words(crowds, (64, 64), 2).evaluate("poses") == ("everyone of valid", "poses")


def test_predictions_stay_as_they_are_unless_the_data_set_has_a_rule():
    raw = object()
    assert Words(source(), (64, 64), 2).postprocessed(raw) is raw
    plain, ruled = TopDownData(source()), TopDownData(source(postprocess=lambda *both: both))
    plain._poses["valid"] = ruled._poses["valid"] = "people"
    assert plain.postprocessed(raw) is raw
    assert ruled.postprocessed(raw) == ("people", raw)


def test_training_people_are_drawn_by_the_seed_and_validation_people_never():
    data = Words(source(), (64, 64), 2, limit_train=5, limit_val=7, seed=3)
    assert data.poses("train") == "5 of train, seed 3"
    assert data.poses("valid") == "7 of valid, seed 0"
    assert data.test_dataloader() == "valid"
    assert Words(source(test_split="test"), (64, 64), 2).predict_dataloader() == "test"


def test_a_metric_of_the_users_own_is_tried_before_the_first_step(tmp_path):
    poses = mouse_set(tmp_path, 3)
    fields = {"skeleton": {"joints": list(poses.skeleton.joints)}, "file": tmp_path / "mouse.yaml"}
    reader = {"reader": lambda root, split, annotations: poses}
    fine = source(**fields, **reader, evaluate=partial(own.evaluate, metrics={"oks": {"area": "box"}}))
    TopDownData(fine).setup("fit")
    lacking = source(**fields, **reader, evaluate=partial(own.evaluate, metrics={"oks": True}))
    with pytest.raises(UserError, match=r"3 of 3 have no 'area'"):
        TopDownData(lacking).setup("fit")
    TopDownData(lacking).setup("test")


def test_people_without_an_area_are_said_before_the_first_step_where_it_is_scored(tmp_path):
    with_area, without = person(1), person(2)
    del without["area"]
    fields = {"skeleton": "coco", "reader": coco.read, "evaluate": oks.evaluate, "val_split": "val"}
    roots = [write(tmp_path / "a", [with_area]), write(tmp_path / "b", [with_area, without])]
    for root in roots:
        cv2.imwrite(str(root / "val2017/000000000001.jpg"), np.zeros((80, 100, 3), np.uint8))
    TopDownData(source(**fields, root=roots[0])).setup("fit")
    lacking = source(**fields, root=roots[1])
    with pytest.raises(UserError, match=r"annotation 2 has no 'area' \(1 of 2 people\)"):
        TopDownData(lacking).setup("fit")


def test_pictures_that_are_trained_and_validated_on_are_said_once(capsys):
    apart, same = (
        Words(source(), (64, 64), 2),
        Words(source(), (64, 64), 2, val_split="train", test_split="test"),
    )
    for data in (apart, same):
        for split in (data.train_split, data.val_split, "test"):
            data.poses(split)
    assert capsys.readouterr().out == "words: 1 images of train are trained on too\n"
