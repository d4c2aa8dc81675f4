import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn import functional as F

from posereg.codecs.art import encode
from posereg.inference import grouping
from posereg.inference.grouping import (
    Grouping,
    Heat,
    Proposals,
    by_dilation,
    by_shifts,
    candidates,
    group,
    pool,
    pose_nms,
    propose,
    surface,
)
from posereg.inference.refine import refine


def smooth(k, h, w, seed):
    """Maps with many maxima, blurred noise."""
    g = torch.Generator().manual_seed(seed)
    return F.avg_pool2d(torch.randn(1, k, h + 4, w + 4, generator=g), 5, 1)[0]


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 9999), st.sampled_from([(4, 9, 11), (2, 12, 10)]))
def test_candidates_are_those_of_the_enlarged_maps(seed, shape):
    """Brute force: enlarge to input resolution (cells on pixels), 5x5 maximum, all that are left."""
    stride, h, w = shape
    maps = smooth(3, h, w, seed)
    size = (stride * (h - 1) + 1, stride * (w - 1) + 1)
    dense = F.interpolate(maps[None], size=size, mode="bilinear", align_corners=True)
    tops = (dense == F.max_pool2d(dense, 5, 1, 2))[0]
    values, places = candidates(Heat(maps, stride, 0.0), 1000)
    for k in range(3):
        expected = {(x, y) for y, x in tops[k].nonzero().tolist()}
        found = {
            tuple(p) for p, v in zip(places[k].tolist(), values[k].tolist(), strict=True) if v > -math.inf
        }
        assert found == expected
        for (x, y), v in zip(places[k].long().tolist(), values[k].tolist(), strict=True):
            if v > -math.inf:
                assert v == pytest.approx(float(dense[0, k, y, x]))


def test_candidates_at_input_resolution():
    maps = smooth(2, 40, 30, 1)
    values, places = candidates(Heat(maps, 1, 0.0), 12)
    top = (maps == F.max_pool2d(maps[None], 5, 1, 2)[0]).float() * maps
    for k in range(2):
        expected = top[k].flatten().topk(12).values
        torch.testing.assert_close(values[k], expected)
        torch.testing.assert_close(maps[k][places[k, :, 1].long(), places[k, :, 0].long()], expected)


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 999), st.integers(1, 4), st.integers(1, 9), st.integers(1, 9))
def test_window_max(seed, radius, h, w):
    maps = torch.randn(2, h, w, generator=torch.Generator().manual_seed(seed))
    expected = F.max_pool2d(maps[None], 2 * radius + 1, 1, radius)[0]
    assert torch.equal(by_dilation(maps, radius), expected)
    assert torch.equal(by_shifts(maps, radius), expected)
    assert torch.equal(by_dilation(maps.mT, radius), expected.mT)
    assert torch.equal(by_dilation(maps[0], radius), expected[0])


def test_candidate_pixels_follow_the_convention():
    maps = torch.zeros(1, 8, 8)
    maps[0, 3, 5] = 1
    _, places = candidates(Heat(maps, 4, 1.5), 1)
    assert places[0, 0].tolist() == [21.5, 13.5]


def test_surface_is_bilinear():
    maps = smooth(3, 6, 7, 2)
    points = torch.rand(5, 3, 2) * 40 - 6
    got = surface(Heat(maps, 4, 1.5), points)
    scale = points.new_tensor([7, 6]) * 4
    grid = (2 * points + 1) / scale - 1
    expected = F.grid_sample(
        maps[:, None], grid.transpose(0, 1)[:, :, None], padding_mode="border", align_corners=False
    )
    torch.testing.assert_close(got, expected[:, 0, :, 0].t(), rtol=1e-4, atol=1e-5)
    many = points[:, :, None].expand(-1, -1, 4, -1)
    torch.testing.assert_close(surface(Heat(maps, 4, 1.5), many), got[..., None].expand(-1, -1, 4))


def people(seed=0, number=5, k=17, side=256):
    """Keypoints (P, K, 2) of people on a grid, apart enough to be told apart."""
    g = torch.Generator().manual_seed(seed)
    centers = torch.tensor([[x, y] for y in (50.0, 128.0, 206.0) for x in (50.0, 128.0, 206.0)])
    centers = centers[torch.randperm(9, generator=g)[:number]]
    return (centers[:, None] + torch.rand(number, k, 2, generator=g) * 60 - 30).clamp(2, side - 3)


