"""The `logger` group: what each of its choices takes."""

from __future__ import annotations

from typing import Literal, NotRequired, TypedDict


class Csv(TypedDict):
    """metrics.csv in the run's folder, which every run has."""

    name: Literal["csv"]


class Wandb(TypedDict):
    """Weights & Biases beside it."""

    name: Literal["wandb"]
    project: NotRequired[str | None]
    entity: NotRequired[str | None]
    mode: NotRequired[Literal["auto", "online", "offline", "disabled"]]


class TensorBoard(TypedDict):
    """TensorBoard's event files beside it."""

    name: Literal["tensorboard"]


LOGGERS = {"csv": Csv, "wandb": Wandb, "tensorboard": TensorBoard}
