"""A file that was read before is read from what was kept of it, while that is sound and the file the same."""

import json

import pytest

from data.formats.coco_files import person, write
from posereg.cli.main import main
from posereg.data.formats import coco
from posereg.records import coco_columns, columns_cache
from posereg.records.parts import Parts
from records.test_coco_columns import assert_same


@pytest.fixture
def kept(tmp_path, monkeypatch):
    """Where entries are kept; files of any size are worth one."""
    monkeypatch.setenv("POSEREG_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(columns_cache, "LEAST", 0)
    return tmp_path / "cache/annotations"


@pytest.fixture
def file(tmp_path):
    people = [person(1), person(2, flags=0), person(3, iscrowd=1), person(4, area=0), person("5", bbox=())]
    return write(tmp_path / "coco", people) / "annotations/person_keypoints_val2017.json"


def unread(monkeypatch):
    def fail(*_):
        raise AssertionError("the file was parsed")

    monkeypatch.setattr(coco_columns, "_streamed", fail)
    monkeypatch.setattr(coco_columns, "of", fail)


@pytest.mark.parametrize("outlines", [False, True])
def test_the_second_reading_parses_nothing_and_finds_the_same(kept, file, monkeypatch, outlines):
    first = columns_cache.read(file, outlines)
    assert len(list(first.outlines())) == 2 * outlines
    unread(monkeypatch)
    assert_same(columns_cache.read(file, outlines), first)
    assert len(list(kept.iterdir())) == 1


@pytest.mark.parametrize("everyone", [False, True])
def test_what_is_left_out_is_said_again(kept, file, monkeypatch, everyone):
    first = coco.read(file.parents[1], "val", everyone=everyone)
    assert everyone or len(first.left_out) == 4
    unread(monkeypatch)
    again = coco.read(file.parents[1], "val", everyone=everyone)
    assert (again.left_out, again.ids.tolist()) == (first.left_out, first.ids.tolist())


def test_a_file_that_changed_is_read_anew(kept, file):
    columns_cache.read(file)
    content = json.loads(file.read_text())
    content["annotations"][0]["area"] = 701.0  # as long as before, and at once: time and size tell nothing
    file.write_text(json.dumps(content))
    assert columns_cache.read(file).area[0] == 701


@pytest.mark.parametrize("damage", ["cut", "flip", "other", "short"])
def test_a_damaged_entry_is_named_and_made_anew(kept, file, capsys, damage):
    first = columns_cache.read(file)
    (entry,) = kept.iterdir()
    data = bytearray(entry.read_bytes())
    if damage == "flip":
        at = data.index(first.bbox.tobytes())
        data[at] ^= 1
    elif damage == "other":
        data = bytearray(b"something else")
    elif damage == "short":
        cut = Parts()
        for name in first.parts.members:
            column = first.parts[name]
            cut.add(name, column[:-1] if name == "area" else column)
        cut.finish()
        cut.save(entry)
        data = bytearray(entry.read_bytes())
    entry.write_bytes(data[: len(data) // 2] if damage == "cut" else data)
    found = columns_cache.read(file)
    said = capsys.readouterr().err
    assert said.count("\n") == 1
    assert f"{entry}: damaged, so {file} is read anew" in said
    assert_same(found, coco_columns.read(file))
    columns_cache.read(file)
    assert capsys.readouterr().err == ""


def test_it_can_be_switched_off_and_small_files_are_not_worth_it(kept, file, monkeypatch):
    monkeypatch.setenv(columns_cache.SWITCH, "off")
    columns_cache.read(file)
    monkeypatch.delenv(columns_cache.SWITCH)
    monkeypatch.setattr(columns_cache, "LEAST", 1 << 20)
    columns_cache.read(file)
    with columns_cache.files_themselves():
        monkeypatch.setattr(columns_cache, "LEAST", 0)
        columns_cache.read(file)
    assert not kept.exists()


def test_a_folder_that_cannot_be_written_costs_a_line_and_no_more(tmp_path, file, monkeypatch, capsys):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("POSEREG_CACHE", str(tmp_path / "file"))
    monkeypatch.setattr(columns_cache, "LEAST", 0)
    assert len(columns_cache.read(file).ids) == 5
    assert "will be parsed again next time" in capsys.readouterr().err


def test_a_check_reads_the_file_itself(kept, file, monkeypatch, capsys):
    coco.read(file.parents[1], "val")
    (entry,) = kept.iterdir()
    entry.write_bytes(b"something else")
    assert main(["data", "check", "data=coco", f"data.root={file.parents[1]}", "split=val2017"]) == 1
    assert "damaged" not in capsys.readouterr().err
