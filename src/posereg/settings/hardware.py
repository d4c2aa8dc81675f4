"""What a run computes on: Lightning's names, and what of it this machine has."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Annotated, Any, Literal

from annotated_types import Len

from posereg.settings.problem import Problem
from posereg.settings.ranges import Count, Whole

Accelerator = Literal["auto", "cpu", "gpu", "cuda", "mps"]
Precision = Literal["32-true", "bf16-mixed", "16-mixed", "bf16-true", "16-true", "64-true"]
HALF = ("16-mixed", "16-true")
Devices = Count | Literal["auto", -1] | Annotated[Sequence[Whole], Len(1)]


def device_count(trainer: Mapping[str, Any]) -> int:
    """How many devices of one machine a run's trainer settings ask for, so how many processes it has there."""
    devices = trainer.get("devices", 1)
    if isinstance(devices, int) and devices > 0:
        return devices
    if isinstance(devices, Sequence) and not isinstance(devices, str):
        return max(1, len(devices))
    if trainer.get("accelerator", "auto") in ("cpu", "mps"):
        return 1
    import torch

    return max(1, torch.cuda.device_count())


def any_machine_has(trainer: Mapping[str, Any]) -> bool:
    """Whether no machine lacks what the trainer asks for."""
    special = trainer.get("accelerator", "auto") in ("gpu", "cuda", "mps")
    return not (special or trainer.get("precision", "32-true") in HALF or trainer.get("sync_batchnorm"))


def hardware_problems(trainer: Mapping[str, Any]) -> Iterator[Problem]:
    """What the trainer asks of this machine that it has not got."""
    if any_machine_has(trainer):
        return  # not worth an import of torch
    import torch

    kind, devices = trainer.get("accelerator", "auto"), trainer.get("devices", 1)
    half = trainer.get("precision", "32-true") in HALF

    gpus = torch.cuda.device_count()
    if kind in ("gpu", "cuda") and not gpus and not (kind == "gpu" and torch.backends.mps.is_available()):
        yield Problem(
            "trainer.accelerator", "this machine has no GPU that torch can use; give cpu or auto", kind
        )
    elif kind == "mps" and not torch.backends.mps.is_available():
        yield Problem("trainer.accelerator", "there is no Apple GPU here; give cpu or auto", kind)
    elif kind in ("gpu", "cuda") and gpus:
        wanted = len(devices) if isinstance(devices, list) else devices if isinstance(devices, int) else 1
        highest = max(devices, default=0) if isinstance(devices, list) else 0
        if wanted > gpus or highest >= gpus:
            yield Problem("trainer.devices", f"{gpus} GPUs are visible, numbers 0 to {gpus - 1}", devices)
    on_cpu = kind == "cpu" or (kind == "auto" and not gpus and not torch.backends.mps.is_available())
    if on_cpu and half:
        yield Problem(
            "trainer.precision",
            "the CPU has no float16 training; give bf16-mixed or 32-true",
            trainer["precision"],
        )
    if on_cpu and trainer.get("sync_batchnorm") and device_count(trainer) * trainer.get("num_nodes", 1) > 1:
        yield Problem("trainer.sync_batchnorm", "torch has it for GPUs only", True)