def drawn(keypoints, side=256, **options):
    """The maps that a perfect network gives of one image."""
    size = (side // 4, side // 4)
    p, k, _ = keypoints.shape
    batch = {
        "keypoints": keypoints[None],
        "visibility": torch.full((1, p, k), 2, dtype=torch.uint8),
        "areas": torch.full((1, p), 4000.0),
        "person_mask": torch.ones(1, p, dtype=torch.bool),
    }
    targets = encode(batch, size, **options)
    offsets = torch.zeros(k, 2, *size)
    _, row, column = targets.cells.unbind(1)
    offsets[:, :, row, column] = targets.offsets.permute(1, 2, 0)
    return targets.heatmaps[0], targets.centers[0, 0], offsets


def matched(found, truth):
    """The nearest found person of each, as largest distance over keypoints."""
    distance = (found[:, None] - truth).norm(dim=-1).amax(-1)
    return distance.min(0).values


@pytest.mark.parametrize("seed", range(4))
def test_perfect_maps_give_the_people_back(seed):
    """Regression is exact; absorbed keypoints lie on the nearest cell, at most half a cell off each way."""
    truth = people(seed)
    heat, centers, offsets = drawn(truth)
    proposals = propose(centers, offsets, 4, 1.5)
    confident = Proposals(proposals.poses[:5], proposals.centers[:5])
    assert matched(confident.poses, truth).max() < 1e-3
    poses = group(Heat(heat, 4, 1.5), confident, Grouping())
    assert len(poses.scores) == 5
    assert matched(poses.keypoints, truth).max() <= 2 * math.sqrt(2) + 1e-3
    refined = refine(Heat(heat, 4, 1.5), poses)
    assert (refined.keypoints - poses.keypoints).abs().max() > 0.5
    regression = group(Heat(heat, 4, 1.5), confident, Grouping(absorb=0))
    assert torch.equal(regression.keypoints, confident.poses)


def test_scores_are_the_papers():
    """(1/K) sum_k h_k(p_k) o(p), heat of the absorbed candidates."""
    heat = torch.zeros(2, 16, 16)
    heat[0, 5, 5], heat[1, 8, 8] = 0.8, 0.4
    cues = Proposals(torch.tensor([[[20.0, 20.0], [30.0, 30.0]]]), torch.tensor([0.5]))
    poses = group(Heat(heat, 4, 0.0), cues, Grouping())
    assert poses.keypoints.tolist() == [[[20, 20], [32, 32]]]
    assert poses.scores.item() == pytest.approx((0.8 + 0.4) / 2 * 0.5)


def test_absorption_reaches_75_pixels_and_ignores_weak_candidates():
    heat = torch.zeros(1, 64, 64)
    heat[0, 10, 30], heat[0, 10, 12] = 0.9, 0.005
    at = Heat(heat, 4, 0.0)

    def keypoint(x, **options):
        cues = Proposals(torch.tensor([[[x, 40.0]]]), torch.ones(1))
        poses = group(at, cues, Grouping(**options))
        return poses.keypoints.flatten().tolist(), poses.heat.item()

    assert keypoint(120.0 - 74.9) == ([120, 40], pytest.approx(0.9))
    place, value = keypoint(44.0)
    assert place == [44, 40]
    assert value == 0  # the surface halfway between the zeros
    lost, value = keypoint(44.0, fallback=False)
    assert max(lost) < -1000
    assert value == 0
    # The released code lets the weak candidate absorb, but counts it as nothing.
    assert keypoint(50.0, compat="released") == ([48, 40], 0)


def test_released_quirk_swaps_rows_and_columns():
    heat = torch.zeros(1, 16, 16)
    heat[0, 2, 9] = 0.7  # pixel x 36, y 8
    cues = Proposals(torch.tensor([[[8.9, 36.2]]]), torch.ones(1))
    settings_ = Grouping(absorb=0, compat="released")
    assert group(Heat(heat, 4, 0.0), cues, settings_).heat.item() == pytest.approx(0.7)
    assert group(Heat(heat, 4, 0.0), cues, Grouping(absorb=0)).heat.item() == 0


def greedy(poses, distance, number):
    kept = []
    for i, pose in enumerate(poses):
        if all(((pose - poses[j]).norm(dim=-1) < distance).sum() <= number for j in kept):
            kept.append(i)
    return kept


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 9999), st.integers(0, 25))
def test_pose_nms_is_greedy(seed, number):
    """Chains of near-duplicates: each kept pose removes those after it that coincide with it."""
    g = torch.Generator().manual_seed(seed)
    poses = torch.randn(number, 17, 2, generator=g) * 2 + torch.randn(number, 1, 2, generator=g) * 12
    proposals = Proposals(poses, torch.rand(number, generator=g).sort(descending=True).values)
    kept = pose_nms(proposals, Grouping())
    assert torch.equal(kept.poses, poses[greedy(poses, 10, 10)])


def test_scale_one_wins():
    """Other scales are rescaled to scale 1's best and then count a thousandth."""
    main = Proposals(torch.zeros(2, 3, 2), torch.tensor([0.4, 0.005]))
    other = Proposals(torch.ones(2, 3, 2), torch.tensor([0.8, 0.004]))
    pooled = pool([(2.0, other), (1.0, main)], Grouping())
    torch.testing.assert_close(pooled.centers, torch.tensor([0.4, 0.4e-3]))
    assert pooled.poses[0].sum() == 0
    assert pooled.poses[1].sum() == 6


def test_proposals_use_wider_windows_on_large_maps():
    for side, radius in ((64, 1), (256, 2), (320, 3)):
        centers = torch.zeros(side, side)
        centers[10, 10] = 1.0
        centers[10, 10 + radius] = 0.5
        centers[10, 10 + radius + 1] = 0.6
        offsets = torch.zeros(1, 2, side, side)
        found = propose(centers, offsets, 1, 0.0, count=2)
        assert found.poses[:, 0].tolist() == [[10, 10], [10 + radius + 1, 10]]


def test_no_proposals():
    heat = Heat(torch.zeros(3, 8, 8), 4, 1.5)
    poses = group(heat, Proposals(torch.zeros(0, 3, 2), torch.zeros(0)), Grouping())
    assert poses.keypoints.shape == (0, 3, 2)
    assert len(refine(heat, poses).scores) == 0


def test_large_maps_have_the_same_candidates_one_by_one_as_together(monkeypatch):
    maps = torch.rand(4, 40, 33, generator=torch.Generator().manual_seed(0))
    for stride in (1.0, 4.0):
        together = candidates(Heat(maps, stride, 0.0), 9)
        monkeypatch.setattr(grouping, "CACHED", 100)
        alone = candidates(Heat(maps, stride, 0.0), 9)
        monkeypatch.undo()
        assert all(torch.equal(*pair) for pair in zip(together, alone, strict=True))
