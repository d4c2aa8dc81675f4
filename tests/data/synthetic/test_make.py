import filecmp
from pathlib import Path

import pytest

from posereg.data.synthetic import make as making
from posereg.data.synthetic.make import make
from posereg.errors import UserError
from posereg.files import read_json, write_json


def files(folder: Path) -> dict[str, Path]:
    return {str(p.relative_to(folder)): p for p in sorted(folder.rglob("*")) if p.is_file()}


@pytest.mark.parametrize("kind", ["mpii", "coco", "h80k"])
def test_the_same_bytes_whatever_the_number_of_workers(tmp_path, kind):
    one, two = make(kind, tmp_path / "one", 6, size=64), make(kind, tmp_path / "two", 6, size=64, workers=2)
    assert files(one).keys() == files(two).keys()
    for name, path in files(one).items():
        assert filecmp.cmp(path, files(two)[name], shallow=False), name


def test_an_identical_set_is_kept_and_another_refused(tmp_path):
    out = make("lsp", tmp_path / "set", 3, size=64)
    before = {name: path.stat().st_mtime_ns for name, path in files(out).items()}
    make("lsp", out, 3, size=64, workers=2)
    assert {name: path.stat().st_mtime_ns for name, path in files(out).items()} == before
    with pytest.raises(UserError, match=r"seed=0 \(asked: 1\)"):
        make("lsp", out, 3, seed=1, size=64)
    assert {name: path.stat().st_mtime_ns for name, path in files(out).items()} == before


def test_a_foreign_folder_is_left_alone(tmp_path):
    (tmp_path / "mine.txt").write_text("x")
    with pytest.raises(UserError, match="not a synthetic data set"):
        make("lsp", tmp_path, 3, size=64)
    assert [p.name for p in tmp_path.iterdir()] == ["mine.txt"]


def test_a_failure_leaves_nothing(tmp_path, monkeypatch):
    def full(job, options, annotate):
        if job.index == 2:
            raise OSError(28, "No space left on device")
        return original(job, options, annotate)

    original = making_one()
    monkeypatch.setattr("posereg.data.synthetic.pictures._one", full)
    with pytest.raises(UserError, match="No space left"):
        make("lsp", tmp_path / "set", 4, size=64)
    assert list(tmp_path.iterdir()) == []


def making_one():
    from posereg.data.synthetic.pictures import _one

    return _one


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("mpi", "x", 3), "did you mean 'mpii'"),
        (("mpii", "x", 0), "people=0"),
        (("coco", "x", 0), "images=0"),
        (("mpii", "x", 3, -1), "seed=-1"),
        (("mpii", "x", 3, 0, 16), "size=16"),
        (("mpii", "x", 3, 0, 64, 1, "plane"), "did you mean 'plain'"),
    ],
)
def test_bad_arguments_are_one_clear_error(tmp_path, arguments, message):
    kind, out, *rest = arguments
    with pytest.raises(UserError, match=message):
        make(kind, tmp_path / out, *rest)
    assert list(tmp_path.iterdir()) == []


def test_every_kind_has_a_writer():
    import importlib

    for module, function, _ in making.KINDS.values():
        assert callable(
            getattr(importlib.import_module(f"posereg.data.synthetic.writers.{module}"), function)
        )


@pytest.mark.parametrize("kind", list(making.KINDS))
def test_every_kind_is_drawn_in_plain_style_too(tmp_path, kind):
    plain = make(kind, tmp_path / "plain", 6, size=64, style="plain")
    usual = make(kind, tmp_path / "usual", 6, size=64)
    pictures = sorted(plain.rglob("*.jpg"))
    assert len(pictures) == len(list(usual.rglob("*.jpg")))
    assert all(path.read_bytes() != (usual / path.relative_to(plain)).read_bytes() for path in pictures)
    with pytest.raises(UserError, match=r"style=plain \(asked: textured\)"):
        make(kind, plain, 6, size=64)


def test_a_set_whose_record_names_no_style_is_textured(tmp_path):
    out = make("lsp", tmp_path / "set", 3, size=64)
    record = read_json(out / making.RECORD)
    del record["style"]
    write_json(out / making.RECORD, record)
    assert make("lsp", out, 3, size=64) == out
    with pytest.raises(UserError, match=r"style=textured \(asked: plain\)"):
        make("lsp", out, 3, size=64, style="plain")
