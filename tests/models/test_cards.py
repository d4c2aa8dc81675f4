"""Cards: what is written is read, and every model that comes with posereg is what its card says."""

import pytest

from posereg.build import load_method
from posereg.errors import UserError
from posereg.files import sha256_of
from posereg.models import cards
from posereg.models.cards import Card
from shared import shared

SHIPPED = list(cards.shipped().values())


def test_a_card_comes_back_as_it_was_written(tmp_path):
    card = Card(
        tmp_path, "mine", "mine.safetensors", "ab" * 32, {"input_size": [64, 64], "about": "für alle"}
    )
    cards.write_card(card)
    assert cards.read_card(tmp_path) == card
    assert card.weights == tmp_path / "mine.safetensors"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("name: a\nfile: b\n", "'sha256' is missing"),
        ("- a\n", "not a model card"),
        ("name: a\nfile: ../b\nsha256: c\n", "must lie in the card's folder"),
    ],
)
def test_a_damaged_card_is_named(tmp_path, content, message):
    (tmp_path / "card.yaml").write_text(content)
    with pytest.raises(UserError, match=message) as refused:
        cards.read_card(tmp_path)
    assert "card.yaml" in str(refused.value)


def folder_of(tmp_path, *names):
    for name in names:
        (tmp_path / name).mkdir()
        cards.write_card(Card(tmp_path / name, name, "w.safetensors", "0"))
    return tmp_path


@pytest.mark.parametrize(
    ("names", "chosen"), [(["a"], "a"), (["a", "body16-r18"], "body16-r18"), (["body16-r18"], "body16-r18")]
)
def test_the_model_that_is_taken_where_none_is_named(tmp_path, monkeypatch, names, chosen):
    monkeypatch.setattr(cards, "SHIPPED", folder_of(tmp_path, *names))
    assert cards.default_name() == chosen


@pytest.mark.parametrize(("names", "message"), [([], "no model comes with"), (["a", "b"], "name one: a, b")])
def test_without_a_default_that_is_said(tmp_path, monkeypatch, names, message):
    monkeypatch.setattr(cards, "SHIPPED", folder_of(tmp_path, *names))
    with pytest.raises(UserError, match=message):
        cards.default_name()


def test_an_unknown_model_names_the_nearest(tmp_path, monkeypatch):
    monkeypatch.setattr(cards, "SHIPPED", folder_of(tmp_path, "body16"))
    with pytest.raises(UserError, match="unknown model 'body', did you mean 'body16'"):
        cards.shipped_card("body")


@pytest.mark.skipif(not SHIPPED, reason="no model is shipped yet")
@pytest.mark.parametrize("card", SHIPPED, ids=lambda card: card.name)
def test_a_shipped_model_is_what_its_card_says(card):
    assert card.folder.name == card.name
    assert card.weights.stat().st_size <= 32e6
    assert sha256_of(card.weights) == card.sha256
    assert card.facts["licence"]
    assert card.facts["results"]
    module = load_method(card.name)
    assert list(module.skeleton.joints) == card.facts["joints"]
    assert list(module.input_size) == card.facts["input_size"]
    assert sum(p.numel() for p in module.parameters()) == card.facts["parameters"]


@pytest.mark.slow
def test_the_shipped_models_figures_come_out_again():
    """Where MPII's validation people are at hand: PCKh as on the card."""
    from posereg.cli.data_source import source_of
    from posereg.data.sources.subset import present
    from posereg.predict import predictor

    root = shared("data/mpii")
    source = source_of(
        ["data=mpii", f"data.root={root}", f"data.annotations={{valid: {root}/annotations/valid.h5}}"]
    )
    people = present(source.read("valid"), "drop")
    module = load_method("body16-r18")
    module.flip_test = True
    figures = cards.shipped_card("body16-r18").facts["results"][0]["metrics"]
    scored = source.evaluate(people, predictor.predict(module, people)).metrics
    for name in ("PCKh@0.5", "PCKh@0.1", "AUC"):
        assert scored[name] == pytest.approx(figures[name], abs=0.05)
