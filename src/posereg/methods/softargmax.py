"""Soft-argmax regression with context maps, and its argmax baseline.

Everything is in the network's joints. On a data set with fewer of them (LSP after MPII) the maps of the others get
no loss, neither for their position nor for their presence: a joint that is not labelled is not known to be absent.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

import torch
from torch import Tensor

from posereg.codecs.context import ContextPose, Ramp, aggregate, hard_argmax, to_pixels
from posereg.codecs.integral import expectation
from posereg.errors import UserError
from posereg.figures import maps as map_figures
from posereg.losses.context import context_loss, labels
from posereg.methods.base import Batch, PoseModule
from posereg.methods.seen import people_seen
from posereg.settings.ranges import NotNegative, Share


class SoftArgmaxPose(PoseModule):
    """
    Args:
        alpha: share of the part map in a joint's position (Eq. 6).
        ramp: what a map cell stands for: the released code's `linspace`, the `paper`'s Eq. 3, `half_pixel`.
        decode: `softargmax`, or `argmax` of the part maps (Table 1's first row). Training is by soft-argmax
            either way: argmax has no gradient.
        presence_weight: of the joint probabilities' loss (the paper gives none; docs/papers/softargmax.md#losses).
        reduction: of the coordinate loss: `mean` over joints (Eq. 7), `sum` in the released code.
        pose: everything PoseModule takes. The released code normalises with mean and std 0.5.

    Raises:
        UserError: alpha is not between 0 and 1.
    """

    score_rule = "joint probability"

    @staticmethod
    def loss_names(node: Mapping[str, Any]) -> set[str] | None:
        """The total and its parts."""
        return {"loss", "pose", "presence"}

    def __init__(
        self,
        alpha: Share = 0.8,
        ramp: Ramp = "linspace",
        decode: Literal["softargmax", "argmax"] = "softargmax",
        presence_weight: NotNegative = 0.01,
        reduction: Literal["mean", "sum"] = "mean",
        **pose: Any,
    ) -> None:
        super().__init__(**pose)
        if not 0 <= alpha <= 1:
            raise UserError(f"method.alpha is a share between 0 and 1, not {alpha}")
        self.alpha = alpha
        self.ramp: Ramp = ramp
        self.decode: Literal["softargmax", "argmax"] = decode
        self.presence_weight = presence_weight
        self.reduction: Literal["mean", "sum"] = reduction

    @property
    def joints(self) -> int:
        """K of the network."""
        return len(self.flip_order)

    def losses(self, images: Tensor, batch: Batch) -> dict[str, Tensor]:
        """Errors of coordinates and presence, summed over the blocks (docs/papers/softargmax.md#losses)."""
        blocks = [self._labelled(maps) for maps in self.network(images)]
        target, present = labels(batch["keypoints"], batch["visibility"], self.input_size, self.ramp)
        return context_loss(
            blocks, target, present, self.alpha, self.ramp, self.presence_weight, self.reduction
        )

    def predict(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Keypoints of the last block and their presence; coordinates of the mirrored image are averaged."""
        keypoints, scores = self._locate(images)
        if not self.flip_test:
            return keypoints, scores
        other, other_scores = self._locate(images.flip(-1))
        average = (keypoints + self.unflip_keypoints(other)) / 2
        return average, (scores + other_scores[:, self.flip_order]) / 2

    def all_maps(self, images: Tensor) -> Tensor:
        """The last block's maps (B, K (1 + Nc), H/8, W/8): part maps, then the context maps joint by joint."""
        last: Tensor = self.network(images)[-1]
        return last

    def seen(self, images: Tensor) -> dict[str, Any]:
        """The fields of `figures.maps.SeenInContext`, in the joints of the network."""
        maps = self.all_maps(images)
        pose = self.aggregate(maps)
        _, probability = expectation(maps)
        context = probability[:, self.joints :].reshape(*pose.weights.shape, *maps.shape[2:])
        return {
            "maps": probability[:, : self.joints],
            "keypoints": self.predict(images)[0],
            "logits": maps[:, : self.joints],
            "context": (pose.weights[..., None, None] * context).sum(2),
            "alpha": self.alpha if pose.weights.shape[-1] else 1.0,
            "part": to_pixels(pose.part, self.input_size, self.ramp),
        }

    def aggregate(self, maps: Tensor) -> ContextPose:
        """`all_maps` (B, C, h, w) of a block to positions, with the positions of part and context maps on their own."""
        return aggregate(maps, self.joints, self.alpha, self.ramp)

    def draw(self, data: Any, folder: Path) -> dict[str, str]:
        """Maps before and after the softmax and what context maps add, of three validation people."""
        poses = data.poses(data.val_split)
        rows = range(0, len(poses), max(1, len(poses) // 3))[:3]
        written = map_figures.write(people_seen(self, poses, rows), poses.skeleton, folder / "figures")
        return {f"figure_{Path(name).stem}": f"figures/{name}" for name in written}

    def _locate(self, images: Tensor) -> tuple[Tensor, Tensor]:
        maps = self.all_maps(images)
        pose = self.aggregate(maps)
        coordinates = pose.coordinates
        if self.decode == "argmax":
            coordinates = hard_argmax(maps[:, : self.joints], self.ramp)
        return to_pixels(coordinates, self.input_size, self.ramp), pose.logits.sigmoid()

    def _labelled(self, maps: Tensor) -> Tensor:
        """The maps of the joints that the data set has, in its order."""
        if self.joints == len(self.skeleton):
            return maps
        contexts = maps.shape[1] // self.joints - 1
        each = torch.arange(contexts, device=maps.device)
        context = self.joints + self.network_joint[:, None] * contexts + each
        return maps[:, torch.cat([self.network_joint, context.flatten()])]
