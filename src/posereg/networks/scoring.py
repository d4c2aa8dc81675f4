"""The scoring network: shape and heat of a pose to its OKS (ART, section 3.2; docs/papers/art.md#scoring)."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from posereg.codecs.art_maps import Compat
from posereg.errors import UserError
from posereg.skeletons.skeleton import Skeleton, SkeletonName, skeleton

TORSO = (("left_shoulder", "left_hip"), ("right_shoulder", "right_hip"))


class PoseScorer(nn.Module):
    """Two hidden layers of 256 and a linear one: 74 features for COCO, 59 for CrowdPose.

    Args:
        skeleton_name: its limbs are the neighbouring pairs of the shape feature.
        compat: which limbs are the unit of length. `paper` (which names no unit): shoulder to hip; `released`:
            the 10th and 12th limb, the same in COCO, hip-knee and knee-ankle in CrowdPose.

    Raises:
        UserError: a skeleton without limbs, or for `paper` without a torso.
    """

    def __init__(self, skeleton_name: SkeletonName, compat: Compat = "paper", width: int = 256) -> None:
        super().__init__()
        joints = skeleton(skeleton_name)
        self.unit = _unit_links(joints, compat)
        self.register_buffer("links", torch.tensor(joints.limbs), persistent=False)
        features = 3 * len(joints.limbs) + len(joints)
        self.layers = nn.Sequential(
            nn.Linear(features, width),
            nn.ReLU(inplace=True),
            nn.Linear(width, width),
            nn.ReLU(inplace=True),
            nn.Linear(width, 1),
        )
        for layer in self.layers:
            if isinstance(layer, nn.Linear):
                nn.init.kaiming_uniform_(layer.weight, a=1)
                nn.init.zeros_(layer.bias)

    links: Tensor

    def features(self, keypoints: Tensor, values: Tensor) -> Tensor:
        """(N, 3 E + K): offsets (dx, dy) and lengths of the E limbs over the mean torso length, heat values.

        Args:
            keypoints: (N, K, 2) image pixels; values: (N, K).
        """
        ends = keypoints.float()[:, self.links]
        offsets = ends[:, :, 0] - ends[:, :, 1]
        lengths = offsets.norm(dim=-1)
        unit = lengths[:, list(self.unit)].mean(1, keepdim=True).clamp(min=1)
        return torch.cat([(offsets / unit.unsqueeze(2)).flatten(1), lengths / unit, values.float()], dim=1)

    def forward(self, features: Tensor) -> Tensor:
        """Predicted OKS (N,)."""
        score: Tensor = self.layers(features).squeeze(1)
        return score


def _unit_links(joints: Skeleton, compat: Compat) -> tuple[int, int]:
    if compat == "released":
        if len(joints.limbs) < 12:
            raise UserError(f"scoring: skeleton '{joints.name}' has too few limbs for compat=released")
        return 9, 11
    names = [frozenset(joints.joints[k] for k in limb) for limb in joints.limbs]
    try:
        first, second = (names.index(frozenset(pair)) for pair in TORSO)
    except ValueError:
        raise UserError(
            f"scoring: skeleton '{joints.name}' has no shoulder-hip limbs; use compat=released"
        ) from None
    return first, second
