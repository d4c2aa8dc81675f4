"""posereg: human pose estimation, heat map against regression, under one protocol."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    from posereg.predict.estimator import Estimator

__version__ = "0.1.0"
__all__ = ["__version__", "load"]


def load(
    checkpoint: Path | str | None = None, device: str = "auto", flip_test: bool | None = None
) -> Estimator:
    """A trained model, ready to predict:

        keypoints, scores, image = posereg.load("body16-r18").predict("photo.jpg")

    Args:
        checkpoint: a shipped model's name (`posereg models`), a run's folder, a .ckpt or .safetensors file, or
            `https://...#sha256=...`; None: the model that comes with posereg.
        device: `cpu`, `cuda` ...; `auto` takes a GPU if there is one.
        flip_test: average with the mirrored image; None: as the model was evaluated.

    Raises:
        posereg.errors.UserError: nothing of that name, or a model of 3D poses.
    """
    from posereg.predict.estimator import load as load_estimator

    return load_estimator(checkpoint, device, flip_test)
