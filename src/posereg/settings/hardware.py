"""What a run computes on: Lightning's names, and what of it this machine has."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Literal

from annotated_types import Len

from posereg.settings.ranges import Count, Whole

Accelerator = Literal["auto", "cpu", "gpu", "cuda", "mps", "tpu"]
Precision = Literal["32-true", "bf16-mixed", "16-mixed", "bf16-true", "16-true", "64-true"]
Devices = Count | Literal["auto", -1] | Annotated[Sequence[Whole], Len(1)]
