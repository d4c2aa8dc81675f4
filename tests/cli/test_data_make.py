import pytest

from posereg.cli import data_make
from posereg.cli.program import invoke
from posereg.data.synthetic.make import KINDS
from posereg.errors import UserError


def test_every_kind_is_offered_with_what_it_counts():
    assert set(data_make.PEOPLE) | set(data_make.IMAGES) == set(KINDS)
    assert not set(data_make.PEOPLE) & set(data_make.IMAGES)


def test_workers_draw_the_same_pictures(tmp_path):
    for workers in (1, 2):
        assert data_make.run("lsp", tmp_path / str(workers), 4, None, 5, 64, "textured", workers) == 0
    one, two = ({p.name: p.read_bytes() for p in (tmp_path / n).rglob("*.jpg")} for n in "12")
    assert one == two
    assert len(one) == 4


def test_makes_a_set_and_says_so(tmp_path, capsys):
    arguments = ["kind=lsp", f"out={tmp_path / 'lsp'}", "people=3", "size=64"]
    assert invoke(["data", "make", *arguments]) == 0
    assert "3 people" in capsys.readouterr().out
    assert (tmp_path / "lsp/joints.mat").exists()
    assert invoke(["data", "make", *arguments]) == 0
    assert "was there already" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["kind=lsp", "out=x", "peopel=3"], "did you mean 'people'"),
        (["out=x"], "kind= is missing"),
        (["kind=lsp"], "out= is missing"),
        (["kind=lspp", "out=x"], "did you mean 'lsp"),
        (["kind=coco", "out=x", "people=3"], "give images= instead"),
        (["kind=lsp", "out=x", "people=many"], "people=many: not a whole number"),
    ],
)
def test_mistakes_are_one_line(arguments, message, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UserError, match=message):
        invoke(["data", "make", *arguments])
    assert list(tmp_path.iterdir()) == []


def test_the_styles_are_those_that_are_drawn():
    from posereg.data.synthetic.pictures import STYLES

    assert data_make.STYLES == STYLES
