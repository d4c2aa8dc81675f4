"""Maxima of maps against a plain search."""

import numpy as np
import pytest
import torch

from posereg.codecs.argmax import argmax_decode
from posereg.codecs.grid import Grid, grid_of


def test_the_keypoint_is_the_centre_of_the_highest_cell():
    maps = torch.rand(2, 3, 5, 7, generator=torch.Generator().manual_seed(1))
    points, scores = argmax_decode(maps, grid_of(maps, (28, 20)))
    for b in range(2):
        for k in range(3):
            value, y, x = max((maps[b, k, y, x].item(), y, x) for y in range(5) for x in range(7))
            assert points[b, k].tolist() == [4 * x + 1.5, 4 * y + 1.5]
            assert scores[b, k].item() == value


def test_equal_maxima_and_a_flat_map_give_the_first_cell():
    maps = torch.zeros(1, 2, 4, 4)
    maps[0, 0, 1, 2] = maps[0, 0, 3, 0] = 5
    points, _ = argmax_decode(maps, grid_of(maps, (4, 4)))
    assert points[0].tolist() == [[2, 1], [0, 0]]


def test_argmax_equals_numpy():
    maps = torch.randn(3, 5, 9, 7)
    decoded, score = argmax_decode(maps, Grid(9, 7, 4, "corner"))
    for b in range(3):
        for k in range(5):
            y, x = np.unravel_index(maps[b, k].numpy().argmax(), (9, 7))
            assert decoded[b, k].tolist() == [4 * x, 4 * y]
            assert score[b, k] == maps[b, k].max()


def test_the_score_of_logits_is_the_probability_of_the_maximum():
    maps = 5 * torch.randn(2, 3, 4, 6, generator=torch.Generator().manual_seed(2))
    grid = Grid(4, 6, 4)
    softmax, sigmoid = (argmax_decode(maps, grid, kind)[1] for kind in ("softmax", "sigmoid"))
    for b in range(2):
        for k in range(3):
            logits = maps[b, k].double().numpy().ravel()
            assert softmax[b, k].item() == pytest.approx(
                np.exp(logits).max() / np.exp(logits).sum(), rel=1e-5
            )
            assert sigmoid[b, k].item() == pytest.approx(1 / (1 + np.exp(-logits.max())), rel=1e-5)


def test_logits_beyond_what_an_exponential_holds_have_a_score():
    maps = torch.tensor([[[[1e4, 0.0], [0.0, -1e4]]]])
    assert argmax_decode(maps, Grid(2, 2, 1), "softmax")[1].item() == 1
    assert argmax_decode(maps, Grid(2, 2, 1), "sigmoid")[1].item() == 1


def test_an_exported_graph_decodes_as_numpy_does_for_any_batch():
    class Decode(torch.nn.Module):
        def forward(self, maps):
            return argmax_decode(maps, Grid(9, 7, 4))

    any_batch = ({0: torch.export.Dim("batch")},)
    graph = torch.export.export(Decode(), (torch.zeros(2, 5, 9, 7),), dynamic_shapes=any_batch).module()
    # Few different values: most maps have several maxima, of which the first counts.
    maps = torch.randint(0, 4, (6, 5, 9, 7), generator=torch.Generator().manual_seed(0)).float()
    for ours, exported in zip(argmax_decode(maps, Grid(9, 7, 4)), graph(maps), strict=True):
        assert torch.equal(ours, exported)
