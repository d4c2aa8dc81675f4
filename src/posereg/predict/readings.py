"""One network's heat maps read in several ways: by their maximum, by DARK, and by the expectation of a softmax at
several temperatures. Says whether a method gains by its maps or by how it reads them
(docs/papers/integral.md#readings).
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from posereg.codecs.argmax import argmax_decode
from posereg.codecs.dark import dark_decode
from posereg.codecs.grid import Grid, grid_of
from posereg.codecs.integral import integral_decode
from posereg.codecs.temperature import fitting_beta
from posereg.codecs.window import window_decode
from posereg.data.modules.base import ImageData
from posereg.errors import UserError
from posereg.losses.integral import gaussian_mse
from posereg.methods.base import PoseModule
from posereg.methods.integral import IntegralPose
from posereg.methods.integral_start import training_maps
from posereg.methods.seen import batch_of, evaluating
from posereg.networks.deconv import RegressionNet
from posereg.records.evaluation import Evaluation
from posereg.records.poses import PoseSet
from posereg.records.predictions import Predictions, concatenate
from posereg.terminal.progress import tracked

Decode = Callable[[Tensor, Grid], tuple[Tensor, Tensor]]
ARGMAX = "argmax"


@dataclass(frozen=True)
class Reading:
    """What one way of reading the maps comes to.

    Attributes:
        pull: median over the labelled joints of how far the reading lies from the joint towards the middle of the
            input, in its pixels; negative: away from it.
        easiest: percent of the joints within the tightest threshold, of the quarter of people that all readings miss
            least. What is missing there to 100 is the labels' noise and the maps' cells. None for metrics without
            distances.
    """

    evaluation: Evaluation
    pull: float
    easiest: float | None


def fitted_beta(module: IntegralPose, poses: PoseSet) -> float:
    """The temperature at which the maps of (training) people point to their joints, as an integral row measures it.

    Raises:
        UserError: a method without maps, or people of another skeleton.
    """
    _needs_maps(module, poses)
    seen = training_maps(module, poses)
    grid = grid_of(seen.stages[-1], module.input_size, module.convention)
    return fitting_beta(seen.stages[-1], seen.keypoints, seen.weight, grid)


def decoders(module: IntegralPose, betas: Sequence[float], about: float) -> dict[str, Decode]:
    """The maximum; that of the Gaussian about it (DARK), of maps that were taught as Gaussians; the softmax's
    expectation at each temperature, and at `about` within the window about the maximum; and the way of the method's
    own, where it is another softmax."""

    def expectation(beta: float) -> Decode:
        return lambda maps, grid: integral_decode(maps, grid, beta)

    named: dict[str, Decode] = {ARGMAX: argmax_decode}
    loss = module.heatmap_loss
    if isinstance(loss, partial) and loss.func is gaussian_mse:
        sigma = loss.keywords.get("sigma", 1.0)
        named[f"DARK, sigma {sigma:.3g}"] = lambda maps, grid: dark_decode(maps, grid, sigma)
    named |= {f"expectation, beta {beta:.3g}": expectation(beta) for beta in betas}
    named[f"expectation about the maximum, beta {about:.3g}"] = lambda maps, grid: window_decode(
        maps, grid, about
    )
    if module.decode == "integral" and module.normalisation != "softmax":
        own, normalisation = module.beta or 1.0, module.normalisation
        named[normalisation] = lambda maps, grid: integral_decode(maps, grid, own, normalisation)
    return named


def read(
    module: IntegralPose, data: ImageData, ways: Mapping[str, Decode], batch_size: int = 32
) -> dict[str, Reading]:
    """The validation people's maps, computed once, read in every way and scored by the data set's own metric. Without
    the mirrored image.

    Raises:
        UserError: a method without maps, people of another skeleton, or an image that is missing.
    """
    poses = data.poses(data.val_split)
    _needs_maps(module, poses)
    found: dict[str, list[Predictions]] = {name: [] for name in ways}
    pulls: dict[str, list[Tensor]] = {name: [] for name in ways}
    starts = range(0, len(poses), batch_size)
    for start in tracked(starts, len(starts), "batches"):
        batch = batch_of(module, poses, range(start, min(start + batch_size, len(poses))))
        keypoints, weight = module.labels(batch)
        with evaluating(module):
            maps = module.maps(module.images(batch))
            grid = grid_of(maps, module.input_size, module.convention)
            for name, decode in ways.items():
                read, scores = decode(maps, grid)
                found[name].append(module.predictions(batch, read, scores, poses))
                pulls[name].append(towards_middle(read, keypoints, module.input_size)[weight > 0])
    scored = {name: _scored(data, found[name]) for name in ways}
    of_easiest = easiest(list(scored.values()))
    return {
        name: Reading(scored[name], _median(pulls[name]), share)
        for name, share in zip(ways, of_easiest, strict=True)
    }


def tightest(evaluation: Evaluation) -> str | None:
    """The metric of the smallest threshold, such as `PCK@0.05`; None where none has a threshold on distances."""
    if "distance" not in evaluation.per_person:
        return None
    named = [name for name in evaluation.metrics if "@" in name and "/" not in name]
    return min(named, key=lambda name: float(name.partition("@")[2]), default=None)


def easiest(readings: Sequence[Evaluation]) -> list[float | None]:
    """Each reading's accuracy at the tightest threshold on the quarter of people whose joints all readings miss least,
    by the mean over the readings of a person's median distance."""
    name = tightest(readings[0])
    if name is None:
        return [None] * len(readings)
    distances = [np.asarray(each.per_person["distance"]) for each in readings]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # people of whom nothing counts
        missed = np.mean([np.nanmedian(distance, axis=1) for distance in distances], axis=0)
    counted = int((~np.isnan(missed)).sum())
    people = np.argsort(missed, kind="stable")[: max(counted // 4, 1)]  # NaN and inf come last
    threshold = float(name.partition("@")[2])
    return [_share(distance[people], threshold) for distance in distances]


def towards_middle(read: Tensor, keypoints: Tensor, input_size: tuple[int, int]) -> Tensor:
    """(B, K): the part of the error (B, K, 2) that points from the joint to the middle of the input, in pixels."""
    middle = torch.tensor([(side - 1) / 2 for side in input_size], device=keypoints.device)
    direction = torch.nn.functional.normalize(middle - keypoints, dim=-1)
    return ((read - keypoints) * direction).sum(-1)


def _scored(data: ImageData, parts: Sequence[Predictions]) -> Evaluation:
    return data.evaluate(data.postprocessed(replace(concatenate(parts), meta={})))


def _share(distance: NDArray[np.floating], threshold: float) -> float | None:
    """Percent of the distances that count (are not NaN) within the threshold."""
    counted = ~np.isnan(distance)
    return float(100 * (distance[counted] <= threshold).mean()) if counted.any() else None


def _median(parts: Sequence[Tensor]) -> float:
    values = torch.cat(list(parts))
    return float(values.median()) if len(values) else float("nan")


def _needs_maps(module: PoseModule, poses: PoseSet) -> None:
    if not isinstance(module, IntegralPose) or isinstance(module.network, RegressionNet):
        raise UserError(
            f"checkpoint: {module.name} has no heat maps that could be read in other ways; give H1, I1 ..."
        )
    if module.skeleton.joints != poses.skeleton.joints:
        raise UserError(
            f"checkpoint: its joints are those of {module.skeleton.name}, not of {poses.name}; give its own data set"
        )
