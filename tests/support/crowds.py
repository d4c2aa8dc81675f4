"""Crowds of people, random maps and dense targets of the bottom-up codec and its losses."""

import torch

from posereg.codecs.art_maps import Maps


def make_batch(keypoints, visibility=None, areas=None, **more):
    """From (B, P, K, 2) input pixels; everyone labelled unless said."""
    keypoints = torch.as_tensor(keypoints, dtype=torch.float32)
    b, p, k, _ = keypoints.shape
    return {
        "keypoints": keypoints,
        "visibility": torch.full((b, p, k), 2, dtype=torch.uint8) if visibility is None else visibility,
        "areas": torch.full((b, p), 10_000.0) if areas is None else areas,
        "person_mask": torch.ones(b, p, dtype=torch.bool),
        **more,
    }


def crowd(b=2, p=5, k=4, side=128, seed=0):
    g = torch.Generator().manual_seed(seed)
    keypoints = torch.rand(b, p, k, 2, generator=g) * (side + 40) - 20
    visibility = torch.randint(0, 3, (b, p, k), generator=g, dtype=torch.uint8)
    areas = torch.rand(b, p, generator=g) * 5000 + 500
    batch = make_batch(keypoints, visibility, areas)
    batch["person_mask"] = torch.rand(b, p, generator=g) > 0.2
    batch["small"] = torch.rand(b, p, generator=g) > 0.8
    return batch


def random_maps(b, k, h, w, fine=False, seed=1):
    g = torch.Generator().manual_seed(seed)
    branches = torch.randn(b, 3, k, h, w, generator=g)
    return Maps(
        branches.mean(1),
        branches,
        torch.randn(b, 1, h, w, generator=g),
        torch.randn(b, k, 2, h, w, generator=g),
        torch.randn(b, k, 2 * h, 2 * w, generator=g) if fine else None,
    )


def dense_offsets(targets, b, k, h, w):
    """Full maps of targets and weights from the list of cells."""
    offsets, weights = torch.zeros(b, k, 2, h, w), torch.zeros(b, k, 2, h, w)
    for (image, row, column), value, weight in zip(
        targets.cells.tolist(), targets.offsets, targets.weights, strict=True
    ):
        offsets[image, :, :, row, column] = value
        weights[image, :, :, row, column] = weight[:, None]
    return offsets, weights
