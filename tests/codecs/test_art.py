import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from crowds import crowd, make_batch
from posereg.codecs import art as bottomup
from posereg.codecs.art import encode, gaussians


def in_cells(batch, convention):
    return (batch["keypoints"] - (1.5 if convention == "center" else 0.0)) / 4


def slow_gaussians(points, size, sigma):
    """By the book, cell by cell: points [(x, y)] -> (h, w)."""
    out = torch.zeros(size)
    for x, y in points:
        for row in range(math.floor(y - 3 * sigma - 1), math.ceil(y + 3 * sigma + 2)):
            for column in range(math.floor(x - 3 * sigma - 1), math.ceil(x + 3 * sigma + 2)):
                if 0 <= row < size[0] and 0 <= column < size[1]:
                    value = math.exp(-((row - y) ** 2 + (column - x) ** 2) / (2 * sigma**2))
                    out[row, column] = max(float(out[row, column]), value)
    return out


def test_window_of_the_released_code():
    """x = 10.3, sigma 2: columns 3 to 18 (docs/papers/art.md#targets); the peak lies between the cells."""
    row = gaussians(torch.tensor([[[[10.3, 20.0]]]]), torch.ones(1, 1, 1, dtype=torch.bool), (40, 40), 2.0)[
        0, 0
    ]
    columns = row.amax(0).nonzero().flatten().tolist()
    assert columns == list(range(3, 19))
    assert row.amax(1).nonzero().flatten().tolist() == list(range(13, 28))  # whole number: 15 cells
    assert row[20, 10].item() == pytest.approx(math.exp(-(0.3**2) / 8), rel=1e-5)


@pytest.mark.parametrize("convention", ["center", "corner"])
def test_maps_equal_the_slow_reading(convention):
    batch, size = crowd(), (32, 32)
    targets = encode(batch, size, convention, fine=True)
    joints = in_cells(batch, convention)
    margin = 0.5 if convention == "center" else 0.0
    for image in range(2):
        for k in range(4):
            points = []
            for person in range(5):
                x, y = joints[image, person, k].tolist()
                on_map = -margin <= x < 32 - margin and -margin <= y < 32 - margin
                if batch["person_mask"][image, person] and batch["visibility"][image, person, k] and on_map:
                    points.append((x, y))
            expected = slow_gaussians(points, size, 2.0)
            torch.testing.assert_close(targets.heatmaps[image, k], expected, rtol=1e-4, atol=1e-6)
            shift = 0.5 if convention == "center" else 0.0
            finer = slow_gaussians([(2 * x + shift, 2 * y + shift) for x, y in points], (64, 64), 2.0)
            torch.testing.assert_close(targets.fine[image, k], finer, rtol=1e-4, atol=1e-6)


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10_000), st.integers(1, 40), st.sampled_from([2.0, 4.0]))
def test_both_painters_agree(seed, people, sigma):
    g = torch.Generator().manual_seed(seed)
    points = torch.rand(2, 3, people, 2, generator=g) * 24 - 0.5
    valid = torch.rand(2, 3, people, generator=g) > 0.3
    one = gaussians(points, valid, (24, 24), sigma)
    try:
        saved, bottomup._paint_numpy = bottomup._paint_numpy, bottomup._paint_scatter
        other = gaussians(points, valid, (24, 24), sigma)
    finally:
        bottomup._paint_numpy = saved
    assert torch.equal(one, other)


def test_centers():
    """The mean of the labelled joints, sigma 4; small people have none."""
    keypoints = [[[[41.5, 41.5], [61.5, 81.5], [999.0, 999.0]], [[21.5, 21.5]] * 3]]
    visibility = torch.tensor([[[2, 1, 0], [2, 2, 2]]], dtype=torch.uint8)
    batch = make_batch(keypoints, visibility, small=torch.tensor([[False, True]]))
    targets = encode(batch, (32, 32))
    expected = slow_gaussians([(12.5, 15.0)], (32, 32), 4.0)
    torch.testing.assert_close(targets.centers[0, 0], expected, rtol=1e-4, atol=1e-6)
    # Not so small that its joints are forgotten.
    assert targets.heatmaps[0, 0, 5, 5] == 1
    assert len(encode(batch, (32, 32), center_sigma=2.0).centers.nonzero()) < len(targets.centers.nonzero())


