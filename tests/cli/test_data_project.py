"""`posereg data project`: predictions for every split, made once."""

from pathlib import Path

import numpy as np
import pytest
import torch

from posereg import config as configs
from posereg.build import build_method
from posereg.cli import data_project
from posereg.cli.program import invoke
from posereg.data.synthetic.make import make
from posereg.errors import UserError
from posereg.records.predictions import load


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An untrained 2D model with maps that differ between joints."""
    plain = configs.plain(configs.compose(["method=I_star", "trainer=demo", "width=0.125"]))
    torch.manual_seed(0)
    module = build_method(plain, weights=False)
    for parameter in module.network.parameters():
        torch.nn.init.normal_(parameter, std=0.3)
    path = tmp_path_factory.mktemp("model") / "last.ckpt"
    torch.save({"posereg_config": plain, "state_dict": module.state_dict()}, path)
    return path


def test_every_split_gets_its_predictions_once(
    checkpoint: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    root = make("h80k", tmp_path / "set", 10, seed=2, size=96)
    given = ["data=synthetic_h80k", f"data.root={root}", f"checkpoint={checkpoint}", "device=cpu"]
    assert invoke(["data", "project", *given]) == 0
    told = capsys.readouterr().out
    for split, folder in (("train", "Train"), ("val", "Val"), ("test", "Test")):
        found = load(root / f"pose2d/{split}.npz")
        count = len(list((root / folder / "IMG").iterdir()))
        assert found.ids.tolist() == list(range(1, count + 1))
        assert found.keypoints.shape == (count, 16, 2)
        assert found.meta["skeleton"] == "mpii"
        assert f"{split}.npz" in told
    assert "4 of 4 frames, residual" in told
    before = (root / "pose2d/val.npz").stat().st_mtime_ns
    assert invoke(["data", "project", *given]) == 0
    assert "there already" in capsys.readouterr().out
    assert (root / "pose2d/val.npz").stat().st_mtime_ns == before
    with pytest.raises(UserError, match=r"train\.npz is of another model, passes or boxes .* overwrite=true"):
        invoke(["data", "project", *given, "passes=1"])
    other = tmp_path / "other.ckpt"
    torch.save({**torch.load(checkpoint), "epoch": 7}, other)
    with pytest.raises(UserError, match="another model"):
        invoke(["data", "project", *given[:2], f"checkpoint={other}", "device=cpu"])
    assert invoke(["data", "project", *given, "split=val", "overwrite=true", "passes=1"]) == 0
    assert load(root / "pose2d/val.npz").meta["passes"] == 1
    assert np.isfinite(load(root / "pose2d/val.npz").keypoints).all()


def test_mistakes(checkpoint: Path, tmp_path: Path) -> None:
    nowhere = ["data=h80k", f"data.root={tmp_path}"]
    with pytest.raises(UserError, match="checkpoint= is missing"):
        invoke(["data", "project", *nowhere])
    with pytest.raises(UserError, match="no Train/IMG"):
        invoke(["data", "project", *nowhere, f"checkpoint={checkpoint}"])
    with pytest.raises(UserError, match="passes=two: not a whole number"):
        invoke(["data", "project", *nowhere, f"checkpoint={checkpoint}", "passes=two"])
    with pytest.raises(UserError, match="unknown key 'chekpoint', did you mean 'checkpoint'"):
        invoke(["data", "project", *nowhere, "chekpoint=x"])


def test_boxes_are_of_one_split(checkpoint: Path, tmp_path: Path) -> None:
    """Frames of all splits have the same names, so a box could be any of theirs."""
    for folder in ("Train", "Val"):
        (tmp_path / folder / "IMG").mkdir(parents=True)
    arguments = (["data=h80k", f"data.root={tmp_path}"], checkpoint, None, tmp_path / "boxes.json")
    with pytest.raises(UserError, match="give one split= with boxes="):
        data_project.run(*arguments, passes=2, out=None, device="cpu", batch_size=2, overwrite=False)
