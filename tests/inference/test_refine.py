"""Sub-pixel refinement: the fit against Gaussians whose parameters are known, and what it leaves alone."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from posereg.codecs.art import gaussians
from posereg.inference.grouping import (
    Grouping,
    Heat,
    Poses,
    Proposals,
    group,
)
from posereg.inference.refine import THRESHOLD, fit_gaussians, refine


def test_gaussian_fit_recovers_its_parameters():
    g = torch.Generator().manual_seed(0)
    span = torch.arange(-6.0, 7.0)
    dy, dx = (d.flatten() for d in torch.meshgrid(span, span, indexing="ij"))
    places = torch.stack([dx, dy], -1)
    center = torch.rand(50, 2, generator=g) * 6 - 3
    amplitude, sigma = torch.rand(50, generator=g) + 0.2, torch.rand(50, generator=g) * 4 + 1.5
    distance = (places - center[:, None]).square().sum(-1)
    values = amplitude[:, None] * torch.exp(-distance / (2 * sigma[:, None] ** 2))
    got = fit_gaussians(values, places, 2.0)
    for mine, true in zip(got, (amplitude, center, sigma), strict=True):
        torch.testing.assert_close(mine, true, rtol=1e-3, atol=1e-3)


def test_refinement_finds_sub_cell_places():
    """A drawn Gaussian lies between cells; enlarged bilinearly its fit is within a tenth of a cell."""
    truth = torch.tensor([[[40.9, 51.3]]])
    heat = gaussians(((truth - 1.5) / 4)[None].transpose(1, 2)[0][:, :, None], torch.ones(1, 1, 1, dtype=torch.bool),
                     (32, 32), 2.0)[0]  # fmt: skip
    at = Heat(heat, 4, 1.5)
    coarse = group(at, Proposals(truth, torch.ones(1)), Grouping())
    fine = refine(at, coarse)
    assert (coarse.keypoints - truth).norm() > 0.6
    assert (fine.keypoints - truth).norm() < 0.4
    weak = Poses(coarse.keypoints, coarse.heat * 0.01, coarse.centers)
    assert torch.equal(refine(at, weak).keypoints, weak.keypoints)


def blob(x, y, size=24, sigma=2.0, peak=0.8):
    """One map (1, size, size) with a Gaussian between its cells."""
    row = torch.arange(size, dtype=torch.float32)
    return peak * torch.exp(-((row[None] - x) ** 2 + (row[:, None] - y) ** 2) / (2 * sigma**2))[None]


@settings(max_examples=25, deadline=None)
@given(st.floats(9, 14), st.floats(9, 14), st.floats(-2, 2), st.floats(-2, 2))
def test_a_keypoint_near_a_gaussian_moves_onto_it(x, y, dx, dy):
    """On a map of stride 1 at whole pixels the surface is the Gaussian itself, so the fit is exact."""
    start = torch.tensor([[[round(x + dx), round(y + dy)]]], dtype=torch.float32)
    poses = Poses(start, torch.full((1, 1), 0.5), torch.ones(1))
    refined = refine(Heat(blob(x, y), 1, 0.0), poses, radius=4)
    torch.testing.assert_close(refined.keypoints, torch.tensor([[[x, y]]]), atol=1e-3, rtol=0)
    assert refined.heat.item() == pytest.approx(0.8, abs=1e-3)
    assert torch.equal(poses.keypoints, start)


def test_keypoints_are_fitted_above_the_threshold_alone():
    heat = Heat(blob(11.3, 10.6).repeat(2, 1, 1), 1, 0.0)
    start = torch.full((1, 2, 2), 11.0)
    poses = Poses(start, torch.tensor([[THRESHOLD, THRESHOLD + 1e-3]]), torch.ones(1))
    moved = (refine(heat, poses).keypoints - start).abs().sum(-1)[0]
    assert moved[0] == 0
    assert moved[1] > 0.3


def test_a_fit_that_leaves_its_window_keeps_the_keypoint():
    heat = Heat(blob(18.0, 11.0), 1, 0.0)
    poses = Poses(torch.tensor([[[5.0, 11.0]]]), torch.full((1, 1), 0.4), torch.ones(1))
    refined = refine(heat, poses, radius=3)
    assert torch.equal(refined.keypoints, poses.keypoints)
    assert refined.heat.item() == pytest.approx(0.4)


def test_nobody_to_refine():
    poses = Poses(torch.zeros(0, 1, 2), torch.zeros(0, 1), torch.zeros(0))
    assert len(refine(Heat(blob(5, 5), 1, 0.0), poses).keypoints) == 0
