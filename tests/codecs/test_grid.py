"""The grid of a map: which cell a pixel belongs to."""

import pytest
import torch

from posereg.codecs.grid import grid_of


@pytest.mark.parametrize("stride", [1, 2, 4])
def test_every_pixel_of_an_input_has_the_cell_that_covers_it(stride):
    grid = grid_of(torch.zeros(1, 3, 6, 5), (5 * stride, 6 * stride))
    assert (grid.height, grid.width, grid.stride) == (6, 5, stride)
    x, y = torch.meshgrid(torch.arange(5 * stride), torch.arange(6 * stride), indexing="xy")
    pixels = torch.stack([x, y], dim=-1)
    cell, inside = grid.nearest(pixels.float())
    assert inside.all()
    torch.testing.assert_close(cell, pixels // stride)


def test_what_rounds_to_no_cell_is_outside():
    grid = grid_of(torch.zeros(4, 4), (16, 16))
    edges = torch.tensor([[-0.6, 3.0], [-0.4, 3.0], [15.4, 3.0], [15.6, 3.0], [3.0, 15.6]])
    assert grid.nearest(edges)[1].tolist() == [False, True, True, False, False]


def test_cells_and_pixels_are_inverse():
    places = torch.tensor([[0.0, 0.0], [7.25, 3.5], [-2.0, 19.0]])
    for convention in ("center", "corner"):
        grid = grid_of(torch.zeros(5, 4), (32, 40), convention)
        torch.testing.assert_close(grid.pixels(grid.cells(places)), places)
