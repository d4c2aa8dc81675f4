"""People as a trained network sees them: the material of figures, as plain arrays."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from posereg.data.modules.base import collate
from posereg.figures.maps import Seen, SeenInContext
from posereg.methods.base import Batch, PoseModule
from posereg.records.poses import PoseSet


@contextmanager
def evaluating(module: PoseModule) -> Iterator[None]:
    """The module in evaluation mode and without gradients; in the mode it had before afterwards."""
    training = module.training
    module.eval()
    try:
        with torch.inference_mode():
            yield
    finally:
        module.train(training)


def batch_of(module: PoseModule, poses: PoseSet, rows: Sequence[int]) -> Batch:
    """Samples of a set as one batch, on the module's device and without augmentation.

    Args:
        rows: people, or images of a method that looks at whole images (`PoseModule.samples`).

    Raises:
        UserError: an image that is missing or cannot be decoded.
    """
    samples = module.samples(poses)
    batch: Batch = collate([samples[row] for row in rows])
    samples.check()
    return {name: value.to(module.device) for name, value in batch.items()}


def people_seen(module: PoseModule, poses: PoseSet, rows: Sequence[int]) -> list[Seen]:
    """These people through the network, in the joints of the data.

    Raises:
        UserError: a method without maps.
    """
    batch = batch_of(module, poses, rows)
    with evaluating(module):
        columns = module.seen(module.images(batch))
    joints = module.network_joint.cpu().numpy()
    alpha = columns.pop("alpha", None)
    arrays: dict[str, NDArray[Any]] = {k: v.float().cpu().numpy()[:, joints] for k, v in columns.items()}
    people: list[Seen] = []
    for n, image in enumerate(np.asarray(batch["image"].cpu())):
        values: dict[str, Any] = {name: column[n] for name, column in arrays.items()}
        people.append(
            Seen(image=image, **values)
            if alpha is None
            else SeenInContext(image=image, alpha=alpha, **values)
        )
    return people
