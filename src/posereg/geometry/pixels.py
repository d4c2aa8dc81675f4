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


def cell_offset(stride: Any, convention: Convention = "center") -> Any:
    """Input pixel of cell 0."""
    return (stride - 1) / 2 if convention == "center" else 0.0


def cell_to_pixel(cell: T, stride: Any, convention: Convention = "center") -> T:
    """Convert map cells (float, array or tensor) to input pixels. An image shrunk by `stride` is such a map."""
    moved: Any = cell  # arrays, tensors and floats alike
    return cast(T, moved * stride + cell_offset(stride, convention))


def pixel_to_cell(pixel: T, stride: Any, convention: Convention = "center") -> T:
    """Input pixels (float, array or tensor) to fractional map cells."""
    moved: Any = pixel
    return cast(T, (moved - cell_offset(stride, convention)) / stride)


def flip_x(x: T, width: int) -> T:
    """x of a horizontally mirrored image of that width (pixels or cells)."""
    moved: Any = x
    return cast(T, (width - 1) - moved)


def half_pixel(convention: Convention = "center") -> float:
    """How far the image's edge lies before pixel 0: half a pixel, or nothing where a pixel is its corner."""
    return 0.5 if convention == "center" else 0.0


def image_box(width: float, height: float) -> tuple[float, float, float, float]:
    """The edges x1 y1 x2 y2 of an image of that size."""
    edge = half_pixel()
    return -edge, -edge, width - edge, height - edge


def middle(size: tuple[float, float], convention: Convention = "center") -> tuple[float, float]:
    """Pixel (x, y) of the middle of an image of `size` = (width, height)."""
    back = 2 * half_pixel(convention)
    return (size[0] - back) / 2, (size[1] - back) / 2


def inside(points: Any, size: Any, convention: Convention = "center") -> Any:
    """(...) bool: which points (..., 2) lie on an image, input or map of `size` = (width, height); arrays or tensors.

    Its last row and column count whole: a point at width - 0.5 is outside, one at -0.5 inside.
    """
    edge = half_pixel(convention)
    return ((points >= -edge) & (points < size - edge)).all(-1)
