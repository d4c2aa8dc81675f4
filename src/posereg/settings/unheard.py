"""Overrides that would change nothing."""

from __future__ import annotations

from collections.abc import Sequence

from omegaconf import DictConfig, OmegaConf

from posereg.errors import UserError


def heard(overrides: Sequence[str], config: DictConfig) -> DictConfig:
    """The config, which listens to every override.

    `epochs` is the paper's number, and a recipe for a smaller budget sets `trainer.epochs` by itself: who gives
    `epochs` then would get a run of another length without a word.

    Raises:
        UserError: `epochs` was given and nothing follows it.
    """
    given = [override.lstrip("+") for override in overrides if override.lstrip("+").startswith("epochs=")]
    trainer = config.get("trainer")
    if not given or trainer is None:
        return config
    epochs = OmegaConf.to_container(trainer, resolve=False).get("epochs")  # type: ignore[union-attr]
    if isinstance(epochs, int) and epochs != config.get("epochs"):
        raise UserError(
            f"{given[-1]}: changes nothing, as this recipe sets trainer.epochs={epochs}; give trainer.{given[-1]}"
        )
    return config