@pytest.mark.parametrize("convention", ["center", "corner"])
@pytest.mark.parametrize("compat", ["paper", "released"])
def test_cell_plus_offset_is_the_keypoint(compat, convention):
    batch = crowd()
    targets = encode(batch, (32, 32), convention, compat)
    joints = in_cells(batch, convention)
    image, row, column = targets.cells.unbind(1)
    back = targets.offsets + torch.stack([column, row], 1)[:, None]
    nearest = (back[:, None] - joints[image]).abs().sum((2, 3)).amin(1)
    assert len(image) > 20
    assert nearest.max() < 1e-4
    assert len(targets.cells.unique(dim=0)) == len(targets.cells)


def test_regions():
    """Paper: a disc of radius 4. Released: floor(c) - 4 to floor(c) + 3, i.e. cells 6 to 13 for 10.x."""
    batch = make_batch([[[[4 * 10.6 + 1.5, 4 * 12.2 + 1.5]]]])
    paper = encode(batch, (32, 32)).cells
    disc = {(y, x) for y in range(32) for x in range(32) if (x - 10.6) ** 2 + (y - 12.2) ** 2 <= 16}
    assert {(y, x) for _, y, x in paper.tolist()} == disc
    released = encode(batch, (32, 32), compat="released").cells
    assert {(y, x) for _, y, x in released.tolist()} == {(y, x) for y in range(8, 16) for x in range(6, 14)}


def test_who_owns_a_shared_cell():
    """Paper: the closest centre; released: the smaller person."""
    left, right = [4 * 10 + 1.5, 4 * 10 + 1.5], [4 * 13 + 1.5, 4 * 10 + 1.5]
    batch = make_batch([[[left], [right]]], areas=torch.tensor([[4000.0, 1000.0]]))

    def owner(compat, x):
        targets = encode(batch, (32, 32), compat=compat)
        at = (targets.cells == torch.tensor([0, 10, x])).all(1).nonzero().item()
        return round(x + targets.offsets[at, 0, 0].item())

    assert [owner("paper", x) for x in (10, 11, 12, 13)] == [10, 10, 13, 13]
    assert [owner("released", x) for x in (8, 9, 11, 13)] == [10, 13, 13, 13]
    twins = make_batch([[[left], [left]]])
    assert len(encode(twins, (32, 32)).cells) == len(encode(make_batch([[[left]]]), (32, 32)).cells)


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 2**31), compat=st.sampled_from(["paper", "released"]), people=st.integers(1, 6))
def test_places_that_do_not_count_may_stay(seed, compat, people):
    """As on a GPU: the same cells, of the same people, and whatever else there is weighs nothing."""
    draw = torch.Generator().manual_seed(seed)
    centers = torch.rand(2, people, 2, generator=draw) * 40 - 4
    centers[:, 1::2] = centers[:, :1] + torch.randint(-3, 4, centers[:, 1::2].shape, generator=draw)
    valid = (torch.rand(2, people, generator=draw) < 0.8) & ((centers >= 0) & (centers < 32)).all(-1)
    areas = torch.randint(1, 4, (2, people), generator=draw).float()
    cells, person, counts = bottomup._regions(centers, valid, areas, (32, 32), compat, sparse=True)
    every, whose, weighs = bottomup._regions(centers, valid, areas, (32, 32), compat, sparse=False)
    assert counts.all()
    assert torch.equal(every[weighs], cells)
    assert torch.equal(whose[weighs], person)
    assert ((every >= 0) & (every < torch.tensor([2, 32, 32]))).all()


def test_normalisers():
    keypoints = [[[[41.5, 41.5], [900.0, 41.5], [45.5, 41.5]]]]
    visibility = torch.tensor([[[2, 2, 0]]], dtype=torch.uint8)
    batch = make_batch(keypoints, visibility, areas=torch.tensor([[900.0]]), diagonals=torch.tensor([[50.0]]))
    batch["keypoints"][0, 0, 1, 0] = 130.0  # outside, yet part of the mean
    assert encode(batch, (32, 32)).weights.unique(dim=0).tolist() == [[pytest.approx(1 / 50), 0, 0]]
    released = encode(batch, (32, 32), compat="released").weights
    assert released.unique(dim=0).tolist() == [[pytest.approx(1 / 30), 0, 0]]
    del batch["diagonals"]
    assert encode(batch, (32, 32)).weights.max().item() == pytest.approx(1 / math.sqrt(1800))


def test_coarse_ignore_map_grows():
    batch = make_batch(torch.zeros(1, 1, 1, 2), ignore=torch.tensor([[[1, 0], [0, 0]]], dtype=torch.uint8))
    keep = encode(batch, (4, 4)).keep
    assert (~keep).sum() == 4
    assert not keep[0, 0, :2, :2].any()
