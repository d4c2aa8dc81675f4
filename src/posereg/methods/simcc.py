"""Coordinate classification (SimCC, Li et al., ECCV 2022), with both forms of its labels."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from torch import Tensor

from posereg.codecs.simcc import Axes, Labels, simcc_decode, simcc_encode
from posereg.losses.simcc import simcc_loss
from posereg.methods.base import Batch, PoseModule
from posereg.settings.ranges import Positive, Share


class SimCCPose(PoseModule):
    """
    Args:
        split: bins a pixel, the network's.
        labels: `gaussian` (the paper's SimCC*), or `one_hot` with equal smoothing (SimCC).
        sigma: of Gaussian labels, in bins.
        smoothing: share of one-hot labels that all bins get.
        pose: everything PoseModule takes.
    """

    score_rule = "the lesser of the axes' largest probabilities"

    @staticmethod
    def disagreements(node: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
        """Settings of a config node that do not go together (settings/parts.py)."""
        yield from PoseModule.disagreements(node)
        for name in ("split", "input_size"):
            if name in node["network"] and node["network"][name] != node.get(name, node["network"][name]):
                yield f"network.{name}", f"must be the method's {name}, {node[name]}"

    def __init__(
        self,
        split: Positive = 2.0,
        labels: Labels = "gaussian",
        sigma: Positive = 6.0,
        smoothing: Share = 0.1,
        **pose: Any,
    ) -> None:
        super().__init__(**pose)
        self.split, self.sigma, self.smoothing = split, sigma, smoothing
        self.labels_kind: Labels = labels

    def losses(self, images: Tensor, batch: Batch) -> dict[str, Tensor]:
        """Divergence of the two axes from their labels."""
        keypoints, weight = self.labels(batch)
        targets = simcc_encode(
            keypoints,
            self.input_size,
            self.split,
            self.labels_kind,
            self.sigma,
            self.smoothing,
            self.convention,
        )
        return {"loss": simcc_loss(self.network(images), targets, weight)}

    def predict(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Keypoints (B, K, 2) in input pixels and scores; logits of the mirrored image are averaged."""
        logits: Axes = self.network(images)
        if self.flip_test:
            columns, rows = self.network(images.flip(-1))
            order = self.flip_order
            logits = (logits[0] + columns[:, order].flip(-1)) / 2, (logits[1] + rows[:, order]) / 2
        return simcc_decode(logits, self.split, self.convention)
