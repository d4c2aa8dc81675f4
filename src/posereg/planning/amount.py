"""How much a run trains and evaluates, from its config and the sizes of its splits: steps, images, forward passes."""

from __future__ import annotations

import math
from collections.abc import Mapping
from types import SimpleNamespace
from typing import Any, NamedTuple

from posereg.data.modules.loader import taken_batches
from posereg.errors import UserError
from posereg.planning.sizes import Sizes
from posereg.settings.hardware import device_count

# Long over short side of most images of COCO and CrowdPose, 640 x 480; the short side is tested at the input's size.
ASPECT = 4 / 3


class Amount(NamedTuple):
    """Of one run.

    Attributes:
        steps: optimiser steps.
        images: samples trained on, steps x batch, as result.json counts.
        forwards: forward passes of one image of the input's size outside training: validation, evaluation and
            what a scoring network is trained on.
    """

    epochs: int
    steps: int
    images: int
    forwards: float


def amount(config: Mapping[str, Any], sizes: Sizes, scoring: bool) -> Amount:
    """Steps and passes of one run.

    Args:
        config: resolved.
        scoring: whether it trains a scoring network of its own (`trains_scorer`).

    Raises:
        UserError: the samples do not fill one batch.
    """
    flips = 2 if config["method"].get("flip_test") else 1
    scales = [float(scale) for scale in config["method"].get("scales") or (1.0,)]
    scenes = str(config["loader"]["_target_"]).endswith("BottomUpData")
    predicting = flips * sum(scale**2 for scale in scales) * (ASPECT if scenes else 1)
    validating = predicting + (ASPECT if scenes else 1)  # the losses' own pass
    final = len(config.get("crop_scales") or (1.0,))
    more = sizes.train * predicting if scoring else 0.0
    if config["evaluate_only"]:
        return Amount(0, 0, 0, sizes.validation * (validating + (final - 1) * predicting) + more)
    trainer = config["trainer"]
    batches = sizes.train // processes(trainer) // config["loader"]["batch_size"]
    if batches == 0:
        raise UserError(
            f"{config['data']['name']}: {sizes.train} samples do not fill one batch of {config['batch_size']} "
            "(batch_size)"
        )
    taken = taken_batches(SimpleNamespace(limit_train_batches=trainer["limit_train_batches"]), batches)
    epochs, every = trainer["epochs"], trainer["validate_every"]
    steps = math.ceil(taken / trainer["accumulate"]) * epochs
    validations = math.ceil(epochs / every)  # the last weights are validated in any case
    forwards = sizes.validation * (validations * validating + (final - 1) * predicting) + more
    return Amount(epochs, steps, steps * config["batch_size"], forwards)


def trains_scorer(config: Mapping[str, Any], needs: list[Mapping[str, Any]]) -> bool:
    """Whether a bottom-up run trains its scoring network: not where it only evaluates weights that have one.

    Args:
        needs: the configs of the runs that it starts from.
    """
    has_one = config["evaluate_only"] and any(other["method"].get("scoring") for other in needs)
    return bool(config["method"].get("scoring")) and not has_one


def processes(trainer: Mapping[str, Any]) -> int:
    """On how many devices of all machines a run is trained."""
    return device_count(trainer) * int(trainer.get("num_nodes", 1))
