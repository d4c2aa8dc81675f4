"""Where the people of a picture are looked for: the whole of it, a box file, or a detector."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from posereg.errors import UserError
from posereg.geometry.pixels import half_pixel
from posereg.predict.detector import Detector, people_in
from posereg.predict.predictor import one_a_name

Boxes = NDArray[np.float32]
Finder = Callable[[str, NDArray[np.uint8]], Boxes | None]


def whole(name: str, pixels: NDArray[np.uint8]) -> None:
    """No boxes: the whole picture is one person."""


def of_file(boxes: Mapping[str, Sequence[Sequence[float]]], names: Sequence[str], path: Path) -> Finder:
    """The boxes of a file (`predictor.read_boxes`: edges by file name); pictures that it does not name have nobody, nor
    has a picture whose boxes lie beside it, which is said.

    Raises:
        UserError: it names none of the pictures, or two of them have one name.
    """
    if not any(PurePosixPath(name).name in boxes for name in names):
        raise UserError(f"boxes: none of the {len(names)} images is named in {path}")
    one_a_name(names, boxes, f"boxes: {path}")

    def found(name: str, pixels: NDArray[np.uint8]) -> Boxes:
        edges = np.array(boxes.get(PurePosixPath(name).name, []), np.float32).reshape(-1, 4)
        rows: Boxes = np.concatenate([edges[:, :2] + half_pixel(), edges[:, 2:] - edges[:, :2]], axis=1)
        beside = ((rows[:, :2] >= pixels.shape[1::-1]) | (rows[:, :2] + rows[:, 2:] <= 0)).any(axis=1)
        if beside.any():
            print(
                f"{name}: {beside.sum()} of its boxes in {path} lie beside it and are left out",
                file=sys.stderr,
            )
        kept: Boxes = rows[~beside]
        return kept

    return found


def detected(detector: Detector, min_score: float, device: torch.device | str) -> Finder:
    """Boxes of people by a torchvision detector."""

    def found(name: str, pixels: NDArray[np.uint8]) -> Boxes:
        image: Any = torch.from_numpy(pixels[..., :3].copy()).permute(2, 0, 1).float() / 255
        with torch.inference_mode():
            (people,) = detector([image.to(device)])
        rows = [box for box, _ in people_in(people, min_score)]
        return np.array(rows, np.float32).reshape(-1, 4)

    return found
