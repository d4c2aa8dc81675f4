"""The pixel convention, written once; everything else calls these functions.

Integer coordinates are pixel centres: the centre of the top-left pixel is (0, 0). A map of stride s
has cells that cover s x s input pixels each.

- `center` (the default): cell j covers pixels s*j .. s*j+s-1, so its centre is s*j + (s-1)/2. A
  horizontal flip x -> W-1-x is exact on the grid.
- `corner`: cell j stands for pixel s*j, as in most published code. A flip misses by s-1 pixels. Kept
  for bit-level comparisons.
"""

from __future__ import annotations

from typing import Any, Literal, TypeVar, cast

Convention = Literal["center", "corner"]
T = TypeVar("T")


def cell_offset(stride: float, convention: Convention = "center") -> float:
    """Input pixel of cell 0."""
    return (stride - 1) / 2 if convention == "center" else 0.0


def cell_to_pixel(cell: T, stride: float, convention: Convention = "center") -> T:
    """Convert map cells (float, array or tensor) to input pixels."""
    moved: Any = cell  # arrays, tensors and floats alike
    return cast(T, moved * stride + cell_offset(stride, convention))


def pixel_to_cell(pixel: T, stride: float, convention: Convention = "center") -> T:
    """Input pixels (float, array or tensor) to fractional map cells."""
    moved: Any = pixel
    return cast(T, (moved - cell_offset(stride, convention)) / stride)


def flip_x(x: T, width: int) -> T:
    """x of a horizontally mirrored image of that width (pixels or cells)."""
    moved: Any = x
    return cast(T, (width - 1) - moved)
