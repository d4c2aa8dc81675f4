"""Normalised coordinates: input pixels <-> [-0.5, 0.5], the labels of direct and integral regression."""

from __future__ import annotations

from torch import Tensor

from posereg.geometry.pixels import Convention


def normalise(pixels: Tensor, input_size: tuple[int, int], convention: Convention = "center") -> Tensor:
    """Input pixels (..., 2) to [-0.5, 0.5]: the input's edges are at +-0.5 (`center`), or x/W - 0.5 (`corner`)."""
    half = 0.5 if convention == "center" else 0.0
    return (pixels + half) / pixels.new_tensor(input_size) - 0.5


def denormalise(values: Tensor, input_size: tuple[int, int], convention: Convention = "center") -> Tensor:
    """The inverse of `normalise`."""
    half = 0.5 if convention == "center" else 0.0
    return (values + 0.5) * values.new_tensor(input_size) - half
