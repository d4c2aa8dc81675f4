import pytest

from posereg.cli.program import invoke
from posereg.errors import UserError


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
