"""`hydra/launcher=pool`: Hydra's side of the pool. Hydra imports this file at every start, so it stays light."""

import copy
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from hydra.core.config_store import ConfigStore
from hydra.core.hydra_config import HydraConfig
from hydra.core.utils import JobReturn, JobStatus, configure_log, setup_globals
from hydra.plugins.launcher import Launcher
from hydra.types import HydraContext, TaskFunction
from omegaconf import DictConfig, OmegaConf, open_dict, read_write


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


class _Failed(JobReturn):
    """A failed run. The summary has already said why, so asking for its value only ends the program."""

    @property
    def return_value(self) -> Any:
        raise SystemExit(1)

    @return_value.setter
    def return_value(self, value: Any) -> None:
        raise AttributeError("a failed run returns nothing")


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
        self.fail_fast = fail_fast
        self.checked = command is None  # another program has settings of its own
        self.command = list(command or [sys.executable, "-m", "posereg.cli.main", "train"])

    def setup(self, *, hydra_context: HydraContext, task_function: TaskFunction, config: DictConfig) -> None:
        """Hydra's call before `launch`."""
        self.hydra_context, self.config = hydra_context, config

    def launch(self, job_overrides: Sequence[Sequence[str]], initial_job_idx: int) -> Sequence[JobReturn]:
        """Runs all jobs, even if some of them fail.

        Raises:
            UserError: two jobs would write to one folder, or the devices asked for are not there.
        """
        from hydra_plugins.posereg_launcher import _jobs, _siblings, _slots
        from hydra_plugins.posereg_launcher._display import Display

        setup_globals()
        configure_log(self.config.hydra.hydra_logging, self.config.hydra.verbose)
        rows = [self._job(initial_job_idx + k, list(o)) for k, o in enumerate(job_overrides)]
        _jobs.check_folders(rows)
        if self.checked:
            _refuse(rows)
        _jobs.mark_finished(rows)
        name = self.config.hydra.job.config_name or "train"
        jobs = [*rows, *(_siblings.connect(rows, name, self._command) if self.checked else [])]
        slots = _slots.find(*self.slot_options) if any(job.state == "waiting" for job in jobs) else []
        with Display(jobs, slots) as display:
            _jobs.run(jobs, slots, display, self.fail_fast)
        display.summary()
        return [self._returned(job) for job in rows]

    def _job(self, number: int, overrides: list[str]) -> Any:
        from hydra_plugins.posereg_launcher._jobs import Job
        from posereg.runs import folder as runs

        resolved = self._resolved(number, overrides)
        directory = Path(runs.run_dir(resolved)).absolute()
        return Job(
            number=number,
            row=str(resolved.get("row") or " ".join(overrides)),
            seed=resolved.get("seed"),
            directory=directory,
            config_hash=runs.config_hash(resolved),
            command=self._command(overrides, directory),
            config=resolved,
            overrides=overrides,
        )

    def _resolved(self, number: int, overrides: list[str]) -> dict[str, Any]:
        """The config of one run, as plain dicts and lists."""
        config = self.hydra_context.config_loader.load_sweep_config(self.config, overrides)
        with open_dict(config):
            config.hydra.job.id, config.hydra.job.num = str(number), number
        outer = HydraConfig.instance().cfg
        HydraConfig.instance().set_config(config)  # for ${hydra:...} inside the job's config
        try:
            task = copy.deepcopy(config)
            with read_write(task), open_dict(task):
                del task["hydra"]
            return cast(dict[str, Any], OmegaConf.to_container(task, resolve=True))
        finally:
            HydraConfig.instance().cfg = outer

    def _command(self, overrides: Sequence[str], directory: Path) -> list[str]:
        """The program of one run."""
        own = _hydra_overrides(self.config, directory)
        return [*self.command, *_flags(self.config), *overrides, *own]

    def _returned(self, job: Any) -> JobReturn:
        kind = JobReturn if job.state in ("done", "skipped") else _Failed
        status = JobStatus.COMPLETED if kind is JobReturn else JobStatus.FAILED
        return kind(overrides=job.command, working_dir=str(job.directory), task_name=job.name, status=status)


def _refuse(rows: Sequence[Any]) -> None:
    """Fail the runs whose settings make no sense, in one line each; nothing of them is started and no folder made."""
    from posereg import config as configs

    for row, mistakes in zip(rows, configs.mistakes([row.config for row in rows]), strict=True):
        if mistakes:
            row.state, row.note = "failed", " ".join(f"config: {' '.join(mistakes)}".split())


def _flags(config: DictConfig) -> list[str]:
    """Command-line flags that decide which configs a run sees."""
    folders = [str(s.path) for s in config.hydra.runtime.config_sources if s.provider == "command-line"]
    flags = [f"--config-name={config.hydra.job.config_name}"] if config.hydra.job.config_name else []
    return flags + [f"--config-dir={folder}" for folder in folders]


def _hydra_overrides(config: DictConfig, directory: Path) -> list[str]:
    """The user's own hydra settings, without those about the sweep, and the run's folder."""
    ours = ("hydra.mode", "hydra.sweep", "hydra.run", "hydra/launcher", "hydra.launcher", "hydra/sweeper")
    kept = [str(text) for text in config.hydra.overrides.hydra if not text.lstrip("+~").startswith(ours)]
    quoted = str(directory).replace("\\", "\\\\").replace("'", "\\'")
    return [*kept, "hydra.mode=RUN", f"hydra.run.dir='{quoted}'"]
