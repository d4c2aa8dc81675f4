"""`posereg doctor`: data sets are known by their official files."""

from pathlib import Path

import pytest

from posereg.cli import doctor
from posereg.cli.main import main


@pytest.mark.parametrize(
    ("name", "file"),
    [
        ("MPII", "mpii/annot/valid.h5"),
        ("MPII", "a/mpii/mpii_human_pose_v1_u12_1.mat"),
        ("LSP / LSPET", "lsp_dataset/joints.mat"),
        ("COCO", "coco/annotations/person_keypoints_val2017.json"),
        ("CrowdPose", "crowdpose/json/crowdpose_test.json"),
        ("CHALL_H80K", "h80k/Train/POSE/000001.csv"),
    ],
)
def test_a_data_set_is_found_once_in_its_own_folder(tmp_path: Path, name: str, file: str) -> None:
    path = tmp_path / file
    path.parent.mkdir(parents=True)
    path.touch()
    (line,) = doctor.data_sets(tmp_path)
    found, _, folder = line.partition(": ")
    assert found == name
    assert path.is_relative_to(folder)
    assert folder != str(tmp_path)
    assert doctor.data_sets(tmp_path / "elsewhere") == []


def test_the_root_itself_may_be_the_data_set(tmp_path: Path) -> None:
    (tmp_path / "joints.mat").touch()
    assert doctor.data_sets(tmp_path) == [f"LSP / LSPET: {tmp_path}"]


def test_it_prints_versions_devices_logging_and_data(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "lsp_dataset").mkdir()
    (tmp_path / "lsp_dataset/joints.mat").touch()
    assert main(["doctor", f"root={tmp_path}"]) == 0
    by_root = capsys.readouterr().out
    assert f"LSP / LSPET: {tmp_path / 'lsp_dataset'}" in by_root
    assert "MPII" not in by_root
    assert "torch 2." in by_root
    assert "logger=wandb would run" in by_root
    assert "cpu: " in by_root
    monkeypatch.setenv("POSEREG_DATA", str(tmp_path))
    assert doctor.run(None) == 0
    assert f"data below {tmp_path}" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["roof=x"], "unknown key 'roof', did you mean 'root'?"),
        (["root=a", "root=b"], "root is given twice"),
        (["here"], "'here' is not key=value"),
    ],
)
def test_wrong_arguments(arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["doctor", *arguments]) == 2
    assert capsys.readouterr().err == f"error: posereg doctor: {message} (usage: posereg doctor [root=DIR])\n"
