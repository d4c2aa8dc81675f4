"""Files that hold a checkpoint: whole, the one before kept, damage named and passed over."""

import os
import shutil

import pytest
import torch

from posereg.errors import UserError
from posereg.training import checkpoint_files
from posereg.training.checkpoint_files import SECTION


def content(step):
    return {"state_dict": {"w": torch.full((1000,), float(step))}, SECTION: {"step": step}}


@pytest.fixture
def folder(tmp_path):
    """Three checkpoints were written; two are there."""
    for step in (1, 2, 3):
        checkpoint_files.write(tmp_path / "last.ckpt", content(step))
    return tmp_path


def step_of(found):
    return found[1][SECTION]["step"]


def test_the_last_two_are_kept_and_nothing_else(folder):
    assert sorted(os.listdir(folder)) == ["last-1.ckpt", "last.ckpt"]
    assert checkpoint_files.read(folder / "last.ckpt")[SECTION]["step"] == 3
    assert checkpoint_files.read(folder / "last-1.ckpt")[SECTION]["step"] == 2


def test_two_are_kept_where_there_are_no_hard_links(tmp_path, monkeypatch):
    def refuse(*_, **__):
        raise OSError(1, "Operation not permitted")

    monkeypatch.setattr(os, "link", refuse)
    for step in (1, 2, 3):
        checkpoint_files.write(tmp_path / "last.ckpt", content(step))
    assert sorted(os.listdir(tmp_path)) == ["last-1.ckpt", "last.ckpt"]
    assert checkpoint_files.read(tmp_path / "last-1.ckpt")[SECTION]["step"] == 2


def damage(path, how):
    data = path.read_bytes()
    if how == "empty":
        path.write_bytes(b"")
    elif how == "cut":
        path.write_bytes(data[: len(data) // 2])
    elif how == "a byte of a weight":
        place = data.index(torch.full((2,), 3.0).numpy().tobytes()) + 100
        path.write_bytes(data[:place] + bytes([data[place] ^ 1]) + data[place + 1 :])
    elif how == "text":
        path.write_text("not a checkpoint")
    elif how == "foreign":
        torch.save([1, 2, 3], path)


@pytest.mark.parametrize("how", ["empty", "cut", "a byte of a weight", "text", "foreign"])
def test_a_damaged_one_is_named_and_passed_over(folder, how, capsys):
    damage(folder / "last.ckpt", how)
    found = checkpoint_files.last_good(folder)
    assert step_of(found) == 2
    assert found[0] == folder / "last-1.ckpt"
    said = capsys.readouterr().out
    assert f"{folder}/last.ckpt" in said
    assert "passed over" in said
    assert said.count("\n") == 1
    # The next one written does not push the good one out.
    checkpoint_files.write(folder / "last.ckpt", content(4))
    assert checkpoint_files.read(folder / "last-1.ckpt")[SECTION]["step"] == 2


def test_without_a_good_one_the_run_starts_anew(folder, capsys):
    for name in ("last.ckpt", "last-1.ckpt"):
        damage(folder / name, "cut")
    assert checkpoint_files.last_good(folder) is None
    assert capsys.readouterr().out.count("passed over") == 2


def test_a_checkpoint_of_an_earlier_version_is_refused_with_a_way_on(tmp_path):
    torch.save({"state_dict": {}, "loops": {}}, tmp_path / "last.ckpt")
    with pytest.raises(UserError, match=r"earlier version.*init_weights="):
        checkpoint_files.last_good(tmp_path)


def test_a_full_disk_leaves_both(folder, monkeypatch):
    def full(*_, **__):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(torch, "save", full)
    with pytest.raises(UserError, match="No space left on device"):
        checkpoint_files.write(folder / "last.ckpt", content(4))
    assert sorted(os.listdir(folder)) == ["last-1.ckpt", "last.ckpt"]
    assert step_of(checkpoint_files.last_good(folder)) == 3


def test_nothing_is_written_outside_the_folder(tmp_path, monkeypatch):
    elsewhere = tmp_path / "tmp"
    elsewhere.mkdir()
    monkeypatch.setenv("TMPDIR", str(elsewhere))
    written = []
    replace = os.replace
    monkeypatch.setattr(os, "replace", lambda a, b: (written.append(a), replace(a, b)))
    checkpoint_files.write(tmp_path / "run/last.ckpt", content(1))
    assert os.listdir(elsewhere) == []
    assert {os.path.dirname(path) for path in written} == {str(tmp_path / "run")}
    shutil.rmtree(tmp_path / "run")


def test_weights_trained_later_are_put_into_the_checkpoint(folder):
    checkpoint_files.replace_weights(folder / "last.ckpt", {"w": torch.zeros(2)})
    found = checkpoint_files.last_good(folder)
    assert found[1]["state_dict"]["w"].tolist() == [0, 0]
    assert step_of(found) == 3


def test_code_in_a_checkpoint_is_not_run(tmp_path):
    class Evil:
        def __reduce__(self):
            return os.mkdir, (str(tmp_path / "broken-in"),)

    torch.save({"state_dict": {}, "evil": Evil()}, tmp_path / "last.ckpt")
    with pytest.raises(UserError, match="damaged or no checkpoint"):
        checkpoint_files.read(tmp_path / "last.ckpt")
    assert not (tmp_path / "broken-in").exists()
