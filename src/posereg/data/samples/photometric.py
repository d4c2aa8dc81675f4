"""Colour and occlusion transforms by albumentations, checked: it only warns about arguments it does not know."""

from __future__ import annotations

import os
import warnings
from collections.abc import Mapping, Sequence
from typing import Any

from posereg.errors import UserError, nearest

OCCLUSION = ("CoarseDropout", "ConstrainedCoarseDropout", "GridDropout", "XYMasking", "Erasing")


def build(specs: Sequence[Mapping[str, Any]]) -> Any:
    """A Compose from `[{name: CoarseDropout, p: 0.5, ...}, ...]`; None for an empty list.

    Geometric transforms are refused: the crop's affine owns the geometry, so keypoints never pass through here.

    Raises:
        UserError: unknown transform, unknown or invalid argument, a geometric transform.
    """
    if not specs:
        return None
    os.environ.setdefault("NO_ALBUMENTATIONS_UPDATE", "1")  # else the import asks the network for news
    import albumentations as A

    known = [
        name
        for name, item in vars(A).items()
        if isinstance(item, type) and issubclass(item, A.BasicTransform)
    ]
    transforms = []
    for spec in specs:
        arguments = dict(spec)
        name = str(arguments.pop("name", ""))
        if name not in known:
            raise UserError(f"transforms: albumentations has no '{name}'{nearest(name, known)}")
        kind = getattr(A, name)
        if not issubclass(kind, A.ImageOnlyTransform) and name not in OCCLUSION:
            raise UserError(
                f"transforms.{name} moves pixels; only colour and occlusion transforms are possible here "
                "(rotation, scale, shift and flip are settings of augment)"
            )
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            try:
                transforms.append(kind(**arguments))
            except (TypeError, ValueError) as error:
                raise UserError(f"transforms.{name}: {' '.join(str(error).split())}") from error
        for warning in caught:
            if "not valid for transform" in str(warning.message):
                raise UserError(f"transforms.{name}: {warning.message}")
    return A.Compose(transforms, seed=0)
