"""The contract of data modules: what a run asks for is there, or the class cannot be built."""

from functools import partial
from pathlib import Path
from types import MappingProxyType

import pytest

from mice import mouse_set
from posereg.data.modules.base import ImageData
from posereg.data.modules.mixed import MixedData
from posereg.data.modules.scenes import BottomUpData
from posereg.data.modules.topdown import TopDownData
from posereg.data.sources.source import Source
from posereg.errors import UserError
from posereg.evaluation import own


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

    left_out = MappingProxyType({})


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
