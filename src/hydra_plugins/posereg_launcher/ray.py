"""`hydra/launcher=ray`: the runs of a sweep on a Ray cluster. Hydra imports this file at every start, so it stays
light; its settings are explained in conf/hydra/launcher/ray.yaml."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from hydra.core.utils import JobReturn
from hydra.plugins.launcher import Launcher
from hydra.types import HydraContext, TaskFunction
from omegaconf import DictConfig, OmegaConf


class RayLauncher(Launcher):
    """Each run of a sweep as a task of Ray's, which starts the same process as the pool would.

    Args:
        ray: `init` and `remote`, what ray.init and ray.remote take.
        slots: runs that are queued or running at a time; None: all.
        threads, fail_fast, command: as the pool's.
    """

    def __init__(
        self,
        ray: DictConfig,
        slots: int | None = None,
        threads: int | None = None,
        fail_fast: bool = False,
        command: list[str] | None = None,
    ) -> None:
        options: Any = OmegaConf.to_container(OmegaConf.create(ray), resolve=True)
        self.init, self.remote = options.get("init") or {}, options.get("remote") or {}
        self.slots, self.threads, self.fail_fast, self.command = slots, threads, fail_fast, command

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
        """A connection to Ray, and its queue."""
        from hydra_plugins.posereg_launcher import _ray_tasks, _slots

        with _ray_tasks.connected(self.init) as cluster:
            queue = _ray_tasks.Queue(cluster, self.remote, self.threads)
            yield [_slots.Slot(cluster.name)] * (self.slots or len(jobs)), queue.start
