"""A sweep, wherever its runs go: what is started, what is done already, and how it all ended."""

import copy
import sys
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from hydra.core.hydra_config import HydraConfig
from hydra.core.utils import JobReturn, JobStatus, configure_log, setup_globals
from hydra.types import HydraContext
from omegaconf import DictConfig, OmegaConf, open_dict, read_write

from hydra_plugins.posereg_launcher import _jobs, _siblings
from hydra_plugins.posereg_launcher._display import Display
from hydra_plugins.posereg_launcher._jobs import Job
from hydra_plugins.posereg_launcher._slots import Slot
from posereg import config as configs
from posereg.runs import folder as runs

# The places for runs and how one is started there, for as long as the context lasts.
Engine = Callable[[Sequence[Job]], AbstractContextManager[tuple[Sequence[Slot], _jobs.Start]]]


@dataclass(frozen=True)
class Sweep:
    """What Hydra and the user say of a sweep.

    Attributes:
        context, config: Hydra's.
        command: program of a run, before its overrides; None: `posereg train`.
        here: the runs use this machine's devices, which are checked before any starts.
    """

    context: HydraContext
    config: DictConfig
    command: Sequence[str] | None
    fail_fast: bool
    here: bool = True


def launch(sweep: Sweep, engine: Engine, overrides: Sequence[Sequence[str]], first: int) -> list[JobReturn]:
    """Runs all jobs, even if some of them fail.

    Args:
        overrides: of each run.
        first: number of the first run.

    Raises:
        UserError: two jobs would write to one folder, or the devices asked for are not there.
    """
    setup_globals()
    configure_log(sweep.config.hydra.hydra_logging, sweep.config.hydra.verbose)
    rows = [_job(sweep, first + k, list(own)) for k, own in enumerate(overrides)]
    _jobs.check_folders(rows)
    checked = sweep.command is None  # another program has settings of its own
    if checked:
        _refuse(rows, sweep.here)
    _jobs.mark_finished(rows)
    jobs = rows
    if checked:
        name = sweep.config.hydra.job.config_name or "train"
        jobs = [*rows, *_siblings.connect(rows, name, lambda *run: _command(sweep, *run), sweep.here)]
    if any(job.state == "waiting" for job in jobs):
        with engine(jobs) as (slots, start), Display(jobs, slots) as display:
            _jobs.run(jobs, slots, start, display, sweep.fail_fast)
    else:
        with Display(jobs, []) as display:  # nothing to start, so nothing is asked of a cluster
            pass
    display.summary()
    return [_returned(job) for job in rows]


def _job(sweep: Sweep, number: int, overrides: list[str]) -> Job:
    resolved = _resolved(sweep, number, overrides)
    directory = Path(runs.run_dir(resolved)).absolute()
    return Job(
        number=number,
        row=str(resolved.get("row") or " ".join(overrides)),
        seed=resolved.get("seed"),
        directory=directory,
        config_hash=runs.config_hash(resolved),
        command=_command(sweep, overrides, directory),
        config=resolved,
        overrides=overrides,
    )


def _resolved(sweep: Sweep, number: int, overrides: list[str]) -> dict[str, Any]:
    """The config of one run, as plain dicts and lists."""
    config = sweep.context.config_loader.load_sweep_config(sweep.config, overrides)
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


def _command(sweep: Sweep, overrides: Sequence[str], directory: Path) -> list[str]:
    """The program of one run."""
    program = sweep.command or [sys.executable, "-m", "posereg.cli.main", "train"]
    return [*program, *_flags(sweep.config), *overrides, *_hydra_overrides(sweep.config, directory)]


class _Failed(JobReturn):
    """A failed run. The summary has already said why, so asking for its value only ends the program."""

    @property
    def return_value(self) -> Any:
        raise SystemExit(1)

    @return_value.setter
    def return_value(self, value: Any) -> None:
        raise AttributeError("a failed run returns nothing")


def _returned(job: Job) -> JobReturn:
    kind = JobReturn if job.state in ("done", "skipped") else _Failed
    status = JobStatus.COMPLETED if kind is JobReturn else JobStatus.FAILED
    return kind(overrides=job.command, working_dir=str(job.directory), task_name=job.name, status=status)


def _refuse(rows: Sequence[Job], hardware: bool) -> None:
    """Fail the runs whose settings make no sense, in one line each; nothing of them is started and no folder made."""
    found = configs.mistakes([row.config for row in rows], hardware)
    for row, mistakes in zip(rows, found, strict=True):
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
