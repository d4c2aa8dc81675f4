"""The grid a map lives on: its size, its stride in the input, the pixel convention."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from posereg.geometry.pixels import Convention, cell_to_pixel, pixel_to_cell


@dataclass(frozen=True)
class Grid:
    """`height` x `width` cells, each `stride` input pixels wide."""

    height: int
    width: int
    stride: float
    convention: Convention = "center"

    def cells(self, pixels: Tensor) -> Tensor:
        """Input pixels (..., 2) xy to fractional cells."""
        return pixel_to_cell(pixels, self.stride, self.convention)

    def pixels(self, cells: Tensor) -> Tensor:
        """Fractional cells (..., 2) xy to input pixels."""
        return cell_to_pixel(cells, self.stride, self.convention)

    def nearest(self, pixels: Tensor) -> tuple[Tensor, Tensor]:
        """Nearest cell (..., 2) int64 and whether it lies on the map (...,) bool."""
        cell = torch.floor(self.cells(pixels) + 0.5).long()
        inside = (cell >= 0).all(-1) & (cell[..., 0] < self.width) & (cell[..., 1] < self.height)
        return cell, inside


def grid_of(maps: Tensor, input_size: tuple[int, int], convention: Convention = "center") -> Grid:
    """Grid of maps (..., H, W) made from an input of (W, H) pixels."""
    height, width = maps.shape[-2:]
    return Grid(height, width, input_size[0] / width, convention)
