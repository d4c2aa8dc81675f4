"""Direct regression with a learned spread: residual log-likelihood estimation (Li et al., ICCV 2021), and the same
with a Laplace or a normal density alone."""

from __future__ import annotations

from typing import Any

from torch import Tensor

from posereg.codecs.coordinates import denormalise, normalise
from posereg.losses.rle import Density, Shape, likelihood_loss
from posereg.methods.base import Batch, PoseModule


class SpreadPose(PoseModule):
    """
    Args:
        shape: of the density about each coordinate, `laplace` or `gaussian`; a flow of the network refines it.
        pose: everything PoseModule takes.
    """

    score_rule = "1 minus the mean spread"

    def __init__(self, shape: Shape = "laplace", **pose: Any) -> None:
        super().__init__(**pose)
        self.shape: Shape = shape

    def losses(self, images: Tensor, batch: Batch) -> dict[str, Tensor]:
        """The negative log-likelihood of the joints."""
        keypoints, weight = self.labels(batch)
        coordinates, spread = self.network(images)
        target = normalise(keypoints, self.input_size, self.convention)
        density: Density | None = getattr(self.network.flow, "log_density", None)  # no flow: the shape alone
        return {"loss": likelihood_loss(coordinates, spread, target, weight, self.shape, density)}

    def predict(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Keypoints (B, K, 2) in input pixels; those of the mirrored image are averaged, as are the scores."""
        keypoints, scores = self._read(images)
        if not self.flip_test:
            return keypoints, scores
        mirrored, other = self._read(images.flip(-1))
        return (keypoints + self.unflip_keypoints(mirrored)) / 2, (scores + other[:, self.flip_order]) / 2

    def _read(self, images: Tensor) -> tuple[Tensor, Tensor]:
        coordinates, spread = self.network(images)
        return denormalise(coordinates, self.input_size, self.convention), 1 - spread.mean(-1)
