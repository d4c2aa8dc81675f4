"""Images to try an exported model on and to calibrate int8 with: drawn people, or one's own pictures."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from posereg.data.synthetic.scene import Setting, render
from posereg.errors import UserError
from posereg.export.graph import MULTIPLE, Pixels
from posereg.methods.base import PoseModule
from posereg.predict.predictor import find_images, people_of

SEED = 17


def drawn(module: PoseModule, pixels: Pixels, count: int = 7) -> list[NDArray[np.generic]]:
    """Batches (B, H, W, 3) of drawn people at the model's input size: one alone, the others together. Where the model
    looks at whole images, one more is of another size."""
    width, height = module.input_size
    sizes = [(width, height)] * count
    batches = [_draw(range(1), sizes), _draw(range(1, count), sizes)]
    if module.finds_people:
        batches.append(_draw(range(count, count + 1), [*sizes, (width + MULTIPLE, height)]))
    return [batch.astype(pixels) for batch in batches]


def own(module: PoseModule, pixels: Pixels, source: str, most: int = 200) -> list[NDArray[np.generic]]:
    """Batches of one: at most `most` pictures, each whole picture as one person, or as the bottom-up model sees it.

    Raises:
        UserError: no pictures there, or one that cannot be decoded.
    """
    width, height = module.input_size
    try:
        images = find_images(source)
    except UserError as error:
        raise UserError(str(error).replace("source:", "images:", 1)) from error
    chosen = [images[k] for k in np.linspace(0, len(images) - 1, min(most, len(images))).round().astype(int)]
    poses = people_of(chosen, None, module.skeleton, width / height)
    samples = module.samples(poses)
    return [np.asarray(samples[row]["image"])[None].astype(pixels) for row in range(len(samples))]


def _draw(which: range, sizes: list[tuple[int, int]]) -> NDArray[np.uint8]:
    return np.stack([render(SEED, k, Setting(size=sizes[k], people=(1, 2))).image for k in which])
