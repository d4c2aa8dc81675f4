"""A few numbers as a tensor that is made where it is used."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor


def filled(values: Sequence[float], like: Tensor) -> Tensor:
    """The values as a tensor (n,) of another one's type, on its device.

    They are filled in there. `like.new_tensor(values)` makes them on the host and copies them, for which a GPU's host
    waits until all work before it is done.
    """
    return torch.cat([like.new_full((1,), value) for value in values])
