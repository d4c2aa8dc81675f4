"""Integral human pose regression and its baselines: H1 H2 H3, R1, I1 I2 I3, I*, MS-H, MS-I.

One module, three switches: the heat-map loss (or none), the weight of the joint loss, and how maps become
keypoints. A network that gives coordinates instead of maps is R1.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Literal

import torch
from torch import Tensor

from posereg.codecs.argmax import argmax_decode
from posereg.codecs.coordinates import denormalise, normalise
from posereg.codecs.grid import grid_of
from posereg.codecs.integral import Normalisation, expectation, integral_decode
from posereg.losses.integral import HeatmapLoss, coordinate_loss
from posereg.methods.base import Batch, PoseModule
from posereg.settings.ranges import NotNegative, Positive


class IntegralPose(PoseModule):
    """
    Args:
        heatmap_loss: loss of every stage's maps (losses/integral.py), or None (I*, R1).
        heatmap_weight, joint_weight: factors of the two losses. `heatmap_weight=0` after pre-training is the
            ECCV recipe, 1 the arXiv one (docs/papers/integral.md#i1-normalisation).
        joint_kind: `l1` or `l2`.
        decode: `argmax` (H), `integral` (I), ignored by R1.
        beta: factor on the maps before the softmax.
        normalisation: `softmax` or `relu_sum`.
        pose: everything PoseModule takes.
    """

    @staticmethod
    def disagreements(node: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
        """Settings of a config node that do not go together (settings/parts.py)."""
        yield from PoseModule.disagreements(node)
        maps = str(node["network"].get("_target_")).endswith((".HeatmapNet", ".MultiStageNet"))
        heat = node.get("heatmap_loss") is not None and node.get("heatmap_weight", 1.0) > 0
        if maps and not heat and not node.get("joint_weight", 0.0):
            yield "joint_weight", "with no heat-map loss either nothing is learned; give one of them a weight"

    def __init__(
        self,
        heatmap_loss: HeatmapLoss | None = None,
        heatmap_weight: NotNegative = 1.0,
        joint_weight: NotNegative = 0.0,
        joint_kind: Literal["l1", "l2"] = "l1",
        decode: Literal["argmax", "integral"] = "integral",
        beta: Positive = 1.0,
        normalisation: Normalisation = "softmax",
        **pose: Any,
    ) -> None:
        super().__init__(**pose)
        self.heatmap_loss = heatmap_loss
        self.heatmap_weight = heatmap_weight
        self.joint_weight = joint_weight
        self.joint_kind = joint_kind
        self.decode: Literal["argmax", "integral"] = decode
        self.beta = beta
        self.normalisation: Normalisation = normalisation
        self.score_rule = "map maximum" if decode == "argmax" else "softmax mass within one cell"

    def losses(self, images: Tensor, batch: Batch) -> dict[str, Tensor]:
        """Heat map and joint loss, each summed over the network's stages, and their weighted sum
        (docs/papers/integral.md#losses).

        A regression network has the joint loss alone. Coordinates are normalised to the input size.
        """
        keypoints, weight = self.labels(batch)
        target = normalise(keypoints, self.input_size, self.convention)
        output = self.network(images)
        if isinstance(output, Tensor):
            return {"loss": coordinate_loss(output, target, weight, self.joint_kind)}
        heatmap: list[Tensor] = []
        joint: list[Tensor] = []
        for maps in output:
            grid = grid_of(maps, self.input_size, self.convention)
            if self.heatmap_loss is not None and self.heatmap_weight > 0:
                heatmap.append(self.heatmap_loss(maps, keypoints, weight, grid))
            if self.joint_weight > 0:
                pixels, _ = integral_decode(maps, grid, self.beta, self.normalisation)
                predicted = normalise(pixels, self.input_size, self.convention)
                joint.append(coordinate_loss(predicted, target, weight, self.joint_kind))
        parts = {
            name: torch.stack(terms).sum()
            for name, terms in (("heatmap", heatmap), ("joint", joint))
            if terms
        }
        factors = {"heatmap": self.heatmap_weight, "joint": self.joint_weight}
        return {"loss": torch.stack([factors[k] * v for k, v in parts.items()]).sum(), **parts}

    def predict(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Keypoints of the last stage. Mirrored maps are averaged for argmax, mirrored coordinates for the integral."""
        output = self._last(images)
        if not self.flip_test:
            return self._decode(output)
        mirrored = self._last(images.flip(-1))
        if output.dim() == 4 and self.decode == "argmax":
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
            maps = expectation(maps, self.beta, self.normalisation)[1]
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
            return argmax_decode(output, grid)
        return integral_decode(output, grid, self.beta, self.normalisation)
