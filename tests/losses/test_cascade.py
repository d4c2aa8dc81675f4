import math

import pytest
import torch

from posereg.codecs.grid import Grid
from posereg.losses.cascade import body_size, confidence_l2, part_cross_entropy

GRID = Grid(256, 256, 1.0)


def _one(visibility: int) -> tuple[torch.Tensor, torch.Tensor]:
    return torch.tensor([[[100.0, 120.0]]]), torch.tensor([[visibility]])


@pytest.mark.parametrize(("radius", "pixels"), [(10.0, 317), (15.0, 709)])
def test_disc_has_the_published_area(radius: float, pixels: int) -> None:
    """The cross-entropy of a constant map counts the disc's pixels (docs/papers/cascade.md#targets)."""
    keypoints, visibility = _one(2)
    logit = 3.0
    logits = torch.full((1, 1, 256, 256), logit)
    loss = part_cross_entropy(logits.double(), keypoints, visibility, GRID, radius, reduction="paper")
    outside = math.log1p(math.exp(logit))
    inside = math.log1p(math.exp(-logit))
    assert loss.item() == pytest.approx(pixels * inside + (256 * 256 - pixels) * outside, rel=1e-5)


def test_hidden_parts_have_an_empty_map_and_missing_ones_none() -> None:
    logits = torch.zeros(1, 3, 256, 256, requires_grad=True)
    keypoints = torch.full((1, 3, 2), 100.0)
    part_cross_entropy(logits, keypoints, torch.tensor([[2, 1, 0]]), GRID).backward()
    assert logits.grad is not None
    visible, hidden, missing = logits.grad[0]
    assert (visible < 0).sum() == 317  # pulled up inside the disc
    assert (hidden > 0).all()  # pushed down everywhere
    assert (missing == 0).all()


def test_regression_supervises_hidden_parts_alike() -> None:
    maps = torch.zeros(1, 3, 256, 256, requires_grad=True)
    keypoints = torch.full((1, 3, 2), 100.0)
    confidence_l2(maps, keypoints, torch.tensor([[2, 1, 0]]), GRID).backward()
    assert maps.grad is not None
    visible, hidden, missing = maps.grad[0]
    assert torch.equal(visible, hidden)
    assert visible.argmin() == 100 * 256 + 100
    assert (missing == 0).all()


@pytest.mark.parametrize("sigma", [5.0, 7.5])
def test_gaussian_energy(sigma: float) -> None:
    """Zero maps cost the Gaussian's energy, pi sigma^2, wherever between the pixels its centre lies."""
    keypoints = torch.tensor([[[100.3, 120.7]]])
    loss = confidence_l2(
        torch.zeros(1, 1, 256, 256), keypoints, torch.tensor([[1]]), GRID, sigma, reduction="paper"
    )
    assert loss.item() == pytest.approx(math.pi * sigma**2, rel=1e-4)


@pytest.mark.parametrize("loss", [part_cross_entropy, confidence_l2])
def test_reductions_differ_by_the_number_of_pixels(loss: object) -> None:
    torch.manual_seed(0)
    maps, keypoints = torch.randn(2, 4, 24, 32), 24 * torch.rand(2, 4, 2)
    visibility = torch.tensor([[2, 1, 0, 2], [0, 0, 2, 1]])
    grid = Grid(24, 32, 1.0)
    mean, summed = (loss(maps, keypoints, visibility, grid, 5.0, r) for r in ("mean", "paper"))  # type: ignore[operator]
    torch.testing.assert_close(summed, mean * 24 * 32)


def test_radius_per_sample_follows_the_body() -> None:
    """A standard MPII box in a 256 crop: a 205 px body, a disc of 10.24 px; zoomed by 1.25 on one of two."""
    boxes = torch.tensor([[0.0, 0.0, 500.0, 500.0], [50.0, 50.0, 450.0, 450.0]])
    to_image = torch.zeros(2, 2, 3)
    turn = torch.tensor(0.4)
    rotation = torch.stack([torch.stack([turn.cos(), -turn.sin()]), torch.stack([turn.sin(), turn.cos()])])
    to_image[0, :, :2] = rotation * 500 / 256
    to_image[1, :, :2] = torch.tensor([[-1.0, 0.0], [0.0, 1.0]]) * 400 / 256 / 1.25
    body = body_size(boxes, to_image)
    torch.testing.assert_close(body, torch.tensor([204.8, 256.0]))

    keypoints, visibility = torch.full((2, 1, 2), 128.0), torch.full((2, 1), 2)
    logits = torch.zeros(2, 1, 256, 256, requires_grad=True)
    part_cross_entropy(logits, keypoints, visibility, GRID, 10 * body / 200).backward()
    assert logits.grad is not None
    area = (logits.grad < 0).sum((1, 2, 3))
    for count, radius in zip(area.tolist(), (10.24, 12.8), strict=True):
        assert count == pytest.approx(math.pi * radius**2, rel=0.03)


def test_nobody_annotated_costs_nothing() -> None:
    keypoints, visibility = _one(0)
    maps = torch.randn(1, 1, 256, 256)
    assert part_cross_entropy(maps, keypoints, visibility, GRID).item() == 0
    assert confidence_l2(maps, keypoints, visibility, GRID).item() == 0
