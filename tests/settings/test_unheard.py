"""`epochs` is followed, or refused with what to give instead."""

from __future__ import annotations

import pytest
from omegaconf import OmegaConf

from posereg import config as configs
from posereg.errors import UserError
from posereg.settings.unheard import heard


def trained(*overrides: str) -> int:
    return configs.compose(["data=synthetic", "method=H1", *overrides]).trainer.epochs


def test_epochs_are_followed_where_the_recipe_leaves_them() -> None:
    assert trained("epochs=5") == 5
    assert trained("recipe=cascade_reduced", "epochs=34") == 2
    assert trained("recipe=demo", "trainer.epochs=5") == 5
    assert trained("recipe=demo", "epochs=5", "trainer.epochs=5") == 5


@pytest.mark.parametrize("spelling", ["epochs=5", "++epochs=5"])
def test_epochs_that_change_nothing_are_refused_with_what_to_give(spelling: str) -> None:
    with pytest.raises(UserError, match=r"sets trainer\.epochs=12; give trainer\.") as refused:
        trained("recipe=demo", spelling)
    assert "trainer.epochs=5" in str(refused.value)


def test_a_config_without_a_trainer_has_nothing_to_follow() -> None:
    assert heard(["epochs=5"], OmegaConf.create({"data": 1})) == {"data": 1}
