"""`hydra/launcher=slurm`: the runs of a sweep as jobs of Slurm. Hydra imports this file at every start, so it stays
light; its settings are explained in conf/hydra/launcher/slurm.yaml."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from hydra.core.utils import JobReturn
from hydra.plugins.launcher import Launcher
from hydra.types import HydraContext, TaskFunction
from omegaconf import DictConfig, OmegaConf


class SlurmLauncher(Launcher):
    """Each run of a sweep as a job of Slurm's, which runs the same process as the pool would.

    Args:
        slots: jobs in the queue at a time; None: all.
        threads, fail_fast, command: as the pool's.
        options: of a job, as in `_slurm_queue.Options`.
    """

    def __init__(
        self,
        slots: int | None = None,
        threads: int | None = None,
        fail_fast: bool = False,
        command: list[str] | None = None,
        **options: Any,
    ) -> None:
        self.slots, self.threads, self.fail_fast, self.command = slots, threads, fail_fast, command
        self.options: Mapping[str, Any] = {
            key: OmegaConf.to_container(value) if OmegaConf.is_config(value) else value
            for key, value in options.items()
        }

    def setup(self, *, hydra_context: HydraContext, task_function: TaskFunction, config: DictConfig) -> None:
        """Hydra's call before `launch`."""
        self.hydra_context, self.config = hydra_context, config

    def launch(self, job_overrides: Sequence[Sequence[str]], initial_job_idx: int) -> Sequence[JobReturn]:
        """Runs all jobs, as `_sweep.launch`."""
        from hydra_plugins.posereg_launcher import _sweep

        sweep = _sweep.Sweep(self.hydra_context, self.config, self.command, self.fail_fast, here=False)
        return _sweep.launch(sweep, self._engine, job_overrides, initial_job_idx)

    @contextmanager
    def _engine(self, jobs: Sequence[Any]) -> Iterator[Any]:
        """Slurm's queue."""
        from hydra_plugins.posereg_launcher import _slots, _slurm_queue

        queue = _slurm_queue.Queue(_slurm_queue.Options(**self.options), self.threads)
        yield [_slots.Slot("Slurm")] * (self.slots or len(jobs)), queue.start
