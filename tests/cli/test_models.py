"""posereg models: the list, and one card."""

import pytest

from posereg.cli import models
from posereg.cli.program import invoke
from posereg.errors import UserError
from posereg.models import cards
from posereg.models.cards import Card

FACTS = {
    "method": "H1", "backbone": "resnet18", "skeleton": "mpii", "joints": ["nose"], "input_size": [64, 96],
    "megabytes": 3.1, "results": [{"data": "here", "metrics": {"PCK@0.2/Head": 90.0, "PCK@0.2": 71.26}}],
}  # fmt: skip


@pytest.fixture(autouse=True)
def shipped(tmp_path, monkeypatch):
    monkeypatch.setattr(cards, "SHIPPED", tmp_path)
    return tmp_path


def test_shipped_models_are_listed_with_their_figures(shipped, capsys):
    (shipped / "tiny").mkdir()
    cards.write_card(Card(shipped / "tiny", "tiny", "tiny.safetensors", "0", FACTS))
    assert models.run(None) == 0
    row = capsys.readouterr().out.splitlines()[1]
    for word in ("tiny", "H1", "resnet18", "mpii, 1", "64x96", "3.1", "here PCK@0.2 71.3"):
        assert word in row


def test_a_card_is_printed_by_name(shipped, capsys):
    (shipped / "tiny").mkdir()
    cards.write_card(Card(shipped / "tiny", "tiny", "tiny.safetensors", "0", FACTS))
    assert invoke(["models", "tiny"]) == 0
    assert capsys.readouterr().out.rstrip() == (shipped / "tiny/card.yaml").read_text().rstrip()
    with pytest.raises(UserError, match="unknown model 'tny', did you mean 'tiny'"):
        models.run("tny")


def test_without_models_that_is_said(shipped, capsys):
    assert models.run(None) == 0
    assert "no model comes with" in capsys.readouterr().out
