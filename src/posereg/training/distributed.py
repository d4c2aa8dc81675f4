"""Several processes of one run."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeVar

import torch

T = TypeVar("T")


def gathered(parts: Sequence[T]) -> list[T]:
    """The parts of all processes in the order of their ranks; this process's own where there is only one.

    Every process must call it, also one that has no parts.
    """
    if not (torch.distributed.is_available() and torch.distributed.is_initialized()):
        return list(parts)
    boxes: list[Any] = [None] * torch.distributed.get_world_size()
    torch.distributed.all_gather_object(boxes, list(parts))
    return [part for box in boxes for part in box]
