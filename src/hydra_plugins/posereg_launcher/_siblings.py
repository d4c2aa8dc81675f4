"""Which runs of a sweep wait for which: a row that starts from another one waits for it without a slot."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from hydra_plugins.posereg_launcher._jobs import Job
from posereg.errors import UserError
from posereg.runs import folder as runs
from posereg.runs.siblings import Sibling, needed, siblings


def connect(
    rows: Sequence[Job],
    name: str,
    command: Callable[[Sequence[str], Path], list[str]],
    hardware: bool = True,
) -> list[Job]:
    """Give each waiting row the runs that it needs; a row whose siblings make no sense fails.

    Args:
        rows: the runs that the sweep asks for.
        name: the topmost config.
        command: the program of a run, from its overrides and its folder.
        hardware: also check that this machine has what they ask for.

    Returns:
        The runs that rows need beside those that the sweep asks for, each once.
    """
    extra: list[Job] = []
    for _ in connecting(rows, extra, name, command, hardware):
        pass
    return extra


def connecting(
    rows: Sequence[Job],
    extra: list[Job],
    name: str,
    command: Callable[[Sequence[str], Path], list[str]],
    hardware: bool = True,
) -> Iterator[None]:
    """As `connect`, row by row; the runs that rows need beside are appended to `extra`."""
    rows = list(rows)
    known = {(job.directory, job.config_hash): job for job in rows}
    alive = [job for job in rows if job.state in ("waiting", "queued", "running")]
    claimed = {job.directory: job.config_hash for job in alive if _will_write(job)}
    number = max((job.number for job in rows), default=0)

    def job_of(sibling: Sibling, asking: Job) -> Job:
        directory, digest = sibling.folder.absolute(), sibling.digest
        if (job := known.get((directory, digest))) is not None:
            return job
        nonlocal number
        number += 1
        done = runs.is_done(directory, digest)
        job = Job(
            number=number,
            row=sibling.config["row"],
            seed=sibling.config["seed"],
            directory=directory,
            config_hash=digest,
            config=sibling.config,
            command=command(sibling.overrides, directory),
            state="skipped" if done else "waiting",
            note="done before" if done else f"{asking.name} needs it",
        )
        known[directory, digest], claimed[directory] = job, digest
        if not done:
            extra.append(job)
            job.needs = [job_of(inner, job) for inner in sibling.needs]
        return job

    for row in rows:
        if row.state != "waiting" or not needed(row.config):
            continue
        try:
            found = siblings(row.config, row.overrides, name, claimed, hardware)
            row.needs = [job_of(sibling, row) for sibling in found]
        except UserError as error:
            row.state, row.note = "failed", " ".join(str(error).split())
        yield


def _will_write(job: Job) -> bool:
    """Whether the folder will be this run's; it is refused one that holds another configuration's work."""
    status = runs.read_status(job.directory)
    other = status is not None and status.get("config_hash") != job.config_hash
    return not other or bool(job.config.get("overwrite")) or not runs.holds_work(job.directory)
