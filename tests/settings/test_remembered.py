"""Configs that were found right before: known again by the same code alone, and nothing wrong is ever waved through."""

import os
import subprocess
import sys

import pytest

from posereg import config as configs
from posereg.settings import remembered
from posereg.settings.check import problems


@pytest.fixture
def plain(tmp_path, monkeypatch):
    """A run's config that is right, and nothing remembered yet."""
    monkeypatch.setenv("POSEREG_CACHE", str(tmp_path / "cache"))
    return configs.plain(configs.compose(["method=I1", "data.root=/nowhere", "trainer.accelerator=cpu"]))


def test_what_was_found_right_is_known_and_anything_else_is_not(plain):
    assert not remembered.is_known(plain)
    assert problems(plain) == []
    assert remembered.is_known(plain)
    assert not remembered.is_known({**plain, "seed": 1})
    assert not remembered.is_known({**plain, "seed": False})  # 0 == False in Python
    assert not remembered.is_known({**plain, "input_scale": 1})  # and 1 == 1.0


def test_mistakes_are_told_each_time(plain):
    wrong = {**plain, "batch_size": 0}
    assert problems(wrong) == problems(wrong) != []
    assert not remembered.is_known(wrong)


def test_files_and_devices_are_looked_for_each_time(plain, tmp_path, monkeypatch):
    weights = tmp_path / "w.pth"
    weights.touch()
    trunk = {**plain["backbone"], "weights": str(weights)}
    network = {**plain["method"]["network"], "backbone": trunk}
    given = {**plain, "backbone": trunk, "method": {**plain["method"], "network": network}}
    assert problems(given) == []
    assert remembered.is_known(given)
    weights.unlink()
    (missing,) = problems(given)
    assert missing.startswith("backbone.weights=")
    assert missing.endswith("no such file")
    monkeypatch.setattr("torch.cuda.device_count", lambda: 1)
    gpu = {**plain, "trainer": {**plain["trainer"], "accelerator": "cuda"}}
    assert problems(gpu) == []
    assert remembered.is_known(gpu)
    monkeypatch.setattr("torch.cuda.device_count", lambda: 0)
    assert [text.partition("=")[0] for text in problems(gpu)] == ["trainer.accelerator"]


def test_what_other_code_or_another_machine_may_change_is_never_remembered(plain):
    for other in (
        {**plain, "method": {**plain["method"], "_target_": "mine.Method"}},
        {**plain, "data": {**plain["data"], "skeleton": "mouse.yaml"}},
        {**plain, "trainer": {**plain["trainer"], "devices": "auto"}},
        {**plain, "trainer": {**plain["trainer"], "devices": -1}},
        {**plain, "data": {**plain["data"], "skeleton": {"joints": ["nose"]}}},
    ):
        remembered.remember(other)
        assert not remembered.is_known(other)


def test_another_version_of_the_code_checks_again(plain, monkeypatch):
    assert problems(plain) == []
    monkeypatch.setattr(remembered, "_code", lambda roots: "another")
    assert not remembered.is_known(plain)


def test_a_cache_that_cannot_be_written_or_read_is_no_error(plain, tmp_path, monkeypatch):
    (tmp_path / "file").touch()
    monkeypatch.setenv("POSEREG_CACHE", str(tmp_path / "file"))
    assert problems(plain) == []
    assert not remembered.is_known(plain)
    (tmp_path / "cache" / "checked").mkdir(parents=True)
    monkeypatch.setenv("POSEREG_CACHE", str(tmp_path / "cache"))
    next_file = remembered._file()
    next_file.write_bytes(b"\xff\xfe")
    assert problems(plain) == []


def test_only_the_newest_versions_are_kept(tmp_path):
    for age in range(12):
        file = tmp_path / f"{age}.txt"
        file.touch()
        os.utime(file, (1000 - age, 1000 - age))
    remembered._forget_older(tmp_path)
    assert {path.stem for path in tmp_path.iterdir()} == {str(age) for age in range(remembered.MOST - 1)}


def test_a_known_config_is_printed_without_torch(plain):
    program = (
        "import sys; from posereg.cli.main import main; "
        "code = main(['config', 'method=I1', 'data.root=/nowhere', 'trainer.accelerator=cpu']); "
        "print(code, *({'torch', 'timm', 'scipy', 'numpy.linalg'} & set(sys.modules)), file=sys.stderr)"
    )
    run = [sys.executable, "-c", program]
    first, second = (subprocess.run(run, capture_output=True, text=True, check=True) for _ in range(2))
    assert first.stdout == second.stdout != ""
    assert "torch" not in first.stderr.split()
    assert second.stderr.split()[0] == "0"
    assert not {"torch", "timm", "scipy"} & set(second.stderr.split())
