"""Losses of soft-argmax regression with context (section 4.1; docs/papers/softargmax.md#losses)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from torch import Tensor
from torch.nn import functional

from posereg.codecs.context import Ramp, aggregate, to_label
from posereg.runs.processes import mean_denominator


def labels(
    keypoints: Tensor, visibility: Tensor, input_size: tuple[int, int], ramp: Ramp = "linspace"
) -> tuple[Tensor, Tensor]:
    """Targets (B, K, 2) in [0, 1] and presence (B, K): 1 for annotated joints strictly inside the crop.

    Args:
        keypoints: (B, K, 2) input pixels.
        visibility: (B, K), 0 where not annotated; occlusion does not matter.
    """
    target = to_label(keypoints, input_size, ramp)
    inside = ((target > 0) & (target < 1)).all(-1)
    return target, ((visibility > 0) & inside).float()


def elastic_net(
    predicted: Tensor, target: Tensor, present: Tensor, reduction: Literal["mean", "sum"] = "mean"
) -> Tensor:
    """Eq. 7: L1 norm plus squared L2 norm of each joint's error (B, K, 2), masked by presence (B, K).

    Args:
        reduction: `mean` over the joints that count (Eq. 7); `sum` over joints, mean over samples (the
            released code).
    """
    error = predicted - target
    each = (error.abs() + error.square()).sum(-1) * present
    return each.sum() / (mean_denominator(present.sum()).clamp_min(1) if reduction == "mean" else len(each))


def presence_loss(logits: Tensor, present: Tensor) -> Tensor:
    """Eq. 8: binary cross-entropy of the joint probabilities, mean over joints (B, K)."""
    return functional.binary_cross_entropy_with_logits(logits.float(), present)


def context_loss(
    blocks: Sequence[Tensor],
    target: Tensor,
    present: Tensor,
    alpha: float = 0.8,
    ramp: Ramp = "linspace",
    presence_weight: float = 0.01,
    reduction: Literal["mean", "sum"] = "mean",
) -> dict[str, Tensor]:
    """Every block supervised with weight 1: `loss` = `pose` + `presence_weight` * `presence`, sums over blocks.

    Args:
        blocks: map tensors (B, K (1 + Nc), H, W), one per prediction block.
        target, present: from `labels`.
        presence_weight: of the released code; the paper gives none.
    """
    poses = [aggregate(maps, target.shape[1], alpha, ramp) for maps in blocks]
    zero = target.new_zeros(())
    pose = sum((elastic_net(p.coordinates, target, present, reduction) for p in poses), zero)
    presence = sum((presence_loss(p.logits, present) for p in poses), zero)
    return {"loss": pose + presence_weight * presence, "pose": pose, "presence": presence}
