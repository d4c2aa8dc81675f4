"""A sweep, wherever its runs go: what is started, what is done already, and how it all ended."""

import copy
import sys
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, cast

from hydra.core.hydra_config import HydraConfig
from hydra.core.utils import JobReturn, JobStatus, configure_log, setup_globals
from hydra.types import HydraContext
from omegaconf import DictConfig, OmegaConf, open_dict, read_write

from hydra_plugins.posereg_launcher import _jobs, _siblings
from hydra_plugins.posereg_launcher._display import Display
from hydra_plugins.posereg_launcher._jobs import Job
from hydra_plugins.posereg_launcher._rows import Rows
from hydra_plugins.posereg_launcher._slots import Slot
from hydra_plugins.posereg_launcher._warm import Warm
from posereg import config as configs
from posereg.errors import FailedElsewhereError
from posereg.reporting.columns import columns_of
from posereg.runs import folder as runs
from posereg.runs import results
from posereg.settings.composing import Composer

READ_SECONDS = 0.8  # of a core for rows, before the first is started

# The places for runs and how one is started there, for as long as the context lasts.
Engine = Callable[[Sequence[Job]], AbstractContextManager[tuple[Sequence[Slot], _jobs.Start]]]


@dataclass(frozen=True)
class Sweep:
    """What Hydra and the user say of a sweep.

    Attributes:
        context, config: Hydra's.
        command: program of a run, before its overrides; None: `posereg train`.
        here: the runs use this machine's devices, which are checked before any starts.
        warm: what checks the rows and may start them; None: a process for the checks alone.
    """

    context: HydraContext
    config: DictConfig
    command: Sequence[str] | None
    fail_fast: bool
    here: bool = True
    warm: Warm | None = None


def launch(sweep: Sweep, engine: Engine, overrides: Sequence[Sequence[str]], first: int) -> list[JobReturn]:
    """Runs all jobs, even if some of them fail; on this machine the first ones while the others are still read.

    Args:
        overrides: of each run.
        first: number of the first run.

    Raises:
        UserError: two jobs would write to one folder, or the devices asked for are not there.
    """
    setup_globals()
    configure_log(sweep.config.hydra.hydra_logging, sweep.config.hydra.verbose)
    with configs.composing_many(), sweep.warm or Warm() as warm:
        rows = _rows(sweep, warm, overrides, first)
        rows.begin(READ_SECONDS)
        while not sweep.here and not rows.read(READ_SECONDS):  # a queue is given all at once
            pass
        jobs = rows.jobs
        if rows.complete and not any(job.state == "waiting" for job in jobs):
            with Display(jobs, []) as display:  # nothing to start, so nothing is asked of a cluster
                pass
        else:
            with engine(jobs) as (slots, start), Display(jobs, slots, unread=lambda: rows.left) as display:
                _jobs.run(rows, slots, start, display, sweep.fail_fast)
    display.summary()
    if any(job.state in ("done", "skipped") for job in jobs):
        Path(sweep.config.hydra.sweep.dir).mkdir(parents=True, exist_ok=True)  # sweepers write there
    return [_returned(job) for job in jobs[: len(overrides)]]


def _rows(sweep: Sweep, warm: Warm, overrides: Sequence[Sequence[str]], first: int) -> Rows:
    """The rows, to be read one by one; those of another program, which has settings of its own, are not checked."""
    loader: Any = sweep.context.config_loader
    compose = Composer(
        lambda groups: loader.load_sweep_config(sweep.config, groups), loader.repository.group_exists
    )
    made = (_job(sweep, compose, first + k, list(own)) for k, own in enumerate(overrides))
    if sweep.command is not None:
        return Rows(made, len(overrides))
    connecting = partial(
        _siblings.connecting,
        name=sweep.config.hydra.job.config_name or "train",
        command=lambda *run: _command(sweep, *run),
        hardware=sweep.here,
    )
    return Rows(
        made,
        len(overrides),
        known=lambda config: configs.known_mistakes(config, sweep.here),
        check=lambda asked, then: warm.check(asked, then, sweep.here),
        wait=warm.read,
        connecting=connecting,
    )


def _job(sweep: Sweep, compose: Composer, number: int, overrides: list[str]) -> Job:
    composed = compose(overrides)
    if composed is None:
        resolved = _resolved(sweep, number, overrides)
    else:
        resolved = cast(dict[str, Any], OmegaConf.to_container(composed, resolve=True))
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


class _Ended(JobReturn):
    """A run that has no value: a failed one, which the summary has told of already, is an error to who asks for it."""

    @property
    def return_value(self) -> Any:
        raise FailedElsewhereError(f"{self.task_name} has no result")

    @return_value.setter
    def return_value(self, value: Any) -> None:
        raise AttributeError("a failed run returns nothing")


def _returned(job: Job) -> JobReturn:
    """For the sweeper: the run's main metric, the first that a table shows (`report.columns`)."""
    told: dict[str, Any] = {
        "overrides": job.command,
        "working_dir": str(job.directory),
        "task_name": job.name,
    }
    if job.state not in ("done", "skipped"):
        return _Ended(**told, status=JobStatus.FAILED)
    returned = JobReturn(**told, status=JobStatus.COMPLETED)
    result = results.read(job.directory / runs.RESULT)
    columns = columns_of(result)
    returned.return_value = result.get("metrics", {}).get(columns[0]) if columns else None
    return returned


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
