"""posereg evaluate without a checkpoint takes the model that comes with posereg, and says where there is none."""

import pytest

from posereg.cli import evaluate
from posereg.cli.program import invoke
from posereg.errors import UserError
from posereg.models import cards
from tiny import data_set


def test_without_a_model_that_is_said(tmp_path, monkeypatch):
    monkeypatch.setattr(cards, "SHIPPED", tmp_path)
    with pytest.raises(UserError, match="no model comes with this copy"):
        invoke(["evaluate", "data=synthetic", f"data.root={data_set('mpii')}", f"out={tmp_path / 'out'}"])
    assert not (tmp_path / "out").exists()


def test_scales_must_be_positive(tmp_path):
    with pytest.raises(UserError, match="crop_scales=0"):
        invoke(["evaluate", "checkpoint=x.ckpt", "data=synthetic", "crop_scales=0"])
    assert evaluate.COMMAND.config == "data"
