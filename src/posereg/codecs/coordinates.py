"""Normalised coordinates: input pixels <-> [-0.5, 0.5], the labels of direct and integral regression."""

from __future__ import annotations

from torch import Tensor

from posereg.codecs.constants import filled
from posereg.geometry.pixels import Convention, half_pixel


def normalise(pixels: Tensor, input_size: tuple[int, int], convention: Convention = "center") -> Tensor:
    """Input pixels (..., 2) to [-0.5, 0.5]: the input's edges are at +-0.5 (`center`), or x/W - 0.5 (`corner`)."""
    half = half_pixel(convention)
    return (pixels + half) / filled(input_size, pixels) - 0.5


def denormalise(values: Tensor, input_size: tuple[int, int], convention: Convention = "center") -> Tensor:
    """Values (..., 2) in [-0.5, 0.5] to input pixels, the inverse of `normalise`."""
    half = half_pixel(convention)
    return (values + 0.5) * filled(input_size, values) - half
