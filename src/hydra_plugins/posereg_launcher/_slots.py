"""Places to run: each slot is the environment that gives one process its device and its threads."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from posereg.errors import UserError
from posereg.settings.cores import SHARE, cores

GPU_DEVICES = (
    "/dev/nvidiactl",
    "/dev/nvidia0",
    "/dev/kfd",
    "/dev/dxg",
    "/dev/nvhost-gpu",
)  # one of them with any GPU


@dataclass(frozen=True)
class Slot:
    name: str
    environment: dict[str, str] = field(default_factory=dict)


def find(
    devices: str | int | Sequence[int | str],
    devices_per_job: int = 1,
    jobs_per_device: int = 1,
    cpu_slots: int | None = None,
    threads: int | None = None,
) -> list[Slot]:
    """The slots of this machine.

    Raises:
        UserError: GPUs that are not there, or a setting that leaves no slot.
    """
    if any(n is not None and n < 1 for n in (devices_per_job, jobs_per_device, cpu_slots, threads)):
        raise UserError(
            "hydra.launcher: devices_per_job, jobs_per_device, slots and threads must be 1 or more"
        )
    gpus = _gpus(devices)
    if gpus and len(gpus) < devices_per_job:
        raise UserError(
            f"hydra.launcher.devices_per_job={devices_per_job}: only {len(gpus)} GPUs are visible"
        )
    if not gpus:
        count = cpu_slots or max(1, cores() // 4)
        return [
            Slot(f"cpu {k}", {"CUDA_VISIBLE_DEVICES": "", **_threads(threads, count)}) for k in range(count)
        ]
    groups = [
        gpus[k : k + devices_per_job] for k in range(0, len(gpus) - devices_per_job + 1, devices_per_job)
    ]
    environment = _threads(threads, len(groups) * jobs_per_device)
    return [
        Slot(f"gpu {','.join(group)}", {"CUDA_VISIBLE_DEVICES": ",".join(group), **environment})
        for _ in range(jobs_per_device)
        for group in groups
    ]


def gpu_count() -> int:
    """GPUs that torch can use. A process of its own counts them, so that torch stays out of this one."""
    if sys.platform == "linux" and not any(Path(device).exists() for device in GPU_DEVICES):
        return 0
    command = [sys.executable, "-c", "import torch; print(torch.cuda.device_count())"]
    counted = subprocess.run(command, capture_output=True, text=True, check=False)
    if counted.returncode:
        raise UserError(f"torch cannot be imported: {(counted.stderr.strip().splitlines() or ['?'])[-1]}")
    return int(counted.stdout.split()[-1])


def _threads(threads: int | None, slots: int) -> dict[str, str]:
    share = {SHARE: str(max(1, cores() // slots))}
    if threads is None and "OMP_NUM_THREADS" in os.environ:
        return share
    count = str(threads or share[SHARE])
    return {"OMP_NUM_THREADS": count, "MKL_NUM_THREADS": count, **share}


def _gpus(devices: str | int | Sequence[int | str]) -> list[str]:
    """Values for CUDA_VISIBLE_DEVICES: the names the user's own CUDA_VISIBLE_DEVICES gives the GPUs, if set."""
    if devices == "cpu":
        return []
    count = gpu_count()
    visible = os.environ.get("CUDA_VISIBLE_DEVICES")
    names = [n.strip() for n in visible.split(",")][:count] if visible else [str(k) for k in range(count)]
    if devices == "auto":
        return names
    wanted = [devices] if isinstance(devices, int | str) else list(devices)
    if missing := [str(d) for d in wanted if not str(d).isdecimal() or int(d) >= count]:
        raise UserError(
            f"hydra.launcher.devices: no GPU {', '.join(missing)} here ({count} visible); "
            "give auto, cpu or a list of indices"
        )
    return [names[int(d)] for d in wanted]
