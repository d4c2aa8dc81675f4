"""Whole images as network inputs: their size and how they lie in it. Sizes follow ART's released code."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from posereg.geometry.affine import crop_matrix
from posereg.geometry.pixels import Convention, middle, pixel_to_cell


def inference_size(
    image_size: tuple[int, int], side: int, scale: float = 1.0, smallest: float = 1.0, multiple: int = 64
) -> tuple[int, int]:
    """Input (W, H) of an image (W, H): the short side is `side` * scale, the long side is rounded up.

    Rounding happens at the smallest scale of the test, so that the sizes of all scales are exact multiples.
    """
    width, height = image_size
    short = -(-round(side * smallest) // multiple) * multiple
    long = -(-short * max(width, height) // (min(width, height) * multiple)) * multiple
    small = (short, long) if width < height else (long, short)
    return round(small[0] * scale / smallest), round(small[1] * scale / smallest)


def inference_matrix(
    image_size: tuple[int, int], input_size: tuple[int, int], convention: Convention = "center"
) -> NDArray[np.float64]:
    """Affine (2, 3) image -> input: the short side fills the input, the rest lies in the middle."""
    scale = min(input_size) / min(image_size)
    center = middle(image_size, convention)
    return crop_matrix(
        center, (input_size[0] / scale, input_size[1] / scale), input_size, convention=convention
    )


def scaled_matrix(
    matrix: NDArray[np.float64], scale: float, convention: Convention = "center"
) -> NDArray[np.float64]:
    """Affine (2, 3) image -> input at another scale, pixels lying on those of scale 1 as the convention has it.

    Args:
        matrix: image -> input at scale 1.
    """
    scaled: NDArray[np.float64] = pixel_to_cell(matrix, 1 / scale, convention)
    scaled[:, :2] = matrix[:, :2] * scale  # the shift of the convention is the last column's alone
    return scaled
