"""Training and use of the scoring network (ART paper, section 3.2; docs/papers/art.md#scoring)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional as F

from posereg.codecs.art_maps import Compat
from posereg.inference.grouping import Poses
from posereg.networks.scoring import PoseScorer


class Examples(NamedTuple):
    """Features (N, F) of grouped poses and the OKS (N,) that they reached."""

    features: Tensor
    oks: Tensor


def score(scorer: PoseScorer, poses: Poses, compat: Compat = "paper") -> Tensor:
    """Pose scores (M,): the predicted OKS (paper), or that times the naive score (released).

    Args:
        poses: keypoints in image pixels.
    """
    with torch.inference_mode():
        predicted: Tensor = scorer(scorer.features(poses.keypoints, heat_values(poses, compat)))
    if compat == "released":
        predicted = predicted * poses.scores
    return predicted.nan_to_num(0.0)


def heat_values(poses: Poses, compat: Compat) -> Tensor:
    """The heat values (N, K) that the network reads: h_k(p_k) (paper), times the centre's value (released)."""
    return poses.heat if compat == "paper" else poses.keypoint_scores


def best_oks(
    poses: Tensor, people: Tensor, visibility: Tensor, areas: Tensor, sigmas: Sequence[float]
) -> Tensor:
    """OKS of each pose (M, K, 2) with its best person; several poses may share one.

    Args:
        people: (G, K, 2) in the same pixels; visibility: (G, K); areas: (G,) square pixels.

    Returns:
        (M,), 0 if no people are annotated. People without labelled keypoints do not count: the released code
        gives poses on them 1 and then sets all ones to 0.
    """
    labelled = visibility > 0
    some = labelled.any(1)
    people, labelled, areas = people[some], labelled[some], areas[some]
    if len(people) == 0 or len(poses) == 0:
        return poses.new_zeros(len(poses))
    squared = (poses.unsqueeze(1) - people).square().sum(-1)
    variance = (2 * poses.new_tensor(sigmas)).square() * areas.clamp(min=1e-6)[:, None]
    similar = torch.exp(-squared / (2 * variance)) * labelled
    best: Tensor = (similar.sum(-1) / labelled.sum(-1)).max(1).values
    return best


def train(
    scorer: PoseScorer,
    examples: Examples,
    epochs: int = 20,
    batch_size: int = 1024,
    repeats: int = 3,
    lr: float = 1e-3,
    seed: int = 0,
) -> list[float]:
    """Mean squared error to the OKS, Adam; the last partial batch of an epoch is dropped, as published.

    Args:
        repeats: how often an epoch sees an example; the released code lists each once per COCO area range.

    Returns:
        The mean loss of each epoch.

    Raises:
        ValueError: no examples.
    """
    number = len(examples.oks)
    if number == 0:
        raise ValueError("no poses to train the scoring network on")
    optimizer = torch.optim.Adam(scorer.parameters(), lr=lr)
    generator = torch.Generator().manual_seed(seed)
    device = next(scorer.parameters()).device
    features, target = examples.features.to(device), examples.oks.to(device)
    batch_size = min(batch_size, number)
    losses = []
    scorer.train()
    for _ in range(epochs):
        order = torch.randperm(number * repeats, generator=generator).to(device) % number
        total, batches = torch.zeros((), device=device), len(order) // batch_size
        for rows in order[: batches * batch_size].view(batches, batch_size):
            loss = F.mse_loss(scorer(features[rows]), target[rows])
            optimizer.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            optimizer.step()
            total += loss.detach()
        losses.append(float(total) / batches)
    scorer.eval()
    return losses
