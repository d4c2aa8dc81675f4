"""Integral human pose regression and its baselines: H1 H2 H3, R1, I1 I2 I3, I*, MS-H, MS-I.

One module, three switches: the heat-map loss (or none), the weight of the joint loss, and how maps become
keypoints. A network that gives coordinates instead of maps is R1.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, Literal

import torch
from torch import Tensor
from torch.optim import Optimizer

from posereg.codecs.argmax import Score, argmax_decode
from posereg.codecs.coordinates import denormalise, normalise
from posereg.codecs.dark import dark_decode
from posereg.codecs.grid import grid_of
from posereg.codecs.integral import Normalisation, expectation, integral_decode
from posereg.codecs.temperature import fitting_beta
from posereg.codecs.window import window_decode
from posereg.errors import UserError
from posereg.losses.integral import CoordinateKind, HeatmapLoss, coordinate_loss
from posereg.methods.base import Batch, PoseModule
from posereg.methods.integral_start import pull, training_maps
from posereg.networks.deconv import RegressionNet
from posereg.records.poses import PoseSet
from posereg.settings.ranges import NotNegative, Positive

Decoding = Literal["argmax", "integral", "window", "dark"]
SCORES = {
    "argmax": "map maximum",
    "integral": "softmax mass within one cell",
    "window": "softmax mass about the maximum",
    "dark": "map maximum",
}
MAP_NETWORKS = (".HeatmapNet", ".MultiStageNet", ".LateralNet", ".UpsampleNet")
Optimize = Callable[..., Optimizer]


class IntegralPose(PoseModule):
    """
    Args:
        heatmap_loss: loss of every stage's maps (losses/integral.py), or None (I*, R1).
        heatmap_weight, joint_weight: factors of the two losses. A `heatmap_weight` of None is measured when training
            starts: both losses then pull at the maps with equal strength. 0 after pre-training is the ECCV recipe
            (docs/papers/integral.md#start-of-an-integral-row).
        joint_kind: `l1`, `l2` or `euclidean`.
        decode: `argmax` (H), `integral` (I), `window` (the expectation about the maximum), `dark` (the top of the
            Gaussian about the maximum), ignored by R1.
        beta: factor on the maps before the softmax. None is measured when training starts: the one at which the maps
            that the row starts from point to the joints of training people.
        normalisation: `softmax`, `relu_sum` or `debiased` (codecs/integral.py).
        score: what a maximum is worth as a score (`argmax` alone): its `value`, or its probability where the maps are
            logits, of a `softmax` over the cells (H2) or of a `sigmoid` (H3).
        smoothing: sigma in cells of what `dark` smooths the maps with: that of the targets.
        rate_factor: factor on the optimiser's learning rate, which is that of a training from ImageNet weights.
        pose: everything PoseModule takes.
    """

    @staticmethod
    def disagreements(node: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
        """Settings of a config node that do not go together (settings/parts.py)."""
        yield from PoseModule.disagreements(node)
        maps = str(node["network"].get("_target_")).endswith(MAP_NETWORKS)
        loss, weight = node.get("heatmap_loss"), node.get("heatmap_weight", 1.0)
        joint = node.get("joint_weight", 0.0)
        if maps and not joint and (loss is None or weight == 0):
            yield "joint_weight", "with no heat-map loss either nothing is learned; give one of them a weight"
        if weight is None and (loss is None or not joint):
            yield (
                "heatmap_weight",
                "null weighs the heat-map loss against the joint loss; give both or a number",
            )

    @staticmethod
    def loss_names(node: Mapping[str, Any]) -> set[str] | None:
        """The total, and of maps the parts that have a weight; what is called what for other networks is not known."""
        target = str(node["network"].get("_target_"))
        if not target.endswith((".HeatmapNet", ".MultiStageNet")):
            return {"loss"} if target.endswith(".RegressionNet") else None
        weighs = node.get("heatmap_weight", 1.0) != 0  # null: as much as the joint loss
        heat = node.get("heatmap_loss") is not None and weighs
        parts = {"heatmap": heat, "joint": node.get("joint_weight", 0.0) > 0}
        return {"loss", *(name for name, counts in parts.items() if counts)}

    def __init__(
        self,
        heatmap_loss: HeatmapLoss | None = None,
        heatmap_weight: NotNegative | None = 1.0,
        joint_weight: NotNegative = 0.0,
        joint_kind: CoordinateKind = "l1",
        decode: Decoding = "integral",
        beta: Positive | None = 1.0,
        normalisation: Normalisation = "softmax",
        score: Score = "value",
        smoothing: Positive = 1.0,
        rate_factor: Positive = 1.0,
        **pose: Any,
    ) -> None:
        super().__init__(**pose)
        self.rate_factor = rate_factor
        self.optimizer_factory = scaled_rate(self.optimizer_factory, rate_factor)
        self.heatmap_loss = heatmap_loss
        self.heatmap_weight = heatmap_weight
        self.joint_weight = joint_weight
        self.joint_kind = joint_kind
        self.decode: Decoding = decode
        self.beta = beta
        self.normalisation: Normalisation = normalisation
        self.score: Score = score
        self.smoothing = smoothing
        self.score_rule = SCORES[decode] + (f", {score}" if decode == "argmax" and score != "value" else "")
        if isinstance(self.network, RegressionNet):
            self.score_rule = "1 for every joint"

    def losses(self, images: Tensor, batch: Batch) -> dict[str, Tensor]:
        """Heat map and joint loss, each summed over the network's stages, and their weighted sum
        (docs/papers/integral.md#losses).

        The joint loss is in cells of the maps, as in Eq. 6. A regression network has the joint loss alone, of
        coordinates normalised to the input size.
        """
        keypoints, weight = self.labels(batch)
        output = self.network(images)
        if isinstance(output, Tensor):
            target = normalise(keypoints, self.input_size, self.convention)
            return {"loss": coordinate_loss(output, target, weight, self.joint_kind)}
        parts = {}
        if self.heatmap_loss is not None and self.heatmap_weight != 0:
            parts["heatmap"] = self.heatmap_term(output, keypoints, weight)
        if self.joint_weight > 0:
            parts["joint"] = self.joint_term(output, keypoints, weight)
        factors = {"heatmap": known(self.heatmap_weight, "heatmap_weight"), "joint": self.joint_weight}
        return {"loss": torch.stack([factors[k] * v for k, v in parts.items()]).sum(), **parts}

    def heatmap_term(self, stages: Sequence[Tensor], keypoints: Tensor, weight: Tensor) -> Tensor:
        """The heat-map loss of every stage's maps (B, K, H, W), summed, without its factor."""
        assert self.heatmap_loss is not None
        grids = [grid_of(maps, self.input_size, self.convention) for maps in stages]
        terms = [
            self.heatmap_loss(maps, keypoints, weight, grid) for maps, grid in zip(stages, grids, strict=True)
        ]
        return torch.stack(terms).sum()

    def joint_term(self, stages: Sequence[Tensor], keypoints: Tensor, weight: Tensor) -> Tensor:
        """The joint loss of every stage's maps (B, K, H, W), summed, in cells, without its factor."""
        terms = []
        for maps in stages:
            target = grid_of(maps, self.input_size, self.convention).cells(keypoints)
            cells, _ = expectation(maps, known(self.beta, "beta"), self.normalisation)
            terms.append(coordinate_loss(cells, target, weight, self.joint_kind))
        return torch.stack(terms).sum()

    def on_fit_start(self) -> None:
        """Measures what the config leaves open, on the weights that training starts from."""
        self._measure()

    def on_validation_start(self) -> None:
        """Measures it where nothing was trained."""
        self._measure()

    def stored_config(self) -> dict[str, Any]:
        """What was measured is stored among the arguments that the checkpoint rebuilds the module from."""
        method = {**self.plain_config.get("method", {}), **self._start()}
        return {**self.plain_config, "method": method}

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """A run that goes on keeps what it measured when it began."""
        self.inherit(checkpoint.get("posereg_config", {}).get("method", {}))

    def inherit(self, method: Mapping[str, Any]) -> None:
        """What the config leaves open is known where the weights are an integral row's."""
        if method.get("decode") != "integral":
            return
        given = {name: method.get(name) for name in ("beta", "heatmap_weight")}
        if self.beta is None and isinstance(given["beta"], float):
            self.beta = given["beta"]
        if self.heatmap_weight is None and isinstance(given["heatmap_weight"], float):
            self.heatmap_weight = given["heatmap_weight"]

    def protocol(self) -> dict[str, Any]:
        """With the factors of the two losses and of the softmax, measured or given."""
        joint = self.decode == "integral" and self.joint_weight > 0
        own = {**self._start(), "rate_factor": self.rate_factor} if joint else {}
        return {**super().protocol(), **own}

    def _start(self) -> dict[str, Any]:
        return {"beta": self.beta, "heatmap_weight": self.heatmap_weight, "joint_weight": self.joint_weight}

    def _measure(self) -> None:
        if self.beta is not None and self.heatmap_weight is not None:
            return
        data = self.trainer.datamodule  # type: ignore[attr-defined]
        self.measure(data.poses(data.train_split))
        # Devices round differently; the ranks of a run must not.
        self.beta, self.heatmap_weight = self.trainer.strategy.broadcast((self.beta, self.heatmap_weight))
        if self.trainer.is_global_zero:
            print(f"{self.name} starts at beta {self.beta:.3g} and heatmap_weight {self.heatmap_weight:.3g}")

    @torch.inference_mode(False)  # a validation that nothing was trained before runs in it
    def measure(self, poses: PoseSet) -> None:
        """Find what the config leaves open, `beta` and `heatmap_weight`, on some of these people and the network's
        present weights."""
        seen = training_maps(self, poses)
        if self.beta is None:
            last = seen.stages[-1]
            grid = grid_of(last, self.input_size, self.convention)
            self.beta = fitting_beta(last, seen.keypoints, seen.weight, grid)
        if self.heatmap_weight is None:
            joint = pull(lambda maps: self.joint_term(maps, seen.keypoints, seen.weight), seen.stages)
            heatmap = pull(lambda maps: self.heatmap_term(maps, seen.keypoints, seen.weight), seen.stages)
            self.heatmap_weight = self.joint_weight * (joint / heatmap if heatmap > 0 else 1.0)

    def predict(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Keypoints of the last stage. Mirrored maps are averaged, for the integral mirrored coordinates."""
        output = self._last(images)
        if not self.flip_test:
            return self._decode(output)
        mirrored = self._last(images.flip(-1))
        if output.dim() == 4 and self.decode != "integral":
            return self._decode((output + self.unflip_maps(mirrored)) / 2)
        keypoints, scores = self._decode(output)
        other, other_scores = self._decode(mirrored)
        average = (keypoints + self.unflip_keypoints(other)) / 2
        return average, (scores + other_scores[:, self.flip_order]) / 2

    def seen(self, images: Tensor) -> dict[str, Any]:
        """The fields of `figures.maps.Seen`: the maps that the decoder reads, and its keypoints.

        Raises:
            UserError: direct regression, which has no maps, or maps of several stages.
        """
        maps = self.maps(images)
        if maps.dim() != 4:
            return super().seen(images)
        if self.decode == "integral":
            maps = expectation(maps, known(self.beta, "beta"), self.normalisation)[1]
        return {"maps": maps, "keypoints": self.predict(images)[0]}

    def maps(self, images: Tensor) -> Tensor:
        """The last stage's maps (B, K, H, W), for pictures."""
        return self._last(images)

    def _last(self, images: Tensor) -> Tensor:
        output = self.network(images)
        last: Tensor = output if isinstance(output, Tensor) else output[-1]
        return last

    def _decode(self, output: Tensor) -> tuple[Tensor, Tensor]:
        if output.dim() == 3:
            keypoints = denormalise(output.float(), self.input_size, self.convention)
            return keypoints, torch.ones_like(keypoints[..., 0])
        grid = grid_of(output, self.input_size, self.convention)
        if self.decode == "argmax":
            return argmax_decode(output, grid, self.score)
        if self.decode == "dark":
            return dark_decode(output, grid, self.smoothing)
        if self.decode == "window":
            return window_decode(output, grid, known(self.beta, "beta"))
        return integral_decode(output, grid, known(self.beta, "beta"), self.normalisation)


def scaled_rate(factory: Optimize, factor: float) -> Optimize:
    """The optimiser that `factory` makes, at `factor` times its learning rate."""

    @functools.wraps(factory)  # what it may be told beside its parameters still shows, as `fused` must
    def slower(parameters: Iterable[Any], **more: Any) -> Optimizer:
        optimizer = factory(parameters, **more)
        for group in optimizer.param_groups:
            group["lr"] *= factor
        return optimizer

    return slower


def known(value: float | None, name: str) -> float:
    """The value of a setting that may be left to be measured.

    Raises:
        UserError: it is neither given nor measured yet.
    """
    if value is None:
        raise UserError(f"method.{name}: is measured when a run starts, and there was none; give a number")
    return value
