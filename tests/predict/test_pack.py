"""A run becomes a model file that predicts what the run predicted."""

import json
import re
from pathlib import Path

import numpy as np
import pytest
import torch

from posereg import config as configs
from posereg.build import load_method
from posereg.data.formats import mpii
from posereg.errors import UserError
from posereg.files import sha256_of
from posereg.models import cards
from posereg.predict.pack import pack
from posereg.predict.predictor import predict
from posereg.records import predictions
from posereg.train import train
from tiny import data_set, overrides


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """A finished run of the heat-map method with averaged weights."""
    given = overrides(
        "mpii", tmp_path_factory.mktemp("pack"), "method=H1", "input_scale=0.25", "trainer.ema=0.5"
    )
    config = configs.compose(given)
    train(config, given)
    return Path(config.run_dir)


def test_the_packed_model_predicts_what_the_run_did(run, tmp_path):
    card = pack(run, "mine", tmp_path)
    poses = mpii.read(data_set("mpii"), "valid")
    ours = predict(load_method(tmp_path / "mine"), poses, device="cpu")
    theirs = predictions.load(run / "predictions.npz")
    theirs = theirs.rows(np.array([theirs.ids.tolist().index(i) for i in ours.ids]))
    moved = np.abs(ours.keypoints - theirs.keypoints)
    assert np.median(moved) < 0.1  # an argmax between two cells that are alike may fall to the other one
    np.testing.assert_allclose(ours.keypoint_scores, theirs.keypoint_scores, atol=5e-3)
    assert card.weights.stat().st_size < 0.75 * sum(t.nbytes for t in load_method(run).state_dict().values())


def test_the_average_is_packed_not_the_last_step(run, tmp_path):
    """In the middle of a training a checkpoint holds both."""
    content = torch.load(run / "last.ckpt", weights_only=True)
    average = content["state_dict"]
    raw = {name: tensor + 1 for name, tensor in average.items()}
    torch.save({**content, "raw_state_dict": raw}, tmp_path / "last.ckpt")
    pack(tmp_path / "last.ckpt", "mine", tmp_path)
    for name, tensor in load_method(tmp_path / "mine").state_dict().items():
        assert torch.equal(tensor, average[name].half().to(tensor.dtype))


def test_the_card_says_what_the_run_was(run, tmp_path):
    card = pack(run, "mine", tmp_path, about="A test.", licence="none")
    assert cards.read_card(tmp_path / "mine").facts == card.facts
    result = json.loads((run / "result.json").read_text())
    facts = card.facts
    assert facts["method"] == "H1"
    assert facts["skeleton"] == "mpii"
    assert facts["results"][0]["metrics"]["PCKh@0.5"] == round(result["metrics"]["PCKh@0.5"], 2)
    assert facts["trained_on"] == {
        "data": "synthetic",
        "split": "train",
        "people": result["protocol"]["train_people"],
    }
    assert facts["training"]["ema"] == 0.5
    assert card.sha256 == sha256_of(card.weights)


def test_nothing_of_this_machine_is_in_the_file(run, tmp_path):
    card = pack(run, "mine", tmp_path)
    content = card.weights.read_bytes()
    assert str(run.parents[3]).encode() not in content
    assert str(data_set("mpii")).encode() not in content


def test_a_config_of_the_file_that_asks_for_other_code_is_refused(run, tmp_path):
    card = pack(run, "mine", tmp_path)
    content = card.weights.read_bytes()
    harmless, harm = b"torch.optim.Adam", b"subprocess.Popen"
    assert content.count(harmless) == 1
    assert len(harmless) == len(harm)
    card.weights.write_bytes(content.replace(harmless, harm))
    with pytest.raises(UserError, match=r"its config asks to build 'subprocess\.Popen'"):
        load_method(card.weights)


def test_a_skeleton_of_other_joints_is_refused(run, tmp_path):
    card = pack(run, "mine", tmp_path)
    content = card.weights.read_bytes()
    card.weights.write_bytes(re.sub(rb"right_ankle", b"right_tibia", content))
    with pytest.raises(UserError, match="its skeleton mpii has other joints"):
        load_method(card.weights)


@pytest.mark.parametrize("name", ["a/b", "..", "."])
def test_a_name_that_is_no_folder_is_refused(run, tmp_path, name):
    with pytest.raises(UserError, match="the name of a folder"):
        pack(run, name, tmp_path)
