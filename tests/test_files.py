"""Files are written whole or not at all, and read with one line for whatever is wrong with them."""

import json
import stat

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nobody import without_rights
from posereg import files
from posereg.errors import UserError


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def test_a_file_appears_whole_and_readable_by_all(tmp_path):
    path = tmp_path / "new" / "a.txt"
    with files.whole_file(path) as temporary:
        temporary.write_text("half")
        assert names(path.parent) == [temporary.name]  # nothing under the real name yet
        temporary.write_text("whole")
    assert path.read_text() == "whole"
    assert names(path.parent) == ["a.txt"]
    assert stat.S_IMODE(path.stat().st_mode) == 0o644


@pytest.mark.parametrize("durable", [True, False])
def test_an_error_on_the_way_leaves_the_earlier_file(tmp_path, durable):
    path = tmp_path / "a.txt"
    path.write_text("earlier")

    def die_half_way():
        with files.whole_file(path, durable) as temporary:
            temporary.write_text("half")
            raise KeyError("x")

    with pytest.raises(KeyError):
        die_half_way()
    assert path.read_text() == "earlier"
    assert names(tmp_path) == ["a.txt"]


def test_a_full_disk_is_one_line_and_leaves_the_earlier_file(tmp_path):
    path = tmp_path / "a.txt"
    path.write_text("earlier")
    with (
        pytest.raises(UserError, match=r"cannot write .*a\.txt: No space left.*the earlier file is intact"),
        files.whole_file(path),
    ):
        raise OSError(28, "No space left on device")
    assert path.read_text() == "earlier"


def test_a_folder_that_cannot_be_made(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match="cannot write"), files.whole_file(tmp_path / "file" / "a.txt"):
        pass


def test_a_folder_appears_whole_or_not_at_all(tmp_path):
    (tmp_path / "out").mkdir()  # an empty one may be there
    with files.whole_folder(tmp_path / "out") as folder:
        (folder / "a").write_text("1")
        assert not (tmp_path / "out/a").exists()
    assert (tmp_path / "out/a").read_text() == "1"
    with pytest.raises(ZeroDivisionError), files.whole_folder(tmp_path / "deep/other") as folder:
        (folder / "a").write_text(str(1 / 0))
    with (
        pytest.raises(UserError, match=r"cannot write .*out: Directory not empty"),
        files.whole_folder(tmp_path / "out"),
    ):
        pass
    assert sorted(path.name for path in tmp_path.rglob("*")) == ["a", "deep", "out"]


def test_leftovers_of_killed_processes_go_and_nothing_else(tmp_path):
    with files.whole_file(tmp_path / "a.txt") as temporary:
        temporary.write_text("x")
        left = tmp_path / temporary.name
        content = left.read_bytes()
    left.write_bytes(content)  # as if the process had died before the rename
    for kept in (".gitignore", "a-12345678.txt", ".hidden-notes"):
        (tmp_path / kept).write_text("mine")
    (tmp_path / ".b-abcd1234").mkdir()
    files.remove_leftovers(tmp_path)
    assert names(tmp_path) == sorted(
        [".gitignore", ".hidden-notes", ".b-abcd1234", "a-12345678.txt", "a.txt"]
    )


@settings(max_examples=8, deadline=None)
@given(
    st.dictionaries(
        st.text(max_size=5),
        st.recursive(st.none() | st.integers() | st.text(), st.lists, max_leaves=4),
        max_size=4,
    )
)
def test_json_there_and_back(tmp_path_factory, value):
    path = tmp_path_factory.mktemp("json") / "a.json"
    files.write_json(path, value)
    assert files.read_json(path) == value
    assert files.read_object(path, "a result") == value


def test_text_is_utf8_whatever_the_locale_and_a_byte_order_mark_goes(tmp_path):
    files.write_text(tmp_path / "a.txt", "Größe\n")
    assert (tmp_path / "a.txt").read_bytes() == "Größe\n".encode()
    (tmp_path / "b.txt").write_bytes(b"\xef\xbb\xbfGr")
    assert files.read_text(tmp_path / "b.txt") == "Gr"


@pytest.mark.parametrize(
    ("content", "word"),
    [
        (b'{"a": 1,\n "b" 2}', "not valid JSON \\(line 2: "),
        (b"\xff\xfe\x00", "not valid JSON, or a damaged one"),
        (b"[1]", "not a result \\(it holds a JSON list, not an object\\)"),
        (b"[" * 100_000, "nested too deeply|RecursionError"),
    ],
)
def test_json_that_is_none_or_another(tmp_path, content, word):
    (tmp_path / "a.json").write_bytes(content)
    with pytest.raises(UserError, match=word) as caught:
        files.read_object(tmp_path / "a.json", "a result")
    assert "\n" not in str(caught.value)


def test_a_file_that_may_not_be_read(tmp_path):
    (tmp_path / "a.txt").write_text("x")
    (tmp_path / "a.txt").chmod(0)
    with without_rights(), pytest.raises(UserError, match="permission denied"):
        files.read_text(tmp_path / "a.txt")


def test_a_folder_that_may_not_be_written(tmp_path):
    tmp_path.chmod(0o555)
    with without_rights(), pytest.raises(UserError, match=r"cannot write .*a\.json: Permission denied"):
        files.write_json(tmp_path / "a.json", {})


def test_missing_files_and_folders_are_told_apart(tmp_path):
    with pytest.raises(UserError, match="no such file"):
        files.read_text(tmp_path / "a.txt")
    with pytest.raises(UserError, match="a folder, not a list of people"):
        files.read_text(tmp_path, "a list of people")


def test_what_a_reader_says_is_cut_to_one_short_line():
    with pytest.raises(UserError) as caught, files.reading("a.bin", "a box file"):
        raise ValueError("many words\n" * 100)
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 300
    with pytest.raises(UserError, match="'boxes' is missing"), files.reading("a.bin", "a box file"):
        raise KeyError("boxes")
    with pytest.raises(UserError, match=r"^as it was$"), files.reading("a.bin", "a box file"):
        raise UserError("as it was")


def test_yaml_is_a_mapping_or_empty(tmp_path):
    path = tmp_path / "a.yaml"
    for text, value in (("a: 1\n", {"a": 1}), ("", {}), ("# nothing\n", {})):
        path.write_text(text)
        assert files.read_yaml(path, "a claim") == value
    path.write_text("- 1\n")
    with pytest.raises(UserError, match="holds a list, not key: value lines"):
        files.read_yaml(path, "a claim")
    path.write_text("a: [1\n")
    with pytest.raises(UserError, match="not valid YAML"):
        files.read_yaml(path, "a claim")


def test_tables_have_every_column_in_every_row(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text('name,x\n"a, b",1\n\nc,2\n')
    assert files.read_table(path, "a list") == (
        ["name", "x"],
        [{"name": "a, b", "x": "1"}, {"name": "c", "x": "2"}],
    )
    path.write_text("name,x\na,1\nb\n")
    with pytest.raises(UserError, match="line 3: 1 cells, the header names 2 columns"):
        files.read_table(path, "a list")
    for bad in ("", "a,a\n1,2\n"):
        path.write_text(bad)
        with pytest.raises(UserError, match="must name each column once"):
            files.read_table(path, "a list")


def test_json_ends_with_a_newline_and_keeps_the_order(tmp_path):
    files.write_json(tmp_path / "a.json", {"b": 1, "a": [2]})
    assert (tmp_path / "a.json").read_text() == json.dumps({"b": 1, "a": [2]}, indent=2) + "\n"
