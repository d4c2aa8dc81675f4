"""A set that was read before is read from what was kept, while nothing has changed that it was read from."""

import os
import shutil
from dataclasses import fields, replace
from pathlib import Path

import numpy as np
import pytest

from data.made import people
from posereg.data.formats import coco_json, h36m
from posereg.records import columns_cache, sets_cache
from posereg.records.poses import CROWD, Numbers
from posereg.skeletons.skeleton import MPII
from shared import shared


@pytest.fixture
def kept(tmp_path, monkeypatch):
    """Where entries are kept; files of any size and age are worth one."""
    monkeypatch.setenv("POSEREG_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(columns_cache, "LEAST", 0)
    monkeypatch.setattr(sets_cache, "SETTLED", -3600)
    return tmp_path / "cache/sets"


class Reader:
    """Reads a set of two people, and counts how often."""

    def __init__(self, root: Path) -> None:
        self.annotations = root / "a.json"
        self.annotations.write_text("{}")
        extras = {"action": np.array(["Eating", "Sitting"]), "xyz": np.ones((2, 16, 3), np.float32)}
        left = {CROWD: Numbers(np.array([7, 8])), "odd": ("ü", "\udcff")}
        whole = people(root, 2)
        self.set = replace(
            whole,
            annotations=self.annotations,
            extras=extras,
            left_out=left,
            category=3,
            joint_order=(*range(16),),
        )
        self.looked_at = [root / "images", root / "not there", root / whole.images[0]]
        self.times = 0

    def anew(self):
        self.times += 1
        return self.set, self.looked_at

    def __call__(self):
        return sets_cache.read("made", self.set.root, "train", [self.annotations], MPII, self.anew)


@pytest.fixture
def reader(tmp_path):
    (tmp_path / "set").mkdir()
    return Reader(tmp_path / "set")


def assert_same(one, other):
    for field in fields(one):
        a, b = getattr(one, field.name), getattr(other, field.name)
        if field.name == "extras":
            assert a.keys() == b.keys()
            pairs = [(a[name], b[name]) for name in a]
        else:
            pairs = [(a, b)]
        for first, second in pairs:
            if isinstance(first, np.ndarray):
                assert first.dtype == second.dtype
                np.testing.assert_array_equal(first, second)
            else:
                assert first == second, field.name


def test_the_second_reading_finds_the_same_and_reads_nothing(kept, reader):
    first = reader()
    again = reader()
    assert reader.times == 1
    assert_same(again, first)
    again.keypoints[0] = 0  # an array like any other
    (reader.set.root / "beside").mkdir()  # where nothing was looked for
    reader()
    assert reader.times == 1


@pytest.mark.parametrize("change", ["annotations", "picture", "new picture", "new folder", "code"])
def test_what_changed_is_read_anew(kept, reader, monkeypatch, change):
    reader()
    root = reader.set.root
    if change == "annotations":
        state = reader.annotations.stat()
        reader.annotations.write_text("[]")  # as long as before
        os.utime(reader.annotations, ns=(state.st_atime_ns, state.st_mtime_ns))  # and as old
    elif change == "picture":
        (root / reader.set.images[0]).write_bytes(b"other")
    elif change == "new picture":
        (root / "images/new.jpg").touch()
    elif change == "new folder":
        (root / "not there").mkdir()
    else:
        monkeypatch.setattr(sets_cache, "code", lambda: "newer")
    reader()
    assert reader.times == 2
    reader()
    assert reader.times == 2  # and kept again, in the same place
    assert len(list(kept.iterdir())) == 1


def test_what_was_written_a_moment_ago_is_not_kept(kept, reader, monkeypatch):
    """It may be written again within the same tick of the file system's clock."""
    monkeypatch.setattr(sets_cache, "SETTLED", 3600)
    reader()
    reader()
    assert reader.times == 2
    assert not kept.exists()


@pytest.mark.parametrize("damage", ["cut", "flip", "other"])
def test_a_damaged_entry_is_named_and_made_anew(kept, reader, capsys, damage):
    first = reader()
    (entry,) = kept.iterdir()
    data = bytearray(entry.read_bytes())
    if damage == "flip":
        data[data.index(first.keypoints.tobytes())] ^= 1
    content = {"cut": data[: len(data) // 2], "flip": data, "other": b"something else"}[damage]
    entry.write_bytes(content)
    assert_same(reader(), first)
    assert reader.times == 2
    said = capsys.readouterr().err
    assert said.count("\n") == 1
    assert f"{entry}: damaged, so {reader.annotations} is read anew" in said


def test_it_can_be_switched_off(kept, reader, monkeypatch):
    monkeypatch.setenv(columns_cache.SWITCH, "off")
    reader()
    monkeypatch.delenv(columns_cache.SWITCH)
    with columns_cache.files_themselves():
        reader()
    assert reader.times == 2
    assert not kept.exists()


def test_a_folder_that_cannot_be_written_costs_a_line_and_no_more(
    reader, tmp_path, kept, monkeypatch, capsys
):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("POSEREG_CACHE", str(tmp_path / "file"))
    assert_same(reader(), reader.set)
    assert "will be read anew next time" in capsys.readouterr().err


def test_frames_are_parsed_once_while_their_pictures_stay(kept, tmp_path, monkeypatch):
    parsed = []
    load = coco_json.load
    monkeypatch.setattr(coco_json, "load", lambda *given, **how: parsed.append(given) or load(*given, **how))
    root = tmp_path / "h36m"
    shutil.copytree(shared("data/h36m"), root)
    first = h36m.read(root, "train")
    assert_same(h36m.read(root, "train"), first)
    assert len(parsed) == 1
    (root / "S1").rename(tmp_path / "S1")
    h36m.read(root, "train")
    assert len(parsed) == 2
    h36m.read(root, "all")  # another set
    assert len(parsed) == 3
    (axes,) = root.glob("*body3d*.npz")
    shutil.copy(axes, root / "more_body3d.npz")  # another file with joints
    h36m.read(root, "all")
    assert len(parsed) == 4
