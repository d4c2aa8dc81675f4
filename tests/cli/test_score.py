"""`posereg score`: a predictions file against a split of a data set."""

import json
from pathlib import Path

import numpy as np
import pytest

from posereg.cli import score
from posereg.cli.main import main
from posereg.data.formats import mpii
from tiny import data_set

DATA = ["data=synthetic", f"data.root={data_set('mpii')}"]


def saved(folder: Path, split: str, shift: float = 0.0) -> Path:
    poses = mpii.read(data_set("mpii"), split)
    np.save(folder / "preds.npy", poses.keypoints + 1 + shift)
    return folder / "preds.npy"


def figures(out: Path) -> dict[str, float]:
    metrics: dict[str, float] = json.loads(out.read_text())["metrics"]
    return metrics


def test_perfect_predictions_score_100_on_their_own_split(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "score.json"
    assert score.run(DATA, saved(tmp_path, "valid"), out, None, None) == 0
    assert "PCKh@0.5" in capsys.readouterr().out
    assert figures(out)["PCKh@0.5"] == 100
    assert score.run(DATA, saved(tmp_path, "train"), out, "train", None) == 0
    assert figures(out)["PCKh@0.5"] == 100


def test_where_coordinates_begin_is_the_users_to_say(tmp_path: Path) -> None:
    out = tmp_path / "score.json"
    file = saved(tmp_path, "valid", shift=-1)  # from 0
    assert score.run(DATA, file, out, None, False) == 0
    right = figures(out)
    assert score.run(DATA, file, out, None, None) == 0  # read as official files are, from 1
    assert right["PCKh@0.5"] == 100
    assert figures(out)["AUC"] < right["AUC"] - 1


def test_a_file_of_another_split_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["score", *DATA, f"predictions={saved(tmp_path, 'train')}"]) == 2
    assert "preds.npy" in capsys.readouterr().err
    assert main(["score", *DATA, f"predictions={tmp_path / 'gone.npy'}"]) == 2
    assert "gone.npy: no such" in capsys.readouterr().err
