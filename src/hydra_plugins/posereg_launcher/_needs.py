"""What a run needs of a cluster's machine, by its own settings."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from posereg.settings.hardware import device_count

AUTO = 4  # loader workers, where the run takes as many as it has cores


class Needs(NamedTuple):
    """Of each of its machines. `gpus`: as many as it has devices, 0 with `trainer.accelerator=cpu`; `any_device`: where
    there are none the CPU does too."""

    machines: int
    processes: int
    gpus: int
    cores: int
    any_device: bool


def needs(config: Mapping[str, Any]) -> Needs:
    """One process a device, and for each of them a core for itself and one for every loader worker; `auto` takes what
    is there, and is asked for as AUTO."""
    trainer, loader = config.get("trainer") or {}, config.get("loader") or {}
    devices = device_count(trainer)
    workers = loader.get("workers", 0)
    cores = devices * (1 + (workers if isinstance(workers, int) else AUTO))
    kind = trainer.get("accelerator", "auto")
    gpus = 0 if kind == "cpu" else devices
    return Needs(int(trainer.get("num_nodes", 1)), devices, gpus, cores, kind == "auto")
