"""`hydra/launcher=pool`: Hydra's side of the pool. Hydra imports this file at every start, so it stays light."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from hydra.core.config_store import ConfigStore
from hydra.core.utils import JobReturn
from hydra.plugins.launcher import Launcher
from hydra.types import HydraContext, TaskFunction
from omegaconf import DictConfig


@dataclass
class PoolConf:
    """
    devices: `auto` (all visible GPUs, else the CPU), `cpu`, or a list of GPU indices.
    devices_per_job: GPUs of one run (DDP).
    jobs_per_device: runs that share a GPU.
    slots: runs at a time on the CPU; default one per four cores.
    threads: OMP_NUM_THREADS of a run; default cores / slots, unless the environment sets it.
    fail_fast: stop the sweep at the first failed run.
    command: program of a run, before its overrides; default `posereg train`.
    """

    _target_: str = "hydra_plugins.posereg_launcher.pool.PoolLauncher"
    devices: Any = "auto"
    devices_per_job: int = 1
    jobs_per_device: int = 1
    slots: int | None = None
    threads: int | None = None
    fail_fast: bool = False
    command: list[str] | None = None


ConfigStore.instance().store(group="hydra/launcher", name="pool", node=PoolConf, provider="posereg")


class PoolLauncher(Launcher):
    """Each run of a sweep in a process of its own, one a slot. Arguments: `PoolConf`."""

    def __init__(
        self,
        devices: Any,
        devices_per_job: int,
        jobs_per_device: int,
        slots: int | None,
        threads: int | None,
        fail_fast: bool,
        command: list[str] | None,
    ) -> None:
        self.slot_options = (devices, devices_per_job, jobs_per_device, slots, threads)
        self.fail_fast, self.command = fail_fast, command

    def setup(self, *, hydra_context: HydraContext, task_function: TaskFunction, config: DictConfig) -> None:
        """Hydra's call before `launch`."""
        self.hydra_context, self.config = hydra_context, config

    def launch(self, job_overrides: Sequence[Sequence[str]], initial_job_idx: int) -> Sequence[JobReturn]:
        """Runs all jobs, as `_sweep.launch`."""
        from hydra_plugins.posereg_launcher import _sweep, _warm

        self.warm = _warm.Warm()
        sweep = _sweep.Sweep(self.hydra_context, self.config, self.command, self.fail_fast, warm=self.warm)
        return _sweep.launch(sweep, self._engine, job_overrides, initial_job_idx)

    @contextmanager
    def _engine(self, jobs: Sequence[Any]) -> Iterator[Any]:
        """This machine's slots, and processes in them."""
        from hydra_plugins.posereg_launcher import _local, _slots, _warm

        forks = self.command is None and _warm.available()
        yield _slots.find(*self.slot_options), self.warm.start if forks else _local.start
